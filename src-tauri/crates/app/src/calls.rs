//! The calls there are, as people see them: what the telephone, the node and the sound tell becomes one model a
//! call. Decides; time is an argument, in milliseconds since 1970.

use std::collections::BTreeMap;

use ntm::wire::fqdn::Fqdn;
use voice_call::core::{Device, EndReason, Event};

use crate::history::PastCall;
use crate::names;
use crate::view::{CallState, CallView, EndView, RouteView};
use crate::words;

/// The calls under way.
#[derive(Debug, Default)]
pub struct Calls {
    all: BTreeMap<u64, CallView>,
}

impl Calls {
    /// This device calls.
    pub fn begin(&mut self, id: u64, name: &Fqdn, now: u64) -> CallView {
        let view = new(id, names::person(name), true, CallState::Calling, now);
        self.all.insert(id, view.clone());
        view
    }

    /// The telephone says something; the call it is about, if that changed. A call that is over is told once
    /// and forgotten.
    pub fn handle(&mut self, event: &Event, now: u64) -> Option<CallView> {
        match event {
            Event::Incoming { call, from } => {
                let with = names::person(&from.account());
                let mut view = new(call.0, with, false, CallState::RingingHere, now);
                view.device = Some(from.name.first_label().to_owned());
                self.all.insert(call.0, view.clone());
                Some(view)
            }
            Event::Calling { .. }
            | Event::Text { .. }
            | Event::TextDone { .. }
            | Event::Presence { .. } => None,
            Event::Ringing { call, .. } => {
                self.change(call.0, |c| c.state = CallState::RingingThere)
            }
            Event::Answered { call, device, .. } => {
                self.change(call.0, |c| answered(c, device, now))
            }
            Event::Held { call, here, there } => self.change(call.0, |c| held(c, *here, *there)),
            Event::Ended { call, reason, .. } => self.end(call.0, *reason),
        }
    }

    /// Changes a call, and gives it as it is now, if that is another way than before.
    pub fn change(&mut self, id: u64, change: impl FnOnce(&mut CallView)) -> Option<CallView> {
        let view = self.all.get_mut(&id)?;
        let before = view.clone();
        change(view);
        (*view != before).then(|| view.clone())
    }

    /// A call goes this way now.
    pub fn set_route(&mut self, id: u64, route: RouteView) -> Option<CallView> {
        self.change(id, |c| c.route = Some(route))
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<&CallView> {
        self.all.get(&id)
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<CallView> {
        let mut all: Vec<CallView> = self.all.values().cloned().collect();
        all.sort_by_key(|c| (c.began_ms, c.id));
        all
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn end(&mut self, id: u64, reason: EndReason) -> Option<CallView> {
        let mut view = self.all.remove(&id)?;
        view.state = CallState::Ended;
        view.outage_ms = 0;
        view.ended = Some(EndView {
            reason: words::code(reason),
            words: words::ended(reason, &view.with, view.outgoing),
        });
        Some(view)
    }
}

fn new(id: u64, with: String, outgoing: bool, state: CallState, now: u64) -> CallView {
    CallView {
        id,
        with,
        device: None,
        outgoing,
        state,
        began_ms: now,
        answered_ms: None,
        muted: false,
        held_here: false,
        held_there: false,
        outage_ms: 0,
        route: None,
        handovers: 0,
        lost_ms: 0,
        ended: None,
    }
}

fn answered(call: &mut CallView, device: &Device, now: u64) {
    call.state = CallState::Talking;
    call.device = Some(device.name.first_label().to_owned());
    call.answered_ms.get_or_insert(now);
}

fn held(call: &mut CallView, here: bool, there: bool) {
    (call.held_here, call.held_there) = (here, there);
    call.state = if here || there {
        // Nothing is waited for any more.
        call.outage_ms = 0;
        CallState::Held
    } else {
        CallState::Talking
    };
}

/// What the history keeps of a call that is over.
pub fn past(call: &CallView, reason: EndReason, now: u64) -> PastCall {
    PastCall {
        at_ms: call.began_ms,
        with: call.with.clone(),
        outgoing: call.outgoing,
        ended: words::code(reason).to_owned(),
        missed: !call.outgoing && call.answered_ms.is_none() && words::is_missed(reason),
        seen: false,
        seconds: call
            .answered_ms
            .map_or(0, |at| now.saturating_sub(at) / 1000),
        handovers: call.handovers,
        lost_ms: call.lost_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voice_call::core::{By, CallId};

    fn phone() -> Device {
        Device {
            name: Fqdn::parse("phone.bob.example.org").unwrap(),
            v6: "fd00::2".parse().unwrap(),
            v4: "100.64.0.2".parse().unwrap(),
        }
    }

    fn ended(reason: EndReason) -> Event {
        Event::Ended {
            call: CallId(3),
            reason,
            device: None,
        }
    }

    fn incoming(calls: &mut Calls) -> CallView {
        let event = Event::Incoming {
            call: CallId(3),
            from: phone(),
        };
        calls.handle(&event, 1000).expect("it is news")
    }

    #[test]
    fn the_certified_name_is_shown_and_the_device_beside_it() {
        let view = incoming(&mut Calls::default());
        assert_eq!(
            (&*view.with, view.device.as_deref()),
            ("bob@example.org", Some("phone"))
        );
        assert_eq!(view.state, CallState::RingingHere);
    }

    #[test]
    fn a_call_that_nobody_took_is_missed_and_one_that_another_device_took_is_not() {
        for (reason, missed) in [
            (EndReason::Cancelled, true),
            (EndReason::AnsweredElsewhere, false),
        ] {
            let mut calls = Calls::default();
            incoming(&mut calls);
            let over = calls.handle(&ended(reason), 9000).expect("told once");
            assert_eq!(past(&over, reason, 9000).missed, missed, "{reason:?}");
            assert!(calls.is_empty() && calls.handle(&ended(reason), 9001).is_none());
        }
    }

    #[test]
    fn holding_and_taking_up_again_leaves_the_call_as_it_was() {
        let mut calls = Calls::default();
        incoming(&mut calls);
        let hold = |here, there| Event::Held {
            call: CallId(3),
            here,
            there,
        };
        let view = calls.handle(&hold(false, true), 2000).unwrap();
        assert_eq!((view.state, view.held_there), (CallState::Held, true));
        let view = calls.handle(&hold(false, false), 3000).unwrap();
        assert_eq!(view.state, CallState::Talking);
    }

    #[test]
    fn a_gap_ends_for_people_when_the_line_is_held() {
        let mut calls = Calls::default();
        incoming(&mut calls);
        calls.change(3, |c| (c.state, c.outage_ms) = (CallState::Talking, 2300));
        for here in [true, false] {
            let event = Event::Held {
                call: CallId(3),
                here,
                there: false,
            };
            assert_eq!(calls.handle(&event, 2000).unwrap().outage_ms, 0);
        }
    }

    #[test]
    fn the_history_has_the_seconds_talked() {
        let mut calls = Calls::default();
        let mut view = incoming(&mut calls);
        answered(&mut view, &phone(), 5000);
        let reason = EndReason::HungUp { by: By::There };
        assert_eq!(past(&view, reason, 68_900).seconds, 63);
    }
}
