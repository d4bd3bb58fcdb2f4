//! Whether the other side is still there. A call ends only when the *overlay* says that the device is gone
//! and nothing was heard of it for longer than any change of network takes.

use core::time::Duration;

use ntm::wire::time::Mono;

use super::agent::{Agent, Ask, Want};
use super::call::Call;
use super::transaction::Purpose;
use super::{CallId, EndReason};
use crate::sip::Method;

/// Nothing heard for this long, neither sound nor signal: the overlay is asked, and the other side. Sound
/// comes every 20 ms, in silence every 400; only a held line is this quiet.
const DOUBT: Duration = Duration::from_secs(20);
/// In doubt, this often.
const ASK: Duration = Duration::from_secs(10);
/// Gone and silent for this long, the call is over. An outage of 60 s is survived.
const LOST: Duration = Duration::from_secs(90);
/// Silent for this long while nobody could say whether the device is there.
const BLIND: Duration = Duration::from_secs(300);

/// What the overlay says of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Registered, or a tunnel to it stands.
    Here,
    /// Not registered.
    Gone,
    /// Nobody answers the question: this device may have no network itself.
    Unknown,
}

impl Reach {
    /// What the failure to find a device says about it.
    fn of_failure(reason: EndReason) -> Self {
        match reason {
            EndReason::Offline | EndReason::NoSuchPerson => Self::Gone,
            EndReason::Unreachable
            | EndReason::NotAllowed
            | EndReason::Untrusted
            | EndReason::IdentityChanged
            | EndReason::VersionTooOld
            | EndReason::Yourself => Self::Here,
            EndReason::NoNetwork
            | EndReason::Busy
            | EndReason::Declined
            | EndReason::NoAnswer
            | EndReason::NoResponse
            | EndReason::Cancelled
            | EndReason::AnsweredElsewhere
            | EndReason::DeclinedElsewhere
            | EndReason::HungUp { .. }
            | EndReason::ConnectionLost
            | EndReason::NoCommonCodec
            | EndReason::TooMany
            | EndReason::Replaced { .. }
            | EndReason::Stopped
            | EndReason::Failed { .. } => Self::Unknown,
        }
    }
}

/// The signs of life of one call.
#[derive(Debug, Default)]
pub(super) struct Alive {
    heard: Mono,
    asked: Option<Mono>,
    said: Option<Reach>,
}

impl Alive {
    /// Something came from the other side.
    pub(super) fn heard(&mut self, now: Mono) {
        *self = Self {
            heard: self.heard.max(now),
            asked: None,
            said: None,
        };
    }

    fn is_lost(&self, now: Mono) -> bool {
        let silent = now.since(self.heard);
        match self.said {
            Some(Reach::Here) => false,
            Some(Reach::Gone) => silent >= LOST,
            Some(Reach::Unknown) | None => silent >= BLIND,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        Some(self.asked.map_or(self.heard + DOUBT, |at| at + ASK))
    }
}

impl Agent {
    /// Sound came in from the other side of this call.
    pub fn handle_heard(&mut self, now: Mono, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let was_in_doubt = call.alive.asked.is_some();
        call.alive.heard(now);
        if was_in_doubt {
            self.clients.forget(Purpose::Check(id));
        }
    }

    pub(super) fn reach_found(&mut self, now: Mono, id: CallId, found: Result<(), EndReason>) {
        let Some(call) = self.calls.get_mut(&id).filter(|c| c.alive.asked.is_some()) else {
            return;
        };
        call.alive.said = Some(found.map_or_else(Reach::of_failure, |()| Reach::Here));
        if call.alive.is_lost(now) {
            self.end(now, id, EndReason::ConnectionLost);
        }
    }

    /// The other side answered whether it knows the call.
    pub(super) fn check_answered(&mut self, now: Mono, id: CallId, code: u16) {
        if matches!(code, 404 | 481) {
            self.end(now, id, EndReason::ConnectionLost);
        }
    }

    pub(super) fn reach_timeout(&mut self, now: Mono, id: CallId) {
        let Some(call) = self
            .calls
            .get_mut(&id)
            .filter(|c| c.alive.poll_timeout() <= Some(now))
        else {
            return;
        };
        if call.alive.is_lost(now) {
            return self.end(now, id, EndReason::ConnectionLost);
        }
        call.alive.asked = Some(now);
        let name = call.device.as_ref().map(|d| d.name.clone());
        let want = Want::Reach(id);
        self.effects
            .asks
            .extend(name.map(|name| Ask { want, name }));
        // Before the ACK the other side may not know the call yet, and is asked by the 200 itself.
        let invite = self.calls.get(&id).and_then(|c| c.invite.as_ref());
        let is_confirmed = invite.is_none_or(|(key, _)| !self.servers.waits_for_ack(key));
        if is_confirmed && !self.clients.any(Purpose::Check(id)) {
            self.check(now, id);
        }
    }

    fn check(&mut self, now: Mono, id: CallId) {
        let branch = self.random.branch();
        let dialog = self
            .calls
            .get_mut(&id)
            .and_then(|c: &mut Call| c.dialog.as_mut());
        let Some(dialog) = dialog else {
            return;
        };
        let options = dialog.request(Method::Options, branch);
        let peer = dialog.peer;
        self.begin(now, options, peer, Purpose::Check(id), None);
    }
}
