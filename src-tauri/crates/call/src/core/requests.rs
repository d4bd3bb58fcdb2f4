//! What others ask: each method to where it is decided, and strangers away from calls that are not theirs.

use core::net::SocketAddr;

use ntm::wire::time::Mono;

use super::agent::Agent;
use super::device::Device;
use super::transaction::{Answer, Key};
use super::{CallId, EndReason};
use crate::sdp;
use crate::sip::{ALLOW, Head, Method, PRESENCE, Request};

/// What an OPTIONS is told.
const ABOUT: [(&str, &str); 2] = [("Allow", ALLOW), ("Accept", "application/sdp,text/plain")];
const NO_CALL: (u16, &str) = (481, "Call Does Not Exist");

impl Agent {
    pub(super) fn handle_request(
        &mut self,
        now: Mono,
        from: SocketAddr,
        device: &Device,
        request: &Request,
    ) {
        match request.method {
            Method::Ack => return self.handle_ack(now, from, &request.head),
            Method::Cancel => return self.handle_cancel(now, from, request),
            Method::Invite
            | Method::Bye
            | Method::Options
            | Method::Message
            | Method::Update
            | Method::Other(_) => {}
        }
        let key = Key::of(&request.head, from);
        if let Some((to, bytes)) = self.servers.repeat(&key) {
            return self.transmit(to, bytes);
        }
        if !request.require.is_empty() {
            let list = request.require.join(",");
            let extra = [("Unsupported", list.as_str())];
            return self.refuse(&request.head, from, (420, "Bad Extension"), &extra);
        }
        self.dispatch(now, from, device, request);
    }

    fn dispatch(&mut self, now: Mono, from: SocketAddr, device: &Device, request: &Request) {
        let head = &request.head;
        match request.method {
            Method::Invite if head.to.tag.is_none() => {
                self.handle_invite(now, from, device, request)
            }
            // Nothing about a call changes by INVITE here: hold is by UPDATE, and addresses stay.
            Method::Invite => {
                let known = self.call_of(head, from).is_some();
                let code = if known {
                    (488, "Not Acceptable Here")
                } else {
                    NO_CALL
                };
                self.refuse(head, from, code, &[]);
            }
            Method::Options if head.to.tag.is_none() => self.handle_options(from, device, request),
            Method::Options => {
                let is_gone = self.heard_of(now, head, from).is_none();
                let code = if is_gone { NO_CALL } else { (200, "OK") };
                self.refuse(head, from, code, &ABOUT);
            }
            Method::Bye | Method::Update => self.handle_in_call(now, from, request),
            Method::Message => {
                let code = self.handle_message(now, from.ip(), device, request);
                self.remember(now, from, head, code, &[]);
            }
            Method::Ack | Method::Cancel | Method::Other(_) => {
                let extra = [("Allow", ALLOW)];
                self.refuse(head, from, (405, "Method Not Allowed"), &extra);
            }
        }
    }

    fn handle_options(&mut self, from: SocketAddr, device: &Device, request: &Request) {
        let head = &request.head;
        let mut about = ABOUT.to_vec();
        let told = self.presence_told(device, head, request.presence);
        about.extend(told.map(|basic| (PRESENCE, basic.as_str())));
        self.refuse(head, from, (200, "OK"), &about);
    }

    fn handle_in_call(&mut self, now: Mono, from: SocketAddr, request: &Request) {
        let head = &request.head;
        let Some(id) = self.heard_of(now, head, from) else {
            return self.refuse(head, from, NO_CALL, &[]);
        };
        if request.method == Method::Bye {
            let code = self.handle_bye(now, id, head);
            self.remember(now, from, head, code, &[]);
        } else {
            let (code, why, body) = self.handle_update(id, request);
            self.remember(now, from, head, (code, why), &body);
        }
    }

    /// Answers, and will answer the same when asked again.
    fn remember(
        &mut self,
        now: Mono,
        from: SocketAddr,
        head: &Head,
        code: (u16, &str),
        body: &[u8],
    ) {
        let key = Key::of(head, from);
        let room = self.config.limits.remembered;
        let tag = self.random.tag();
        self.servers
            .begin(key.clone(), (head.clone(), from), tag, None, room);
        let body = (!body.is_empty()).then_some((sdp::KIND, body));
        self.answer(now, &key, code, &[], body, Answer::Final);
    }

    fn handle_ack(&mut self, now: Mono, from: SocketAddr, head: &Head) {
        let mut key = Some(Key::of(head, from)).filter(|k| self.servers.get(k).is_some());
        if key.is_none() {
            // That of a 200 is a transaction of its own.
            let call = self.heard_of(now, head, from);
            let call = call.and_then(|id| self.calls.get(&id));
            key = call.and_then(|c| c.invite.as_ref()).map(|(k, _)| k.clone());
        }
        if let Some((key, dialog)) = self.servers.parted(head, from.ip()) {
            self.servers.settle(now, &key);
            self.farewell(now, dialog, None);
        } else if let Some(key) = key {
            self.servers.settle(now, &key);
        }
    }

    fn handle_cancel(&mut self, now: Mono, from: SocketAddr, request: &Request) {
        let key = Key::of(&request.head, from);
        let Some(server) = self.servers.get(&key) else {
            return self.refuse(&request.head, from, NO_CALL, &[]);
        };
        let call = server.call.filter(|_| self.servers.is_open(&key));
        self.refuse(&request.head, from, (200, "OK"), &[]);
        // A CANCEL that crossed with the answer changes nothing (RFC 3261, 9.2).
        if let Some(id) = call {
            self.cancelled.note(now, from.ip());
            let reason = match request.cause {
                Some(200) => EndReason::AnsweredElsewhere,
                Some(603) => EndReason::DeclinedElsewhere,
                Some(_) | None => EndReason::Cancelled,
            };
            self.end(now, id, reason);
        }
    }

    /// The call that a message inside one belongs to, if it comes from that call's other side: nobody
    /// else can end it or hold it, whatever tags he knows.
    fn call_of(&mut self, head: &Head, from: SocketAddr) -> Option<CallId> {
        let dialogs = self
            .calls
            .values()
            .filter_map(|c| Some((c.id, c.dialog.as_ref()?)));
        let found = dialogs.filter(|(_, d)| d.is_of(head));
        let found: Vec<(CallId, bool)> = found
            .map(|(id, d)| (id, d.peer.ip() == from.ip()))
            .collect();
        let own = found.iter().find(|(_, is_theirs)| *is_theirs);
        if own.is_none() && !found.is_empty() {
            self.counters.strangers += 1;
        }
        own.map(|(id, _)| *id)
    }

    fn heard_of(&mut self, now: Mono, head: &Head, from: SocketAddr) -> Option<CallId> {
        let id = self.call_of(head, from)?;
        self.handle_heard(now, id);
        Some(id)
    }
}
