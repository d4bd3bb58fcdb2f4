//! Whom to believe: certificates, authorities, pins.

use ntm_wire::certificate::{CertificateError, IdentityCertificate};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::RootKey;
use ntm_wire::time::Wall;

use crate::config::{Authority, Config, ConsentPolicy};
use crate::effects::Effects;
use crate::event::{Event, NoAuthority, ResolveError};
use ntm_wire::message::Consent;

/// Authorities and pinned root keys.
#[derive(Debug)]
pub(crate) struct Trust {
    /// The node's own domain: the key of its AS comes with the ticket, and is never asked for.
    home: Option<Fqdn>,
    authorities: Vec<Authority>,
    pins: Vec<(Fqdn, RootKey)>,
}

impl Trust {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            home: config.certificate.domain(),
            authorities: config.authorities.clone(),
            pins: config.pins.clone(),
        }
    }

    pub(crate) fn set_authority(&mut self, authority: Authority) {
        self.authorities.retain(|a| a.domain != authority.domain);
        self.authorities.push(authority);
    }

    /// The other operator's domain whose key is not known, or is not the one that signed this certificate.
    pub(crate) fn lacks(&self, c: &IdentityCertificate) -> Option<Fqdn> {
        let domain = c.domain()?;
        let is_clear = match self.authority(&domain) {
            Some(known) => self.home.as_ref() == Some(&domain) || c.is_signed_by(&known.key),
            None => false,
        };
        (!is_clear).then_some(domain)
    }

    fn authority(&self, domain: &Fqdn) -> Option<&Authority> {
        self.authorities.iter().find(|a| a.domain == *domain)
    }

    /// Believes a peer's certificate, or says why not. A first meeting pins the account's root key.
    pub(crate) fn check(
        &mut self,
        c: &IdentityCertificate,
        now: Wall,
        fx: &mut Effects,
    ) -> Result<(), ResolveError> {
        let outside = CertificateError::WrongDomain;
        let (domain, account) = c.domain().zip(c.account()).ok_or(outside)?;
        let Some(authority) = self.authority(&domain) else {
            let why = "its key is not known".to_owned();
            return Err(NoAuthority { domain, why }.into());
        };
        c.verify(&authority.key, &domain, now)?;
        self.check_pin(account, c.root, fx)
    }

    fn check_pin(
        &mut self,
        account: Fqdn,
        root: RootKey,
        fx: &mut Effects,
    ) -> Result<(), ResolveError> {
        match self
            .pins
            .iter()
            .find(|(a, _)| *a == account)
            .map(|(_, r)| *r)
        {
            Some(old) if old != root => {
                fx.event(Event::PinChanged {
                    account,
                    old,
                    new: root,
                });
                Err(ResolveError::PinChanged)
            }
            Some(_) => Ok(()),
            None => {
                self.pins.push((account.clone(), root));
                fx.event(Event::Pinned { account, root });
                Ok(())
            }
        }
    }
}

/// How far the node goes along with this caller (rule 11).
pub(crate) fn consent(
    policy: &ConsentPolicy,
    own: &IdentityCertificate,
    caller: &IdentityCertificate,
) -> Consent {
    let account = caller.account();
    let known = account.is_some()
        && (account == own.account()
            || policy.contacts.iter().any(|c| Some(c) == account.as_ref()));
    if known {
        policy.for_contacts
    } else {
        policy.for_others
    }
}
