//! The called side: it rings, and somebody takes it, or not.

use core::net::SocketAddr;

use ntm::wire::time::Mono;

use super::agent::Agent;
use super::call::{Call, NO_CANCEL};
use super::caller::COMPLETED_ELSEWHERE;
use super::device::Device;
use super::dialog::Dialog;
use super::state::Input;
use super::transaction::{Answer, Key};
use super::{CallId, Decline, EndReason, Event};
use crate::sdp::{self, Described, Direction};
use crate::sip::{Head, Request};

impl Agent {
    /// Takes a call that rings; `port` is where this device hears.
    pub fn accept(&mut self, now: Mono, id: CallId, port: u16) {
        let wishes = self.config.wishes;
        let session = self.random.number();
        let Some(call) = self.calls.get_mut(&id).filter(|c| c.is_incoming()) else {
            return;
        };
        let (Some((key, offer)), Some(device)) = (call.invite.clone(), call.device.clone()) else {
            return;
        };
        let Some(server) = self.servers.get(&key) else {
            return;
        };
        let own = super::agent::own_of(&self.config, server.from.ip());
        let dialog = Dialog::of_callee(
            &server.head,
            call.contact.as_deref(),
            &server.tag,
            (own, server.from),
            &device,
        );
        let (Some(dialog), Ok(media)) = (dialog, offer.agree()) else {
            return;
        };
        call.port = port;
        call.session = session;
        call.dialog = Some(dialog);
        call.media = Some(media);
        call.alive.heard(now);
        call.step(Input::Answered);
        let answer = sdp::answer(call.origin(own), wishes, &media, Direction::SendRecv);
        let body = Some((sdp::KIND, answer.as_slice()));
        self.answer(now, &key, (200, "OK"), &[], body, Answer::UntilAck);
        self.effects.events.push_back(Event::Answered {
            call: id,
            device,
            media,
        });
    }

    /// Refuses a call that rings.
    pub fn decline(&mut self, now: Mono, id: CallId, how: Decline) {
        let Some(call) = self.calls.get(&id).filter(|c| c.is_incoming()) else {
            return;
        };
        let (code, reason) = match how {
            Decline::Busy => ((486, "Busy Here"), EndReason::Busy),
            Decline::Declined => ((603, "Decline"), EndReason::Declined),
        };
        if let Some((key, _)) = call.invite.clone() {
            self.answer(now, &key, code, &[], None, Answer::UntilAck);
            self.forget_invite(id);
        }
        self.end(now, id, reason);
    }

    /// The INVITE has its last answer: ending the call gives it no other.
    fn forget_invite(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.invite = None;
        }
    }

    pub(super) fn handle_invite(
        &mut self,
        now: Mono,
        from: SocketAddr,
        device: &Device,
        request: &Request,
    ) {
        let offer = match self.screen(now, from, device, request) {
            Ok(offer) => offer,
            Err(code) => return self.refuse(&request.head, from, code, &[]),
        };
        let key = Key::of(&request.head, from);
        let own_call = self.calls.values().find(|c| c.calls(device)).map(|c| c.id);
        match own_call {
            // Both call each other: the name that comes first goes on, the other side joins it.
            Some(_) if self.config.name < device.name => {
                self.refuse(&request.head, from, (491, "Request Pending"), &[]);
            }
            Some(id) => self.adopt(now, id, (key, offer), device, request, from),
            None => self.ring(now, (key, offer), device, request, from),
        }
    }

    /// What is offered, or why the call does not even ring.
    fn screen(
        &mut self,
        now: Mono,
        from: SocketAddr,
        device: &Device,
        request: &Request,
    ) -> Result<Described, (u16, &'static str)> {
        let head = &request.head;
        if head.from.tag.is_none() {
            return Err((400, "No Tag"));
        }
        if !self.is_mine(request) {
            return Err((404, "Not Found"));
        }
        if self.calls.values().any(|c| is_same_call(c, head, device)) {
            return Err((482, "Loop Detected"));
        }
        let offer = sdp::read(&request.content.body).map_err(|_| (488, "Not Acceptable Here"))?;
        if offer.agree().is_err() || !device.owns(offer.addr.ip()) {
            return Err((488, "Not Acceptable Here"));
        }
        let limits = self.config.limits;
        let rings = |c: &&Call| c.is_incoming() && c.device.as_ref() == Some(device);
        let is_own_call = self.calls.values().any(|c| c.calls(device));
        if self.calls.len() >= limits.calls || self.is_full() {
            self.counters.refused += 1;
            return Err((503, "Too Many Calls"));
        }
        let has_many = self.calls.values().filter(rings).count() >= limits.ringing_from_one;
        let gives_up = self
            .cancelled
            .is_over(now, from.ip(), limits.cancelled_from_one);
        if !is_own_call && (has_many || gives_up) {
            self.counters.refused += 1;
            return Err((486, "Busy Here"));
        }
        debug_assert!(device.owns(from.ip()), "the overlay certifies addresses");
        Ok(offer)
    }

    fn is_mine(&self, request: &Request) -> bool {
        let own = &self.config.name;
        let name = request.uri.name();
        let is_own = name.is_some_and(|n| n == *own || own.parent() == Some(n));
        is_own || request.uri.is_address()
    }

    fn ring(
        &mut self,
        now: Mono,
        invite: (Key, Described),
        device: &Device,
        request: &Request,
        from: SocketAddr,
    ) {
        self.incoming += 1;
        let id = CallId(self.incoming * 2 - 1);
        let key = invite.0.clone();
        self.enter(now, id, invite, device, request, from);
        self.answer(now, &key, (180, "Ringing"), &[], None, Answer::Provisional);
        let from = device.clone();
        self.effects
            .events
            .push_back(Event::Incoming { call: id, from });
    }

    /// The call of the other side takes the place of this side's to it.
    fn adopt(
        &mut self,
        now: Mono,
        id: CallId,
        invite: (Key, Described),
        device: &Device,
        request: &Request,
        from: SocketAddr,
    ) {
        let Some(own) = self.calls.remove(&id) else {
            return;
        };
        self.take_back(now, id, Some(COMPLETED_ELSEWHERE));
        self.enter(now, id, invite, device, request, from);
        self.accept(now, id, own.port);
    }

    fn enter(
        &mut self,
        now: Mono,
        id: CallId,
        invite: (Key, Described),
        device: &Device,
        request: &Request,
        from: SocketAddr,
    ) {
        let head = request.head.clone();
        let tag = self.random.tag();
        let mut call = Call::new(
            id,
            device.account(),
            head.call_id.clone(),
            tag.clone(),
            now + NO_CANCEL,
        );
        call.contact.clone_from(&request.contact);
        call.device = Some(device.clone());
        call.step(Input::Invited);
        let room = self.config.limits.remembered;
        self.servers
            .begin(invite.0.clone(), (head, from), tag, Some(id), room);
        call.invite = Some(invite);
        self.calls.insert(id, call);
    }
}

/// The same INVITE on another way (RFC 3261, 8.2.2.2).
fn is_same_call(call: &Call, head: &Head, device: &Device) -> bool {
    let is_theirs = call.device.as_ref() == Some(device) && call.forks.is_empty();
    is_theirs && call.call_id == head.call_id && call.invite.is_some()
}
