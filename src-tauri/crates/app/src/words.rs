//! Plain words for what a person meets in a call.

use voice_call::core::{By, EndReason};

/// The code of a reason, as `--json` and the history have it.
pub fn code(reason: EndReason) -> &'static str {
    match reason {
        EndReason::NoSuchPerson => "no_such_person",
        EndReason::Offline => "offline",
        EndReason::Busy => "busy",
        EndReason::Declined => "declined",
        EndReason::NoAnswer => "no_answer",
        EndReason::NoResponse => "no_response",
        EndReason::Cancelled => "cancelled",
        EndReason::AnsweredElsewhere => "answered_elsewhere",
        EndReason::DeclinedElsewhere => "declined_elsewhere",
        EndReason::HungUp { .. } => "hung_up",
        EndReason::ConnectionLost => "connection_lost",
        EndReason::NoCommonCodec => "no_common_codec",
        EndReason::VersionTooOld => "version_too_old",
        EndReason::NotAllowed => "not_allowed",
        EndReason::NoNetwork => "no_network",
        EndReason::Unreachable => "unreachable",
        EndReason::Untrusted => "untrusted",
        EndReason::IdentityChanged => "identity_changed",
        EndReason::Yourself => "yourself",
        EndReason::TooMany => "too_many",
        EndReason::Replaced { .. } => "replaced",
        EndReason::Stopped => "stopped",
        EndReason::Failed { .. } => "failed",
    }
}

/// What to tell a person of the end of a call with `name`; `outgoing`: this device called.
pub fn ended(reason: EndReason, name: &str, outgoing: bool) -> String {
    match reason {
        EndReason::NoSuchPerson => format!("nobody is called {name}: check the spelling"),
        EndReason::Offline => format!("{name} is offline: no device of theirs is signed in now"),
        EndReason::Busy if outgoing => format!("{name} is in another call: try again later"),
        EndReason::Busy => format!("you missed a call of {name}"),
        EndReason::Declined if outgoing => format!("{name} can't talk now"),
        EndReason::Declined => "you declined".to_owned(),
        EndReason::NoAnswer if outgoing => format!("{name} did not answer"),
        EndReason::NoAnswer => format!("you missed a call of {name}"),
        EndReason::NoResponse => {
            format!("{name}'s device is on, but no telephone runs on it: ask them to start Legato")
        }
        EndReason::Cancelled if outgoing => "you gave up".to_owned(),
        EndReason::Cancelled => format!("you missed a call of {name}"),
        EndReason::AnsweredElsewhere => "answered on another device of yours".to_owned(),
        EndReason::DeclinedElsewhere => "declined on another device of yours".to_owned(),
        EndReason::HungUp { by: By::Here } => "you hung up".to_owned(),
        EndReason::HungUp { by: By::There } => format!("{name} hung up"),
        EndReason::ConnectionLost => {
            format!("the way to {name} is lost, and did not come back within a minute")
        }
        EndReason::NoCommonCodec => {
            format!("{name}'s telephone and this one have no codec in common: update both")
        }
        EndReason::VersionTooOld => "one of the two telephones is too old: update both".to_owned(),
        EndReason::NotAllowed => format!("{name} takes calls of contacts only: ask to be added"),
        EndReason::NoNetwork => {
            "this device has no network, or its servers do not answer: check the network".to_owned()
        }
        EndReason::Unreachable => {
            format!("no way leads to {name}'s device, neither directly nor over a relay")
        }
        EndReason::Untrusted => {
            format!("nobody can vouch that this is {name}: the call was not made")
        }
        EndReason::IdentityChanged => format!(
            "{name}'s keys are others than before: compare the safety numbers, then call again"
        ),
        EndReason::Yourself => "this is your own name".to_owned(),
        EndReason::TooMany => "too many calls at once: end one first".to_owned(),
        EndReason::Replaced { .. } => "you called each other; the call goes on as one".to_owned(),
        EndReason::Stopped => "this telephone was shut down".to_owned(),
        EndReason::Failed { code: 0 } => {
            format!("{name}'s telephone gave no answer that makes sense")
        }
        EndReason::Failed { code } => format!("the call failed (SIP {code})"),
    }
}

/// What to tell a person of a text to `name` that did not arrive.
pub fn undelivered(reason: EndReason, name: &str) -> String {
    if matches!(reason, EndReason::NoAnswer | EndReason::NoResponse) {
        return format!("{name}'s device did not confirm it: it may not have arrived");
    }
    if reason == EndReason::TooMany {
        return "too many texts at once: wait a little".to_owned();
    }
    ended(reason, name, true)
}

/// Whether a call that came in and ended so is one that nobody saw: a device that is busy says so by itself.
pub fn is_missed(reason: EndReason) -> bool {
    matches!(
        reason,
        EndReason::Cancelled | EndReason::NoAnswer | EndReason::Busy
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_elsewhere_is_not_missed() {
        assert!(is_missed(EndReason::Cancelled) && is_missed(EndReason::NoAnswer));
        assert!(is_missed(EndReason::Busy), "nobody was asked");
        assert!(!is_missed(EndReason::AnsweredElsewhere) && !is_missed(EndReason::Declined));
    }

    #[test]
    fn codes_are_those_that_the_call_layer_writes_itself() {
        for reason in [
            EndReason::Busy,
            EndReason::HungUp { by: By::There },
            EndReason::Failed { code: 500 },
        ] {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json["reason"], code(reason));
        }
    }
}
