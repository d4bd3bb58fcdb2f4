//! The type that decides.

use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{NodeId, RsId};
use ntm_wire::time::{Mono, Now};
use ntm_wire::transmit::Transmit;

use crate::config::{Config, ConfigError, PeerDc, RelayConfig};
use crate::counters::Counters;
use crate::event::{Assignment, Event, Located, QueryId, ResolveError, StoreError};

/// A Direction Coordinator without socket, clock or thread.
///
/// After every `handle_*` and every verb the driver polls [`Coordinator::poll_transmit`] and
/// [`Coordinator::poll_event`] until they are empty, then waits no longer than
/// [`Coordinator::poll_timeout`].
#[derive(Debug)]
pub struct Coordinator {
    counters: Counters,
}

impl Coordinator {
    /// A DC that knows the `saved` assignments and nobody's location yet.
    pub fn new(config: Config, seed: [u8; 32], saved: Vec<Assignment>) -> Result<Self, ConfigError> {
        let _ = (config, seed, saved);
        Ok(Self { counters: Counters::default() })
    }

    /// A datagram came in; it is opened in place.
    pub fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        let _ = (now, from, datagram);
    }

    /// The time of [`Coordinator::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Now) {
        let _ = now;
    }

    /// Answers an [`Event::Resolve`].
    pub fn handle_resolved(&mut self, now: Now, query: QueryId, found: Result<Located, ResolveError>) {
        let _ = (now, query, found);
    }

    /// Answers an [`Event::Store`].
    pub fn handle_stored(&mut self, now: Now, node: NodeId, stored: Result<(), StoreError>) {
        let _ = (now, node, stored);
    }

    /// Every name the AS knows, accounts and devices: tells "unknown" from "offline".
    pub fn set_names(&mut self, names: Vec<Fqdn>) {
        let _ = names;
    }

    /// The AS revoked a device: it is forgotten, and its ticket is refused from now on.
    pub fn revoke(&mut self, now: Now, node: NodeId) {
        let _ = (now, node);
    }

    /// Adds a relay, or changes the one of this id.
    pub fn add_relay(&mut self, relay: RelayConfig) {
        let _ = relay;
    }

    /// Adds a peer, or changes the one with this key.
    pub fn add_peer(&mut self, peer: PeerDc) {
        let _ = peer;
    }

    /// Directs nobody to this relay any more, and tells it so.
    pub fn drain_relay(&mut self, now: Now, rs: RsId) {
        let _ = (now, rs);
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    /// The next thing to do or to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When to call [`Coordinator::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Mono> {
        None
    }

    /// What came, what went, what was dropped.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Nodes that are registered now.
    pub fn registered(&self) -> usize {
        0
    }
}
