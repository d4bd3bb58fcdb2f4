//! What every part of the node shares: randomness in, effects out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ntm_wire::addr::RealAddr;
use ntm_wire::id::{InterfaceId, PathId, TxId};
use ntm_wire::seal::SALT_LEN;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::event::{Event, Transmit};
use crate::handover::locals::Locals;
use crate::handover::published::Progress;
use crate::negotiation::reach::Reach;
use crate::status::Counters;

/// Random numbers from the seed, and the effects collected until the driver polls them.
pub(crate) struct Effects {
    random: ChaCha20Rng,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
    /// This node's addresses, the preferred interface first.
    pub(crate) locals: Locals,
    /// What people call its interfaces.
    pub(crate) interface_names: BTreeMap<InterfaceId, String>,
    /// In which order a move is done, and how far it is.
    pub(crate) progress: Progress,
    /// Tunnels, by the id of what they receive first, whose peers are looked for under other path ids now.
    pub(crate) renamed: BTreeSet<PathId>,
    /// What that means for addresses of peers.
    pub(crate) reach: Option<Reach>,
}

impl Effects {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            random: ChaCha20Rng::from_seed(seed),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            locals: Locals::default(),
            interface_names: BTreeMap::new(),
            progress: Progress::default(),
            renamed: BTreeSet::new(),
            reach: None,
        }
    }

    /// Sends from the preferred interface.
    pub(crate) fn send_home(&mut self, to: RealAddr, payload: Vec<u8>) {
        self.send(self.locals.home(to), to, payload);
    }

    pub(crate) fn send(&mut self, from: InterfaceId, to: RealAddr, payload: Vec<u8>) {
        self.counters.sent += 1;
        self.transmits.push_back(Transmit { from, to, payload });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.random.fill_bytes(&mut out);
        out
    }

    pub(crate) fn seed(&mut self) -> [u8; 32] {
        self.bytes()
    }

    pub(crate) fn salt(&mut self) -> [u8; SALT_LEN] {
        self.bytes()
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.random.next_u64()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.random.next_u32()
    }

    /// A transaction id; never zero, which means "no transaction".
    pub(crate) fn tx(&mut self) -> TxId {
        TxId(self.u32() | 1)
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
