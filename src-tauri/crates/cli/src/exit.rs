//! Exit codes: scripts tell by them what happened.

use std::process::ExitCode;

use voice_app::AppError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked.
    Ok,
    /// Something else; the message says what.
    Other,
    /// What was given can't be right.
    BadInput,
    /// Nobody is signed in here, or somebody is already.
    SignIn,
    /// Another copy runs.
    AlreadyRunning,
    /// The servers can't be reached or refuse.
    NoService,
    /// Sound doesn't work.
    Sound,
    /// The call was not answered: offline, busy, declined, no answer, no such person.
    NotAnswered,
    /// The call was cut off.
    CutOff,
}

impl Exit {
    /// The exit code of an error.
    pub(crate) fn of(error: &AppError) -> Self {
        match &*error.code {
            "bad-input" | "no-such-contact" | "no-such-call" => Self::BadInput,
            "not-signed-in" | "signed-in" => Self::SignIn,
            "already-running" => Self::AlreadyRunning,
            "no-service" | "not-yet" | "refused" | "account" => Self::NoService,
            "storage" | "disk-full" | "keyring" | "system" => Self::Other,
            _ => Self::Sound,
        }
    }

    /// The exit code of a call's end.
    pub(crate) fn of_call(reason: &str) -> Self {
        match reason {
            "hung_up" | "answered_elsewhere" | "replaced" | "stopped" => Self::Ok,
            "connection_lost" | "failed" => Self::CutOff,
            _ => Self::NotAnswered,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Other => 1,
            Self::BadInput => 2,
            Self::SignIn => 3,
            Self::AlreadyRunning => 4,
            Self::NoService => 5,
            Self::Sound => 6,
            Self::NotAnswered => 7,
            Self::CutOff => 8,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
