//! What the server wants done, and the random numbers it was seeded with.

use std::collections::VecDeque;

use ntm_wire::addr::RealAddr;
use ntm_wire::seal::SALT_LEN;
use ntm_wire::transmit::Transmit;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::counters::{Counters, DropReason};
use crate::event::Event;

/// A driver sends after every batch it reads; what waits beyond this is lost like any datagram.
const MAX_QUEUE: usize = 4096;

/// Effects that wait for the driver.
pub(crate) struct Effects {
    pub(crate) counters: Counters,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    rng: ChaCha20Rng,
}

impl Effects {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            counters: Counters::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            rng: ChaCha20Rng::from_seed(seed),
        }
    }

    /// Queues a datagram of the server's own.
    pub(crate) fn send(&mut self, to: RealAddr, payload: Vec<u8>) {
        self.counters.sent += 1;
        self.queue(to, payload);
    }

    /// Queues a copy of a node's datagram.
    pub(crate) fn pass_on(&mut self, to: RealAddr, payload: &[u8]) {
        self.queue(to, payload.to_vec());
    }

    fn queue(&mut self, to: RealAddr, payload: Vec<u8>) {
        if self.transmits.len() < MAX_QUEUE {
            self.transmits.push_back(Transmit { to, payload });
        } else {
            self.counters.drop_for(DropReason::QueueFull);
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.rng.next_u32()
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn salt(&mut self) -> [u8; SALT_LEN] {
        let mut salt = [0; SALT_LEN];
        self.rng.fill_bytes(&mut salt);
        salt
    }
}
