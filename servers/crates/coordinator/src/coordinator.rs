//! The type that decides: what comes in is told to the room it belongs to, what goes out is collected.

use std::collections::{BTreeMap, HashMap};

use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::{Datagram, HEADER_LEN, MAX_CONTROL_DATAGRAM, PacketType};
use ntm_wire::id::{NodeId, RsId};
use ntm_wire::message::{Message, RelayOrder, emit_all};
use ntm_wire::push::PushToken;
use ntm_wire::seal::TAG_LEN;
use ntm_wire::ticket::TICKET_LIFETIME;
use ntm_wire::time::{Mono, Now, Wall};
use ntm_wire::transmit::Transmit;

use crate::config::{Config, ConfigError, PeerDc, RelayConfig};
use crate::counters::Counters;
use crate::direction::Directions;
use crate::effects::Effects;
use crate::event::{Assignment, Event, Located, OfflineReason, QueryId, ResolveError, StoreError};
use crate::grants::Grants;
use crate::hello::Doors;
use crate::information::Inquiries;
use crate::limiter::{Rate, Sources};
use crate::links::{Links, Peer};
use crate::names::Names;
use crate::orders::Orders;
use crate::pool::Pool;
use crate::registration::Visit;
use crate::registry::Registry;
use crate::relays::Relays;
use crate::session::{Opened, Trust, Unopened};
use crate::timers::{Timer, Timers};
use crate::wakes::Wakes;

/// What the messages of one Control datagram may take.
const CONTROL_ROOM: usize = MAX_CONTROL_DATAGRAM - HEADER_LEN - TAG_LEN;

/// A Direction Coordinator without socket, clock or thread.
///
/// After every `handle_*` and every verb the driver polls [`Coordinator::poll_transmit`] and
/// [`Coordinator::poll_event`] until they are empty, then waits no longer than
/// [`Coordinator::poll_timeout`].
#[derive(Debug)]
pub struct Coordinator {
    pub(crate) config: Config,
    pub(crate) own_selector: u64,
    pub(crate) fx: Effects,
    pub(crate) timers: Timers,
    pub(crate) outbox: Vec<(To, Message)>,
    /// Whose session an id names.
    pub(crate) owners: HashMap<u64, Owner>,
    pub(crate) registry: Registry,
    pub(crate) pool: Pool,
    pub(crate) is_nearly_full: bool,
    pub(crate) names: Names,
    /// Until when the tickets of revoked devices would open.
    pub(crate) revoked: BTreeMap<NodeId, Wall>,
    pub(crate) doors: Doors,
    pub(crate) relays: Relays,
    pub(crate) grants: Grants,
    pub(crate) links: Links,
    pub(crate) directions: Directions,
    pub(crate) inquiries: Inquiries,
    pub(crate) orders: Orders,
    pub(crate) wakes: Wakes,
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Node(NodeId),
    Link(usize),
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Node(NodeId),
    Link(usize),
}

impl Coordinator {
    /// A DC that knows the `saved` assignments and nobody's location yet.
    pub fn new(
        config: Config,
        seed: [u8; 32],
        saved: Vec<Assignment>,
    ) -> Result<Self, ConfigError> {
        if config.domains.is_empty() {
            return Err(ConfigError::NoDomain);
        }
        let pool = Pool::new(config.prefix, &config.v4_blocks, &saved)?;
        let mut fx = Effects::new(seed);
        let rate = Rate::new(config.limits.hellos_per_source, config.limits.hello_burst);
        let doors = Doors::new(fx.key(), Sources::new(rate));
        let mut dc = Self {
            own_selector: config.key.server().selector(),
            config,
            fx,
            timers: Timers::default(),
            outbox: Vec::new(),
            owners: HashMap::new(),
            registry: Registry::default(),
            pool,
            is_nearly_full: false,
            names: Names::default(),
            revoked: BTreeMap::new(),
            doors,
            relays: Relays::default(),
            grants: Grants::default(),
            links: Links::default(),
            directions: Directions::default(),
            inquiries: Inquiries::default(),
            orders: Orders::default(),
            wakes: Wakes::default(),
        };
        for assignment in &saved {
            dc.know(&assignment.fqdn);
        }
        dc.introduce_servers()?;
        Ok(dc)
    }

    fn introduce_servers(&mut self) -> Result<(), ConfigError> {
        for relay in self.config.relays.clone() {
            if self.links.relay(relay.rs).is_some() {
                return Err(ConfigError::DuplicateRelay(relay.rs));
            }
            if self.links.contains(&relay.key) {
                return Err(ConfigError::DuplicateKey(relay.key));
            }
            self.add_relay(relay);
        }
        for peer in self.config.peers.clone() {
            if self.links.contains(&peer.key) {
                return Err(ConfigError::DuplicateKey(peer.key));
            }
            self.add_peer(peer);
        }
        Ok(())
    }

    /// A datagram came in; it is opened in place.
    pub fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        self.fx.counters.received += 1;
        let length = datagram.len();
        let Ok(d) = Datagram::new_checked(datagram) else {
            self.fx.counters.dropped.malformed += 1;
            return;
        };
        match d.kind() {
            PacketType::Control => self.handle_control(now, from, length, d),
            PacketType::Hello => self.handle_hello(now, from, length, &d),
            PacketType::LinkHello => self.handle_link_hello(now, from, &d),
            PacketType::LinkAccept => self.handle_link_accept(now, from, &d),
            PacketType::Data
            | PacketType::Challenge
            | PacketType::Accept
            | PacketType::TunnelRequest
            | PacketType::TunnelResponse
            | PacketType::Punch
            | PacketType::Bind
            | PacketType::Leg
            | PacketType::Hint
            | PacketType::BindChallenge => self.fx.counters.dropped.unexpected_type += 1,
        }
        self.flush();
    }

    /// The time of [`Coordinator::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop_due(now.mono) {
            match timer {
                Timer::Node(node) => self.check_silence(now.mono, node),
                Timer::Order(tx) => self.retry_order(now, tx),
                Timer::LinkRequest(tx) => self.retry_link_request(now, tx),
                Timer::Request(node, tx) => self.expire_request(node, tx),
                Timer::Direction(tx) => self.expire_direction(tx),
                Timer::Inquiry(asker, tx) => self.expire_inquiry(now, (asker, tx)),
                Timer::Query(query) => {
                    self.finish_query(now, query, Err(ResolveError::Unreachable))
                }
                Timer::Relay(rs) => self.check_relay(now, rs),
                Timer::Stored(node) => self.finish_assignment(now, node, Err(StoreError)),
            }
            self.flush();
        }
    }

    /// Answers an [`Event::Resolve`].
    pub fn handle_resolved(
        &mut self,
        now: Now,
        query: QueryId,
        found: Result<Located, ResolveError>,
    ) {
        self.finish_query(now, query, found);
        self.flush();
    }

    /// Answers an [`Event::Store`].
    pub fn handle_stored(&mut self, now: Now, node: NodeId, stored: Result<(), StoreError>) {
        self.finish_assignment(now, node, stored);
        self.flush();
    }

    /// Whether a push to this token wakes this node: what a push service asks before it lets anybody wait.
    pub fn is_woken_by(&self, node: NodeId, token: &PushToken) -> bool {
        let node = self.registry.get(node);
        node.is_some_and(|n| n.push_token.as_ref() == Some(token))
    }

    /// Whether datagrams come faster than they are worked off: then a Hello without a good cookie gets
    /// no answer, so that sessions that stand are served.
    pub fn set_pressed(&mut self, is_pressed: bool) {
        self.doors.is_pressed = is_pressed;
    }

    /// Every name the AS knows, accounts and devices: tells "unknown" from "offline".
    pub fn set_names(&mut self, names: Vec<Fqdn>) {
        self.names.clear();
        names.iter().for_each(|name| self.know(name));
    }

    /// The AS revoked a device: it is forgotten, its paths are cut at the relays, and its ticket is
    /// refused from now on.
    pub fn revoke(&mut self, now: Now, node: NodeId) {
        self.revoked.retain(|_, until| *until >= now.wall);
        self.revoked.insert(node, now.wall + TICKET_LIFETIME);
        self.revoke_paths(now, node);
        if let Some(node) = self.registry.get_mut(node) {
            node.push_token = None;
        }
        self.take_offline(node, OfflineReason::Revoked);
        self.flush();
    }

    /// Adds a relay, or changes the one of this id.
    pub fn add_relay(&mut self, relay: RelayConfig) {
        self.links.insert(Peer::Relay(relay.rs), relay.key);
        self.relays.insert(relay);
    }

    /// Adds a peer, or changes the one with this key.
    pub fn add_peer(&mut self, peer: PeerDc) {
        let key = peer.key;
        self.links.insert(Peer::Dc(peer), key);
    }

    /// Directs nobody to this relay any more, and tells it so.
    pub fn drain_relay(&mut self, now: Now, rs: RsId) {
        self.relays.drain(rs);
        self.order_relay(now, rs, RelayOrder::Drain);
        self.flush();
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.fx.transmits.pop_front()
    }

    /// The next thing to do or to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.fx.events.pop_front()
    }

    /// When to call [`Coordinator::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// What came, what went, what was dropped.
    pub fn counters(&self) -> &Counters {
        &self.fx.counters
    }

    /// Nodes that are registered now.
    pub fn registered(&self) -> usize {
        self.registry.online()
    }

    /// A name exists, and with a device its account.
    fn know(&mut self, name: &Fqdn) {
        self.names.add(name);
        name.parent()
            .iter()
            .for_each(|account| self.names.add(account));
    }

    fn handle_control(&mut self, now: Now, from: RealAddr, length: usize, d: Datagram<&mut [u8]>) {
        match self.owners.get(&d.selector()).copied() {
            None => self.fx.counters.dropped.unknown_session += 1,
            Some(Owner::Node(node)) => self.handle_node_control(now, from, length, node, d),
            Some(Owner::Link(link)) => self.handle_link_control(now, from, link, d),
        }
    }

    fn handle_node_control(
        &mut self,
        now: Now,
        from: RealAddr,
        length: usize,
        id: NodeId,
        d: Datagram<&mut [u8]>,
    ) {
        let Some(node) = self.registry.get_mut(id) else {
            self.fx.counters.dropped.unknown_session += 1;
            return;
        };
        let opened = match node.sessions.open(d) {
            Ok(opened) => opened,
            Err(why) => return self.count_unopened(why),
        };
        let is_new_address = opened.is_newest && node.observed != from;
        if opened.is_newest {
            (node.observed, node.last_heard) = (from, now.mono);
        }
        // An address not heard from before gets at most three times what came from it (rule 2).
        let room = if is_new_address {
            length * 3
        } else {
            usize::MAX
        };
        let visit = Visit {
            from,
            trust: Trust::Fresh,
            is_stale: false,
            is_hello: false,
            room,
        };
        for message in self.read(&opened) {
            self.handle_node_message(now, id, visit, message);
        }
    }

    fn handle_link_control(
        &mut self,
        now: Now,
        from: RealAddr,
        index: usize,
        d: Datagram<&mut [u8]>,
    ) {
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        let opened = match link.sessions.open(d) {
            Ok(opened) => opened,
            Err(why) => return self.count_unopened(why),
        };
        if opened.is_newest {
            link.live = Some(from);
        }
        for message in self.read(&opened) {
            self.handle_link_message(now, index, message);
        }
    }

    fn read(&mut self, opened: &Opened<'_>) -> Vec<Message> {
        self.forget_sessions(opened.died);
        self.parse(opened.content).unwrap_or_default()
    }

    fn count_unopened(&mut self, why: Unopened) {
        let dropped = &mut self.fx.counters.dropped;
        match why {
            Unopened::Unknown => dropped.unknown_session += 1,
            Unopened::Replayed => dropped.replayed += 1,
            Unopened::BadSeal => dropped.bad_seal += 1,
        }
    }

    pub(crate) fn forget_sessions(&mut self, dead: impl IntoIterator<Item = u64>) {
        for sid in dead {
            self.owners.remove(&sid);
        }
    }

    /// Puts a message out; it leaves with the next [`Coordinator::flush`].
    pub(crate) fn tell(&mut self, to: To, message: impl Into<Message>) {
        self.outbox.push((to, message.into()));
    }

    /// Takes out what waits for `to`, as far as `room` goes.
    pub(crate) fn take_replies(&mut self, to: To, room: usize) -> Vec<u8> {
        let mut replies = Vec::new();
        for (other, message) in core::mem::take(&mut self.outbox) {
            let bytes = if other == to {
                emit_all(core::slice::from_ref(&message))
            } else {
                Vec::new()
            };
            if other == to && replies.len() + bytes.len() <= room {
                tracing::trace!(kind = ?message.kind(), "sealed");
                replies.extend(bytes);
            } else {
                self.outbox.push((other, message));
            }
        }
        replies
    }

    /// Seals what was put out, as many messages in a datagram as fit.
    pub(crate) fn flush(&mut self) {
        let mut open: Option<(To, Vec<u8>)> = None;
        for (to, message) in core::mem::take(&mut self.outbox) {
            tracing::trace!(kind = ?message.kind(), "sealed");
            let bytes = emit_all(core::slice::from_ref(&message));
            match open
                .as_mut()
                .filter(|(t, content)| *t == to && content.len() + bytes.len() <= CONTROL_ROOM)
            {
                Some((_, content)) => content.extend(bytes),
                None => {
                    let full = open.replace((to, bytes));
                    self.seal(full);
                }
            }
        }
        self.seal(open);
    }

    fn seal(&mut self, content: Option<(To, Vec<u8>)>) {
        let Some((to, content)) = content else {
            return;
        };
        if content.len() > CONTROL_ROOM {
            self.fx.counters.dropped.oversized += 1;
            return;
        }
        let sealed = match to {
            To::Node(id) => self
                .registry
                .get_mut(id)
                .and_then(|n| Some((n.observed, n.sessions.seal(&content)?))),
            To::Link(link) => self
                .links
                .get_mut(link)
                .and_then(|l| Some((l.live?, l.sessions.seal(&content)?))),
        };
        if let Some((to, datagram)) = sealed {
            self.fx.counters.sent.controls += 1;
            self.fx.send(to, datagram);
        }
    }
}
