//! Links to other servers: Noise KK with pinned keys, requests in the first flight.
//!
//! A request that finds no session travels inside the LinkHello; one that a session did not deliver
//! travels in a fresh LinkHello, so a server that restarted is found again without a word. A LinkHello
//! may be a replay: the session it opens is used only when the peer has used it, or there is no other.

mod handshake;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::{HEADER_LEN, MAX_CONTROL_DATAGRAM};
use ntm_wire::id::{RsId, TxId};
use ntm_wire::key::ServerKey;
use ntm_wire::message::{KeepAlive, Message, Messages};
use ntm_wire::noise::{Handshake, NOISE_OVERHEAD};
use ntm_wire::time::{Mono, Now};

use crate::config::PeerDc;
use crate::coordinator::{Coordinator, To};
use crate::names::domain_of;
use crate::retry::{Due, Retry};
use crate::session::Sessions;
use crate::timers::Timer;

/// What a LinkHello can carry.
pub(crate) const LINK_HELLO_ROOM: usize = MAX_CONTROL_DATAGRAM - HEADER_LEN - NOISE_OVERHEAD;
/// How long a request may take: a wake-up of the callee takes ten seconds.
const REQUEST_TIME: Duration = Duration::from_secs(15);
/// How long after "I am at it" the question is repeated.
const PAUSE: Duration = Duration::from_secs(1);
/// LinkHellos whose answer may still come.
const MAX_ASKED: usize = 3;
/// LinkAccepts kept for LinkHellos that come twice.
const MAX_ACCEPTS: usize = 8;

/// A server at the other end.
#[derive(Debug)]
pub(crate) enum Peer {
    /// Another DC.
    Dc(PeerDc),
    /// A relay of our own.
    Relay(RsId),
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: Peer,
    key: ServerKey,
    /// Configured or resolved.
    addrs: Vec<RealAddr>,
    next_addr: usize,
    /// Where the session in use was last heard from.
    pub(crate) live: Option<RealAddr>,
    pub(crate) sessions: Sessions,
    asked: VecDeque<Asked>,
    accepts: VecDeque<(Mark, Vec<u8>)>,
}

#[derive(Debug)]
struct Asked {
    sid: u64,
    at: Mono,
    handshake: Handshake,
    carried: Vec<TxId>,
}

/// Tells one LinkHello from another: session id and ephemeral key.
type Mark = (u64, [u8; 32]);

#[derive(Debug)]
struct Request {
    message: Message,
    retry: Retry,
    until: Mono,
}

/// All links, and what was asked over them.
#[derive(Debug, Default)]
pub(crate) struct Links {
    list: Vec<Link>,
    by_selector: BTreeMap<u64, usize>,
    requests: BTreeMap<(usize, TxId), Request>,
    link_of: BTreeMap<TxId, usize>,
}

impl Links {
    /// Adds a server, or changes the one with this key.
    pub(crate) fn insert(&mut self, peer: Peer, key: ServerKey) -> usize {
        let addrs = match &peer {
            Peer::Dc(dc) => dc.addr.into_iter().collect(),
            Peer::Relay(_) => Vec::new(),
        };
        if let Some(index) = self.by_selector.get(&key.selector()).copied() {
            let link = &mut self.list[index];
            (link.peer, link.addrs) = (peer, addrs);
            return index;
        }
        self.by_selector.insert(key.selector(), self.list.len());
        self.list.push(Link {
            peer,
            key,
            addrs,
            next_addr: 0,
            live: None,
            sessions: Sessions::default(),
            asked: VecDeque::new(),
            accepts: VecDeque::new(),
        });
        self.list.len() - 1
    }

    pub(crate) fn contains(&self, key: &ServerKey) -> bool {
        self.by_selector.contains_key(&key.selector())
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Link> {
        self.list.get(index)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Link> {
        self.list.get_mut(index)
    }

    /// The DC at the other end of a link.
    pub(crate) fn dc(&self, index: usize) -> Option<&PeerDc> {
        match &self.get(index)?.peer {
            Peer::Dc(dc) => Some(dc),
            Peer::Relay(_) => None,
        }
    }

    /// The link to a relay.
    pub(crate) fn relay(&self, rs: RsId) -> Option<usize> {
        self.list
            .iter()
            .position(|l| matches!(l.peer, Peer::Relay(r) if r == rs))
    }

    /// The link to the DC whose domain a name is under, and that domain.
    pub(crate) fn dc_of(&self, name: &Fqdn) -> Option<(usize, &Fqdn)> {
        let all = (0..self.list.len())
            .filter_map(|i| Some((i, domain_of(name, self.dc(i)?.domains.iter())?)));
        all.max_by_key(|(_, domain)| domain.as_str().len())
    }

    /// Whether there is somewhere to send to.
    pub(crate) fn is_located(&self, index: usize) -> bool {
        self.get(index)
            .is_some_and(|l| !l.addrs.is_empty() || l.sessions.is_open())
    }

    /// Takes the addresses that the name service gave.
    pub(crate) fn locate(&mut self, index: usize, addrs: Vec<RealAddr>) {
        if let Some(link) = self.list.get_mut(index) {
            (link.addrs, link.next_addr) = (addrs, 0);
        }
    }

    /// A request was answered; `false` when nobody waits for it.
    pub(crate) fn answered(&mut self, index: usize, tx: TxId) -> bool {
        let is_known = self.requests.remove(&(index, tx)).is_some();
        if is_known {
            self.link_of.remove(&tx);
        }
        is_known
    }

    /// The other end has a request and is at work.
    pub(crate) fn acknowledged(&mut self, now: Mono, index: usize, tx: TxId) {
        if let Some(request) = self.requests.get_mut(&(index, tx)) {
            request.retry.pause(now + PAUSE);
        }
    }

    /// The requests that wait on a link, `first` before the others.
    fn waiting(&self, index: usize, first: TxId) -> Vec<(TxId, Message)> {
        let range = (index, TxId(0))..=(index, TxId(u32::MAX));
        let mut all: Vec<_> = self
            .requests
            .range(range)
            .map(|((_, tx), r)| (*tx, r.message.clone()))
            .collect();
        all.sort_by_key(|(tx, _)| *tx != first);
        all
    }
}

impl Coordinator {
    /// Asks something over a link, and again until it is answered or given up.
    pub(crate) fn request_link(&mut self, now: Now, link: usize, tx: TxId, message: Message) {
        let retry = Retry::new(now.mono);
        self.timers.set(retry.next(), Timer::LinkRequest(tx));
        let until = now.mono + REQUEST_TIME;
        self.links.requests.insert(
            (link, tx),
            Request {
                message,
                retry,
                until,
            },
        );
        self.links.link_of.insert(tx, link);
        self.send_link_request(now, link, tx);
    }

    fn send_link_request(&mut self, now: Now, link: usize, tx: TxId) {
        let Some(request) = self.links.requests.get(&(link, tx)) else {
            return;
        };
        let has_session = self.links.get(link).is_some_and(|l| l.sessions.is_open());
        if has_session && request.retry.is_first() {
            let message = request.message.clone();
            self.tell(To::Link(link), message);
        } else {
            self.say_link_hello(now, link, tx);
        }
    }

    /// The deadline of a request has come.
    pub(crate) fn retry_link_request(&mut self, now: Now, tx: TxId) {
        let Some(link) = self.links.link_of.get(&tx).copied() else {
            return;
        };
        let Some(request) = self.links.requests.get_mut(&(link, tx)) else {
            return;
        };
        let due = if now.mono >= request.until {
            Due::GiveUp
        } else {
            request.retry.due(now.mono)
        };
        let next = request.retry.next();
        match due {
            Due::Wait => self.timers.set(next, Timer::LinkRequest(tx)),
            Due::Again => {
                self.fx.counters.retransmissions += 1;
                self.timers.set(next, Timer::LinkRequest(tx));
                self.send_link_request(now, link, tx);
            }
            Due::GiveUp => {
                self.links.answered(link, tx);
                self.link_failed(now, link, tx);
            }
        }
    }

    fn link_failed(&mut self, now: Now, link: usize, tx: TxId) {
        if let Some(peer) = self.links.get_mut(link) {
            let is_static = matches!(&peer.peer, Peer::Dc(dc) if dc.addr.is_some());
            if !is_static {
                // What the name service said may be out of date: ask it again next time.
                peer.addrs.clear();
            }
            peer.live = None;
            let dead: Vec<u64> = peer.sessions.clear().collect();
            self.forget_sessions(dead);
        }
        self.direction_unreachable(now, tx);
    }

    /// A message came over a link.
    pub(crate) fn handle_link_message(&mut self, now: Now, index: usize, message: Message) {
        let is_dc = self.links.dc(index).is_some();
        match message {
            Message::KeepAlive(KeepAlive {
                tx,
                is_reply: false,
            }) => {
                self.tell(To::Link(index), KeepAlive { tx, is_reply: true });
            }
            Message::KeepAlive(KeepAlive { tx, is_reply: true }) => {
                self.links.acknowledged(now.mono, index, tx)
            }
            Message::InformationRequest(request) if is_dc => {
                self.handle_inquiry(now, index, request)
            }
            Message::InformationResponse(response) if is_dc => {
                if self.links.answered(index, response.tx) {
                    self.handle_information(now, response.tx, response.result);
                } else {
                    self.fx.counters.dropped.out_of_order += 1;
                }
            }
            Message::RelayReport(report) if !is_dc => self.handle_relay_report(now, index, &report),
            Message::RelayDirectionResponse(response) if !is_dc => {
                self.links.answered(index, response.tx);
            }
            Message::RegistrationRequest(_)
            | Message::RegistrationResponse(_)
            | Message::DirectionRequest(_)
            | Message::DirectionResponse(_)
            | Message::InformationRequest(_)
            | Message::InformationResponse(_)
            | Message::RelayDirection(_)
            | Message::RelayDirectionResponse(_)
            | Message::RouteDirection(_)
            | Message::RouteDirectionResponse(_)
            | Message::RouteDirectionRequest(_)
            | Message::Deregistration(_)
            | Message::Probe(_)
            | Message::ProbeReply(_)
            | Message::RekeyRequest(_)
            | Message::RekeyResponse(_)
            | Message::TunnelClose(_)
            | Message::LegBind(_)
            | Message::LegBindResponse(_)
            | Message::LegBindConfirm(_)
            | Message::Measure(_)
            | Message::TunnelRequest(_)
            | Message::TunnelResponse(_)
            | Message::WakeUp(_)
            | Message::Whereabouts(_)
            | Message::RelayReport(_) => self.fx.counters.dropped.out_of_order += 1,
        }
    }

    /// Opens content into messages; counts what does not parse.
    pub(crate) fn parse(&mut self, content: &[u8]) -> Option<Vec<Message>> {
        let Ok(messages) = Messages::parse_all(content) else {
            self.fx.counters.dropped.malformed += 1;
            return None;
        };
        for message in &messages {
            tracing::trace!(kind = ?message.kind(), "opened");
        }
        Some(messages)
    }
}

impl Link {
    /// The address to try next.
    fn next_address(&mut self) -> Option<RealAddr> {
        let at = self.next_addr.checked_rem(self.addrs.len());
        self.next_addr = self.next_addr.wrapping_add(1);
        at.map_or(self.live, |at| Some(self.addrs[at]))
    }

    fn accept_of(&self, mark: &Mark) -> Option<Vec<u8>> {
        let kept = self.accepts.iter().find(|(m, _)| m == mark);
        kept.map(|(_, accept)| accept.clone())
    }

    fn keep_accept(&mut self, mark: Mark, accept: Vec<u8>) {
        self.accepts.push_back((mark, accept));
        if self.accepts.len() > MAX_ACCEPTS {
            self.accepts.pop_front();
        }
    }
}
