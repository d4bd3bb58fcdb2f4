//! The calling side: an INVITE to each device of a person, and what they answer.

use core::net::SocketAddr;
use core::time::Duration;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;

use super::agent::{Agent, Ask, Want};
use super::call::{Call, Fork, NO_ANSWER, Stage};
use super::device::Device;
use super::dialog::Dialog;
use super::state::Input;
use super::transaction::{LINGER, Purpose};
use super::{CallId, EndReason, Event};
use crate::sdp::{self, Direction, Media};
use crate::sip::{Method, Outgoing, Response};

/// Why an INVITE is taken back: another device answered (RFC 3326).
pub(super) const COMPLETED_ELSEWHERE: &str = r#"SIP;cause=200;text="Call completed elsewhere""#;
/// Why an INVITE is taken back: another device declined.
pub(super) const DECLINED_ELSEWHERE: &str = r#"SIP;cause=603;text="Declined elsewhere""#;
/// Devices of one person that are called at once.
const FORKS: usize = 8;

impl Agent {
    /// Calls a person or a device; `port` is where this device hears. What becomes of it is told by events,
    /// the last of them [`Event::Ended`].
    pub fn call(&mut self, now: Mono, id: CallId, name: Fqdn, port: u16) {
        let own = &self.config.name;
        let reason = if name == *own || own.parent().as_ref() == Some(&name) {
            EndReason::Yourself
        } else if self.calls.len() >= self.config.limits.calls {
            EndReason::TooMany
        } else {
            return self.call_now(now, id, name, port);
        };
        self.give_up(id, reason);
    }

    fn call_now(&mut self, now: Mono, id: CallId, name: Fqdn, port: u16) {
        // Whoever is just ringing here need not be called.
        let is_theirs = |c: &&Call| {
            let device = c.device.as_ref().filter(|_| c.is_incoming());
            device.is_some_and(|d| d.name == name || d.account() == name)
        };
        if let Some(theirs) = self.calls.values().find(is_theirs).map(|c| c.id) {
            return self.join(now, theirs, id, port);
        }
        let (call_id, tag) = (self.random.tag(), self.random.tag());
        let mut call = Call::new(id, name.clone(), call_id, tag, now + NO_ANSWER);
        call.port = port;
        call.session = self.random.number();
        call.step(Input::Call);
        self.calls.insert(id, call);
        let want = Want::Call(id);
        self.effects.asks.push_back(Ask { want, name });
    }

    /// A ringing call becomes the one that this person is beginning.
    fn join(&mut self, now: Mono, theirs: CallId, ours: CallId, port: u16) {
        let Some(mut call) = self.calls.remove(&theirs) else {
            return;
        };
        call.id = ours;
        if let Some((key, _)) = &call.invite {
            self.servers.rename(key, ours);
        }
        self.effects.events.push_back(Event::Ended {
            call: theirs,
            reason: EndReason::Replaced { by: ours },
            device: call.device.clone(),
        });
        self.calls.insert(ours, call);
        self.accept(now, ours, port);
    }

    pub(super) fn call_found(
        &mut self,
        now: Mono,
        id: CallId,
        found: Result<Vec<Device>, EndReason>,
    ) {
        let Some(call) = self
            .calls
            .get(&id)
            .filter(|c| c.is_outgoing() && c.forks.is_empty())
        else {
            return;
        };
        let name = call.name.clone();
        let mut devices = match found {
            Ok(devices) if devices.is_empty() => return self.end(now, id, EndReason::Offline),
            Ok(devices) => devices,
            Err(reason) => return self.end(now, id, reason),
        };
        devices.truncate(FORKS);
        self.effects.events.push_back(Event::Calling {
            call: id,
            name,
            devices: devices.clone(),
        });
        for device in devices {
            self.invite(now, id, device);
        }
    }

    fn invite(&mut self, now: Mono, id: CallId, device: Device) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let (name, call_id, tag) = (call.name.clone(), call.call_id.clone(), call.tag.clone());
        let to = self.sip_of(&device);
        let origin = call.origin(self.own(to.ip()));
        let offer = sdp::offer(origin, self.config.wishes, Direction::SendRecv);
        let mut invite = Outgoing {
            method: Method::Invite,
            body: Some((sdp::KIND, offer)),
            ..self.outgoing(&name, &call_id, &tag, to)
        };
        if !invite.fits() {
            let offer = sdp::short_offer(origin, self.config.wishes, Direction::SendRecv);
            invite.body = Some((sdp::KIND, offer));
        }
        let fork = Fork {
            device,
            branch: invite.branch.clone(),
            stage: Stage::Trying,
        };
        if let Some(call) = self.calls.get_mut(&id) {
            call.forks.push(fork);
        }
        // Until the call ends: its own 60 s decide, not those of a transaction.
        self.begin(now, invite, to, Purpose::Invite(id), None);
    }

    /// Takes back every INVITE of the call that has no final answer.
    pub(super) fn take_back(&mut self, now: Mono, id: CallId, why: Option<&'static str>) {
        for branch in self.clients.open_invites(id) {
            self.cancel(now, &branch, why);
        }
    }

    fn cancel(&mut self, now: Mono, branch: &str, why: Option<&'static str>) {
        let Some(client) = self.clients.invite(branch) else {
            return;
        };
        client.cancelled = true;
        client.linger(now);
        let (cancel, to) = (client.request.cancel(why), client.to);
        // Also when nothing was heard yet: whoever rings although its 180 was lost must stop. Should this
        // overtake the INVITE, the answer to that brings another one.
        self.begin(now, cancel, to, Purpose::Farewell, Some(LINGER));
    }

    pub(super) fn handle_response(
        &mut self,
        now: Mono,
        from: SocketAddr,
        device: &Device,
        response: &Response,
    ) {
        let head = &response.head;
        let (branch, method) = (&head.via.branch, &head.cseq_method);
        let client = self.clients.get(branch, method, from.ip());
        let Some(client) = client.filter(|c| c.request.call_id == head.call_id) else {
            self.counters.strangers += 1;
            return;
        };
        let (purpose, code) = (client.purpose, response.code);
        if let Purpose::Invite(id) = purpose {
            return self.invite_answered(now, id, from, device, response);
        }
        if code < 200 {
            return;
        }
        self.clients.remove(branch, method);
        match purpose {
            Purpose::Hold(id) => {
                self.handle_heard(now, id);
                self.hold_answered(now, id, code);
            }
            Purpose::Check(id) => {
                self.handle_heard(now, id);
                self.check_answered(now, id, code);
            }
            Purpose::Text(id) => self.text_answered(id, code, Some(device)),
            Purpose::Presence(id) => self.presence_answered(id, device, response.presence),
            Purpose::Farewell | Purpose::Invite(_) => {}
        }
    }

    fn invite_answered(
        &mut self,
        now: Mono,
        id: CallId,
        from: SocketAddr,
        device: &Device,
        response: &Response,
    ) {
        let branch = response.head.via.branch.clone();
        let Some(client) = self.clients.invite(&branch) else {
            return;
        };
        if let Some(ack) = client.ack.clone().filter(|_| response.code >= 200) {
            // Its ACK was lost.
            let to = client.to;
            return self.transmit(to, ack);
        }
        match response.code {
            ..200 => self.invite_provisional(now, id, &branch, response.code),
            200..300 => self.invite_accepted(now, id, from, device, response),
            300.. => self.invite_refused(now, id, &branch, response),
        }
    }

    fn invite_provisional(&mut self, now: Mono, id: CallId, branch: &str, code: u16) {
        let Some(client) = self.clients.invite(branch) else {
            return;
        };
        client.settle();
        if client.cancelled {
            return self.cancel(now, branch, None);
        }
        let Some(call) = self.calls.get_mut(&id).filter(|_| code > 100) else {
            return;
        };
        let is_first = call.state == super::State::Calling;
        let Some(fork) = call.fork(branch).filter(|f| f.stage == Stage::Trying) else {
            return;
        };
        fork.stage = Stage::Ringing;
        let device = fork.device.clone();
        if call.step(Input::Rings) && is_first {
            self.effects
                .events
                .push_back(Event::Ringing { call: id, device });
        }
    }

    fn invite_accepted(
        &mut self,
        now: Mono,
        id: CallId,
        from: SocketAddr,
        device: &Device,
        response: &Response,
    ) {
        let branch = &response.head.via.branch;
        let ack_branch = self.random.branch();
        let Some(client) = self.clients.invite(branch) else {
            return;
        };
        let (was_cancelled, invite) = (client.cancelled, client.request.clone());
        let Some(dialog) = Dialog::of_caller(&invite, from, device, response) else {
            self.counters.malformed += 1;
            return;
        };
        let ack = dialog.ack(ack_branch, invite.cseq).to_bytes();
        client.acknowledged(now, ack.clone());
        self.transmit(from, ack);
        let call = self
            .calls
            .get_mut(&id)
            .filter(|c| c.is_outgoing() && !was_cancelled);
        let Some(call) = call else {
            // Crossed with the CANCEL, or the second device to answer.
            return self.farewell(now, dialog, Some(COMPLETED_ELSEWHERE));
        };
        let Some(media) = agreed(&response.content.body, device) else {
            call.fork(branch)
                .into_iter()
                .for_each(|f| f.stage = Stage::Failed(488));
            self.farewell(now, dialog, None);
            return self.end_if_all_failed(now, id);
        };
        call.step(Input::Answered);
        call.forks.clear();
        call.dialog = Some(dialog);
        call.device = Some(device.clone());
        call.media = Some(media);
        call.alive.heard(now);
        self.take_back(now, id, Some(COMPLETED_ELSEWHERE));
        self.effects.events.push_back(Event::Answered {
            call: id,
            device: device.clone(),
            media,
        });
    }

    fn invite_refused(&mut self, now: Mono, id: CallId, branch: &str, response: &Response) {
        let wait = Duration::from_millis(self.random.between(2000, 4000));
        let Some(client) = self.clients.invite(branch) else {
            return;
        };
        let ack = client.request.ack(&response.head.to.field).to_bytes();
        client.ack = Some(ack.clone());
        client.linger(now);
        let to = client.to;
        self.transmit(to, ack);
        let Some(call) = self.calls.get_mut(&id).filter(|c| c.is_outgoing()) else {
            return;
        };
        let Some(fork) = call.fork(branch) else {
            return;
        };
        if response.code >= 600 {
            call.device = Some(fork.device.clone());
            return self.end(now, id, EndReason::of_code(response.code));
        }
        fork.stage = match response.code {
            491 => Stage::Glare(now + wait),
            code => Stage::Failed(code),
        };
        self.end_if_all_failed(now, id);
    }

    fn end_if_all_failed(&mut self, now: Mono, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let codes: Option<Vec<u16>> = call
            .forks
            .iter()
            .map(|f| match f.stage {
                Stage::Failed(code) => Some(code),
                Stage::Trying | Stage::Ringing | Stage::Glare(_) => None,
            })
            .collect();
        if let Some(codes) = codes {
            call.device = call.forks.first().map(|f| f.device.clone());
            self.end(now, id, EndReason::of_codes(codes.into_iter()));
        }
    }

    /// Nothing came of the call that was in the way: this one is tried again.
    pub(super) fn glare_timeout(&mut self, now: Mono, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let is_due = |f: &Fork| matches!(f.stage, Stage::Glare(again) if again <= now);
        let (again, others) = call.forks.drain(..).partition(is_due);
        call.forks = others;
        // Another request, not the same again.
        call.call_id = self.random.tag();
        let again: Vec<Fork> = again;
        for fork in again {
            self.invite(now, id, fork.device);
        }
    }
}

/// What the answer says, if sound can go by it. Only to the device itself: a description elsewhere would
/// aim this device's sound at somebody else.
pub(super) fn agreed(body: &[u8], device: &Device) -> Option<Media> {
    let media = sdp::read(body).ok()?.agree().ok()?;
    device.owns(media.remote.ip()).then_some(media)
}
