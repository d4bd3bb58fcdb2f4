//! Other operators (rule 12): which key speaks for which domain, and how a key is found that is not known.
//!
//! The AS of a domain publishes its key at `https://<domain>/.well-known/ntm`. A server without a public
//! certificate, or in a network of its own, is introduced by its link (`legato://server/...`), which says
//! where it is and pins its TLS key; or its verification key is pinned by hand. What was found is pinned:
//! another key is believed only if the one known has signed it.

use std::time::Duration;

use ntm_account_api::invitation::ServerRef;
use ntm_account_api::well_known::{NoKey, WELL_KNOWN, WellKnown};
use ntm_https::{Client, HttpsError, Limits};
use ntm_proto::NoAuthority;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::AuthorityKey;

use crate::profile::{Profile, ProfileError};

/// The caller's coordinator waits 7.75 s for a callee; an answer has two keys and a few addresses.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(3),
    answer: Duration::from_secs(3),
    bytes: 64 << 10,
};

/// What is known of another operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The domain.
    pub domain: Fqdn,
    /// The pinned verification key of its AS.
    pub key: Option<AuthorityKey>,
    /// Where its AS was said to be; `None`: at `https://<domain>`, with a public certificate.
    pub server: Option<ServerRef>,
}

/// Why the key of an operator is not had.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The server at the domain can't be asked.
    #[error(
        "{0}; if it has no public certificate, ask there for the link that `ntm devices` shows, and run `ntm operator add LINK`"
    )]
    Domain(#[source] HttpsError),
    /// The server that was introduced by its link can't be asked.
    #[error(transparent)]
    Server(HttpsError),
    /// It answers, and gives no key to believe.
    #[error(
        "{why}; ask its operator, by a way you trust, what happened: after `ntm operator forget {domain}` this device believes the key it finds next"
    )]
    Key {
        /// Of which domain.
        domain: Fqdn,
        /// What is wrong.
        why: NoKey,
    },
    /// The domain is the device's own.
    #[error("{0} is this device's own domain: its key came with the sign-in")]
    Home(Fqdn),
    /// What is known of operators can't be read or kept.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl Operator {
    /// One of whom only the domain is known.
    pub fn at(domain: Fqdn) -> Self {
        Self {
            domain,
            key: None,
            server: None,
        }
    }

    /// Asks its AS for the key.
    pub async fn fetch_key(&self) -> Result<AuthorityKey, OperatorError> {
        let told = self.ask().await.map_err(|error| match self.server {
            Some(_) => OperatorError::Server(error),
            None => OperatorError::Domain(error),
        })?;
        told.authority_of(&self.domain, self.key)
            .map_err(|why| OperatorError::Key {
                domain: self.domain.clone(),
                why,
            })
    }

    async fn ask(&self) -> Result<WellKnown, HttpsError> {
        let client = match &self.server {
            Some(server) => Client::new(server)?,
            None => Client::new(&ServerRef::of_domain(self.domain.clone()))?.public_only(),
        };
        client.with_limits(LIMITS).get(WELL_KNOWN).await
    }
}

/// Finds the key that speaks for `domain` now, and keeps it in the profile.
pub async fn find_key(profile: &Profile, domain: &Fqdn) -> Result<AuthorityKey, OperatorError> {
    if *domain == profile.membership().domain {
        return Err(OperatorError::Home(domain.clone()));
    }
    let known = profile.operators()?;
    let known = known.into_iter().find(|o| o.domain == *domain);
    let mut operator = known.unwrap_or_else(|| Operator::at(domain.clone()));
    let key = operator.fetch_key().await?;
    if operator.key != Some(key) {
        operator.key = Some(key);
        profile.set_operator(&operator)?;
    }
    Ok(key)
}

impl OperatorError {
    pub(crate) fn about(&self, domain: &Fqdn) -> NoAuthority {
        NoAuthority {
            domain: domain.clone(),
            why: self.to_string(),
        }
    }
}
