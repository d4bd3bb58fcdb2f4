//! A Relay Server: everything it knows is soft.

use core::net::SocketAddr;
use std::collections::VecDeque;

use ntm_relay::{Config, Relay};
use ntm_wire::addr::RealAddr;
use ntm_wire::header::NTM_PORT;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::{Mono, Now};

use super::{Effect, Outgoing};
use crate::rng::Rng;

/// A relay and what it was configured with.
pub struct RelayHost {
    /// The machine.
    pub relay: Relay,
    config: Config,
    seed: [u8; 32],
    rng: Rng,
    notes: VecDeque<String>,
}

impl RelayHost {
    /// A relay without legs.
    pub fn new(config: Config, mut rng: Rng) -> Self {
        let seed = rng.seed();
        Self {
            relay: Relay::new(config.clone(), seed),
            config,
            seed,
            rng,
            notes: VecDeque::new(),
        }
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Now,
        _: InterfaceId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        self.relay.handle_datagram(now, RealAddr(from), datagram);
        self.settle();
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        self.relay.handle_timeout(now);
        self.settle();
    }

    /// The process dies and starts again: no leg is left.
    pub(super) fn restart(&mut self, _: Now) {
        self.seed = self.rng.seed();
        self.relay = Relay::new(self.config.clone(), self.seed);
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Outgoing> {
        let transmit = self.relay.poll_transmit()?;
        Some(Outgoing {
            from: InterfaceId(0),
            to: transmit.to.0,
            payload: transmit.payload,
        })
    }

    pub(super) fn poll_effect(&mut self, _: Now) -> Option<Effect> {
        self.notes.pop_front().map(Effect::Note)
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.relay.poll_timeout()
    }

    pub(super) fn has_port(&self, port: u16) -> bool {
        port == NTM_PORT || port == 443
    }

    pub(super) fn port(&self) -> u16 {
        NTM_PORT
    }

    /// What it was configured with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The seed of its present life: whoever has it knows every secret that it draws.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    fn settle(&mut self) {
        while let Some(event) = self.relay.poll_event() {
            self.notes.push_back(format!("{event:?}"));
        }
    }
}
