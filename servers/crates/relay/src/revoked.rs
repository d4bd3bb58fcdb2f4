//! Paths a DC has revoked: remembered for as long as a token for them may live.

use std::collections::{BTreeSet, VecDeque};

use ntm_wire::id::PathId;
use ntm_wire::time::Wall;
use ntm_wire::token::LEG_TOKEN_LIFETIME;

/// Revoked paths, bounded; the oldest give way.
#[derive(Debug)]
pub(crate) struct Revoked {
    paths: BTreeSet<(usize, PathId)>,
    order: VecDeque<(Wall, usize, PathId)>,
    max: usize,
}

impl Revoked {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            paths: BTreeSet::new(),
            order: VecDeque::new(),
            max,
        }
    }

    /// No token of this DC for this path id is honoured any more.
    pub(crate) fn insert(&mut self, now: Wall, dc: usize, path: PathId) {
        self.forget_old(now);
        if self.paths.insert((dc, path)) {
            self.order.push_back((now + LEG_TOKEN_LIFETIME, dc, path));
        }
        if self.order.len() > self.max {
            self.forget_oldest();
        }
    }

    pub(crate) fn contains(&self, dc: usize, path: PathId) -> bool {
        self.paths.contains(&(dc, path))
    }

    fn forget_old(&mut self, now: Wall) {
        while self.order.front().is_some_and(|(until, ..)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, dc, path)) = self.order.pop_front() {
            self.paths.remove(&(dc, path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall::from_secs(1_000_000);

    #[test]
    fn a_path_stays_revoked_for_a_tokens_life() {
        let mut revoked = Revoked::new(10);
        revoked.insert(NOW, 0, PathId(1));
        assert!(revoked.contains(0, PathId(1)));
        assert!(
            !revoked.contains(1, PathId(1)),
            "another DC's path is not touched"
        );
        revoked.insert(NOW + LEG_TOKEN_LIFETIME, 0, PathId(2));
        assert!(!revoked.contains(0, PathId(1)));
    }

    #[test]
    fn the_list_is_bounded_and_the_newest_stay() {
        let mut revoked = Revoked::new(10);
        (0..100).for_each(|n| revoked.insert(NOW, 0, PathId(n)));
        assert_eq!((revoked.paths.len(), revoked.order.len()), (10, 10));
        assert!(revoked.contains(0, PathId(99)) && !revoked.contains(0, PathId(0)));
    }
}
