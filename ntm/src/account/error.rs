//! Why the AS did not give what was asked.

use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::LinkError;
use ntm_account_api::opaque::OpaqueError;
use ntm_https::HttpsError;
use ntm_wire::certificate::CertificateError;
use ntm_wire::fqdn::FqdnError;

/// Why a sign-up, sign-in or other request to the AS failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The password is wrong, or there is no such account: the server can't tell, and would not.
    #[error("wrong account or password: check both and try again")]
    WrongPassword,
    /// The password is too easily guessed.
    #[error("the password is too short: take at least {MIN_PASSWORD} characters")]
    ShortPassword,
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Server(#[from] HttpsError),
    /// The server does not speak OPAQUE as this version does.
    #[error("the account server speaks another version of the sign-in: update this program")]
    OtherVersion,
    /// What the server gave does not fit what was asked for.
    #[error("the account server's answer is not to be trusted: {0}")]
    Untrusted(&'static str),
    /// The server's certificate for this device does not hold.
    #[error("the account server's certificate for this device does not hold: {0}")]
    Certificate(#[from] CertificateError),
    /// A link can't be read.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No name can be made of account and device.
    #[error(transparent)]
    Name(#[from] FqdnError),
    /// The operating system gave no random numbers.
    #[error("this system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Argon2 makes eight characters dear to guess for whoever stole the server's secrets too.
pub(super) const MIN_PASSWORD: usize = 8;

impl AccountError {
    /// The server's own code, when it answered.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::WrongPassword => Some(ErrorCode::WrongPassword),
            Self::Server(error) => error.code(),
            Self::ShortPassword
            | Self::OtherVersion
            | Self::Untrusted(_)
            | Self::Certificate(_)
            | Self::Link(_)
            | Self::Name(_)
            | Self::Random(_) => None,
        }
    }

    /// Whether asking again can't help: the server no longer knows this device.
    pub fn is_final(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DeviceRevoked | ErrorCode::NotSignedIn)
        )
    }
}

impl From<OpaqueError> for AccountError {
    fn from(error: OpaqueError) -> Self {
        match error {
            OpaqueError::WrongPassword => Self::WrongPassword,
            OpaqueError::Malformed => Self::OtherVersion,
        }
    }
}
