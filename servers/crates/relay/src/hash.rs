//! The hasher of the path table, and of the limits per source.
//!
//! Who may put a path id into the table is settled before: only ids that a DC drew at random and
//! sealed into a token get in, so nobody can fill one bucket, and SipHash's protection would be paid
//! for on every packet without use. Lookups are anybody's, though; so the hash is keyed with random
//! bytes of this process, and a stranger can't tell which lookups end in the longest chain. One
//! multiplication folded onto itself costs about a nanosecond.

use core::hash::{BuildHasher, Hasher};
use core::net::IpAddr;

use ntm_wire::addr::RealAddr;

/// The key of one table's hashes.
#[derive(Clone, Copy)]
pub(crate) struct HashKey {
    start: u64,
    factor: u64,
}

impl HashKey {
    pub(crate) fn new(random: [u64; 2]) -> Self {
        Self {
            start: random[0],
            factor: random[1] | 1,
        }
    }

    /// A whole socket address as one number.
    pub(crate) fn of_socket(&self, addr: &RealAddr) -> u64 {
        self.of_words(octets(addr), addr.0.port())
    }

    /// What one subscriber has: an IPv4 address, or an IPv6 /64.
    pub(crate) fn of_network(&self, addr: &RealAddr) -> u64 {
        let octets = octets(addr);
        let is_v4 = addr.is_ipv4();
        self.of_words(if is_v4 { octets } else { octets >> 64 }, 0)
    }

    fn of_words(&self, octets: u128, port: u16) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write_u64(octets as u64);
        hasher.write_u64((octets >> 64) as u64 ^ u64::from(port));
        hasher.finish()
    }
}

fn octets(addr: &RealAddr) -> u128 {
    match addr.0.ip().to_canonical() {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

impl BuildHasher for HashKey {
    type Hasher = Folded;
    fn build_hasher(&self) -> Folded {
        Folded {
            state: self.start,
            factor: self.factor,
        }
    }
}

/// Multiplies to 128 bits and folds both halves together.
pub(crate) struct Folded {
    state: u64,
    factor: u64,
}

impl Hasher for Folded {
    fn write_u64(&mut self, n: u64) {
        let wide = u128::from(self.state ^ n) * u128::from(self.factor);
        self.state = (wide as u64) ^ (wide >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_be_bytes(word));
        }
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn addr(text: &str) -> RealAddr {
        RealAddr(text.parse().unwrap())
    }

    #[test]
    fn neighbours_spread_over_the_low_and_the_high_bits() {
        let key = HashKey::new([0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321]);
        let hash = |n: u64| key.hash_one(n);
        let low: BTreeSet<u64> = (0..1024).map(|n| hash(n) & 1023).collect();
        let high: BTreeSet<u64> = (0..1024).map(|n| hash(n) >> 57).collect();
        assert!(low.len() > 500, "{} buckets of 1024 used", low.len());
        assert!(high.len() > 100, "{} tags of 128 used", high.len());
    }

    #[test]
    fn another_key_gives_another_order() {
        let a = HashKey::new([1, 0x9e37_79b9_7f4a_7c15]);
        let b = HashKey::new([2, 0xc2b2_ae3d_27d4_eb4f]);
        assert_ne!(a.hash_one(7_u64), b.hash_one(7_u64));
    }

    #[test]
    fn a_subscriber_is_one_network_and_many_sockets() {
        let key = HashKey::new([3, 0x9e37_79b9_7f4a_7c15]);
        let (a, b) = (addr("[2001:db8::1]:5000"), addr("[2001:db8::2]:6000"));
        assert_eq!(key.of_network(&a), key.of_network(&b));
        assert_ne!(key.of_socket(&a), key.of_socket(&b));
        let (c, d) = (addr("192.0.2.1:5000"), addr("192.0.2.2:5000"));
        assert_ne!(key.of_network(&c), key.of_network(&d));
    }
}
