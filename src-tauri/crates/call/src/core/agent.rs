//! [`Agent`]: everything the telephone of one device decides.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;

use super::call::{Call, Effects};
use super::crowd::Crowd;
use super::device::Device;
use super::dialog::Dialog;
use super::presence::{PersonId, Sharing};
use super::random::Random;
use super::state::{Input, State};
use super::text::Texts;
use super::transaction::{Answer, Clients, Key, LINGER, Purpose, Servers};
use super::{By, CallId, Counters, EndReason, Event, Limits, TextId};
use crate::sdp::Wishes;
use crate::sip::{self, Head, Message, Method, Outgoing, Unread, Uri};

/// Who this device is, and what it allows.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its certified name.
    pub name: Fqdn,
    /// Its virtual addresses.
    pub v6: Ipv6Addr,
    /// The same, for gateways that speak IPv4.
    pub v4: Ipv4Addr,
    /// What it wants to hear.
    pub wishes: Wishes,
    /// What others may occupy.
    pub limits: Limits,
}

/// A datagram to send from the SIP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Its content.
    pub payload: Vec<u8>,
}

/// A question to the overlay: which devices does this name lead to? [`Agent::handle_found`] has the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What for.
    pub want: Want,
    /// The name.
    pub name: Fqdn,
}

/// What a [question](Ask) is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// To call.
    Call(CallId),
    /// To write.
    Text(TextId),
    /// To know whether the other side of a call is there.
    Reach(CallId),
    /// To know whether somebody is there.
    Presence(PersonId),
}

/// The telephone of one device. After each call of a method, poll for effects until there are none.
#[derive(Debug)]
pub struct Agent {
    pub(super) config: Config,
    pub(super) random: Random,
    pub(super) calls: BTreeMap<CallId, Call>,
    pub(super) clients: Clients,
    pub(super) servers: Servers,
    pub(super) texts: Texts,
    /// Calls that were given up while they rang here.
    pub(super) cancelled: Crowd,
    pub(super) sharing: Sharing,
    pub(super) effects: Effects,
    pub(super) counters: Counters,
    pub(super) incoming: u64,
}

impl Agent {
    /// An agent with a seed for its tags and branches.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        Self {
            config,
            random: Random::new(seed),
            calls: BTreeMap::new(),
            clients: Clients::default(),
            servers: Servers::default(),
            texts: Texts::default(),
            cancelled: Crowd::default(),
            sharing: Sharing::default(),
            effects: Effects::default(),
            counters: Counters::default(),
            incoming: 0,
        }
    }

    /// A datagram came to the SIP port from `device`, as the overlay certifies it.
    pub fn handle_datagram(
        &mut self,
        now: Mono,
        from: SocketAddr,
        device: &Device,
        datagram: &[u8],
    ) {
        self.counters.received += 1;
        match sip::parse(datagram) {
            Ok(Message::Request(request)) => self.handle_request(now, from, device, &request),
            Ok(Message::Response(response)) => self.handle_response(now, from, device, &response),
            Err(Unread::Refused(head, code, why)) => {
                self.counters.malformed += 1;
                if head.cseq_method != Method::Ack {
                    self.refuse(&head, from, (code, why), &[]);
                }
            }
            Err(Unread::Garbage) => self.counters.malformed += 1,
        }
    }

    /// The overlay's answer to an [`Ask`]: the devices, each reachable, or why there are none.
    pub fn handle_found(&mut self, now: Mono, want: Want, found: Result<Vec<Device>, EndReason>) {
        match want {
            Want::Call(id) => self.call_found(now, id, found),
            Want::Text(id) => self.text_found(now, id, found),
            Want::Reach(id) => self.reach_found(now, id, found.map(drop)),
            Want::Presence(id) => self.presence_found(now, id, found),
        }
    }

    /// A way to this device is back: what waits for an answer from it is sent at once. Sends nothing when
    /// nothing waits.
    pub fn handle_restored(&mut self, now: Mono, device: &Device) {
        self.clients.hurry(now, |ip| device.owns(ip));
        self.servers.hurry(now, |ip| device.owns(ip));
        self.presence_restored(now, device);
        self.handle_timeout(now);
    }

    /// The time of [`Agent::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Mono) {
        let due = self.clients.due(now);
        self.transmit_all(due.send);
        let again = self.servers.due(now);
        self.transmit_all(again);
        self.presence_timeout(now);
        for (purpose, _) in due.expired {
            self.given_up(now, purpose);
        }
        let due: Vec<CallId> = self
            .calls
            .values()
            .filter(|c| c.poll_timeout().is_some_and(|t| t <= now))
            .map(|c| c.id)
            .collect();
        for id in due {
            self.call_timeout(now, id);
        }
    }

    /// Hangs up, takes a call back that nobody answered, or declines one that rings.
    pub fn hang_up(&mut self, now: Mono, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let reason = match call.state {
            State::Active | State::Held => EndReason::HungUp { by: By::Here },
            State::Ringing if call.is_incoming() => {
                return self.decline(now, id, super::Decline::Declined);
            }
            State::Idle | State::Calling | State::Ringing | State::Ended(_) => EndReason::Cancelled,
        };
        self.end(now, id, reason);
    }

    /// A call that could not even begin.
    pub fn give_up(&mut self, id: CallId, reason: EndReason) {
        self.effects.events.push_back(Event::Ended {
            call: id,
            reason,
            device: None,
        });
    }

    /// Ends everything: this telephone goes away.
    pub fn stop(&mut self, now: Mono) {
        let all: Vec<CallId> = self.calls.keys().copied().collect();
        for id in all {
            self.end(now, id, EndReason::Stopped);
        }
        self.leave_presence(now);
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let (to, payload) = self.effects.transmits.pop_front()?;
        self.counters.sent += 1;
        Some(Transmit { to, payload })
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.effects.events.pop_front()
    }

    /// The next question to the overlay.
    pub fn poll_ask(&mut self) -> Option<Ask> {
        self.effects.asks.pop_front()
    }

    /// When to call [`Agent::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Mono> {
        let calls = self.calls.values().filter_map(Call::poll_timeout);
        let others = [
            self.clients.poll_timeout(),
            self.servers.poll_timeout(),
            self.sharing.poll_timeout(),
        ];
        calls.chain(others.into_iter().flatten()).min()
    }

    /// Whether there is something to tell.
    pub fn has_events(&self) -> bool {
        !self.effects.events.is_empty()
    }

    /// Where a call is.
    pub fn state(&self, id: CallId) -> State {
        self.calls.get(&id).map_or(State::Idle, |c| c.state)
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many requests and answers are remembered, for repeats.
    pub fn remembered(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// What was received, sent and refused.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether nobody fetches events: no more are made for others' sake.
    pub(super) fn is_full(&self) -> bool {
        self.effects.events.len() >= self.config.limits.events
    }

    /// Ends a call with everything that belongs to it, and tells whoever is concerned.
    pub(super) fn end(&mut self, now: Mono, id: CallId, reason: EndReason) {
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        call.step(Input::End(reason));
        self.clients.forget(Purpose::Check(id));
        self.clients.forget(Purpose::Hold(id));
        self.part(now, &mut call, reason);
        let why = reason.elsewhere();
        self.take_back(now, id, why);
        self.effects.events.push_back(Event::Ended {
            call: id,
            reason,
            device: call.device,
        });
    }

    /// Tells the other side that it is over, by whatever fits where the call was.
    fn part(&mut self, now: Mono, call: &mut Call, reason: EndReason) {
        let was_ended_there = reason == EndReason::HungUp { by: By::There };
        let dialog = call.dialog.take().filter(|_| !was_ended_there);
        let Some((key, _)) = &call.invite else {
            return dialog.into_iter().for_each(|d| self.farewell(now, d, None));
        };
        match dialog {
            Some(dialog) if self.servers.waits_for_ack(key) => self.servers.part(key, dialog),
            Some(dialog) => self.farewell(now, dialog, None),
            None if self.servers.is_open(key) => {
                let is_taken_back = matches!(
                    reason,
                    EndReason::Cancelled
                        | EndReason::AnsweredElsewhere
                        | EndReason::DeclinedElsewhere
                );
                let code = if is_taken_back {
                    (487, "Request Terminated")
                } else {
                    (480, "Temporarily Unavailable")
                };
                self.answer(now, key, code, &[], None, Answer::UntilAck);
            }
            None => self.servers.settle(now, key),
        }
    }

    /// A BYE.
    pub(super) fn farewell(&mut self, now: Mono, mut dialog: Dialog, why: Option<&'static str>) {
        let mut bye = dialog.request(Method::Bye, self.random.branch());
        bye.reason = why;
        self.begin(now, bye, dialog.peer, Purpose::Farewell, Some(LINGER));
    }

    /// Sends a request, and again until it is answered.
    pub(super) fn begin(
        &mut self,
        now: Mono,
        request: Outgoing,
        to: SocketAddr,
        purpose: Purpose,
        lifetime: Option<Duration>,
    ) {
        let bytes = self.clients.begin(now, request, to, purpose, lifetime);
        self.effects.transmits.push_back((to, bytes));
    }

    /// A request to a person, outside any call.
    pub(super) fn outgoing(
        &mut self,
        name: &Fqdn,
        call_id: &str,
        tag: &str,
        to: SocketAddr,
    ) -> Outgoing {
        let account = self.config.name.parent();
        let own = Uri::of(account.as_ref().unwrap_or(&self.config.name));
        let uri = Uri::of(name).to_string();
        Outgoing {
            method: Method::Options,
            own: self.own(to.ip()),
            branch: self.random.branch(),
            from: format!("<{own}>;tag={tag}"),
            to: format!("<{uri}>"),
            uri,
            call_id: call_id.to_owned(),
            cseq: 1,
            reason: None,
            presence: None,
            body: None,
        }
    }

    /// This device's SIP address in the family of `peer`.
    pub(super) fn own(&self, peer: IpAddr) -> SocketAddr {
        own_of(&self.config, peer)
    }

    /// Where a device listens for SIP.
    pub(super) fn sip_of(&self, device: &Device) -> SocketAddr {
        SocketAddr::new(device.v6.into(), sip::PORT)
    }

    pub(super) fn transmit(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        self.effects.transmits.push_back((to, bytes));
    }

    fn transmit_all(&mut self, all: Vec<(SocketAddr, Vec<u8>)>) {
        self.effects.transmits.extend(all);
    }

    /// Answers without remembering anything of it.
    pub(super) fn refuse(
        &mut self,
        head: &Head,
        from: SocketAddr,
        code: (u16, &str),
        extra: &[(&str, &str)],
    ) {
        let tag = self.random.tag();
        let own = self.own(from.ip());
        let bytes = sip::respond(head, code, Some(&tag), own, extra, None);
        self.transmit(from, bytes);
    }

    /// Answers a request that was noted, and remembers the answer.
    pub(super) fn answer(
        &mut self,
        now: Mono,
        key: &Key,
        code: (u16, &str),
        extra: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
        kind: Answer,
    ) {
        let Some(server) = self.servers.get(key) else {
            return;
        };
        let (to, own) = (server.from, self.own(server.from.ip()));
        let bytes = sip::respond(&server.head, code, Some(&server.tag), own, extra, body);
        self.servers.answer(now, key, bytes.clone(), kind);
        self.transmit(to, bytes);
    }

    fn given_up(&mut self, now: Mono, purpose: Purpose) {
        match purpose {
            Purpose::Text(id) => self.text_answered(id, 408, None),
            Purpose::Hold(id) => self.tell_hold(now, id),
            Purpose::Presence(id) => self.presence_given_up(id),
            Purpose::Invite(_) | Purpose::Check(_) | Purpose::Farewell => {}
        }
    }

    fn call_timeout(&mut self, now: Mono, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        if call.state.is_established() {
            self.tell_hold(now, id);
            self.reach_timeout(now, id);
        } else if call.give_up > now {
            self.glare_timeout(now, id);
        } else if call.is_incoming() {
            self.end(now, id, EndReason::Cancelled);
        } else {
            let has_rung = call.state == State::Ringing;
            let reason = if has_rung {
                EndReason::NoAnswer
            } else {
                EndReason::NoResponse
            };
            self.end(now, id, reason);
        }
    }
}

/// The SIP address of the device with this configuration, in the family of `peer`.
pub(super) fn own_of(config: &Config, peer: IpAddr) -> SocketAddr {
    let ip = match peer {
        IpAddr::V4(_) => config.v4.into(),
        IpAddr::V6(_) => config.v6.into(),
    };
    SocketAddr::new(ip, sip::PORT)
}
