//! A Direction Coordinator and its disk.

use core::net::SocketAddr;
use std::collections::{BTreeMap, VecDeque};

use ntm_coordinator::{
    Assignment, Config, ConfigError, Coordinator, Event, Located, QueryId, ResolveError, StoreError,
};
use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::NTM_PORT;
use ntm_wire::id::{InterfaceId, NodeId};
use ntm_wire::time::{Mono, Now};

use super::{Effect, Outgoing};
use crate::rng::Rng;

/// A DNS query of a coordinator; belongs to one life of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    id: QueryId,
    life: u32,
}

/// A coordinator, what it was configured with, and its disk.
#[derive(Debug)]
pub struct CoordinatorHost {
    /// The machine.
    pub coordinator: Coordinator,
    /// Whether the disk is full.
    pub is_disk_full: bool,
    config: Config,
    saved: BTreeMap<NodeId, Assignment>,
    writing: BTreeMap<NodeId, (u32, Assignment)>,
    names: Vec<Fqdn>,
    life: u32,
    seed: [u8; 32],
    rng: Rng,
    effects: VecDeque<Effect>,
}

impl CoordinatorHost {
    /// A coordinator with an empty disk.
    pub fn new(config: Config, mut rng: Rng) -> Result<Self, ConfigError> {
        let seed = rng.seed();
        Ok(Self {
            coordinator: Coordinator::new(config.clone(), seed, Vec::new())?,
            is_disk_full: false,
            config,
            saved: BTreeMap::new(),
            writing: BTreeMap::new(),
            names: Vec::new(),
            life: 0,
            seed,
            rng,
            effects: VecDeque::new(),
        })
    }

    /// The names that its AS knows.
    pub fn set_names(&mut self, names: Vec<Fqdn>) {
        self.coordinator.set_names(names.clone());
        self.names = names;
    }

    /// DNS has answered.
    pub(crate) fn handle_resolved(
        &mut self,
        now: Now,
        query: Query,
        found: Result<Located, ResolveError>,
    ) {
        if query.life == self.life {
            self.coordinator.handle_resolved(now, query.id, found);
            self.settle();
        }
    }

    /// The disk has written, or is full.
    pub(crate) fn handle_stored(&mut self, now: Now, node: NodeId) {
        let Some((life, assignment)) = self.writing.remove(&node) else {
            return;
        };
        let stored = if self.is_disk_full {
            Err(StoreError)
        } else {
            self.saved.insert(node, assignment);
            Ok(())
        };
        if life == self.life {
            self.coordinator.handle_stored(now, node, stored);
            self.settle();
        }
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Now,
        _: InterfaceId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        self.coordinator
            .handle_datagram(now, RealAddr(from), datagram);
        self.settle();
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        self.coordinator.handle_timeout(now);
        self.settle();
    }

    /// The process dies and starts again with what is on its disk.
    pub(super) fn restart(&mut self, _: Now) {
        let saved = self.saved.values().cloned().collect();
        self.life += 1;
        self.seed = self.rng.seed();
        match Coordinator::new(self.config.clone(), self.seed, saved) {
            Ok(coordinator) => self.coordinator = coordinator,
            Err(e) => self
                .effects
                .push_back(Effect::Note(format!("FAULT: does not start again: {e}"))),
        }
        self.coordinator.set_names(self.names.clone());
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Outgoing> {
        let transmit = self.coordinator.poll_transmit()?;
        Some(Outgoing {
            from: InterfaceId(0),
            to: transmit.to.0,
            payload: transmit.payload,
        })
    }

    pub(super) fn poll_effect(&mut self, _: Now) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.coordinator.poll_timeout()
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

    /// What is on its disk.
    pub fn saved(&self) -> impl Iterator<Item = &Assignment> {
        self.saved.values()
    }

    fn settle(&mut self) {
        while let Some(event) = self.coordinator.poll_event() {
            let effect = self.effect_of(event);
            self.effects.push_back(effect);
        }
    }

    fn effect_of(&mut self, event: Event) -> Effect {
        match event {
            Event::Resolve { query, domain } => {
                let life = self.life;
                Effect::Resolve(Query { id: query, life }, domain)
            }
            Event::Store(assignment) => {
                let node = assignment.node;
                self.writing.insert(node, (self.life, assignment));
                Effect::Store(node)
            }
            Event::Registered { fqdn, observed, .. } => {
                Effect::Note(format!("{fqdn} is at {}", observed.0))
            }
            Event::Wake { token, .. } => Effect::Wake(token),
            Event::Offline { .. }
            | Event::Directed { .. }
            | Event::RelayUp(_)
            | Event::RelayDown(_)
            | Event::BlocksNearlyFull { .. } => Effect::Note(format!("{event:?}")),
        }
    }
}
