//! The control session with the DC: requests, their retransmission, and the way back from a lost session.

use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{InterfaceId, TxId};
use ntm_wire::message::{Message, Messages, emit_all, pad_to};
use ntm_wire::noise::SessionKeys;
use ntm_wire::replay::ReplayWindow;
use ntm_wire::seal::{OpeningKey, SealingKey, TAG_LEN};
use ntm_wire::time::Mono;

use super::hello::{Challenge, Credentials, Hello, NotAccepted};
use super::retry::{Due, Retry, smooth};
use crate::effects::Effects;
use crate::handover::locals::{Class, Port};
use crate::log;

/// The interface that heard it, and where the DC is.
type Place = (InterfaceId, RealAddr);

/// One established session.
#[derive(Debug)]
struct Session {
    sid: u64,
    dc_sid: u64,
    sealing: SealingKey,
    opening: OpeningKey,
    counter: u64,
    window: ReplayWindow,
}

#[derive(Debug)]
struct Pending {
    message: Message,
    retry: Retry,
}

/// The node's end towards its DC.
#[derive(Debug)]
pub(crate) struct DcSession {
    addrs: Vec<RealAddr>,
    at: usize,
    /// The interface from which the DC answered last; none: the preferred one.
    on: Option<InterfaceId>,
    hello: Option<Hello>,
    session: Option<Session>,
    previous: Option<Session>,
    pending: BTreeMap<TxId, Pending>,
    wants_hello: bool,
    /// The system refused the way that the Hello took first, and it went every other way.
    went_everywhere: bool,
    pub(crate) rtt: Option<Duration>,
    pub(crate) last_sent: Mono,
}

impl DcSession {
    pub(crate) fn new(addrs: Vec<RealAddr>, now: Mono) -> Self {
        Self {
            addrs,
            at: 0,
            on: None,
            hello: None,
            session: None,
            previous: None,
            pending: BTreeMap::new(),
            wants_hello: false,
            went_everywhere: false,
            rtt: None,
            last_sent: now,
        }
    }

    /// Takes a Challenge, an Accept or a Control datagram; returns the messages in it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is, is not for this place"
    )]
    pub(crate) fn handle(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        dc: &ntm_wire::key::ServerKey,
        from: Place,
        d: Datagram<&mut [u8]>,
    ) -> Vec<Message> {
        match d.kind() {
            PacketType::Challenge => {
                self.take_challenge(now, fx, dc, from, &d);
                Vec::new()
            }
            PacketType::Accept => self.take_accept(now, fx, from, &d),
            _ => self.take_control(fx, d),
        }
    }

    fn take_challenge(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        dc: &ntm_wire::key::ServerKey,
        from: Place,
        d: &Datagram<&mut [u8]>,
    ) {
        let Some(hello) = self.hello.as_mut().filter(|h| h.sid == d.selector()) else {
            fx.counters.unknown_selector += 1;
            return;
        };
        match hello.take_challenge(dc, d, now) {
            Challenge::Taken => {
                let datagram = hello.datagram();
                self.adopt(fx, from);
                self.transmit(now, fx, datagram);
            }
            Challenge::Known => fx.counters.replayed += 1,
            Challenge::Forged => fx.counters.bad_seal += 1,
        }
    }

    fn take_accept(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        from: Place,
        d: &Datagram<&mut [u8]>,
    ) -> Vec<Message> {
        let Some(hello) = self.hello.take_if(|h| h.sid == d.selector()) else {
            fx.counters.unknown_selector += 1;
            return Vec::new();
        };
        let sid = hello.sid;
        if let Some(sample) = hello.retry.sample(now) {
            self.rtt = Some(smooth(self.rtt, sample));
        }
        match hello.accept(d.body()) {
            Ok(accepted) => {
                self.adopt(fx, from);
                // A session id of zero: the DC has an answer, but keeps no session.
                if accepted.dc_sid != 0 {
                    self.previous =
                        self.session
                            .replace(Session::new(sid, accepted.dc_sid, &accepted.keys));
                }
                accepted.messages
            }
            Err(NotAccepted::Forged(hello)) => {
                self.hello = Some(*hello);
                fx.counters.bad_seal += 1;
                Vec::new()
            }
            Err(NotAccepted::Broken) => {
                fx.counters.malformed += 1;
                Vec::new()
            }
        }
    }

    fn take_control(&mut self, fx: &mut Effects, d: Datagram<&mut [u8]>) -> Vec<Message> {
        let sessions = [self.session.as_mut(), self.previous.as_mut()];
        let Some(session) = sessions
            .into_iter()
            .flatten()
            .find(|s| s.sid == d.selector())
        else {
            fx.counters.unknown_selector += 1;
            return Vec::new();
        };
        session.open(fx, d)
    }

    /// Sends a request and again until [`DcSession::answered`] or [`DcSession::handle_timeout`] gives it up.
    pub(crate) fn request(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        tx: TxId,
        message: Message,
        rto: Option<Duration>,
    ) {
        let retry = rto.map_or_else(
            || Retry::new(now, self.rtt),
            |rto| Retry::with_rto(now, rto),
        );
        if self.session.is_some() {
            self.send(now, fx, core::slice::from_ref(&message));
        } else {
            self.wants_hello |= self.hello.is_none();
        }
        self.pending.insert(tx, Pending { message, retry });
    }

    /// Puts a request beside the others, to go out with the next Hello.
    pub(crate) fn enqueue(&mut self, now: Mono, tx: TxId, message: Message) {
        self.pending.insert(
            tx,
            Pending {
                message,
                retry: Retry::new(now, self.rtt),
            },
        );
    }

    /// Whether a request waits for its answer.
    pub(crate) fn is_pending(&self, tx: TxId) -> bool {
        self.pending.contains_key(&tx)
    }

    /// A request is void: a newer one takes its place.
    pub(crate) fn forget(&mut self, tx: TxId) {
        self.pending.remove(&tx);
    }

    /// Sends messages that nobody answers.
    pub(crate) fn send(&mut self, now: Mono, fx: &mut Effects, messages: &[Message]) {
        if let Some(datagram) = self.session.as_mut().map(|s| s.seal(messages)) {
            self.transmit(now, fx, datagram);
        }
    }

    /// A request was answered; `None` when nobody waits for this transaction.
    pub(crate) fn answered(&mut self, now: Mono, tx: TxId) -> Option<Message> {
        let pending = self.pending.remove(&tx)?;
        if let Some(sample) = pending
            .retry
            .sample(now)
            .filter(|_| !matches!(pending.message, Message::DirectionRequest(_)))
        {
            self.rtt = Some(smooth(self.rtt, sample));
        }
        Some(pending.message)
    }

    /// The network is another one: a Hello under way speaks of the old one, and waits for its turn.
    pub(crate) fn restart_hello(&mut self) {
        self.wants_hello |= self.hello.take().is_some();
    }

    /// Whether a Hello should be built; the caller does, since it needs a registration.
    pub(crate) fn wants_hello(&self) -> bool {
        self.wants_hello
    }

    /// Opens a new session with everything that waits; `registration` goes first.
    pub(crate) fn start_hello(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        c: &Credentials<'_>,
        registration: TxId,
    ) {
        (self.wants_hello, self.went_everywhere) = (false, false);
        let first = self.pending.get(&registration).map(|p| &p.message);
        let others = self
            .pending
            .iter()
            .filter(|(tx, _)| **tx != registration)
            .map(|(_, p)| &p.message);
        let messages: Vec<Message> = first.into_iter().chain(others).cloned().collect();
        self.hello = Hello::new(c, &messages, now, fx);
        if let Some(datagram) = self.hello.as_ref().map(Hello::datagram) {
            self.transmit(now, fx, datagram);
        }
    }

    /// Retransmits; returns the requests that are given up.
    pub(crate) fn handle_timeout(&mut self, now: Mono, fx: &mut Effects) -> Vec<Message> {
        self.retry_hello(now, fx);
        let mut given_up = Vec::new();
        for (tx, pending) in &mut self.pending {
            match pending.retry.due(now) {
                Due::Wait => {}
                // Rule 9: a retransmission carries the ticket, so that a DC that restarted can answer.
                Due::Again => self.wants_hello |= self.hello.is_none(),
                Due::GiveUp => given_up.push(*tx),
            }
        }
        given_up
            .into_iter()
            .filter_map(|tx| self.pending.remove(&tx))
            .map(|p| p.message)
            .collect()
    }

    fn retry_hello(&mut self, now: Mono, fx: &mut Effects) {
        let Some(hello) = self.hello.as_mut() else {
            return;
        };
        match hello.retry.due(now) {
            Due::Wait => {}
            Due::Again => {
                let datagram = hello.datagram();
                self.transmit_everywhere(now, fx, &datagram);
            }
            Due::GiveUp => {
                self.hello = None;
                self.wants_hello = !self.pending.is_empty();
            }
        }
    }

    fn transmit(&mut self, now: Mono, fx: &mut Effects, datagram: Vec<u8>) {
        self.last_sent = now;
        let Some(to) = self.addr() else { return };
        let on = self.on.filter(|on| fx.locals.has(Port::of(*on, to)));
        fx.send(on.unwrap_or(fx.locals.home(to)), to, datagram);
    }

    /// A question that had no answer goes to every address from every interface: which of them gets through
    /// is not known, and the preferred interface may have fallen silent.
    fn transmit_everywhere(&mut self, now: Mono, fx: &mut Effects, datagram: &[u8]) {
        self.last_sent = now;
        let ports = fx.locals.ports();
        for to in &self.addrs {
            let fits = |p: &&Port| p.class == Class::of(*to);
            let from: Vec<InterfaceId> = ports.iter().filter(fits).map(|p| p.interface).collect();
            if from.is_empty() {
                fx.send_home(*to, datagram.to_vec());
            }
            from.into_iter()
                .for_each(|on| fx.send(on, *to, datagram.to_vec()));
        }
    }

    /// The system refuses to send to the DC this way: whatever waits for an answer goes every other way at
    /// once, not after two retransmissions.
    pub(crate) fn handle_unreachable(&mut self, now: Mono, fx: &mut Effects, to: RealAddr) {
        if self.addr() != Some(to) || self.went_everywhere {
            return;
        }
        let Some(hello) = &self.hello else {
            self.wants_hello |= !self.pending.is_empty();
            return;
        };
        self.went_everywhere = true;
        let datagram = hello.datagram();
        self.transmit_everywhere(now, fx, &datagram);
    }

    /// The preferred interface has news: it is tried first again.
    pub(crate) fn come_home(&mut self) {
        self.on = None;
    }

    /// Where the DC is reached from the network the node is in now, best first.
    pub(crate) fn set_addrs(&mut self, addrs: Vec<RealAddr>) {
        let in_use = self.addr();
        self.at = addrs.iter().position(|a| Some(*a) == in_use).unwrap_or(0);
        self.addrs = addrs;
    }

    /// The DC has answered from there.
    fn adopt(&mut self, fx: &Effects, (on, from): Place) {
        self.on = Some(on).filter(|on| fx.locals.home(from) != *on);
        if let Some(at) = self.addrs.iter().position(|a| *a == from) {
            self.at = at;
        }
    }

    /// The address in use.
    pub(crate) fn addr(&self) -> Option<RealAddr> {
        self.addrs.get(self.at).copied()
    }

    /// Whether the DC answers on port 443 and on another of its ports did not.
    pub(crate) fn is_on_443(&self) -> bool {
        let is_443 = |a: RealAddr| a.0.port() == 443;
        self.addr().is_some_and(is_443) && self.addrs.iter().any(|a| !is_443(*a))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let hello = self.hello.as_ref().map(|h| h.retry.next());
        self.pending
            .values()
            .map(|p| p.retry.next())
            .chain(hello)
            .min()
    }
}

fn is_registration(message: &Message) -> bool {
    matches!(message, Message::RegistrationRequest(_))
}

impl Session {
    fn new(sid: u64, dc_sid: u64, keys: &SessionKeys) -> Self {
        Self {
            sid,
            dc_sid,
            sealing: SealingKey::new(&keys.send),
            opening: OpeningKey::new(&keys.recv),
            counter: 0,
            window: ReplayWindow::default(),
        }
    }

    fn seal(&mut self, messages: &[Message]) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Control,
            selector: self.dc_sid,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = header.emit();
        let from = out.len();
        log::sealed(messages);
        let mut content = emit_all(messages);
        // After a move the answer is held to three times the question, and lists all relays.
        if messages.iter().any(is_registration) {
            pad_to(&mut content, PADDED_LEN - HEADER_LEN - TAG_LEN);
        }
        out.extend(content);
        self.sealing
            .seal(header.counter, &[header.first_byte()], &mut out, from);
        out
    }

    fn open(&mut self, fx: &mut Effects, d: Datagram<&mut [u8]>) -> Vec<Message> {
        let (counter, aad) = (d.counter(), d.aad());
        if !self.window.is_fresh(counter) {
            fx.counters.replayed += 1;
            return Vec::new();
        }
        let Ok(content) = self.opening.open(counter, &aad, d.into_body_mut()) else {
            fx.counters.bad_seal += 1;
            return Vec::new();
        };
        self.window.mark(counter);
        let messages = Messages::parse_all(content).unwrap_or_else(|_| {
            fx.counters.malformed += 1;
            Vec::new()
        });
        log::opened(&messages);
        messages
    }
}
