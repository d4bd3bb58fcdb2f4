//! Whom to believe: certificates, authorities, pins.

use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::RootKey;
use ntm_wire::time::Wall;

use crate::config::{Authority, ConsentPolicy};
use crate::effects::Effects;
use crate::event::{Event, ResolveError};
use ntm_wire::message::Consent;

/// Authorities and pinned root keys.
#[derive(Debug)]
pub(crate) struct Trust {
    authorities: Vec<Authority>,
    pins: Vec<(Fqdn, RootKey)>,
}

impl Trust {
    pub(crate) fn new(authorities: Vec<Authority>, pins: Vec<(Fqdn, RootKey)>) -> Self {
        Self { authorities, pins }
    }

    /// Believes a peer's certificate, or says why not. A first meeting pins the account's root key.
    pub(crate) fn check(
        &mut self,
        c: &IdentityCertificate,
        now: Wall,
        fx: &mut Effects,
    ) -> Result<(), ResolveError> {
        let speaks = |a: &&Authority| c.fqdn.is_under(&a.domain);
        let longest = self
            .authorities
            .iter()
            .filter(speaks)
            .max_by_key(|a| a.domain.as_str().len());
        let authority = longest.ok_or(ResolveError::UnknownAuthority)?;
        c.verify(&authority.key, &authority.domain, now)?;
        let account = c.account().ok_or(ResolveError::UnknownAuthority)?;
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
