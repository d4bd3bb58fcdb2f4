//! The event queue: by time, then by the order of pushing, so that a run repeats to the bit.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use ntm_wire::time::Mono;

/// Events in the order in which they happen.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    pushed: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            pushed: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Something happens at `at`.
    pub(crate) fn push(&mut self, at: Mono, event: T) {
        let order = self.pushed;
        self.pushed += 1;
        self.heap.push(Reverse(Entry { at, order, event }));
    }

    /// What happens next.
    pub(crate) fn pop(&mut self) -> Option<(Mono, T)> {
        self.heap.pop().map(|Reverse(e)| (e.at, e.event))
    }

    /// When something happens next.
    pub(crate) fn next_at(&self) -> Option<Mono> {
        self.heap.peek().map(|Reverse(e)| e.at)
    }
}

#[derive(Debug)]
struct Entry<T> {
    at: Mono,
    order: u64,
    event: T,
}

impl<T> Entry<T> {
    fn key(&self) -> (Mono, u64) {
        (self.at, self.order)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
