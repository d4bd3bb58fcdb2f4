//! What an AS tells the world (`GET /.well-known/ntm`), and which key of it to believe.

use ntm_wire::authority::key_change_holds;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::AuthorityKey;
use serde::{Deserialize, Serialize};

use crate::node::{AuthorityInfo, DcContact};
use crate::text::{Bytes, Text, Wire};

/// `GET`: [`WellKnown`].
pub const WELL_KNOWN: &str = "/.well-known/ntm";

/// More changes of one key are not followed.
const MOST_CHANGES: usize = 16;

/// The domains, keys and coordinators of an AS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WellKnown {
    /// The domains the AS speaks for, with its verification key.
    pub authorities: Vec<AuthorityInfo>,
    /// Its coordinators.
    pub dcs: Vec<PublishedDc>,
    /// How it came by its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_changes: Vec<KeyChange>,
}

/// A coordinator as the world sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDc {
    /// The domains it serves.
    pub domains: Vec<Text<Fqdn>>,
    /// Where it is.
    pub contact: DcContact,
}

/// Another key took the place of one (rule 12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// For this domain.
    pub domain: Text<Fqdn>,
    /// The key before.
    pub old: Wire<AuthorityKey>,
    /// The key after.
    pub new: Wire<AuthorityKey>,
    /// The old key's signature, 64 bytes: [`ntm_wire::authority::sign_key_change`].
    pub signature: Bytes,
}

/// Why no key of an answer is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The AS speaks for other domains.
    #[error("the account server there does not speak for this domain: is the address right?")]
    OtherDomain,
    /// It names two keys for one domain.
    #[error(
        "the account server there names two keys for the domain: its operator has to correct that"
    )]
    Contradiction,
    /// It has another key than the known one, which did not sign it.
    #[error("its key is not the one known here, and that one has not signed it")]
    Changed,
}

impl WellKnown {
    /// The key that speaks for `domain`: the known one, or one that it was changed to step by step.
    pub fn authority_of(
        &self,
        domain: &Fqdn,
        known: Option<AuthorityKey>,
    ) -> Result<AuthorityKey, NoKey> {
        let mut keys = self.authorities.iter().filter(|a| a.domain.0 == *domain);
        let key = keys.next().ok_or(NoKey::OtherDomain)?.key.0;
        if keys.any(|a| a.key.0 != key) {
            return Err(NoKey::Contradiction);
        }
        match known {
            Some(known) if !self.leads(domain, known, key) => Err(NoKey::Changed),
            Some(_) | None => Ok(key),
        }
    }

    fn leads(&self, domain: &Fqdn, from: AuthorityKey, to: AuthorityKey) -> bool {
        let mut at = from;
        for _ in 0..MOST_CHANGES {
            if at == to {
                return true;
            }
            let next = |c: &&KeyChange| c.old.0 == at && c.holds_for(domain);
            let Some(change) = self.key_changes.iter().find(next) else {
                return false;
            };
            at = change.new.0;
        }
        false
    }
}

impl KeyChange {
    fn holds_for(&self, domain: &Fqdn) -> bool {
        let signature = self.signature.0.as_slice().try_into();
        let holds = |s: &[u8; 64]| key_change_holds(&self.old.0, domain, &self.new.0, s);
        self.domain.0 == *domain && signature.is_ok_and(|s| holds(&s))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use ntm_wire::authority::sign_key_change;

    use super::*;

    fn domain() -> Fqdn {
        Fqdn::parse("two.example").unwrap()
    }

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn public(number: u8) -> AuthorityKey {
        AuthorityKey(key(number).verifying_key().to_bytes())
    }

    fn info(domain: Fqdn, number: u8) -> AuthorityInfo {
        AuthorityInfo {
            domain: Text(domain),
            key: Wire(public(number)),
        }
    }

    fn change(from: u8, to: u8, signer: u8) -> KeyChange {
        let signature = sign_key_change(&key(signer), &domain(), &public(to));
        KeyChange {
            domain: Text(domain()),
            old: Wire(public(from)),
            new: Wire(public(to)),
            signature: Bytes(signature.to_vec()),
        }
    }

    fn told(number: u8, key_changes: Vec<KeyChange>) -> WellKnown {
        WellKnown {
            authorities: vec![info(domain(), number)],
            dcs: Vec::new(),
            key_changes,
        }
    }

    #[test]
    fn the_first_key_is_believed_and_so_is_the_known_one() {
        let told = told(1, Vec::new());
        assert_eq!(told.authority_of(&domain(), None), Ok(public(1)));
        assert_eq!(told.authority_of(&domain(), Some(public(1))), Ok(public(1)));
    }

    #[test]
    fn a_changed_key_is_believed_only_if_the_old_one_signed_it() {
        let ask = |changes| told(2, changes).authority_of(&domain(), Some(public(1)));
        assert_eq!(ask(vec![change(1, 2, 1)]), Ok(public(2)));
        assert_eq!(ask(Vec::new()), Err(NoKey::Changed));
        assert_eq!(ask(vec![change(1, 2, 2)]), Err(NoKey::Changed));
        let mut cut = change(1, 2, 1);
        cut.signature.0.pop();
        assert_eq!(ask(vec![cut]), Err(NoKey::Changed));
    }

    #[test]
    fn a_key_that_changed_twice_is_followed_and_a_circle_ends() {
        let twice = told(3, vec![change(2, 3, 2), change(1, 2, 1)]);
        assert_eq!(
            twice.authority_of(&domain(), Some(public(1))),
            Ok(public(3))
        );
        let circle = told(3, vec![change(1, 2, 1), change(2, 1, 2)]);
        assert_eq!(
            circle.authority_of(&domain(), Some(public(1))),
            Err(NoKey::Changed)
        );
    }

    #[test]
    fn a_change_for_another_domain_changes_nothing_here() {
        let mut elsewhere = change(1, 2, 1);
        elsewhere.domain = Text(Fqdn::parse("three.example").unwrap());
        let answer = told(2, vec![elsewhere]).authority_of(&domain(), Some(public(1)));
        assert_eq!(answer, Err(NoKey::Changed));
    }

    #[test]
    fn an_answer_for_other_domains_or_with_two_keys_gives_none() {
        let mut answer = told(1, Vec::new());
        let below = domain().child("sub").unwrap();
        assert_eq!(answer.authority_of(&below, None), Err(NoKey::OtherDomain));
        answer.authorities.push(info(domain(), 2));
        let both = answer.authority_of(&domain(), None);
        assert_eq!(both, Err(NoKey::Contradiction));
    }

    #[test]
    fn what_an_older_server_says_is_read() {
        let text = r#"{"authorities":[],"dcs":[]}"#;
        let read: WellKnown = serde_json::from_str(text).unwrap();
        assert_eq!(read.key_changes, Vec::new());
    }
}
