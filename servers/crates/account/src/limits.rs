//! How often passwords may be tried, per account and per source: buckets that refill with time.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use ntm_account_api::error::ErrorCode;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::time::Mono;

use crate::Refusal;

/// A bucket: so many at once, and one more each `refill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Time for one more.
    pub refill: Duration,
}

/// Both rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of one account, wherever from: 10 at once, then 120 an hour: 1,000 guesses take a night.
    pub per_account: Rate,
    /// Of one source (an IPv4 address, an IPv6 /64), whatever account: 60 at once, then 1 a second.
    pub per_source: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            per_account: Rate {
                burst: 10,
                refill: Duration::from_secs(30),
            },
            per_source: Rate {
                burst: 60,
                refill: Duration::from_secs(1),
            },
        }
    }
}

/// Entries of each kind; more are never remembered, so that a flood of sources costs no memory.
const MAX_ENTRIES: usize = 65_536;

/// Counts attempts.
#[derive(Debug)]
pub struct Limits {
    rates: Rates,
    accounts: Buckets<Fqdn>,
    sources: Buckets<Source>,
}

/// An IPv4 address or an IPv6 /64: what one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    V4(u32),
    V6(u64),
}

impl Source {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(a) => Self::V4(a.to_bits()),
            IpAddr::V6(a) => Self::V6(u64::try_from(a.to_bits() >> 64).unwrap_or(u64::MAX)),
        }
    }
}

impl Limits {
    /// Nothing tried yet.
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            accounts: Buckets::default(),
            sources: Buckets::default(),
        }
    }

    /// One attempt from `source`, at `account` where it is one at a password.
    pub fn attempt(
        &mut self,
        now: Mono,
        source: IpAddr,
        account: Option<&Fqdn>,
    ) -> Result<(), Refusal> {
        let refused = Refusal::new(ErrorCode::TooManyAttempts);
        let source = Source::of(source);
        if !self.sources.take(now, source, self.rates.per_source) {
            return Err(refused);
        }
        match account {
            Some(a) if !self.accounts.take(now, a.clone(), self.rates.per_account) => Err(refused),
            _ => Ok(()),
        }
    }

    /// The last attempt knew the password: it does not count, nor do those before it.
    pub fn succeeded(&mut self, account: &Fqdn) {
        self.accounts.forget(account);
    }
}

/// When each bucket will be full again: one number says how many are left in it.
#[derive(Debug)]
struct Buckets<K> {
    full_at: BTreeMap<K, Mono>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            full_at: BTreeMap::new(),
        }
    }
}

impl<K: Ord> Buckets<K> {
    fn take(&mut self, now: Mono, key: K, rate: Rate) -> bool {
        let full_at = self.full_at.get(&key).copied().unwrap_or(now).max(now);
        let next = full_at + rate.refill;
        if next.since(now) > rate.refill.saturating_mul(rate.burst) {
            return false;
        }
        self.make_room(now);
        self.full_at.insert(key, next);
        true
    }

    /// Full buckets are as good as none; if all are in use, the table starts again, which gives every
    /// guesser one burst more per 65,536 sources.
    fn make_room(&mut self, now: Mono) {
        if self.full_at.len() >= MAX_ENTRIES {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        if self.full_at.len() >= MAX_ENTRIES {
            self.full_at.clear();
        }
    }

    fn forget(&mut self, key: &K) {
        self.full_at.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Mono {
        Mono::from_micros(secs * 1_000_000)
    }

    fn alice() -> Fqdn {
        Fqdn::parse("alice.example.org").unwrap()
    }

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn an_account_is_guessed_at_no_faster_from_many_sources() {
        let mut limits = Limits::new(Rates::default());
        let tries = (0..100).filter(|n| limits.attempt(at(0), ip(*n), Some(&alice())).is_ok());
        assert_eq!(tries.count(), 10);
        assert!(limits.attempt(at(30), ip(0), Some(&alice())).is_ok());
        assert!(limits.attempt(at(30), ip(0), Some(&alice())).is_err());
    }

    #[test]
    fn a_source_is_limited_whatever_the_account_and_an_ipv6_64_is_one_source() {
        let mut limits = Limits::new(Rates::default());
        let v6 = |n: u32| format!("2001:db8::{n:x}").parse().unwrap();
        let tries = (0..200).filter(|n| limits.attempt(at(0), v6(*n), None).is_ok());
        assert_eq!(tries.count(), 60);
    }

    #[test]
    fn the_right_password_ends_the_count() {
        let mut limits = Limits::new(Rates::default());
        for _ in 0..10 {
            limits.attempt(at(0), ip(1), Some(&alice())).unwrap();
        }
        limits.succeeded(&alice());
        assert!(limits.attempt(at(0), ip(1), Some(&alice())).is_ok());
    }

    #[test]
    fn a_flood_of_sources_does_not_grow_the_table() {
        let mut limits = Limits::new(Rates::default());
        for n in 0..200_000 {
            drop(limits.attempt(at(0), ip(n), None));
        }
        assert!(limits.sources.full_at.len() <= MAX_ENTRIES);
    }
}
