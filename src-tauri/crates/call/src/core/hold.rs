//! Hold and resume by UPDATE (RFC 3311). This side stops at once; the other is told as soon as it hears.

use core::time::Duration;

use ntm::wire::time::Mono;

use super::agent::Agent;
use super::state::Input;
use super::transaction::Purpose;
use super::{By, CallId, EndReason, Event};
use crate::sdp::{self, Direction};
use crate::sip::{Head, Method, Request};

/// Who holds, and what the other side was told.
#[derive(Debug, Default)]
pub(super) struct Hold {
    pub(super) here: bool,
    pub(super) there: bool,
    /// What the other side knows, or is being told.
    told: bool,
    /// Both changed something at once (491): told again then.
    again: Option<Mono>,
}

impl Hold {
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.again
    }
}

impl Agent {
    /// Holds the line, or resumes. Nothing happens unless the call stands.
    pub fn hold(&mut self, now: Mono, id: CallId, hold: bool) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if !call.state.is_established() || call.hold.here == hold {
            return;
        }
        call.hold.here = hold;
        self.held(id);
        self.tell_hold(now, id);
    }

    fn held(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let (here, there) = (call.hold.here, call.hold.there);
        call.step(Input::Hold(here || there));
        self.effects.events.push_back(Event::Held {
            call: id,
            here,
            there,
        });
    }

    /// Tells the other side, unless it is just being told: then as soon as it answered.
    pub(super) fn tell_hold(&mut self, now: Mono, id: CallId) {
        if self.clients.any(Purpose::Hold(id)) {
            return;
        }
        let wishes = self.config.wishes;
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.hold.told == call.hold.here {
            // Taken back before it was time to say it again.
            call.hold.again = None;
            return;
        }
        if call.hold.again.is_some_and(|t| now < t) {
            return;
        }
        let Some(dialog) = call.dialog.as_mut() else {
            return;
        };
        call.hold.told = call.hold.here;
        call.hold.again = None;
        call.version += 1;
        let mut update = dialog.request(Method::Update, self.random.branch());
        let (own, peer) = (dialog.own, dialog.peer);
        let direction = Direction::of(call.hold.here, call.hold.there);
        let offer = sdp::offer(call.origin(own), wishes, direction);
        update.body = Some((sdp::KIND, offer));
        // As long as the call lives: an outage must not leave one side in the dark.
        self.begin(now, update, peer, Purpose::Hold(id), None);
    }

    /// The other side answered an UPDATE.
    pub(super) fn hold_answered(&mut self, now: Mono, id: CallId, code: u16) {
        if matches!(code, 408 | 481) {
            return self.end(now, id, EndReason::ConnectionLost);
        }
        let wait = self.random.between(100, 2000);
        if let Some(call) = self
            .calls
            .get_mut(&id)
            .filter(|_| code == 491 || code == 500)
        {
            call.hold.told = !call.hold.here;
            call.hold.again = Some(now + Duration::from_millis(wait));
        }
        self.tell_hold(now, id);
    }

    pub(super) fn handle_update(
        &mut self,
        id: CallId,
        request: &Request,
    ) -> (u16, &'static str, Vec<u8>) {
        const NONE: Vec<u8> = Vec::new();
        let wishes = self.config.wishes;
        let is_ours_open = self.clients.any(Purpose::Hold(id));
        let Some(call) = self.calls.get_mut(&id).filter(|c| c.state.is_established()) else {
            return (481, "Call Does Not Exist", NONE);
        };
        let (Some(dialog), Some(media)) = (call.dialog.as_mut(), call.media) else {
            return (481, "Call Does Not Exist", NONE);
        };
        if request.head.cseq <= dialog.their_cseq {
            return (500, "Out Of Order", NONE);
        }
        dialog.their_cseq = request.head.cseq;
        if request.content.body.is_empty() {
            return (200, "OK", NONE);
        }
        if is_ours_open {
            return (491, "Request Pending", NONE);
        }
        let own = dialog.own;
        let Ok(theirs) = sdp::read(&request.content.body) else {
            return (488, "Not Acceptable Here", NONE);
        };
        // Virtual addresses never change: sound stays where it was agreed on. Before `a=sendonly` there
        // was, a hold was the address of nobody.
        let is_nowhere = theirs.addr.ip().is_unspecified();
        if !is_nowhere && theirs.addr != media.remote {
            return (488, "Not Acceptable Here", NONE);
        }
        let there = is_nowhere || theirs.direction.is_hold();
        let has_changed = there != call.hold.there;
        call.hold.there = there;
        call.version += 1;
        let direction = Direction::of(call.hold.here, there);
        let answer = sdp::answer(call.origin(own), wishes, &media, direction);
        if has_changed {
            self.held(id);
        }
        (200, "OK", answer)
    }

    /// The other side hung up.
    pub(super) fn handle_bye(&mut self, now: Mono, id: CallId, head: &Head) -> (u16, &'static str) {
        let known = self.calls.get(&id).and_then(|c| c.dialog.as_ref());
        if known.is_some_and(|d| head.cseq <= d.their_cseq) {
            return (500, "Out Of Order");
        }
        self.end(now, id, EndReason::HungUp { by: By::There });
        (200, "OK")
    }
}
