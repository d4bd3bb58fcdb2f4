//! Why something asked is not done.

use ntm_account_api::error::{ErrorBody, ErrorCode};

/// A code for the program, and a sentence for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For a program.
    pub code: ErrorCode,
    /// What happened and what to do.
    pub message: String,
}

impl Refusal {
    /// With the sentence that goes with the code.
    pub fn new(code: ErrorCode) -> Self {
        Self::because(code, sentence(code))
    }

    /// With a sentence of its own.
    pub fn because(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// As it is sent.
    pub fn body(self) -> ErrorBody {
        ErrorBody {
            code: self.code,
            message: self.message,
        }
    }
}

fn sentence(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::WrongPassword => "wrong account or password: check both and try again",
        ErrorCode::InvitationUnknown => {
            "this server knows no such invitation: copy the whole link, or ask for a new one"
        }
        ErrorCode::InvitationExpired => "the invitation has expired: ask for a new one",
        ErrorCode::InvitationUsedUp => {
            "the invitation was used as often as it may be: ask for a new one"
        }
        ErrorCode::InvitationNeeded => {
            "an account here needs an invitation: ask somebody who has an account"
        }
        ErrorCode::RegistrationClosed => "this server takes no new accounts: ask its operator",
        ErrorCode::BadAccountName => {
            "an account name has 1 to 32 letters, digits and inner hyphens: choose another"
        }
        ErrorCode::AccountTaken => "this account name is taken: choose another",
        ErrorCode::BadDeviceName => {
            "a device name has 1 to 32 letters, digits and inner hyphens: choose another"
        }
        ErrorCode::DeviceTaken => {
            "the account has a device of this name: choose another, or revoke the old one"
        }
        ErrorCode::TooManyDevices => {
            "the account has as many devices as it may: revoke one that is no longer used"
        }
        ErrorCode::DeviceRevoked => "this device was signed out by its owner: sign in again",
        ErrorCode::DeviceUnknown => "the account has no such device: list the devices",
        ErrorCode::BadRootSignature => {
            "the account's root key has not signed this device: sign in again"
        }
        ErrorCode::TooManyAttempts => "too many attempts: wait some minutes and try again",
        ErrorCode::SignInExpired => "signing in took too long: try again",
        ErrorCode::NotSignedIn => "this server does not know this device: sign in again",
        ErrorCode::NotAllowed => "only an administrator of this server may do that",
        ErrorCode::EnrolmentRefused => {
            "the enrolment token is unknown, expired or used: have a new one made"
        }
        ErrorCode::NoCoordinator => {
            "no coordinator serves this domain yet: the operator has to start one (ntm-dc)"
        }
        ErrorCode::BlocksExhausted => {
            "no address block is left: this deployment can't take another coordinator or block"
        }
        ErrorCode::BadRequest => "the server does not understand the request: update this program",
        ErrorCode::Internal => "the server failed: try again later, and tell its operator",
        ErrorCode::Unknown => "the server refused",
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}
