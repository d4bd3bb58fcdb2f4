//! One leg: which address it is bound to, and how far an unproved address is trusted (rule 2).

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::PathId;
use ntm_wire::key::SecretKey;
use ntm_wire::path_id::{self, LegDirection};
use ntm_wire::time::Mono;

use crate::counters::DropReason;
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
    /// The ids in the token: the leg's own name, and that of the other leg.
    pub(crate) token_ids: Ids,
    /// Highest bind counter seen.
    pub(crate) counter: u64,
    /// The limit in the token.
    pub(crate) token_kbps: u32,
    /// Which DC made the token.
    pub(crate) dc: usize,
    pub(crate) key: SecretKey,
}

impl Leg {
    /// What names the leg in a packet to `addr`.
    pub(crate) fn selector_at(&self, addr: RealAddr) -> u64 {
        let ids = self.addresses.ids_at(addr);
        ids.unwrap_or(self.token_ids).to_node.0
    }
}

/// The path ids that one leg's packets bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    /// Of what the node sends.
    pub(crate) from_node: PathId,
    /// Of what it receives.
    pub(crate) to_node: PathId,
}

impl Ids {
    /// Those of a leg that is bound from this attachment of its node (rule 13).
    pub(crate) fn of(self, leg_key: &SecretKey, attachment: u32) -> Self {
        if attachment == 0 {
            return self;
        }
        let id = |direction| path_id::leg(leg_key, direction, attachment);
        Self {
            from_node: id(LegDirection::FromNode),
            to_node: id(LegDirection::ToNode),
        }
    }
}

/// An address that a leg was bound to, and the path ids in use there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) addr: RealAddr,
    pub(crate) ids: Ids,
}

/// The addresses of a leg; at least one is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    proved: Option<Place>,
    unproved: Option<Unproved>,
    previous: Option<(Place, Mono)>,
}

/// Where a packet for a node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) to: Place,
    /// The node has moved there and not yet proved it; gets at most three times what it sent.
    pub(crate) also: Option<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Unproved {
    place: Place,
    credit: usize,
    remind_at: Mono,
}

impl Addresses {
    /// The first bind's address, not proved yet.
    pub(crate) fn new(now: Mono, place: Place, bind_len: usize) -> Self {
        Self {
            proved: None,
            unproved: Some(Unproved::new(now, place, bind_len)),
            previous: None,
        }
    }

    /// An authentic bind with the highest counter came from there.
    pub(crate) fn bind(&mut self, now: Mono, place: Place, bind_len: usize) {
        if let Some(proved) = self.proved.filter(|p| p.addr == place.addr) {
            self.unproved = None;
            self.rename(now, proved, place);
            return;
        }
        match &mut self.unproved {
            Some(u) if u.place == place => u.earn(now, bind_len),
            Some(_) | None => self.unproved = Some(Unproved::new(now, place, bind_len)),
        }
    }

    /// The proved address itself is of another attachment now: a NAT may show two networks as one.
    fn rename(&mut self, now: Mono, proved: Place, place: Place) {
        if proved.ids != place.ids {
            self.previous = Some((proved, now + GRACE));
            self.proved = Some(place);
        }
    }

    /// The cookie came back from `addr`; says whether that changed anything.
    pub(crate) fn prove(&mut self, now: Mono, addr: RealAddr) -> bool {
        let Some(new) = self.unproved.take_if(|u| u.place.addr == addr) else {
            return false;
        };
        self.previous = self.proved.map(|old| (old, now + GRACE));
        self.proved = Some(new.place);
        true
    }

    /// Every place that packets may come from, the newest first.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let unproved = self.unproved.map(|u| u.place);
        let previous = self.previous.map(|(old, _)| old);
        [unproved, self.proved, previous].into_iter().flatten()
    }

    /// The ids in use at `addr`.
    pub(crate) fn ids_at(&self, addr: RealAddr) -> Option<Ids> {
        let there = self.places().find(|p| p.addr == addr);
        there.or_else(|| self.places().next()).map(|p| p.ids)
    }

    /// Whether the node may send from `addr`.
    #[inline]
    pub(crate) fn accept(&self, now: Mono, addr: RealAddr) -> bool {
        self.is_bound_to(addr) || self.was_proved(now, addr)
    }

    /// Whether `addr` is the one the leg is bound to, proved or not.
    pub(crate) fn is_bound_to(&self, addr: RealAddr) -> bool {
        self.proved.is_some_and(|p| p.addr == addr) || self.is_unproved(addr)
    }

    pub(crate) fn is_unproved(&self, addr: RealAddr) -> bool {
        self.unproved.is_some_and(|u| u.place.addr == addr)
    }

    fn was_proved(&self, now: Mono, addr: RealAddr) -> bool {
        self.previous
            .is_some_and(|(old, until)| old.addr == addr && now < until)
    }

    /// Where a packet of `len` bytes for this node goes.
    #[inline]
    pub(crate) fn destination(&mut self, len: usize) -> Result<Destination, DropReason> {
        let new = match &mut self.unproved {
            None => None,
            Some(u) => u.spend(len, RESERVE).then_some(u.place),
        };
        let (to, also) = match self.proved {
            Some(old) => (Some(old), new),
            None => (new, None),
        };
        let to = to.ok_or(DropReason::NoCredit)?;
        Ok(Destination { to, also })
    }

    /// Whether the server itself may send `len` bytes to `addr`, and counts them.
    pub(crate) fn may_answer(&mut self, addr: RealAddr, len: usize) -> bool {
        match &mut self.unproved {
            Some(u) if u.place.addr == addr => u.spend(len, 0),
            Some(_) | None => true,
        }
    }

    /// Whether the node at `addr` should be sent its cookie again.
    pub(crate) fn remind(&mut self, now: Mono, addr: RealAddr) -> bool {
        match &mut self.unproved {
            Some(u) if u.place.addr == addr && now >= u.remind_at => {
                u.remind_at = now + REMIND_EVERY;
                true
            }
            Some(_) | None => false,
        }
    }
}

impl Unproved {
    fn new(now: Mono, place: Place, bind_len: usize) -> Self {
        let mut unproved = Self {
            place,
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

    /// Bound from the attachment with this number.
    fn at(port: u16, attachment: u32) -> Place {
        let token_ids = Ids {
            from_node: PathId(1),
            to_node: PathId(2),
        };
        Place {
            addr: addr(port),
            ids: token_ids.of(&SecretKey::new([7; 32]), attachment),
        }
    }

    fn to(place: Place) -> Result<Destination, DropReason> {
        Ok(Destination {
            to: place,
            also: None,
        })
    }

    fn proved(port: u16) -> Addresses {
        let mut a = Addresses::new(NOW, at(port, 0), BIND);
        assert!(a.prove(NOW, addr(port)));
        a
    }

    #[test]
    fn an_unproved_address_gets_at_most_three_times_its_binds() {
        let mut a = Addresses::new(NOW, at(1, 0), BIND);
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
        a.bind(NOW, at(2, 1), BIND);
        let both = Destination {
            to: at(1, 0),
            also: Some(at(2, 1)),
        };
        assert_eq!(a.destination(120), Ok(both));
        assert!(a.accept(NOW, addr(1)) && a.accept(NOW, addr(2)));
        while a.destination(120) == Ok(both) {}
        assert_eq!(a.destination(120), to(at(1, 0)), "the credit is spent");
        assert!(a.prove(NOW, addr(2)));
        assert_eq!(a.destination(120), to(at(2, 1)));
    }

    #[test]
    fn what_was_under_way_from_the_old_address_is_taken_for_three_seconds() {
        let mut a = proved(1);
        a.bind(NOW, at(2, 1), BIND);
        a.prove(NOW, addr(2));
        assert!(a.accept(NOW + Duration::from_millis(2999), addr(1)));
        assert!(!a.accept(NOW + GRACE, addr(1)));
    }

    #[test]
    fn moving_back_to_the_proved_address_needs_no_proof() {
        let mut a = proved(1);
        a.bind(NOW, at(2, 1), BIND);
        a.bind(NOW, at(1, 0), BIND);
        assert_eq!(a.destination(120), to(at(1, 0)));
        assert!(!a.prove(NOW, addr(2)), "the other address is forgotten");
    }

    #[test]
    fn a_third_address_starts_with_its_own_credit() {
        let mut a = proved(1);
        a.bind(NOW, at(2, 1), 10 * BIND);
        a.bind(NOW, at(3, 2), BIND);
        assert!(a.may_answer(addr(3), 3 * BIND));
        assert!(!a.may_answer(addr(3), 1));
        assert!(!a.accept(NOW, addr(2)));
    }

    #[test]
    fn the_cookie_is_sent_again_four_times_a_second_at_most() {
        let mut a = Addresses::new(NOW, at(1, 0), BIND);
        let sent = (0..1000).filter(|ms| a.remind(NOW + Duration::from_millis(*ms), addr(1)));
        assert_eq!(sent.count(), 3);
    }

    #[test]
    fn each_address_has_the_ids_of_the_attachment_it_was_bound_from() {
        let mut a = proved(1);
        a.bind(NOW, at(2, 1), BIND);
        let ids = |a: &Addresses, port| a.ids_at(addr(port)).unwrap();
        assert_eq!(ids(&a, 1), at(1, 0).ids);
        assert_eq!(ids(&a, 2), at(2, 1).ids);
        a.prove(NOW, addr(2));
        assert_eq!(ids(&a, 1), at(1, 0).ids, "of what is under way");
        assert_eq!(ids(&a, 3), at(2, 1).ids, "of no place that is known");
    }

    #[test]
    fn the_same_address_seen_of_another_attachment_needs_no_proof_and_has_other_ids() {
        let mut a = proved(1);
        a.bind(NOW, at(1, 1), BIND);
        assert_eq!(a.destination(120), to(at(1, 1)));
        let ids: Vec<Ids> = a.places().map(|p| p.ids).collect();
        assert_eq!(ids, [at(1, 1).ids, at(1, 0).ids], "both are taken");
    }
}
