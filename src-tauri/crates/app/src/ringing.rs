//! Which tone sounds, from the calls there are.

use voice_audio::Tone;
use voice_call::core::{By, EndReason};

use crate::view::{CallState, CallView};

/// What should sound now; a call that is talked over comes before one that rings.
pub fn tone(calls: &[CallView]) -> Option<Tone> {
    let is = |state: CallState| calls.iter().any(|c| c.state == state);
    if calls
        .iter()
        .any(|c| c.state == CallState::Talking && c.outage_ms >= 2000)
    {
        Some(Tone::SwitchingNetwork)
    } else if is(CallState::Talking) {
        None
    } else if calls
        .iter()
        .any(|c| c.state == CallState::Held && c.held_there)
    {
        Some(Tone::Hold)
    } else if is(CallState::RingingHere) {
        Some(Tone::Ring)
    } else if is(CallState::RingingThere) {
        Some(Tone::Ringback)
    } else {
        None
    }
}

/// What is heard at the end of a call; `was_answered`: somebody talked.
pub fn farewell(reason: EndReason, outgoing: bool, was_answered: bool) -> Option<Tone> {
    // Whoever was called hears nothing of why the call came to nothing.
    let is_for = |tone: &Tone| *tone == Tone::End || (outgoing && !was_answered);
    of_reason(reason).filter(is_for)
}

fn of_reason(reason: EndReason) -> Option<Tone> {
    match reason {
        EndReason::HungUp { by: By::There } | EndReason::ConnectionLost => Some(Tone::End),
        EndReason::Busy | EndReason::Declined | EndReason::TooMany => Some(Tone::Busy),
        EndReason::NoSuchPerson
        | EndReason::Offline
        | EndReason::NoAnswer
        | EndReason::NoResponse
        | EndReason::NotAllowed
        | EndReason::NoNetwork
        | EndReason::Unreachable
        | EndReason::Untrusted
        | EndReason::IdentityChanged
        | EndReason::NoCommonCodec
        | EndReason::VersionTooOld
        | EndReason::Yourself
        | EndReason::Failed { .. } => Some(Tone::Unavailable),
        EndReason::HungUp { by: By::Here }
        | EndReason::Cancelled
        | EndReason::AnsweredElsewhere
        | EndReason::DeclinedElsewhere
        | EndReason::Replaced { .. }
        | EndReason::Stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_in_vain_hears_why_and_who_is_called_in_vain_hears_nothing() {
        assert_eq!(farewell(EndReason::Busy, true, false), Some(Tone::Busy));
        assert_eq!(
            farewell(EndReason::Offline, true, false),
            Some(Tone::Unavailable)
        );
        assert_eq!(farewell(EndReason::NoAnswer, false, false), None);
    }

    #[test]
    fn the_end_of_a_talk_is_heard_by_whoever_did_not_end_it() {
        let by = |by| farewell(EndReason::HungUp { by }, false, true);
        assert_eq!((by(By::There), by(By::Here)), (Some(Tone::End), None));
    }
}
