//! The link to one DC: reports go out over it, orders come in (Noise KK with pinned keys).
//!
//! A report that finds no session travels inside a LinkHello, and so does one that a session did not
//! deliver: a DC that restarted is found again without a word. A LinkHello *from* a DC may be a replay
//! of one from long ago, and an order to drain is nothing to take from a replay; so its orders wait
//! until the DC has used the session it opens.

mod session;

use core::time::Duration;
use std::collections::VecDeque;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::id::TxId;
use ntm_wire::key::{KeyPair, ServerKey};
use ntm_wire::message::{KeepAlive, Message, RelayReport};
use ntm_wire::noise::{Handshake, link_initiator, link_responder};
use ntm_wire::time::Mono;

use self::session::Session;
use crate::counters::DropReason;
use crate::effects::Effects;
use crate::event::Event;
use crate::limit::Backoff;
use crate::log;

/// A DC counts a relay as down when it hears nothing for three of these.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// However much the load changes, reports are this far apart.
const REPORT_GAP: Duration = Duration::from_secs(1);
/// A DC that did not answer is asked again this much later, doubled up to...
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// ...this: it comes back to a relay within a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The session in use, the one before it, and one that the DC may still be about to use.
const MAX_SESSIONS: usize = 3;
/// Sessions that a DC asked for and has not used.
const MAX_OFFERED: usize = 4;

/// One DC, as seen from here.
pub(crate) struct Link {
    key: ServerKey,
    selector: u64,
    addr: Option<RealAddr>,
    /// The one last used by the DC in front.
    sessions: VecDeque<Session>,
    offered: VecDeque<Offered>,
    asking: Option<Asking>,
    pending: Option<Pending>,
    next_report: Mono,
    last_report: Option<Mono>,
    has_news: bool,
    rtt: Option<Duration>,
    pause: Duration,
    is_up: Option<bool>,
}

/// A report that waits for its answer.
struct Pending {
    tx: TxId,
    content: Vec<u8>,
    backoff: Backoff,
    sent: Mono,
    due: Mono,
}

/// A LinkHello of ours, resent byte by byte.
struct Asking {
    sid: u64,
    handshake: Handshake,
    datagram: Vec<u8>,
}

/// A session that a DC asked for, with what it ordered.
struct Offered {
    /// Session id and ephemeral key: tells one LinkHello from another.
    mark: (u64, [u8; 32]),
    accept: Vec<u8>,
    session: Session,
    orders: Vec<Message>,
}

impl Link {
    pub(crate) fn new(key: ServerKey) -> Self {
        Self {
            key,
            selector: key.selector(),
            addr: None,
            sessions: VecDeque::new(),
            offered: VecDeque::new(),
            asking: None,
            pending: None,
            next_report: Mono::default(),
            last_report: None,
            has_news: false,
            rtt: None,
            pause: FIRST_PAUSE,
            is_up: None,
        }
    }

    pub(crate) fn set_addr(&mut self, addr: RealAddr) {
        self.addr = Some(addr);
    }

    pub(crate) fn key(&self) -> ServerKey {
        self.key
    }

    pub(crate) fn has_selector(&self, selector: u64) -> bool {
        self.selector == selector
    }

    /// Whether a session of this id, open or asked for, is this link's.
    pub(crate) fn has_session(&self, sid: u64) -> bool {
        self.sessions.iter().any(|s| s.sid() == sid)
            || self.offered.iter().any(|o| o.session.sid() == sid)
            || self.asking.as_ref().is_some_and(|a| a.sid == sid)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.addr?;
        Some(self.pending.as_ref().map_or(self.next_report, |p| p.due))
    }

    pub(crate) fn is_due(&self, now: Mono) -> bool {
        self.poll_timeout().is_some_and(|due| due <= now)
    }

    /// Something worth reporting happened.
    pub(crate) fn nudge(&mut self, now: Mono) {
        if self.pending.is_some() {
            self.has_news = true;
        } else if self.is_up != Some(false) {
            let earliest = self.last_report.map_or(now, |at| now.max(at + REPORT_GAP));
            self.next_report = self.next_report.min(earliest);
        }
    }

    /// Reports, or repeats itself, when that is due.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Mono,
        own: &KeyPair,
        fx: &mut Effects,
        report: impl FnOnce(TxId) -> RelayReport,
    ) {
        let Some(to) = self.addr.filter(|_| self.is_due(now)) else {
            return;
        };
        if let Some(pending) = &mut self.pending {
            match pending.backoff.next() {
                Some(wait) => {
                    pending.due = now + wait;
                    self.say_hello(to, own, fx);
                }
                None => self.give_up(now, fx),
            }
        } else {
            let tx = TxId(fx.u32());
            self.begin(now, tx, log::sealed(&[report(tx).into()]));
            if self.sessions.is_empty() {
                self.say_hello(to, own, fx);
            } else {
                self.say_pending(to, fx);
            }
        }
    }

    fn begin(&mut self, now: Mono, tx: TxId, content: Vec<u8>) {
        let mut backoff = Backoff::new(self.rtt);
        let due = now + backoff.next().unwrap_or_default();
        self.last_report = Some(now);
        self.has_news = false;
        self.asking = None;
        self.pending = Some(Pending {
            tx,
            content,
            backoff,
            sent: now,
            due,
        });
    }

    fn say_pending(&mut self, to: RealAddr, fx: &mut Effects) {
        if let (Some(session), Some(pending)) = (self.sessions.front_mut(), &self.pending) {
            fx.send(to, session.seal(&pending.content));
        }
    }

    fn say_hello(&mut self, to: RealAddr, own: &KeyPair, fx: &mut Effects) {
        if self.asking.is_none() {
            self.asking = self.ask(own, fx);
        }
        if let Some(asking) = &self.asking {
            fx.send(to, asking.datagram.clone());
        }
    }

    fn ask(&self, own: &KeyPair, fx: &mut Effects) -> Option<Asking> {
        let header = Header {
            kind: PacketType::LinkHello,
            selector: own.server().selector(),
            counter: fx.u64(),
        };
        let mut handshake = link_initiator(fx.bytes(), own, &self.key, &prologue(&header)).ok()?;
        let noise = handshake.write(&self.pending.as_ref()?.content).ok()?;
        Some(Asking {
            sid: header.counter,
            handshake,
            datagram: [header.emit(), noise].concat(),
        })
    }

    fn give_up(&mut self, now: Mono, fx: &mut Effects) {
        self.pending = None;
        self.asking = None;
        self.next_report = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if self.is_up != Some(false) {
            self.is_up = Some(false);
            fx.event(Event::Unlinked { dc: self.key });
        }
    }

    /// The DC has answered the report `tx`; `false` when none waits under it.
    pub(crate) fn answered(&mut self, now: Mono, tx: TxId, fx: &mut Effects) -> bool {
        let Some(pending) = self.pending.take_if(|p| p.tx == tx) else {
            return false;
        };
        if pending.backoff.is_first() {
            self.rtt = Some(now.since(pending.sent));
        }
        let wait = if self.has_news {
            REPORT_GAP
        } else {
            REPORT_EVERY
        };
        self.next_report = now.max(pending.sent + wait);
        self.pause = FIRST_PAUSE;
        fx.counters.reports += 1;
        if self.is_up != Some(true) {
            self.is_up = Some(true);
            fx.event(Event::Linked { dc: self.key });
        }
        true
    }

    /// The DC took the link we asked for; what it says in the same breath.
    pub(crate) fn handle_accept(
        &mut self,
        d: &Datagram<&mut [u8]>,
    ) -> Result<Vec<Message>, DropReason> {
        let asking = self.asking.as_mut().filter(|a| a.sid == d.selector());
        let asking = asking.ok_or(DropReason::BadLink)?;
        let content = asking.handshake.read(d.body());
        let content = content.map_err(|_| DropReason::BadLink)?;
        let mut asking = self.asking.take().ok_or(DropReason::BadLink)?;
        let keys = asking.handshake.finish().map_err(|_| DropReason::BadLink)?;
        self.install(Session::new(asking.sid, d.counter(), &keys));
        log::opened(&content).map_err(|_| DropReason::BadLink)
    }

    fn install(&mut self, session: Session) {
        self.sessions.push_front(session);
        self.sessions.truncate(MAX_SESSIONS);
    }

    /// The LinkAccept for a LinkHello that came before, if it is still known.
    pub(crate) fn accept_again(&self, d: &Datagram<&mut [u8]>) -> Option<Vec<u8>> {
        let mark = mark_of(d)?;
        let offered = self.offered.iter().find(|o| o.mark == mark);
        offered.map(|o| o.accept.clone())
    }

    /// The DC asks for a link: the LinkAccept, no longer than the question.
    pub(crate) fn handle_hello(
        &mut self,
        own: &KeyPair,
        d: &Datagram<&mut [u8]>,
        fx: &mut Effects,
    ) -> Result<Vec<u8>, DropReason> {
        let (header, mark) = (d.header(), mark_of(d).ok_or(DropReason::BadLink)?);
        let opened = link_responder(fx.bytes(), own, &self.key, &prologue(&header))
            .and_then(|mut h| h.read(d.body()).map(|content| (h, content)));
        let (mut handshake, content) = opened.map_err(|_| DropReason::BadLink)?;
        let orders = log::opened(&content).map_err(|_| DropReason::BadLink)?;
        let sid = fx.u64();
        let answer = Header {
            kind: PacketType::LinkAccept,
            selector: header.counter,
            counter: sid,
        };
        // The DC's answer to this keep-alive is what proves the session.
        let prove = KeepAlive {
            tx: TxId(fx.u32()),
            is_reply: false,
        };
        let noise = handshake.write(&log::sealed(&[prove.into()]));
        let accept = [answer.emit(), noise.map_err(|_| DropReason::BadLink)?].concat();
        let keys = handshake.finish().map_err(|_| DropReason::BadLink)?;
        if accept.len() > HEADER_LEN + d.body().len() {
            return Err(DropReason::Unpadded);
        }
        self.offered.push_front(Offered {
            mark,
            accept: accept.clone(),
            session: Session::new(sid, header.counter, &keys),
            orders,
        });
        self.offered.truncate(MAX_OFFERED);
        Ok(accept)
    }

    /// A Control packet of one of this link's sessions: its messages, behind the orders that waited.
    pub(crate) fn open(&mut self, d: Datagram<&mut [u8]>) -> Result<Vec<Message>, DropReason> {
        let sid = d.selector();
        if let Some(at) = self.sessions.iter().position(|s| s.sid() == sid) {
            let messages = self.sessions[at].open(d)?;
            self.sessions.swap(0, at);
            return Ok(messages);
        }
        let at = self.offered.iter().position(|o| o.session.sid() == sid);
        let at = at.ok_or(DropReason::BadLink)?;
        let messages = self.offered[at].session.open(d)?;
        let offered = self.offered.remove(at).ok_or(DropReason::BadLink)?;
        self.install(offered.session);
        Ok([offered.orders, messages].concat())
    }

    /// Says something on the session that the DC last used.
    pub(crate) fn say(&mut self, asker: RealAddr, messages: &[Message], fx: &mut Effects) {
        if let (Some(session), false) = (self.sessions.front_mut(), messages.is_empty()) {
            fx.send(
                self.addr.unwrap_or(asker),
                session.seal(&log::sealed(messages)),
            );
        }
    }
}

fn mark_of(d: &Datagram<&mut [u8]>) -> Option<(u64, [u8; 32])> {
    d.body().first_chunk().map(|e| (d.counter(), *e))
}

fn prologue(header: &Header) -> Vec<u8> {
    [b"ntm link 1".as_slice(), &header.emit()].concat()
}
