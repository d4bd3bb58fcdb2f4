//! One leg: which address it is bound to, and how far an unproved address is trusted (rule 2).

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::PathId;
use ntm_wire::key::SecretKey;
use ntm_wire::time::Mono;

use crate::counters::DropReason;
use crate::forward::Forward;
use crate::limit::{Bucket, Rate};

/// An unproved address gets at most this many bytes for each byte of authenticated binds from it
/// (RFC 9000, 8).
const CREDIT_FACTOR: usize = 3;
/// Of the credit, this much is kept from relayed packets for the server's own answers, without which
/// the address could never be proved.
const RESERVE: usize = 480;
/// Packets on their way from the old address when the new one is proved are still taken.
const GRACE: Duration = Duration::from_secs(3);
/// How often a node that goes on sending without proving its address is sent its cookie again.
const REMIND_EVERY: Duration = Duration::from_millis(250);

/// One bound leg of one path.
pub(crate) struct Leg {
    pub(crate) addresses: Addresses,
    /// Where the other leg is in the table, once bound.
    pub(crate) peer: Option<u32>,
    /// At most this much from this leg.
    pub(crate) rate: Option<Rate>,
    pub(crate) bucket: Bucket,
    pub(crate) last_heard: Mono,
    /// Path id of what the node sends.
    pub(crate) from_node: PathId,
    /// Path id of what the node receives; the other leg's `from_node`.
    pub(crate) to_node: PathId,
    /// Highest bind counter seen.
    pub(crate) counter: u64,
    /// The limit in the token.
    pub(crate) token_kbps: u32,
    /// Which DC made the token.
    pub(crate) dc: usize,
    pub(crate) key: SecretKey,
}

/// The addresses of a leg; at least one is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    proved: Option<RealAddr>,
    unproved: Option<Unproved>,
    previous: Option<(RealAddr, Mono)>,
}

#[derive(Clone, Copy, Debug)]
struct Unproved {
    addr: RealAddr,
    credit: usize,
    remind_at: Mono,
}

impl Addresses {
    /// The first bind's address, not proved yet.
    pub(crate) fn new(now: Mono, addr: RealAddr, bind_len: usize) -> Self {
        Self {
            proved: None,
            unproved: Some(Unproved::new(now, addr, bind_len)),
            previous: None,
        }
    }

    /// An authentic bind with the highest counter came from `addr`.
    pub(crate) fn bind(&mut self, now: Mono, addr: RealAddr, bind_len: usize) {
        if self.proved == Some(addr) {
            self.unproved = None;
            return;
        }
        match &mut self.unproved {
            Some(u) if u.addr == addr => u.earn(now, bind_len),
            Some(_) | None => self.unproved = Some(Unproved::new(now, addr, bind_len)),
        }
    }

    /// The cookie came back from `addr`; says whether that changed anything.
    pub(crate) fn prove(&mut self, now: Mono, addr: RealAddr) -> bool {
        if self.unproved.is_none_or(|u| u.addr != addr) {
            return false;
        }
        self.previous = self.proved.map(|old| (old, now + GRACE));
        self.proved = Some(addr);
        self.unproved = None;
        true
    }

    /// Whether the node may send from `addr`.
    #[inline]
    pub(crate) fn accept(&self, now: Mono, addr: RealAddr) -> bool {
        self.proved == Some(addr) || self.is_unproved(addr) || self.was_proved(now, addr)
    }

    /// Whether `addr` is the one the leg is bound to, proved or not.
    pub(crate) fn is_bound_to(&self, addr: RealAddr) -> bool {
        self.proved == Some(addr) || self.is_unproved(addr)
    }

    pub(crate) fn is_unproved(&self, addr: RealAddr) -> bool {
        self.unproved.is_some_and(|u| u.addr == addr)
    }

    fn was_proved(&self, now: Mono, addr: RealAddr) -> bool {
        self.previous
            .is_some_and(|(old, until)| old == addr && now < until)
    }

    /// Where a packet of `len` bytes for this node goes.
    #[inline]
    pub(crate) fn destination(&mut self, len: usize) -> Result<Forward, DropReason> {
        let new = match &mut self.unproved {
            None => None,
            Some(u) => u.spend(len, RESERVE).then_some(u.addr),
        };
        match (self.proved, new) {
            (Some(old), None) => Ok(Forward::To(old)),
            (Some(old), Some(new)) => Ok(Forward::ToBoth { old, new }),
            (None, Some(new)) => Ok(Forward::To(new)),
            (None, None) => Err(DropReason::NoCredit),
        }
    }

    /// Whether the server itself may send `len` bytes to `addr`, and counts them.
    pub(crate) fn may_answer(&mut self, addr: RealAddr, len: usize) -> bool {
        match &mut self.unproved {
            Some(u) if u.addr == addr => u.spend(len, 0),
            Some(_) | None => true,
        }
    }

    /// Whether the node at `addr` should be sent its cookie again.
    pub(crate) fn remind(&mut self, now: Mono, addr: RealAddr) -> bool {
        match &mut self.unproved {
            Some(u) if u.addr == addr && now >= u.remind_at => {
                u.remind_at = now + REMIND_EVERY;
                true
            }
            Some(_) | None => false,
        }
    }
}

impl Unproved {
    fn new(now: Mono, addr: RealAddr, bind_len: usize) -> Self {
        let mut unproved = Self {
            addr,
            credit: 0,
            remind_at: now,
        };
        unproved.earn(now, bind_len);
        unproved
    }

    fn earn(&mut self, now: Mono, bind_len: usize) {
        self.credit = self.credit.saturating_add(bind_len * CREDIT_FACTOR);
        self.remind_at = now + REMIND_EVERY;
    }

    fn spend(&mut self, len: usize, reserve: usize) -> bool {
        let fits = len.saturating_add(reserve) <= self.credit;
        if fits {
            self.credit -= len;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Mono = Mono::from_micros(1_000_000);
    const BIND: usize = 1200;

    fn addr(port: u16) -> RealAddr {
        RealAddr(([192, 0, 2, 1], port).into())
    }

    fn proved(port: u16) -> Addresses {
        let mut a = Addresses::new(NOW, addr(port), BIND);
        assert!(a.prove(NOW, addr(port)));
        a
    }

    #[test]
    fn an_unproved_address_gets_at_most_three_times_its_binds() {
        let mut a = Addresses::new(NOW, addr(1), BIND);
        let mut got = 0;
        while a.destination(120).is_ok() {
            got += 120;
        }
        while a.may_answer(addr(1), 50) {
            got += 50;
        }
        assert!(
            got <= 3 * BIND,
            "{got} bytes to an address that proved nothing"
        );
        assert!(got > 2 * BIND, "{got} bytes: the credit can be used");
    }

    #[test]
    fn a_moving_node_is_served_at_both_addresses_until_it_proves_the_new_one() {
        let mut a = proved(1);
        a.bind(NOW, addr(2), BIND);
        let both = Forward::ToBoth {
            old: addr(1),
            new: addr(2),
        };
        assert_eq!(a.destination(120), Ok(both));
        assert!(a.accept(NOW, addr(1)) && a.accept(NOW, addr(2)));
        while a.destination(120) == Ok(both) {}
        assert_eq!(
            a.destination(120),
            Ok(Forward::To(addr(1))),
            "the credit is spent"
        );
        assert!(a.prove(NOW, addr(2)));
        assert_eq!(a.destination(120), Ok(Forward::To(addr(2))));
    }

    #[test]
    fn what_was_under_way_from_the_old_address_is_taken_for_three_seconds() {
        let mut a = proved(1);
        a.bind(NOW, addr(2), BIND);
        a.prove(NOW, addr(2));
        assert!(a.accept(NOW + Duration::from_millis(2999), addr(1)));
        assert!(!a.accept(NOW + GRACE, addr(1)));
    }

    #[test]
    fn moving_back_to_the_proved_address_needs_no_proof() {
        let mut a = proved(1);
        a.bind(NOW, addr(2), BIND);
        a.bind(NOW, addr(1), BIND);
        assert_eq!(a.destination(120), Ok(Forward::To(addr(1))));
        assert!(!a.prove(NOW, addr(2)), "the other address is forgotten");
    }

    #[test]
    fn a_third_address_starts_with_its_own_credit() {
        let mut a = proved(1);
        a.bind(NOW, addr(2), 10 * BIND);
        a.bind(NOW, addr(3), BIND);
        assert!(a.may_answer(addr(3), 3 * BIND));
        assert!(!a.may_answer(addr(3), 1));
        assert!(!a.accept(NOW, addr(2)));
    }

    #[test]
    fn the_cookie_is_sent_again_four_times_a_second_at_most() {
        let mut a = Addresses::new(NOW, addr(1), BIND);
        let sent = (0..1000).filter(|ms| a.remind(NOW + Duration::from_millis(*ms), addr(1)));
        assert_eq!(sent.count(), 3);
    }
}
