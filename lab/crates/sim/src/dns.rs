//! The Domain Name System of a world: a table of SRV records, and a delay.

use core::time::Duration;
use std::collections::BTreeMap;

use ntm_coordinator::{Located, ResolveError};
use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;

/// Who serves which domain.
#[derive(Clone, Debug, Default)]
pub struct Dns {
    /// How long an answer takes.
    pub delay: Duration,
    /// Whether nobody answers.
    pub is_down: bool,
    records: BTreeMap<Fqdn, Vec<RealAddr>>,
}

impl Dns {
    /// Announces the coordinator of a domain.
    pub fn announce(&mut self, domain: Fqdn, addrs: Vec<RealAddr>) {
        self.records.insert(domain, addrs);
    }

    /// Walks the labels of a name upward to the first record.
    pub fn resolve(&self, name: &Fqdn) -> Result<Located, ResolveError> {
        if self.is_down {
            return Err(ResolveError::Unreachable);
        }
        let record = |domain: Fqdn| {
            let addrs = self.records.get(&domain)?.clone();
            Some(Located { domain, addrs })
        };
        let found = name.ancestors().find_map(record);
        found.ok_or(ResolveError::NotFound)
    }
}
