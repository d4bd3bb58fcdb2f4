//! The application on a node: echoes what comes to port 7, and calls names.
//!
//! A *call* resolves a name and then echoes a datagram off each device that was returned. It does what
//! a patient application does:
//!
//! - an error that time can heal (offline, unreachable, no relay, too many, not registered) is tried
//!   again after a pause, until the patience ends;
//! - an error that time can't heal (unknown name, own name, refused, pin changed, certificate) ends it;
//! - an echo that does not come back is sent again every 250 ms, and after 10 s the name is resolved anew.
//!
//! So each call ends [`Working`](Outcome::Working) or [`Failed`](Outcome::Failed) with an error by name;
//! a node that does neither is found by [`Call::is_hung`].

pub mod talk;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ntm_proto::{
    Authority, Event, Handover, NoAuthority, Node, Passage, Peer, ResolveError, ResolveId, Route,
    UdpId,
};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use ntm_wire::message::DirectionError;
use ntm_wire::time::{Mono, Now};

use talk::Talk;

/// The virtual port that echoes.
pub const ECHO_PORT: u16 = 7;
/// An echo is sent again after this.
const ECHO_AGAIN: Duration = Duration::from_millis(250);
/// A name whose devices do not echo for so long is resolved anew.
const ECHO_PATIENCE: Duration = Duration::from_secs(10);
/// Between an error and the next try.
const PAUSE: Duration = Duration::from_secs(1);
/// A resolution without an end after this is hung: five tries of 250 ms doubled are under 8 s per
/// stage, and there are at most four stages (registration, direction, tunnel, relay).
pub const RESOLVE_LIMIT: Duration = Duration::from_secs(60);

/// How long a call goes on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(pub Duration);

/// A call of [`App::call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub usize);

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every device that was returned echoed.
    Working,
    /// The last error, when patience ended or the error is final.
    Failed(ResolveError),
    /// Resolved again and again, but no echo came back.
    NoEcho,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom.
    pub name: Fqdn,
    /// Since when.
    pub started: Mono,
    /// When the name was first resolved well.
    pub resolved: Option<Mono>,
    /// When and how it ended.
    pub ended: Option<(Mono, Outcome)>,
    /// How often the name was resolved.
    pub attempts: u32,
    /// The errors on the way.
    pub errors: Vec<ResolveError>,
    /// Who was reached.
    pub peers: Vec<Peer>,
    until: Mono,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Resolving {
        id: ResolveId,
        since: Mono,
    },
    Pausing {
        until: Mono,
    },
    Echoing {
        missing: BTreeSet<NodeId>,
        since: Mono,
        again: Mono,
    },
    Ended,
}

impl Call {
    /// Whether a resolution neither ended well nor with an error in time.
    pub fn is_hung(&self, now: Mono) -> bool {
        match self.state {
            State::Resolving { since, .. } => now.since(since) > RESOLVE_LIMIT,
            State::Pausing { .. } | State::Echoing { .. } | State::Ended => false,
        }
    }

    /// The call's end, when it has one.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.ended.as_ref().map(|(_, outcome)| outcome)
    }

    fn timeout(&self) -> Option<Mono> {
        match self.state {
            State::Pausing { until } => Some(until),
            State::Echoing { again, .. } => Some(again),
            State::Resolving { .. } | State::Ended => None,
        }
    }
}

/// Echoes and calls.
#[derive(Debug)]
pub struct App {
    echo: Option<UdpId>,
    client: Option<UdpId>,
    calls: Vec<Call>,
    /// Routes in use, by peer.
    pub routes: BTreeMap<NodeId, Route>,
    /// Every address that was ever a direct route's other end; whoever judges may empty it.
    pub remotes: BTreeSet<SocketAddr>,
    /// A stream under way.
    pub talk: Option<Talk>,
    /// Hand-overs, as they were told.
    pub handovers: Vec<Handover>,
    /// What was told of packets' passage, and when.
    pub passages: Vec<(Mono, Passage)>,
    /// Echoes answered here.
    pub echoed: u64,
    /// Sockets that are not the application's own and have something to read.
    pub readable: BTreeSet<UdpId>,
    /// Registrations that were answered well.
    pub registrations: u64,
    /// Why the last registration failed.
    pub registration_error: Option<ntm_proto::RegisterError>,
    /// The keys that other operators publish, for a node that asks.
    pub published: Vec<Authority>,
}

impl App {
    /// Binds its sockets.
    pub fn new(node: &mut Node) -> Self {
        Self {
            echo: node.udp_bind(None, ECHO_PORT).ok(),
            client: node.udp_bind(None, 0).ok(),
            calls: Vec::new(),
            routes: BTreeMap::new(),
            remotes: BTreeSet::new(),
            talk: None,
            handovers: Vec::new(),
            passages: Vec::new(),
            echoed: 0,
            readable: BTreeSet::new(),
            registrations: 0,
            registration_error: None,
            published: Vec::new(),
        }
    }

    /// Something happened; what is worth a line of the trace is returned.
    pub fn handle_event(&mut self, now: Now, node: &mut Node, event: Event) -> Option<String> {
        let note = note_of(&event);
        match event {
            Event::Resolved { id, result } => self.handle_resolved(now, node, id, result),
            Event::UdpReadable(socket) => self.handle_readable(now, node, socket),
            Event::Registered { .. } => {
                self.registrations += 1;
                self.registration_error = None;
            }
            Event::RegistrationFailed(e) => self.registration_error = Some(e),
            Event::TunnelUp { peer, route } => self.note_route(peer.node, route),
            Event::RouteChanged { peer, new, .. } => self.note_route(peer, new),
            Event::TunnelDown { peer, .. } => {
                self.routes.remove(&peer);
            }
            Event::HandedOver(handover) => self.handovers.push(*handover),
            Event::AuthorityWanted { domain } => self.look_up(now, node, domain),
            Event::PassageChanged { passage, .. } => self.passages.push((now.mono, passage)),
            Event::Pinned { .. }
            | Event::PinChanged { .. }
            | Event::ProbeAnswered { .. }
            | Event::ProbeLost(_)
            | Event::TicketExpiring
            | Event::CoordinatorLost
            | Event::RelayLost(_) => {}
        }
        note
    }

    fn note_route(&mut self, peer: NodeId, route: Route) {
        self.routes.insert(peer, route);
        if let Route::Direct { remote } = route {
            self.remotes.insert(remote.0);
        }
    }

    fn look_up(&self, now: Now, node: &mut Node, domain: Fqdn) {
        match self.published.iter().find(|a| a.domain == domain) {
            Some(authority) => node.set_authority(now, authority.clone()),
            None => {
                let why = "it publishes none".to_owned();
                node.refuse_authority(now, &NoAuthority { domain, why });
            }
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now, node: &mut Node) {
        for index in 0..self.calls.len() {
            let due = self.calls.get(index).and_then(Call::timeout);
            if due.is_some_and(|at| at <= now.mono) {
                self.proceed(now, node, index);
            }
        }
        if let Some(talk) = &mut self.talk {
            talk.handle_timeout(now, node);
        }
    }

    /// The node's process started again: sockets and resolutions are gone.
    pub fn handle_restart(&mut self, now: Now, node: &mut Node) {
        self.echo = node.udp_bind(None, ECHO_PORT).ok();
        self.client = node.udp_bind(None, 0).ok();
        self.talk = None;
        self.routes.clear();
        for index in 0..self.calls.len() {
            if self.calls.get(index).is_some_and(|c| c.ended.is_none()) {
                self.resolve(now, node, index);
            }
        }
    }

    /// Calls a name.
    pub fn call(&mut self, now: Now, node: &mut Node, name: &Fqdn, patience: Patience) -> CallId {
        let id = CallId(self.calls.len());
        self.calls.push(Call {
            name: name.clone(),
            started: now.mono,
            resolved: None,
            ended: None,
            attempts: 0,
            errors: Vec::new(),
            peers: Vec::new(),
            until: now.mono + patience.0,
            state: State::Ended,
        });
        self.resolve(now, node, id.0);
        id
    }

    /// When to call [`App::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Mono> {
        let talk = self.talk.as_ref().map(Talk::poll_timeout);
        self.calls
            .iter()
            .filter_map(Call::timeout)
            .chain(talk)
            .min()
    }

    /// All calls.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    fn resolve(&mut self, now: Now, node: &mut Node, index: usize) {
        if let Some(call) = self.calls.get_mut(index) {
            call.attempts += 1;
            let (id, since) = (node.resolve(now, &call.name), now.mono);
            call.state = State::Resolving { id, since };
        }
    }

    fn handle_resolved(
        &mut self,
        now: Now,
        node: &mut Node,
        id: ResolveId,
        result: Result<Vec<Peer>, ResolveError>,
    ) {
        let waits = |c: &Call| matches!(c.state, State::Resolving { id: other, .. } if other == id);
        let Some(index) = self.calls.iter().position(waits) else {
            return;
        };
        let Some(call) = self.calls.get_mut(index) else {
            return;
        };
        match result {
            Ok(peers) => {
                call.resolved = call.resolved.or(Some(now.mono));
                call.state = State::Echoing {
                    missing: peers.iter().map(|p| p.node).collect(),
                    since: now.mono,
                    again: now.mono,
                };
                call.peers = peers;
                self.proceed(now, node, index);
            }
            Err(error) => fail(now.mono, call, error),
        }
    }

    /// A pause or the wait for an echo is over.
    fn proceed(&mut self, now: Now, node: &mut Node, index: usize) {
        let Some(call) = self.calls.get_mut(index) else {
            return;
        };
        match &mut call.state {
            State::Pausing { .. } => self.resolve(now, node, index),
            State::Echoing { since, .. } if now.mono.since(*since) > ECHO_PATIENCE => {
                if now.mono >= call.until {
                    end(now.mono, call, Outcome::NoEcho);
                } else {
                    self.resolve(now, node, index);
                }
            }
            State::Echoing { missing, again, .. } => {
                *again = now.mono + ECHO_AGAIN;
                let missing = missing.clone();
                self.send_echoes(now, node, index, &missing);
            }
            State::Resolving { .. } | State::Ended => {}
        }
    }

    fn send_echoes(&mut self, now: Now, node: &mut Node, index: usize, missing: &BTreeSet<NodeId>) {
        let (Some(client), Some(call)) = (self.client, self.calls.get(index)) else {
            return;
        };
        for peer in call.peers.iter().filter(|p| missing.contains(&p.node)) {
            let to = SocketAddr::new(peer.addrs.v6.into(), ECHO_PORT);
            let data = echo_payload(index, peer.node);
            // No tunnel any more: the name is resolved anew when patience with the echo ends.
            let _ = node.udp_send(now, client, to, &data);
        }
    }

    fn handle_readable(&mut self, now: Now, node: &mut Node, socket: UdpId) {
        let talk = self.talk.as_mut();
        if talk.is_some_and(|t| t.handle_readable(now.mono, node, socket)) {
            return;
        }
        if ![self.echo, self.client].contains(&Some(socket)) {
            self.readable.insert(socket);
            return;
        }
        while let Some(received) = node.udp_recv(socket) {
            if Some(socket) == self.echo {
                self.echoed += 1;
                let _ = node.udp_send(now, socket, received.from, &received.data);
            } else {
                self.handle_echo(now, &received.data);
            }
        }
    }

    fn handle_echo(&mut self, now: Now, data: &[u8]) {
        for (index, call) in self.calls.iter_mut().enumerate() {
            let State::Echoing { missing, .. } = &mut call.state else {
                continue;
            };
            missing.retain(|node| echo_payload(index, *node) != data);
            if missing.is_empty() {
                end(now.mono, call, Outcome::Working);
            }
        }
    }
}

/// 20 ms of Opus at 24 kbit/s behind an RTP header are this long.
const ECHO_LEN: usize = 72;

fn echo_payload(index: usize, node: NodeId) -> Vec<u8> {
    let mut data = vec![0xec; ECHO_LEN];
    data[..16].copy_from_slice(&node.0);
    data[16..24].copy_from_slice(&(index as u64).to_be_bytes());
    data
}

fn fail(now: Mono, call: &mut Call, error: ResolveError) {
    let heals = can_heal(&error);
    call.errors.push(error.clone());
    if heals && now + PAUSE < call.until {
        call.state = State::Pausing { until: now + PAUSE };
    } else {
        end(now, call, Outcome::Failed(error));
    }
}

fn end(now: Mono, call: &mut Call, outcome: Outcome) {
    call.state = State::Ended;
    call.ended = Some((now, outcome));
}

/// Whether trying again can help.
fn can_heal(error: &ResolveError) -> bool {
    match error {
        ResolveError::Refused(e) => match e {
            DirectionError::PeerOffline
            | DirectionError::CoordinatorUnreachable
            | DirectionError::NoRelay
            | DirectionError::TooMany
            | DirectionError::NotRegistered => true,
            DirectionError::UnknownName
            | DirectionError::Refused
            | DirectionError::NoCoordinator
            | DirectionError::OwnName
            | DirectionError::VersionTooOld => false,
        },
        ResolveError::CoordinatorUnreachable
        | ResolveError::PeerUnreachable
        | ResolveError::RelayUnreachable => true,
        ResolveError::Certificate(_) | ResolveError::NoAuthority(_) | ResolveError::PinChanged => {
            false
        }
    }
}

fn note_of(event: &Event) -> Option<String> {
    match event {
        Event::UdpReadable(_) => None,
        Event::Resolved { id, result } => Some(match result {
            Ok(peers) => {
                let names: Vec<&str> = peers.iter().map(|p| p.fqdn.as_str()).collect();
                format!("resolved {} to {}", id.0, names.join(", "))
            }
            Err(e) => format!("resolution {} failed: {e}", id.0),
        }),
        Event::TunnelUp { peer, route } => Some(format!("tunnel to {} up by {route:?}", peer.fqdn)),
        Event::Registered { addrs, observed } => Some(format!(
            "registered as {} and {}, seen at {}",
            addrs.v6, addrs.v4, observed.0
        )),
        Event::Pinned { account, .. } => Some(format!("pinned {account}")),
        Event::RegistrationFailed(_)
        | Event::RouteChanged { .. }
        | Event::HandedOver(_)
        | Event::PassageChanged { .. }
        | Event::TunnelDown { .. }
        | Event::PinChanged { .. }
        | Event::AuthorityWanted { .. }
        | Event::ProbeAnswered { .. }
        | Event::ProbeLost(_)
        | Event::TicketExpiring
        | Event::CoordinatorLost
        | Event::RelayLost(_) => Some(format!("{event:?}")),
    }
}
