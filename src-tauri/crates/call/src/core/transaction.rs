//! Transactions (RFC 3261, 17; RFC 6026) over a network that loses datagrams: what was asked and is sent
//! again, and what was answered and is answered the same way again.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

use ntm::wire::time::Mono;

use super::dialog::Dialog;
use super::{CallId, PersonId, TextId};
use crate::sip::{Head, Method, Outgoing};

/// The first wait for an answer (RFC 3261, T1).
pub(super) const T1: Duration = Duration::from_millis(500);
/// The longest wait between two sendings (RFC 3261, T2). INVITE and its 200 are capped by it too: without
/// a cap the next sending after an outage of 16 s would come 16 s late.
pub(super) const T2: Duration = Duration::from_secs(4);
/// How long what is over is remembered, and a request is repeated. RFC 3261 has 64 x T1 = 32 s; a total
/// outage may last 60.
pub(super) const LINGER: Duration = Duration::from_secs(64);

/// What a request of this device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To begin a call.
    Invite(CallId),
    /// To tell whether the other side still knows a call.
    Check(CallId),
    /// To hold or resume.
    Hold(CallId),
    /// To carry a text.
    Text(TextId),
    /// To tell somebody that this device is there, and to ask the same.
    Presence(PersonId),
    /// BYE and CANCEL: nobody waits for the answer.
    Farewell,
}

/// A request of this device.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) request: Outgoing,
    pub(super) to: SocketAddr,
    pub(super) purpose: Purpose,
    /// The answer to the final answer of an INVITE.
    pub(super) ack: Option<Vec<u8>>,
    /// Taken back before a final answer came.
    pub(super) cancelled: bool,
    bytes: Vec<u8>,
    again: Option<(Mono, Duration)>,
    expires: Option<Mono>,
}

/// Every request of this device that is under way or lingers.
#[derive(Debug, Default)]
pub(super) struct Clients(BTreeMap<(String, Method), Client>);

/// What a moment in time brought.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) send: Vec<(SocketAddr, Vec<u8>)>,
    pub(super) expired: Vec<(Purpose, SocketAddr)>,
}

impl Clients {
    /// Notes a request and gives its first datagram. `lifetime`: how long it is repeated; `None`: until
    /// it is answered or dropped.
    pub(super) fn begin(
        &mut self,
        now: Mono,
        request: Outgoing,
        to: SocketAddr,
        purpose: Purpose,
        lifetime: Option<Duration>,
    ) -> Vec<u8> {
        let bytes = request.to_bytes();
        let key = (request.branch.clone(), request.method.clone());
        let client = Client {
            request,
            to,
            purpose,
            ack: None,
            cancelled: false,
            bytes: bytes.clone(),
            again: Some((now + T1, T1)),
            expires: lifetime.map(|l| now + l),
        };
        self.0.insert(key, client);
        bytes
    }

    /// The request that an answer from `from` belongs to.
    pub(super) fn get(
        &mut self,
        branch: &str,
        method: &Method,
        from: IpAddr,
    ) -> Option<&mut Client> {
        let key = (branch.to_owned(), method.clone());
        self.0.get_mut(&key).filter(|c| c.to.ip() == from)
    }

    /// The INVITE of this branch.
    pub(super) fn invite(&mut self, branch: &str) -> Option<&mut Client> {
        self.0.get_mut(&(branch.to_owned(), Method::Invite))
    }

    /// Forgets a request.
    pub(super) fn remove(&mut self, branch: &str, method: &Method) {
        self.0.remove(&(branch.to_owned(), method.clone()));
    }

    /// Forgets every request for this purpose.
    pub(super) fn forget(&mut self, purpose: Purpose) {
        self.0.retain(|_, c| c.purpose != purpose);
    }

    pub(super) fn any(&self, purpose: Purpose) -> bool {
        self.0.values().any(|c| c.purpose == purpose)
    }

    /// The INVITEs of a call that have no final answer, by branch.
    pub(super) fn open_invites(&self, call: CallId) -> Vec<String> {
        let open =
            |c: &&Client| c.purpose == Purpose::Invite(call) && c.ack.is_none() && !c.cancelled;
        let open = self.0.values().filter(open);
        open.map(|c| c.request.branch.clone()).collect()
    }

    /// A way to this peer is back: what waits for an answer goes at once, and as if it were new.
    pub(super) fn hurry(&mut self, now: Mono, peer: impl Fn(IpAddr) -> bool) {
        let waiting = self.0.values_mut().filter(|c| c.again.is_some());
        for client in waiting.filter(|c| peer(c.to.ip())) {
            client.again = Some((now, T1));
        }
    }

    pub(super) fn due(&mut self, now: Mono) -> Due {
        let mut due = Due::default();
        for client in self.0.values_mut() {
            if let Some(gap) = is_due(&mut client.again, now) {
                client.again = Some((now + gap, gap));
                due.send.push((client.to, client.bytes.clone()));
            }
        }
        self.0.retain(|_, c| {
            let is_over = c.expires.is_some_and(|t| t <= now);
            if is_over && c.again.is_some() {
                due.expired.push((c.purpose, c.to));
            }
            !is_over
        });
        due
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        let times = self
            .0
            .values()
            .flat_map(|c| [c.again.map(|(t, _)| t), c.expires]);
        times.flatten().min()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Client {
    /// It was heard: no need to repeat it.
    pub(super) fn settle(&mut self) {
        self.again = None;
    }

    /// It was accepted: the ACK is sent again whenever the 200 is, which may be for as long as
    /// [`Answer::UntilAck`] says.
    pub(super) fn acknowledged(&mut self, now: Mono, ack: Vec<u8>) {
        self.again = None;
        self.ack = Some(ack);
        self.expires = Some(now + LINGER * 3);
    }

    /// It lingers only for what comes late.
    pub(super) fn linger(&mut self, now: Mono) {
        self.again = None;
        self.expires = Some(now + LINGER);
    }
}

/// Which transaction a request belongs to (RFC 3261, 17.2.3), with the address it came from: what comes
/// from elsewhere is another's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    branch: String,
    sent_by: String,
    from: IpAddr,
    method: Method,
}

impl Key {
    /// ACK and CANCEL belong to the INVITE's.
    pub(super) fn of(head: &Head, from: SocketAddr) -> Self {
        let is_invites = matches!(head.cseq_method, Method::Ack | Method::Cancel);
        let method = if is_invites {
            Method::Invite
        } else {
            head.cseq_method.clone()
        };
        Self {
            branch: head.via.branch.clone(),
            sent_by: head.via.sent_by.clone(),
            from: from.ip(),
            method,
        }
    }
}

/// A request of somebody else's.
#[derive(Debug)]
pub(super) struct Server {
    /// To be answered: its fields stand in the answer.
    pub(super) head: Head,
    pub(super) from: SocketAddr,
    /// The tag of this side in the answers.
    pub(super) tag: String,
    /// The call that it began.
    pub(super) call: Option<CallId>,
    /// This side hung up before the ACK came: the BYE must wait for it (RFC 3261, 15).
    parting: Option<Dialog>,
    is_final: bool,
    answer: Vec<u8>,
    again: Option<(Mono, Duration)>,
    expires: Option<Mono>,
    number: u64,
}

/// Everybody else's requests, those that wait for an answer and those that were answered.
#[derive(Debug, Default)]
pub(super) struct Servers {
    all: BTreeMap<Key, Server>,
    count: u64,
}

/// How an answer is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// More will follow: repeated when the request is.
    Provisional,
    /// The last one: repeated when the request is, and forgotten after a while.
    Final,
    /// The last one to an INVITE: repeated until its ACK comes.
    UntilAck,
}

impl Server {
    fn is_refused(&self) -> bool {
        !self.answer.starts_with(b"SIP/2.0 2")
    }
}

impl Servers {
    pub(super) fn get(&self, key: &Key) -> Option<&Server> {
        self.all.get(key)
    }

    /// The answer to give again, when the request was answered already.
    pub(super) fn repeat(&self, key: &Key) -> Option<(SocketAddr, Vec<u8>)> {
        self.all.get(key).map(|s| (s.from, s.answer.clone()))
    }

    /// Whether this INVITE still waits for its final answer.
    pub(super) fn is_open(&self, key: &Key) -> bool {
        self.all.get(key).is_some_and(|s| !s.is_final)
    }

    /// Whether an answer is still repeated until its ACK comes.
    pub(super) fn waits_for_ack(&self, key: &Key) -> bool {
        self.all.get(key).is_some_and(|s| s.again.is_some())
    }

    /// The call that it began is over on this side; the other will be told when its ACK comes.
    pub(super) fn part(&mut self, key: &Key, dialog: Dialog) {
        if let Some(server) = self.all.get_mut(key) {
            server.parting = Some(dialog);
        }
    }

    /// What to say goodbye in, now that this ACK came.
    pub(super) fn parted(&mut self, ack: &Head, from: IpAddr) -> Option<(Key, Dialog)> {
        let is_it = |d: &Dialog| d.is_of(ack) && d.peer.ip() == from;
        let mut all = self.all.iter_mut();
        let (key, server) = all.find(|(_, s)| s.parting.as_ref().is_some_and(is_it))?;
        Some((key.clone(), server.parting.take()?))
    }

    /// Notes a request. When `room` is used up the oldest that was answered is forgotten, and if none was answered to the end,
    /// the oldest that was refused: whoever does not confirm that is none to wait for.
    pub(super) fn begin(
        &mut self,
        key: Key,
        (head, from): (Head, SocketAddr),
        tag: String,
        call: Option<CallId>,
        room: usize,
    ) {
        if self.all.len() >= room {
            let oldest = |of: &dyn Fn(&Server) -> bool| {
                let those = self.all.iter().filter(|(_, s)| s.is_final && of(s));
                those.min_by_key(|(_, s)| s.number).map(|(k, _)| k.clone())
            };
            let oldest = oldest(&|s| s.again.is_none()).or_else(|| oldest(&Server::is_refused));
            oldest.and_then(|k| self.all.remove(&k));
        }
        self.count += 1;
        let server = Server {
            head,
            from,
            tag,
            call,
            parting: None,
            is_final: false,
            answer: Vec::new(),
            again: None,
            expires: None,
            number: self.count,
        };
        self.all.insert(key, server);
    }

    /// Notes an answer.
    pub(super) fn answer(&mut self, now: Mono, key: &Key, bytes: Vec<u8>, kind: Answer) {
        let Some(server) = self.all.get_mut(key) else {
            return;
        };
        server.answer = bytes;
        server.is_final = kind != Answer::Provisional;
        server.again = (kind == Answer::UntilAck).then_some((now + T1, T1));
        server.expires = match kind {
            Answer::Provisional => None,
            Answer::Final => Some(now + LINGER),
            // A 200 that is not confirmed is repeated twice as long: the caller may sit in an outage.
            Answer::UntilAck => Some(now + LINGER * 2),
        };
    }

    /// The call that it began has another number now.
    pub(super) fn rename(&mut self, key: &Key, call: CallId) {
        if let Some(server) = self.all.get_mut(key) {
            server.call = Some(call);
        }
    }

    /// The ACK came.
    pub(super) fn settle(&mut self, now: Mono, key: &Key) {
        if let Some(server) = self.all.get_mut(key) {
            server.again = None;
            server.expires = Some(now + LINGER);
        }
    }

    /// As [`Clients::hurry`].
    pub(super) fn hurry(&mut self, now: Mono, peer: impl Fn(IpAddr) -> bool) {
        let waiting = self.all.values_mut().filter(|s| s.again.is_some());
        for server in waiting.filter(|s| peer(s.from.ip())) {
            server.again = Some((now, T1));
        }
    }

    pub(super) fn due(&mut self, now: Mono) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut send = Vec::new();
        self.all.retain(|_, s| s.expires.is_none_or(|t| t > now));
        for server in self.all.values_mut() {
            if let Some(gap) = is_due(&mut server.again, now) {
                server.again = Some((now + gap, gap));
                send.push((server.from, server.answer.clone()));
            }
        }
        send
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        let times = self
            .all
            .values()
            .flat_map(|s| [s.again.map(|(t, _)| t), s.expires]);
        times.flatten().min()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

/// The next wait, when it is time.
fn is_due(again: &mut Option<(Mono, Duration)>, now: Mono) -> Option<Duration> {
    again
        .filter(|(at, _)| *at <= now)
        .map(|(_, gap)| (gap * 2).min(T2))
}
