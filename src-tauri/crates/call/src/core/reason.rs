//! [`EndReason`]: why a call is over, in everything a person can meet.

use serde::Serialize;

use super::CallId;
use super::caller::{COMPLETED_ELSEWHERE, DECLINED_ELSEWHERE};

/// Why a call is over. Each has words of its own in the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum EndReason {
    /// Nobody has this name.
    NoSuchPerson,
    /// None of the person's devices is signed in and reachable.
    Offline,
    /// Every device that answered is in another call.
    Busy,
    /// The person does not want to talk now.
    Declined,
    /// It rang, and nobody took it within 60 s.
    NoAnswer,
    /// The devices are there, but no telephone runs on them: nothing answered at all.
    NoResponse,
    /// The caller gave up before it was answered: a missed call.
    Cancelled,
    /// Another device of the same person took it: not missed.
    AnsweredElsewhere,
    /// Another device of the same person declined it: not missed.
    DeclinedElsewhere,
    /// Somebody hung up.
    HungUp {
        /// Who.
        by: By,
    },
    /// The other device is gone from the overlay, and nothing was heard of it for longer than
    /// any change of network takes.
    ConnectionLost,
    /// No codec that both have.
    NoCommonCodec,
    /// One side is too old to understand the other: update.
    VersionTooOld,
    /// The other side does not let this person call.
    NotAllowed,
    /// This device has no network, or its coordinator does not answer.
    NoNetwork,
    /// The device is signed in, but no way leads to it.
    Unreachable,
    /// The other side's certificate does not hold, or nobody vouches for its operator.
    Untrusted,
    /// The other side's keys are not those known: verify the safety number.
    IdentityChanged,
    /// This is the person's own name.
    Yourself,
    /// Too many calls at once, here or there.
    TooMany,
    /// Both called each other, and the call goes on as another.
    Replaced {
        /// The call that goes on.
        by: CallId,
    },
    /// This telephone was shut down.
    Stopped,
    /// Something else; the SIP code for a bug report.
    Failed {
        /// 300 to 699, or 0 when there was no answer to go by.
        code: u16,
    },
}

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// This device.
    Here,
    /// The other one.
    There,
}

/// How an incoming call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decline {
    /// This device is busy; others of the person go on ringing.
    Busy,
    /// The person does not want the call: it ends on all devices.
    Declined,
}

impl EndReason {
    /// What the answer of one device means, had it been the only one.
    pub(crate) fn of_code(code: u16) -> Self {
        match code {
            403 => Self::NotAllowed,
            404 | 604 => Self::NoSuchPerson,
            408 => Self::NoAnswer,
            480 => Self::Offline,
            486 | 600 => Self::Busy,
            487 => Self::Cancelled,
            488 | 606 => Self::NoCommonCodec,
            503 => Self::TooMany,
            505 => Self::VersionTooOld,
            603 => Self::Declined,
            code => Self::Failed { code },
        }
    }

    /// What the other devices of a person are told when a call that rings there ends so.
    pub(crate) fn elsewhere(self) -> Option<&'static str> {
        if self == Self::Declined {
            return Some(DECLINED_ELSEWHERE);
        }
        matches!(self, Self::Replaced { .. }).then_some(COMPLETED_ELSEWHERE)
    }

    /// What the answers of all devices mean together: what the person said comes before what machines
    /// said, and what can be mended before what can't.
    pub(crate) fn of_codes(codes: impl Iterator<Item = u16>) -> Self {
        let best = codes.min_by_key(|code| match code {
            603 => 0,
            486 | 600 => 1,
            488 | 505 | 606 => 2,
            403 => 3,
            503 => 4,
            480 | 408 => 5,
            _ => 6,
        });
        best.map_or(Self::Failed { code: 0 }, Self::of_code)
    }
}
