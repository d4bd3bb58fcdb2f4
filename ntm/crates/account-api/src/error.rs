//! What the AS answers when it can't do what was asked.

use serde::{Deserialize, Serialize};

/// Why a request failed, for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Account unknown or password wrong: not told apart on purpose.
    WrongPassword,
    /// No invitation with this code.
    InvitationUnknown,
    /// The invitation has expired.
    InvitationExpired,
    /// The invitation was used as often as it may be.
    InvitationUsedUp,
    /// Sign-up without an invitation is not allowed here.
    InvitationNeeded,
    /// Nobody may sign up here.
    RegistrationClosed,
    /// The account name is not allowed.
    BadAccountName,
    /// The account name is taken.
    AccountTaken,
    /// The device name is not allowed.
    BadDeviceName,
    /// The account has a device of that name.
    DeviceTaken,
    /// The account has as many devices as it may.
    TooManyDevices,
    /// The device was revoked.
    DeviceRevoked,
    /// No such device.
    DeviceUnknown,
    /// The root key has not signed what was sent.
    BadRootSignature,
    /// Too many attempts.
    TooManyAttempts,
    /// Signing in took too long.
    SignInExpired,
    /// The device secret or server secret is not known here.
    NotSignedIn,
    /// Only an administrator may.
    NotAllowed,
    /// The enrolment token is unknown, expired or used.
    EnrolmentRefused,
    /// No coordinator serves the domain yet.
    NoCoordinator,
    /// No address block is left.
    BlocksExhausted,
    /// The request is not one the server understands.
    BadRequest,
    /// The server failed; its log says why.
    Internal,
    /// A code this version does not know.
    #[serde(other)]
    Unknown,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// For a program.
    pub code: ErrorCode,
    /// For a person: what happened and what to do.
    pub message: String,
}
