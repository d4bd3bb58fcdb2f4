//! Other operators (rule 12): a Route Direction waits while the driver finds out which key the AS of the
//! peer's domain has.
//!
//! The certificate, and no name that somebody typed, says which domain: both coordinators have vouched
//! for it by then, so nobody makes a node ask a host of his choice.

use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::message::{Consent, Role, RouteDirection};
use ntm_wire::time::{Mono, Now};

use crate::config::Authority;
use crate::event::{Event, NoAuthority};
use crate::node::Node;

/// Directions that wait at once; there are as many only if somebody plays.
const MOST: usize = 16;
/// A direction that waited longer is stale: the DC gave the callee up, the caller its name.
const STALE: Duration = Duration::from_secs(20);

/// Route Directions by the domain whose key they wait for.
#[derive(Debug, Default)]
pub(crate) struct Waiting(BTreeMap<Fqdn, Vec<(Mono, RouteDirection)>>);

impl Waiting {
    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    fn has(&self, d: &RouteDirection) -> bool {
        let mut all = self.0.values().flatten();
        all.any(|(_, held)| held.path_in == d.path_in)
    }

    fn take(&mut self, domain: &Fqdn, now: Mono) -> impl Iterator<Item = RouteDirection> + use<> {
        let held = self.0.remove(domain).unwrap_or_default();
        let is_fresh = move |at: &Mono| now.since(*at) < STALE;
        held.into_iter()
            .filter_map(move |(at, d)| is_fresh(&at).then_some(d))
    }
}

impl Node {
    /// The key of the AS that speaks for a domain, in place of another one. Directions that wait for it go on;
    /// what that key has not signed is refused.
    pub fn set_authority(&mut self, now: Now, authority: Authority) {
        let domain = authority.domain.clone();
        self.trust.set_authority(authority);
        for direction in self.waiting.take(&domain, now.mono) {
            self.follow_direction(now, &direction);
        }
        self.open_session(now);
    }

    /// There is no key to be had, or none to believe: who waits for it is refused.
    pub fn refuse_authority(&mut self, now: Now, refusal: &NoAuthority) {
        for direction in self.waiting.take(&refusal.domain, now.mono) {
            self.refuse_direction(now, &direction, refusal);
        }
        self.open_session(now);
    }

    /// Keeps a direction whose peer's AS is not known well enough, and asks for its key; whether it did.
    pub(super) fn hold_direction(&mut self, now: Now, d: &RouteDirection) -> bool {
        let Some(domain) = self.trust.lacks(&d.peer) else {
            return false;
        };
        if self.waiting.has(d) {
            return true;
        }
        if self.waiting.len() >= MOST {
            let why = "too many wait for keys of other operators: try again in a minute".to_owned();
            self.refuse_direction(now, d, &NoAuthority { domain, why });
            return true;
        }
        let held = self.waiting.0.entry(domain.clone()).or_default();
        held.push((now.mono, d.clone()));
        if held.len() == 1 {
            self.fx.event(Event::AuthorityWanted { domain });
        }
        true
    }

    fn refuse_direction(&mut self, now: Now, d: &RouteDirection, refusal: &NoAuthority) {
        match d.role {
            Role::Caller => {
                self.resolution_failed(now.mono, &d.peer.fqdn, &refusal.clone().into());
            }
            Role::Callee => self.answer_direction(now, d, Consent::Refuse),
        }
    }
}
