//! Which tone sounds, from the calls there are.

use voice_audio::Tone;
use voice_call::core::EndReason;

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
    match reason {
        EndReason::Busy | EndReason::Declined | EndReason::TooMany if outgoing => Some(Tone::Busy),
        EndReason::HungUp {
            by: voice_call::core::By::There,
        }
        | EndReason::ConnectionLost => Some(Tone::End),
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
        | EndReason::Failed { .. }
            if outgoing && !was_answered =>
        {
            Some(Tone::Unavailable)
        }
        _ => None,
    }
}
