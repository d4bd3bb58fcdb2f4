//! What every room shares: randomness in, effects out.

use std::collections::VecDeque;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::TxId;
use ntm_wire::key::SecretKey;
use ntm_wire::transmit::Transmit;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::counters::Counters;
use crate::event::Event;

/// Random numbers from the seed, and the effects collected until the driver polls them.
pub(crate) struct Effects {
    random: ChaCha20Rng,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
}

impl Effects {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            random: ChaCha20Rng::from_seed(seed),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn send(&mut self, to: RealAddr, payload: Vec<u8>) {
        self.transmits.push_back(Transmit { to, payload });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.random.fill_bytes(&mut out);
        out
    }

    pub(crate) fn key(&mut self) -> SecretKey {
        SecretKey::new(self.bytes())
    }

    /// Never zero, which stands for "none" wherever an id is expected.
    pub(crate) fn u64(&mut self) -> u64 {
        self.random.next_u64().max(1)
    }

    /// A transaction id; never zero, which means "no transaction".
    pub(crate) fn tx(&mut self) -> TxId {
        TxId(self.random.next_u32().max(1))
    }
}

impl core::fmt::Debug for Effects {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Effects({} to send, {} events)",
            self.transmits.len(),
            self.events.len()
        )
    }
}
