//! [`AppError`]: what a person is told went wrong, and the code by which a shell knows it.

use ntm::account::AccountError;
use ntm::error::{StartError, WaitError};
use ntm::files::FileError;
use ntm::keystore::KeystoreError;
use ntm::profile::ProfileError;
use ntm::proto::RegisterError;
use serde::Serialize;
use ts_rs::TS;
use voice_audio::SoundError;

/// Something went wrong: a code for programs, words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS, thiserror::Error)]
#[error("{message}")]
pub struct AppError {
    /// What a shell may act on; it stays the same in every language and version.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

/// Codes that are this crate's own; sound's come from [`SoundError::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// What was given can't be right: a name, a number, a file.
    BadInput,
    /// Nobody is signed in here.
    NotSignedIn,
    /// Somebody is signed in here already.
    SignedIn,
    /// Another copy of the program runs.
    AlreadyRunning,
    /// The profile's folder can't be read or written.
    Storage,
    /// The disk is full.
    DiskFull,
    /// The keys can't be had of the keyring.
    Keyring,
    /// The account server said no, or nothing.
    Account,
    /// The servers can't be reached.
    NoService,
    /// The servers refuse this device for something that passes by itself, as a clock that is set soon.
    NotYet,
    /// The servers refuse this device.
    Refused,
    /// The network or the system refuses.
    System,
    /// There is no such call any more.
    NoSuchCall,
    /// There is no such person among the contacts.
    NoSuchContact,
}

impl Code {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "bad-input",
            Self::NotSignedIn => "not-signed-in",
            Self::SignedIn => "signed-in",
            Self::AlreadyRunning => "already-running",
            Self::Storage => "storage",
            Self::DiskFull => "disk-full",
            Self::Keyring => "keyring",
            Self::Account => "account",
            Self::NoService => "no-service",
            Self::NotYet => "not-yet",
            Self::Refused => "refused",
            Self::System => "system",
            Self::NoSuchCall => "no-such-call",
            Self::NoSuchContact => "no-such-contact",
        }
    }
}

impl AppError {
    /// An error with one of this crate's codes.
    pub fn new(code: Code, message: impl ToString) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: message.to_string(),
        }
    }

    /// Says of what the error speaks.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl From<SoundError> for AppError {
    fn from(error: SoundError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}

impl From<FileError> for AppError {
    fn from(error: FileError) -> Self {
        let is_full = matches!(&error, FileError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull);
        let code = if is_full {
            Code::DiskFull
        } else {
            Code::Storage
        };
        Self::new(code, error)
    }
}

impl From<ProfileError> for AppError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::NotSignedIn(_) => Self::new(
                Code::NotSignedIn,
                "nobody is signed in here: sign in, or sign up with an invitation",
            ),
            ProfileError::Taken { device } => Self::new(
                Code::SignedIn,
                format!(
                    "{} is signed in here already: sign out first",
                    crate::names::device(&device)
                ),
            ),
            ProfileError::InUse => Self::new(
                Code::AlreadyRunning,
                "Legato runs already with this profile: use that one, or end it first",
            ),
            ProfileError::File(error) => error.into(),
            ProfileError::Keystore(error) => error.into(),
            error @ (ProfileError::Damaged { .. } | ProfileError::NoFolder) => {
                Self::new(Code::Storage, error)
            }
        }
    }
}

impl From<KeystoreError> for AppError {
    fn from(error: KeystoreError) -> Self {
        let code = match &error {
            KeystoreError::Missing => Code::NotSignedIn,
            KeystoreError::Keyring(_) => Code::Keyring,
            KeystoreError::BadChoice(_) => Code::BadInput,
            KeystoreError::File(_) | KeystoreError::Damaged => Code::Storage,
        };
        Self::new(code, error)
    }
}

impl From<AccountError> for AppError {
    fn from(error: AccountError) -> Self {
        Self::new(Code::Account, error)
    }
}

impl From<StartError> for AppError {
    fn from(error: StartError) -> Self {
        Self::new(Code::System, error)
    }
}

impl From<RegisterError> for AppError {
    fn from(error: RegisterError) -> Self {
        Self::new(Code::NoService, error)
    }
}

impl From<WaitError> for AppError {
    fn from(error: WaitError) -> Self {
        let code = match &error {
            WaitError::Register(error) => refusal(error),
            WaitError::Stopped => Code::NoService,
        };
        Self::new(code, error)
    }
}

/// Whether asking again may help; else a person must do something.
fn refusal(error: &RegisterError) -> Code {
    use ntm::wire::message::RegistrationError as E;
    match error {
        RegisterError::CoordinatorUnreachable => Code::NoService,
        // A clock that is set soon after the start is behind both.
        RegisterError::TicketExpired => Code::NotYet,
        RegisterError::Refused(E::Revoked | E::WrongBlock) => Code::Refused,
        RegisterError::Refused(_) => Code::NotYet,
    }
}

impl From<voice_call::StartError> for AppError {
    fn from(error: voice_call::StartError) -> Self {
        let code = match &error {
            voice_call::StartError::PortTaken(_) => Code::AlreadyRunning,
            voice_call::StartError::NotRegistered(_) => Code::NoService,
            voice_call::StartError::Random => Code::System,
        };
        Self::new(code, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntm::wire::message::RegistrationError;

    #[test]
    fn who_is_refused_is_told_and_who_hears_nothing_goes_on_asking() {
        let code = |e: RegisterError| AppError::from(WaitError::Register(e)).code;
        assert_eq!(code(RegisterError::CoordinatorUnreachable), "no-service");
        assert_eq!(code(RegistrationError::Overloaded.into()), "not-yet");
        assert_eq!(code(RegistrationError::ClockWrong.into()), "not-yet");
        assert_eq!(code(RegistrationError::Revoked.into()), "refused");
    }
}
