//! The table of legs, by the name in the token and by the path ids on the wire, bounded; and which two make a pair.

use core::time::Duration;
use std::collections::HashMap;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::PathId;
use ntm_wire::time::Mono;

use crate::counters::DropReason;
use crate::hash::HashKey;
use crate::leg::{Destination, Leg};
use crate::limit::Rate;

/// A node that sends nothing says so every 15 to 25 s (rule 17); after seven misses it is gone.
pub(crate) const IDLE: Duration = Duration::from_secs(180);

/// All bound legs.
pub(crate) struct Legs {
    slots: Vec<Option<Leg>>,
    free: Vec<u32>,
    /// By the id in the token under which its node sends first.
    by_name: HashMap<PathId, u32, HashKey>,
    /// By the ids under which its node sends now.
    by_id: HashMap<PathId, u32, HashKey>,
    max: usize,
}

impl Legs {
    pub(crate) fn new(max: usize, key: HashKey) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_name: HashMap::with_hasher(key),
            by_id: HashMap::with_hasher(key),
            max: max.min(u32::MAX as usize),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max
    }

    /// The leg whose node sends under `id` now.
    pub(crate) fn by_id_mut(&mut self, id: PathId) -> Option<&mut Leg> {
        let at = *self.by_id.get(&id)?;
        self.slots.get_mut(at as usize)?.as_mut()
    }

    /// The leg whose token has `name` for what its node sends.
    pub(crate) fn by_name_mut(&mut self, name: PathId) -> Option<&mut Leg> {
        let at = *self.by_name.get(&name)?;
        self.slots.get_mut(at as usize)?.as_mut()
    }

    /// The same, for a change of its addresses: it is found under the ids that they have then.
    pub(crate) fn change<R>(&mut self, name: PathId, f: impl FnOnce(&mut Leg) -> R) -> Option<R> {
        let at = *self.by_name.get(&name)?;
        let leg = self.slots.get_mut(at as usize)?.as_mut()?;
        let before = leg.addresses;
        let out = f(leg);
        let after = leg.addresses;
        self.forget_ids(at, before.places().map(|p| p.ids.from_node));
        self.note_ids(at, after.places().map(|p| p.ids.from_node));
        Some(out)
    }

    /// An id that another leg has is never taken over.
    fn note_ids(&mut self, at: u32, ids: impl Iterator<Item = PathId>) {
        ids.for_each(|id| {
            self.by_id.entry(id).or_insert(at);
        });
    }

    fn forget_ids(&mut self, at: u32, ids: impl Iterator<Item = PathId>) {
        for id in ids {
            if self.by_id.get(&id) == Some(&at) {
                self.by_id.remove(&id);
            }
        }
    }

    /// Adds a leg, and joins it with the other one of its path.
    pub(crate) fn insert(&mut self, mut leg: Leg) {
        let (name, other) = (leg.token_ids.from_node, self.partner_of(&leg));
        let addresses = leg.addresses;
        leg.peer = other;
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = Some(leg);
                at
            }
            None => {
                self.slots.push(Some(leg));
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_name.insert(name, at);
        self.note_ids(at, addresses.places().map(|p| p.ids.from_node));
        if let Some(other) = other.and_then(|other| self.slots[other as usize].as_mut()) {
            other.peer = Some(at);
        }
    }

    fn partner_of(&self, leg: &Leg) -> Option<u32> {
        let at = *self.by_name.get(&leg.token_ids.to_node)?;
        let other = self.slots.get(at as usize)?.as_ref()?;
        // Path ids of one DC say nothing about another's.
        let is_pair = other.token_ids.to_node == leg.token_ids.from_node && other.dc == leg.dc;
        is_pair.then_some(at)
    }

    /// Forgets the leg with this name.
    pub(crate) fn remove(&mut self, name: PathId) -> Option<Leg> {
        let at = self.by_name.remove(&name)?;
        let leg = self.slots.get_mut(at as usize)?.take()?;
        self.forget_ids(at, leg.addresses.places().map(|p| p.ids.from_node));
        self.free.push(at);
        let other = leg.peer.and_then(|o| self.slots.get_mut(o as usize));
        if let Some(other) = other.and_then(Option::as_mut) {
            other.peer = None;
        }
        Some(leg)
    }

    /// Forgets legs whose nodes were not heard for [`IDLE`]; says how many.
    pub(crate) fn remove_idle(&mut self, now: Mono) -> usize {
        let is_idle = |leg: &&Leg| now.since(leg.last_heard) >= IDLE;
        let idle: Vec<PathId> = self
            .all()
            .filter(is_idle)
            .map(|leg| leg.token_ids.from_node)
            .collect();
        idle.iter().filter_map(|name| self.remove(*name)).count()
    }

    /// Sets the limit of every leg of a DC.
    pub(crate) fn limit(&mut self, dc: usize, rate_of: impl Fn(u32) -> Option<Rate>) {
        let legs = self.slots.iter_mut().flatten();
        for leg in legs.filter(|leg| leg.dc == dc) {
            leg.rate = rate_of(leg.token_kbps);
        }
    }

    /// The names of both legs of a DC's path, of which one is known.
    pub(crate) fn path_ids(&self, dc: usize, path: PathId) -> Option<[PathId; 2]> {
        let at = self.by_name.get(&path).copied();
        let leg = at.and_then(|at| self.slots.get(at as usize)?.as_ref());
        // The leg that sends under it may be unbound while the other one stands.
        let leg = leg.or_else(|| self.all().find(|leg| leg.token_ids.to_node == path));
        leg.filter(|leg| leg.dc == dc)
            .map(|leg| [leg.token_ids.from_node, leg.token_ids.to_node])
    }

    fn all(&self) -> impl Iterator<Item = &Leg> {
        self.slots.iter().flatten()
    }

    /// Where a packet of `len` bytes that came from `from` under `path` goes; and whether its sender
    /// should be sent its cookie again.
    #[inline]
    pub(crate) fn route(
        &mut self,
        now: Mono,
        from: RealAddr,
        path: PathId,
        len: usize,
    ) -> (Result<Destination, DropReason>, bool) {
        let Some(leg) = self.by_id_mut(path) else {
            return (Err(DropReason::UnknownPath), false);
        };
        if !leg.addresses.accept(now, from) {
            return (Err(DropReason::WrongAddress), false);
        }
        leg.last_heard = now;
        let remind = leg.addresses.remind(now, from);
        if leg
            .rate
            .is_some_and(|rate| !leg.bucket.take(now, rate, len))
        {
            return (Err(DropReason::OverLimit), remind);
        }
        let other = leg.peer;
        (self.destination(other, len), remind)
    }

    #[inline]
    fn destination(&mut self, leg: Option<u32>, len: usize) -> Result<Destination, DropReason> {
        let leg = leg.and_then(|at| self.slots.get_mut(at as usize)?.as_mut());
        leg.ok_or(DropReason::NoPeer)?.addresses.destination(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::{Addresses, Ids, Place};
    use crate::limit::Bucket;
    use ntm_wire::key::SecretKey;

    const NOW: Mono = Mono::from_micros(7);

    fn legs() -> Legs {
        Legs::new(4, HashKey::new([5, 0x9e37_79b9_7f4a_7c15]))
    }

    fn addr(port: u16) -> RealAddr {
        RealAddr(([192, 0, 2, 1], port).into())
    }

    fn leg(from_node: u64, to_node: u64, dc: usize) -> Leg {
        let token_ids = Ids {
            from_node: PathId(from_node),
            to_node: PathId(to_node),
        };
        Leg {
            addresses: Addresses::new(NOW, place(from_node as u16, token_ids), 1200),
            peer: None,
            rate: None,
            bucket: Bucket::default(),
            last_heard: NOW,
            token_ids,
            counter: 1,
            token_kbps: 0,
            dc,
            key: SecretKey::new([0; 32]),
        }
    }

    fn place(port: u16, ids: Ids) -> Place {
        let addr = addr(port);
        Place { addr, ids }
    }

    fn route(legs: &mut Legs, path: u16) -> Result<RealAddr, DropReason> {
        let to = legs.route(NOW, addr(path), PathId(path.into()), 120).0;
        to.map(|destination| destination.to.addr)
    }

    #[test]
    fn two_legs_that_name_each_other_are_a_pair() {
        let mut legs = legs();
        legs.insert(leg(1, 2, 0));
        assert_eq!(route(&mut legs, 1), Err(DropReason::NoPeer));
        legs.insert(leg(2, 1, 0));
        assert_eq!(route(&mut legs, 1), Ok(addr(2)));
        assert_eq!(route(&mut legs, 2), Ok(addr(1)));
    }

    #[test]
    fn another_dc_can_not_join_a_path() {
        let mut legs = legs();
        legs.insert(leg(1, 2, 0));
        legs.insert(leg(2, 1, 1));
        assert_eq!(route(&mut legs, 1), Err(DropReason::NoPeer));
    }

    #[test]
    fn a_leg_in_a_removed_ones_place_gets_none_of_its_packets() {
        let mut legs = legs();
        legs.insert(leg(1, 2, 0));
        legs.insert(leg(2, 1, 0));
        assert!(legs.remove(PathId(2)).is_some());
        legs.insert(leg(9, 8, 0));
        assert_eq!(route(&mut legs, 1), Err(DropReason::NoPeer));
        assert_eq!(route(&mut legs, 2), Err(DropReason::UnknownPath));
        assert_eq!(
            (legs.len(), legs.slots.len()),
            (2, 2),
            "the place is used again"
        );
    }

    #[test]
    fn only_legs_not_heard_for_three_minutes_go() {
        let mut legs = legs();
        legs.insert(leg(1, 2, 0));
        legs.insert(Leg {
            last_heard: NOW + Duration::from_secs(1),
            ..leg(2, 1, 0)
        });
        assert_eq!(legs.remove_idle(NOW + IDLE), 1);
        assert_eq!(legs.remove_idle(NOW + IDLE), 0);
        assert_eq!(legs.len(), 1);
    }

    #[test]
    fn a_leg_is_found_under_the_ids_of_the_addresses_that_it_is_bound_to() {
        let mut legs = legs();
        legs.insert(leg(1, 2, 0));
        legs.insert(leg(2, 1, 0));
        let moved = |attachment| {
            let key = SecretKey::new([0; 32]);
            let ids = leg(1, 2, 0).token_ids.of(&key, attachment);
            place(9, ids)
        };
        let bind = |legs: &mut Legs, attachment| {
            let bound = |l: &mut Leg| l.addresses.bind(NOW, moved(attachment), 1200);
            legs.change(PathId(1), bound).unwrap();
        };
        bind(&mut legs, 1);
        bind(&mut legs, 2);
        let finds = |legs: &mut Legs, id| legs.by_id_mut(id).is_some();
        assert!(finds(&mut legs, moved(2).ids.from_node));
        assert!(!finds(&mut legs, moved(1).ids.from_node), "never proved");
        assert!(!finds(&mut legs, moved(3).ids.from_node), "never bound");
        legs.remove(PathId(1));
        assert!(!finds(&mut legs, moved(2).ids.from_node));
        assert_eq!((legs.len(), legs.by_id.len()), (1, 1));
    }
}
