//! The table of legs by path id, bounded; and which two make a pair.

use core::time::Duration;
use std::collections::HashMap;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::PathId;
use ntm_wire::time::Mono;

use crate::counters::DropReason;
use crate::forward::Forward;
use crate::hash::HashKey;
use crate::leg::Leg;
use crate::limit::Rate;

/// A node that sends nothing says so every 15 to 25 s (rule 17); after seven misses it is gone.
pub(crate) const IDLE: Duration = Duration::from_secs(180);

/// All bound legs.
pub(crate) struct Legs {
    slots: Vec<Option<Leg>>,
    free: Vec<u32>,
    by_path: HashMap<PathId, u32, HashKey>,
    max: usize,
}

impl Legs {
    pub(crate) fn new(max: usize, key: HashKey) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_path: HashMap::with_hasher(key),
            max: max.min(u32::MAX as usize),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_path.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max
    }

    /// The leg whose node sends under `path`.
    pub(crate) fn by_path_mut(&mut self, path: PathId) -> Option<&mut Leg> {
        let at = *self.by_path.get(&path)?;
        self.slots.get_mut(at as usize)?.as_mut()
    }

    /// Adds a leg, and joins it with the other one of its path.
    pub(crate) fn insert(&mut self, mut leg: Leg) {
        let (path, other) = (leg.from_node, self.partner_of(&leg));
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
        self.by_path.insert(path, at);
        if let Some(other) = other.and_then(|other| self.slots[other as usize].as_mut()) {
            other.peer = Some(at);
        }
    }

    fn partner_of(&self, leg: &Leg) -> Option<u32> {
        let at = *self.by_path.get(&leg.to_node)?;
        let other = self.slots.get(at as usize)?.as_ref()?;
        // Path ids of one DC say nothing about another's.
        let is_pair = other.to_node == leg.from_node && other.dc == leg.dc;
        is_pair.then_some(at)
    }

    /// Forgets the leg whose node sends under `path`.
    pub(crate) fn remove(&mut self, path: PathId) -> Option<Leg> {
        let at = self.by_path.remove(&path)?;
        let leg = self.slots.get_mut(at as usize)?.take()?;
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
            .map(|leg| leg.from_node)
            .collect();
        idle.iter().filter_map(|path| self.remove(*path)).count()
    }

    /// Sets the limit of every leg of a DC.
    pub(crate) fn limit(&mut self, dc: usize, rate_of: impl Fn(u32) -> Option<Rate>) {
        let legs = self.slots.iter_mut().flatten();
        for leg in legs.filter(|leg| leg.dc == dc) {
            leg.rate = rate_of(leg.token_kbps);
        }
    }

    /// Both ids of a DC's path, of which one is known: what its bound legs send under.
    pub(crate) fn path_ids(&self, dc: usize, path: PathId) -> Option<[PathId; 2]> {
        let at = self.by_path.get(&path).copied();
        let leg = at.and_then(|at| self.slots.get(at as usize)?.as_ref());
        // The leg that sends under it may be unbound while the other one stands.
        let leg = leg.or_else(|| self.all().find(|leg| leg.to_node == path));
        leg.filter(|leg| leg.dc == dc)
            .map(|leg| [leg.from_node, leg.to_node])
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
    ) -> (Result<Forward, DropReason>, bool) {
        let Some(leg) = self.by_path_mut(path) else {
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
    fn destination(&mut self, leg: Option<u32>, len: usize) -> Result<Forward, DropReason> {
        let leg = leg.and_then(|at| self.slots.get_mut(at as usize)?.as_mut());
        leg.ok_or(DropReason::NoPeer)?.addresses.destination(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::Addresses;
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
        Leg {
            addresses: Addresses::new(NOW, addr(from_node as u16), 1200),
            peer: None,
            rate: None,
            bucket: Bucket::default(),
            last_heard: NOW,
            from_node: PathId(from_node),
            to_node: PathId(to_node),
            counter: 1,
            token_kbps: 0,
            dc,
            key: SecretKey::new([0; 32]),
        }
    }

    fn route(legs: &mut Legs, path: u16) -> Result<Forward, DropReason> {
        legs.route(NOW, addr(path), PathId(path.into()), 120).0
    }

    #[test]
    fn two_legs_that_name_each_other_are_a_pair() {
        let mut legs = legs();
        legs.insert(leg(1, 2, 0));
        assert_eq!(route(&mut legs, 1), Err(DropReason::NoPeer));
        legs.insert(leg(2, 1, 0));
        assert_eq!(route(&mut legs, 1), Ok(Forward::To(addr(2))));
        assert_eq!(route(&mut legs, 2), Ok(Forward::To(addr(1))));
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
}
