//! Which pair is tried next: two at once never share a network.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Pair;
use super::bench::{Side, site};

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    todo: VecDeque<Pair>,
    busy: Vec<String>,
}

/// A pair whose networks nobody else uses until this is dropped.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    queue: &'a Queue,
    pair: Pair,
}

impl Queue {
    pub(super) fn new(pairs: &[Pair]) -> Self {
        let todo = pairs.iter().copied().collect();
        Self {
            state: Mutex::new(State {
                todo,
                busy: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// The first pair that is free, waiting for one if need be; `None` when all are taken.
    pub(super) fn take(&self) -> Option<Taken<'_>> {
        let mut state = self.lock();
        loop {
            if state.todo.is_empty() {
                return None;
            }
            if let Some(pair) = state.next() {
                return Some(Taken { queue: self, pair });
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> Option<Pair> {
        let free = |p: &Pair| sites(*p).iter().all(|s| !self.busy.contains(s));
        let at = self.todo.iter().position(free)?;
        let pair = self.todo.remove(at)?;
        self.busy.extend(sites(pair));
        Some(pair)
    }
}

impl Taken<'_> {
    pub(super) fn pair(&self) -> Pair {
        self.pair
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mine = sites(self.pair);
        self.queue.lock().busy.retain(|s| !mine.contains(s));
        self.queue.changed.notify_all();
    }
}

fn sites((from, to): Pair) -> [String; 2] {
    [site(Side::Caller, from), site(Side::Callee, to)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network::{HomeNat, PublicV4, SameLan};

    #[test]
    fn pairs_that_share_a_network_are_not_tried_at_once() {
        let queue = Queue::new(&[(HomeNat, PublicV4), (HomeNat, HomeNat), (PublicV4, HomeNat)]);
        let first = queue.take().unwrap();
        let second = queue.take().unwrap();
        assert_eq!(first.pair(), (HomeNat, PublicV4));
        assert_eq!(
            second.pair(),
            (PublicV4, HomeNat),
            "another caller, another callee"
        );
        drop((first, second));
        assert_eq!(queue.take().map(|t| t.pair()), Some((HomeNat, HomeNat)));
        assert!(queue.take().is_none());
    }

    #[test]
    fn both_sides_of_a_shared_lan_are_one_network() {
        let queue = Queue::new(&[
            (SameLan, HomeNat),
            (PublicV4, SameLan),
            (PublicV4, PublicV4),
        ]);
        let _first = queue.take().unwrap();
        assert_eq!(queue.take().map(|t| t.pair()), Some((PublicV4, PublicV4)));
    }
}
