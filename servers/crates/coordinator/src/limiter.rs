//! Rates: how often one source may do something.
//!
//! The generic cell rate algorithm: one instant per source says until when its credit is spent.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::addr::RealAddr;
use ntm_wire::time::Mono;

/// A rate, and how much of it may come at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    interval: Duration,
    tolerance: Duration,
}

/// The state of one source; eight bytes, since every node has one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent(Mono);

impl Rate {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            tolerance: interval * burst.max(1).saturating_sub(1),
        }
    }

    /// Whether one more is within the rate; counts it if so.
    pub(crate) fn allow(&self, spent: &mut Spent, now: Mono) -> bool {
        if spent.0.since(now) > self.tolerance {
            return false;
        }
        spent.0 = spent.0.max(now) + self.interval;
        true
    }
}

/// At most this many sources are told apart; when so many are active at once, newcomers wait.
const MAX_SOURCES: usize = 65_536;

/// How often at most a full table is looked through for sources whose credit is whole again.
const PURGE_INTERVAL: Duration = Duration::from_millis(100);

/// A rate per address.
#[derive(Debug)]
pub(crate) struct Sources {
    rate: Rate,
    spent: BTreeMap<u64, Spent>,
    next_purge: Mono,
}

impl Sources {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            spent: BTreeMap::new(),
            next_purge: Mono::default(),
        }
    }

    /// Whether one more from this address is within the rate.
    pub(crate) fn allow(&mut self, from: RealAddr, now: Mono) -> bool {
        if self.spent.len() >= MAX_SOURCES && now >= self.next_purge {
            self.next_purge = now + PURGE_INTERVAL;
            self.spent.retain(|_, spent| spent.0 > now);
        }
        let source = source(from);
        if self.spent.len() >= MAX_SOURCES && !self.spent.contains_key(&source) {
            return false;
        }
        self.rate.allow(self.spent.entry(source).or_default(), now)
    }
}

/// An IPv4 address, or an IPv6 /64: what one subscriber can't change at will.
fn source(from: RealAddr) -> u64 {
    match from.0.ip().to_canonical() {
        IpAddr::V4(a) => u64::from(u32::from(a)),
        IpAddr::V6(a) => (u128::from(a) >> 64) as u64 | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let rate = Rate::new(10, 3);
        let mut spent = Spent::default();
        let passed = (0..10).filter(|_| rate.allow(&mut spent, at(1000))).count();
        assert_eq!(passed, 3, "the burst");
        let passed = (0..100)
            .filter(|i| rate.allow(&mut spent, at(1000 + i * 10)))
            .count();
        assert!(
            (9..=11).contains(&passed),
            "ten in the next second, not {passed}"
        );
    }

    #[test]
    fn one_source_does_not_spend_the_credit_of_another() {
        let mut sources = Sources::new(Rate::new(1, 1));
        let [a, b] = ["192.0.2.1:5000", "192.0.2.2:5000"].map(|a| RealAddr(a.parse().unwrap()));
        assert!(sources.allow(a, at(0)));
        assert!(!sources.allow(a, at(1)));
        assert!(sources.allow(b, at(1)));
    }

    #[test]
    fn all_addresses_of_one_ipv6_subscriber_are_one_source() {
        let mut sources = Sources::new(Rate::new(1, 1));
        let [a, b] =
            ["[2001:db8::1]:5000", "[2001:db8::2]:6000"].map(|a| RealAddr(a.parse().unwrap()));
        assert!(sources.allow(a, at(0)));
        assert!(!sources.allow(b, at(1)));
    }
}
