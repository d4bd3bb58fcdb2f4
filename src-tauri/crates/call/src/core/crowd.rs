//! How often each address does something of which nobody needs much.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use ntm::wire::time::Mono;

/// What is counted is counted for so long.
const WINDOW: Duration = Duration::from_secs(10);

/// Since when, and how many.
#[derive(Debug, Default)]
pub(super) struct Crowd(BTreeMap<IpAddr, (Mono, u32)>);

impl Crowd {
    /// Once more.
    pub(super) fn note(&mut self, now: Mono, from: IpAddr) {
        self.0.retain(|_, (since, _)| now.since(*since) < WINDOW);
        self.0.entry(from).or_insert((now, 0)).1 += 1;
    }

    /// Whether that was more often than this.
    pub(super) fn is_over(&self, now: Mono, from: IpAddr, limit: u32) -> bool {
        let known = self.0.get(&from);
        known.is_some_and(|(since, count)| now.since(*since) < WINDOW && *count > limit)
    }
}
