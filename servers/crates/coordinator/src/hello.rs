//! Opening a session: Hello, Challenge, Accept (Noise NKpsk2).
//!
//! A stranger costs one HMAC until it has shown that it receives at the address it sends from; then
//! one handshake, within its address's rate; and nothing is remembered before its ticket opens. A
//! Hello may be a recording: what it opens moves nobody until the node has used it, unless its epoch
//! is one never seen.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use ntm_wire::addr::{RealAddr, VirtualAddrs};
use ntm_wire::certificate::{CLOCK_SKEW, IdentityCertificate};
use ntm_wire::codec::{Codec, Reader, Writer};
use ntm_wire::header::{
    Datagram, HEADER_LEN, Header, MAX_CONTROL_DATAGRAM, PADDED_LEN, PacketType,
};
use ntm_wire::id::{NodeId, TxId};
use ntm_wire::kdf::{derive, hmac_sha256, sha256};
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{
    Message, RegistrationError, RegistrationRequest, RegistrationResponse, emit_all,
};
use ntm_wire::noise::{Handshake, NOISE_OVERHEAD, hello_responder};
use ntm_wire::seal::seal_salted;
use ntm_wire::ticket::{SealedTicket, Ticket, TicketError};
use ntm_wire::time::{Mono, Now};

use crate::coordinator::{Coordinator, Owner, To};
use crate::event::{Assignment, Event, StoreError};
use crate::limiter::Sources;
use crate::pool::NoAddress;
use crate::registration::Visit;
use crate::registry::Node;
use crate::session::{Session, Trust};
use crate::timers::Timer;

const COOKIE_LEN: usize = 24;
const PROOF_LEN: usize = 32;
const SID_LEN: usize = 8;
/// How long a cookie is good.
const COOKIE_LIFETIME: Duration = Duration::from_secs(120);
/// How many Accepts are kept for Hellos that come twice.
const MAX_ACCEPTS: usize = 16_384;
/// How many nodes may wait for their addresses to be stored.
const MAX_WAITING: usize = 4096;
/// How long the store may take.
const STORE_TIME: Duration = Duration::from_secs(10);
/// What the messages of an Accept may take.
const ACCEPT_ROOM: usize = MAX_CONTROL_DATAGRAM - HEADER_LEN - NOISE_OVERHEAD - SID_LEN;

/// Tells one Hello from another: the node's session id and ephemeral key.
type Mark = (u64, [u8; 32]);

/// What stands between strangers and the registry.
#[derive(Debug)]
pub(crate) struct Doors {
    /// Dies with the process, and every cookie with it.
    secret: SecretKey,
    pub(crate) sources: Sources,
    /// Whether nobody new is answered.
    pub(crate) is_pressed: bool,
    accepts: BTreeMap<Mark, Vec<u8>>,
    accepted: VecDeque<(Mono, Mark)>,
    waiting: BTreeMap<NodeId, (Guest, VirtualAddrs)>,
}

/// A node whose Hello was opened and whose ticket and proof hold.
#[derive(Debug)]
pub(crate) struct Guest {
    from: RealAddr,
    mark: Mark,
    handshake: Handshake,
    ticket: Ticket,
    messages: Vec<Message>,
}

/// Why a Hello is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unwelcome {
    BadSeal,
    Malformed,
    BadTicket,
    BadProof,
}

impl Doors {
    pub(crate) fn new(secret: SecretKey, sources: Sources) -> Self {
        Self {
            secret,
            sources,
            is_pressed: false,
            accepts: BTreeMap::new(),
            accepted: VecDeque::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Time in seconds, then an HMAC over address, session id and time.
    fn cookie(&self, from: RealAddr, sid: u64, secs: u64) -> [u8; COOKIE_LEN] {
        let mac = hmac_sha256(
            &self.secret,
            &[&from.emit(), &sid.to_be_bytes(), &secs.to_be_bytes()],
        );
        let mut cookie = [0; COOKIE_LEN];
        cookie[..8].copy_from_slice(&secs.to_be_bytes());
        cookie[8..].copy_from_slice(&mac[..16]);
        cookie
    }

    fn is_ours(&self, cookie: &[u8; COOKIE_LEN], from: RealAddr, sid: u64, now: Mono) -> bool {
        let secs = cookie.first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
        let age = (now.as_micros() / 1_000_000).checked_sub(secs);
        // An inequality of HMACs, compared as keys are: in constant time.
        let padded = |c: &[u8; COOKIE_LEN]| {
            let mut bytes = [0; 32];
            bytes[..COOKIE_LEN].copy_from_slice(c);
            SecretKey::new(bytes)
        };
        age.is_some_and(|a| a <= COOKIE_LIFETIME.as_secs())
            && padded(cookie) == padded(&self.cookie(from, sid, secs))
    }

    fn keep_accept(&mut self, now: Mono, mark: Mark, accept: Vec<u8>) {
        self.accepts.insert(mark, accept);
        self.accepted.push_back((now, mark));
        let is_old = |at: &Mono| now.since(*at) > COOKIE_LIFETIME;
        while self.accepted.front().is_some_and(|(at, _)| is_old(at))
            || self.accepted.len() > MAX_ACCEPTS
        {
            if let Some((_, mark)) = self.accepted.pop_front() {
                self.accepts.remove(&mark);
            }
        }
    }
}

impl Coordinator {
    /// A node, or somebody who says so, wants a session.
    pub(crate) fn handle_hello(
        &mut self,
        now: Now,
        from: RealAddr,
        length: usize,
        d: &Datagram<&mut [u8]>,
    ) {
        if length < PADDED_LEN {
            self.fx.counters.dropped.short_hello += 1;
            return;
        }
        if d.selector() != self.own_selector {
            self.fx.counters.dropped.wrong_key += 1;
            return;
        }
        let Some((cookie, noise)) = split(d.body()) else {
            self.fx.counters.dropped.malformed += 1;
            return;
        };
        let Some(ephemeral) = noise.first_chunk::<32>() else {
            self.fx.counters.dropped.malformed += 1;
            return;
        };
        let mark = (d.counter(), *ephemeral);
        let is_good = cookie.is_some_and(|c| self.doors.is_ours(c, from, d.counter(), now.mono));
        if !is_good {
            self.fx.counters.dropped.bad_cookie += u64::from(cookie.is_some());
            if self.doors.is_pressed {
                self.fx.counters.dropped.rate_limited += 1;
            } else {
                self.challenge(now, from, mark);
            }
            return;
        }
        if let Some(accept) = self.doors.accepts.get(&mark).cloned() {
            self.fx.counters.duplicates += 1;
            self.fx.send(from, accept);
            return;
        }
        if !self.doors.sources.allow(from, now.mono) {
            self.fx.counters.dropped.rate_limited += 1;
            return;
        }
        match self.open_hello(from, mark, &d.header(), noise) {
            Ok(guest) => self.receive(now, guest),
            Err(why) => self.count_unwelcome(why),
        }
    }

    /// Answers with a cookie; keeps nothing, computes no handshake, sends less than came.
    fn challenge(&mut self, now: Now, to: RealAddr, (sid, ephemeral): Mark) {
        let cookie = self.doors.cookie(to, sid, now.mono.as_micros() / 1_000_000);
        let key = SecretKey::new(sha256(&[
            b"ntm challenge key",
            &self.config.key.server().0,
            &ephemeral,
        ]));
        let header = Header {
            kind: PacketType::Challenge,
            selector: sid,
            counter: 0,
        };
        let content = [cookie.as_slice(), &now.wall.as_millis().to_be_bytes()].concat();
        let sealed = seal_salted(
            &key,
            "ntm challenge",
            self.fx.bytes(),
            &[header.first_byte()],
            &content,
        );
        self.fx.counters.sent.challenges += 1;
        self.fx.send(to, [header.emit(), sealed].concat());
    }

    fn open_hello(
        &mut self,
        from: RealAddr,
        mark: Mark,
        header: &Header,
        noise: &[u8],
    ) -> Result<Guest, Unwelcome> {
        let seed = self.fx.bytes();
        let prologue = [b"ntm hello 1".as_slice(), &header.emit()].concat();
        let mut handshake =
            hello_responder(seed, &self.config.key, &prologue).map_err(|_| Unwelcome::BadSeal)?;
        let content = handshake.read(noise).map_err(|_| Unwelcome::BadSeal)?;
        let mut r = Reader::new(&content);
        let sealed = SealedTicket::read(&mut r).map_err(|_| Unwelcome::Malformed)?;
        let proof: [u8; PROOF_LEN] = r.array("proof").map_err(|_| Unwelcome::Malformed)?;
        let body = r.rest();
        let ticket =
            Ticket::open(&sealed, &self.config.ticket_link).map_err(|_| Unwelcome::BadTicket)?;
        if SecretKey::new(proof) != proof_of(&ticket, mark.0, &self.config.key, body) {
            return Err(Unwelcome::BadProof);
        }
        handshake
            .set_node_key(&ticket.node_key)
            .map_err(|_| Unwelcome::BadSeal)?;
        let messages =
            ntm_wire::message::Messages::parse_all(body).map_err(|_| Unwelcome::Malformed)?;
        for message in &messages {
            tracing::trace!(kind = ?message.kind(), "opened");
        }
        Ok(Guest {
            from,
            mark,
            handshake,
            ticket,
            messages,
        })
    }

    fn count_unwelcome(&mut self, why: Unwelcome) {
        let dropped = &mut self.fx.counters.dropped;
        match why {
            Unwelcome::BadSeal => dropped.bad_seal += 1,
            Unwelcome::Malformed => dropped.malformed += 1,
            Unwelcome::BadTicket => dropped.bad_ticket += 1,
            Unwelcome::BadProof => dropped.bad_proof += 1,
        }
    }

    /// Finds a guest its addresses, or sends it away with the reason.
    fn receive(&mut self, now: Now, guest: Guest) {
        let (node, v6) = (guest.node(), guest.ticket.certificate.virtual_v6);
        if let Some(waiting) = self.doors.waiting.get_mut(&node) {
            // The store is at it; the newest Hello gets the answer, by the way its first copy came.
            if waiting.0.mark != guest.mark {
                waiting.0 = guest;
            }
            return;
        }
        if let Err(error) = self.check_guest(now, &guest) {
            return self.turn_away(now, guest, error);
        }
        match self.pool.find(node, v6) {
            Ok(Some(addrs)) => self.admit(now, guest, addrs),
            Ok(None) => self.assign(now, guest),
            Err(why) => self.turn_away(now, guest, refusal(why)),
        }
    }

    fn check_guest(&self, now: Now, guest: &Guest) -> Result<(), RegistrationError> {
        guest.ticket.check_time(now.wall).map_err(|e| match e {
            TicketError::Expired => RegistrationError::TicketExpired,
            TicketError::FromTheFuture | TicketError::NotForUs => RegistrationError::ClockWrong,
        })?;
        if self.revoked.contains_key(&guest.node()) {
            return Err(RegistrationError::Revoked);
        }
        let epoch = guest
            .registration()
            .map(|r| r.epoch.start_ms)
            .unwrap_or_default();
        if u128::from(epoch) > u128::from(now.wall.as_millis()) + CLOCK_SKEW.as_millis() {
            return Err(RegistrationError::ClockWrong);
        }
        let is_ours = |d| guest.ticket.certificate.fqdn.is_under(d);
        if !self.config.domains.iter().any(is_ours) {
            return Err(RegistrationError::WrongBlock);
        }
        let is_known = self.registry.get(guest.node()).is_some();
        if !is_known && self.registry.len() >= self.config.limits.max_nodes {
            return Err(RegistrationError::Overloaded);
        }
        Ok(())
    }

    /// A node that was never here: its addresses are stored before it is told.
    fn assign(&mut self, now: Now, guest: Guest) {
        if self.doors.waiting.len() >= MAX_WAITING {
            self.fx.counters.dropped.table_full += 1;
            return self.turn_away(now, guest, RegistrationError::Overloaded);
        }
        let node = guest.node();
        let certificate = &guest.ticket.certificate;
        match self.pool.take(node, certificate.virtual_v6) {
            Err(why) => self.turn_away(now, guest, refusal(why)),
            Ok(addrs) => {
                let fqdn = certificate.fqdn.clone();
                self.fx
                    .event(Event::Store(Assignment { node, fqdn, addrs }));
                self.warn_of_full_blocks();
                self.timers.set(now.mono + STORE_TIME, Timer::Stored(node));
                self.doors.waiting.insert(node, (guest, addrs));
            }
        }
    }

    fn warn_of_full_blocks(&mut self) {
        let (left, all) = self.pool.left();
        if left < all / 8 && !core::mem::replace(&mut self.is_nearly_full, true) {
            self.fx.event(Event::BlocksNearlyFull { left });
        }
    }

    /// The store answered, or did not in time.
    pub(crate) fn finish_assignment(
        &mut self,
        now: Now,
        node: NodeId,
        stored: Result<(), StoreError>,
    ) {
        let Some((guest, addrs)) = self.doors.waiting.remove(&node) else {
            return;
        };
        match stored {
            Ok(()) => self.admit(now, guest, addrs),
            Err(StoreError) => {
                self.pool.give_back(addrs);
                self.turn_away(now, guest, RegistrationError::Storage);
            }
        }
    }

    /// Says no, under the node's key, and keeps no session: its id is zero.
    fn turn_away(&mut self, now: Now, guest: Guest, error: RegistrationError) {
        self.fx.counters.refused_registrations += 1;
        let tx = guest.registration().map_or(TxId(0), |r| r.tx);
        let response = Message::from(RegistrationResponse {
            tx,
            result: Err(error),
        });
        tracing::trace!(kind = ?response.kind(), "sealed");
        self.accept(now, guest, 0, &emit_all(&[response]));
    }

    /// Takes a guest in: its registration, its other messages, its session.
    fn admit(&mut self, now: Now, guest: Guest, addrs: VirtualAddrs) {
        let node = guest.node();
        let visit = self.introduce(&guest, addrs, now.mono);
        let (first, others): (Vec<_>, Vec<_>) = guest
            .messages
            .iter()
            .cloned()
            .partition(|m| matches!(m, Message::RegistrationRequest(_)));
        for message in first.into_iter().take(1) {
            self.handle_node_message(now, node, visit, message);
        }
        if !visit.is_stale {
            others
                .into_iter()
                .for_each(|m| self.handle_node_message(now, node, visit, m));
        }
        let replies = self.take_replies(To::Node(node), ACCEPT_ROOM);
        let (sid, peer_sid) = (self.fx.u64(), guest.mark.0);
        let Some(keys) = self.accept(now, guest, sid, &replies) else {
            return;
        };
        self.owners.insert(sid, Owner::Node(node));
        let session = Session::new(sid, peer_sid, &keys);
        let dead = self
            .registry
            .get_mut(node)
            .and_then(|n| n.sessions.install(session, visit.trust));
        self.forget_sessions(dead);
        self.fx.counters.sessions += 1;
        self.watch(now.mono, node);
    }

    /// Makes the node known, and judges what its Hello is worth.
    fn introduce(&mut self, guest: &Guest, addrs: VirtualAddrs, now: Mono) -> Visit {
        let (id, certificate) = (guest.node(), &guest.ticket.certificate);
        self.names.add(&certificate.fqdn);
        certificate.account().iter().for_each(|a| self.names.add(a));
        if self.registry.get(id).is_none() {
            let epoch = self.pool.epoch(certificate.virtual_v6);
            self.registry
                .insert(id, Node::new(certificate, addrs, epoch, guest.from));
        }
        let epoch = guest.registration().map(|r| r.epoch);
        let mut visit = Visit {
            from: guest.from,
            trust: Trust::Unproven,
            is_stale: false,
            is_hello: true,
            room: usize::MAX,
        };
        if let Some(node) = self.registry.get_mut(id) {
            renew_certificate(node, certificate);
            if epoch > Some(node.epoch) {
                visit.trust = Trust::Fresh;
            }
            visit.is_stale = epoch.is_some_and(|e| e < node.epoch);
            if visit.trust == Trust::Fresh || !node.sessions.is_open() {
                node.observed = guest.from;
            }
            node.last_heard = now;
        }
        visit
    }

    /// Finishes the handshake with `replies` inside, and remembers the Accept for a Hello that comes
    /// again.
    fn accept(
        &mut self,
        now: Now,
        mut guest: Guest,
        sid: u64,
        replies: &[u8],
    ) -> Option<ntm_wire::noise::SessionKeys> {
        let mut w = Writer::new();
        w.u64(sid);
        w.put(replies);
        let noise = guest.handshake.write(&w.into_bytes()).ok()?;
        let header = Header {
            kind: PacketType::Accept,
            selector: guest.mark.0,
            counter: 0,
        };
        let accept = [header.emit(), noise].concat();
        self.fx.counters.sent.accepts += 1;
        self.fx.send(guest.from, accept.clone());
        self.doors.keep_accept(now.mono, guest.mark, accept);
        guest.handshake.finish().ok()
    }
}

impl Guest {
    fn node(&self) -> NodeId {
        self.ticket.certificate.node_id()
    }

    fn registration(&self) -> Option<&RegistrationRequest> {
        self.messages.iter().find_map(|m| {
            if let Message::RegistrationRequest(r) = m {
                Some(r)
            } else {
                None
            }
        })
    }
}

/// The cookie field, a length byte of 0 or 24 in front, and the handshake message.
fn split(body: &[u8]) -> Option<(Option<&[u8; COOKIE_LEN]>, &[u8])> {
    match body.split_first()? {
        (0, noise) => Some((None, noise)),
        (&n, rest) if usize::from(n) == COOKIE_LEN => {
            let (cookie, noise) = rest.split_first_chunk()?;
            Some((Some(cookie), noise))
        }
        _ => None,
    }
}

fn proof_of(ticket: &Ticket, sid: u64, own: &KeyPair, body: &[u8]) -> SecretKey {
    let key = derive(&ticket.node_key, "ntm hello proof", &[]);
    SecretKey::new(hmac_sha256(
        &key,
        &[&sid.to_be_bytes(), &own.server().0, &sha256(&[body])],
    ))
}

fn renew_certificate(node: &mut Node, certificate: &IdentityCertificate) {
    let is_newer = node
        .certificate()
        .is_none_or(|old| old.not_before < certificate.not_before);
    if is_newer {
        node.set_certificate(certificate);
    }
}

fn refusal(why: NoAddress) -> RegistrationError {
    match why {
        NoAddress::WrongBlock => RegistrationError::WrongBlock,
        NoAddress::Exhausted => RegistrationError::BlockExhausted,
    }
}
