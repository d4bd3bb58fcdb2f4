//! [`Failure`]: what a person is told, and the exit code that goes with it.

use std::io;

use ntm_account_api::error::ErrorCode;
use ntm_https::HttpsError;
use ntm_proto::{RegisterError, ResolveError};
use ntm_wire::certificate::CertificateError;
use ntm_wire::message::{DirectionError, RegistrationError};

use super::exit::Exit;
use crate::account::AccountError;
use crate::error::{LookupError, StartError, WaitError};
use crate::keystore::KeystoreError;
use crate::operators::OperatorError;
use crate::profile::ProfileError;

/// A command that did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// What happened and what to do.
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl ToString) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    pub(super) fn system(error: io::Error) -> Self {
        Self::new(Exit::Other, format!("this system refuses: {error}"))
    }

    /// The node was shut down under the command.
    pub(super) fn stopped() -> Self {
        Self::new(Exit::Other, "the node was shut down")
    }

    /// Says of whom the failure speaks.
    pub(super) fn about(mut self, name: &str) -> Self {
        self.message = format!("{name}: {}", self.message);
        self
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        let exit = match &error {
            ProfileError::NotSignedIn(_) => Exit::NotSignedIn,
            ProfileError::Damaged { .. } => Exit::ProfileDamaged,
            ProfileError::Taken { .. } => Exit::NotAllowed,
            ProfileError::InUse => Exit::ProfileInUse,
            ProfileError::NoFolder | ProfileError::File(_) => Exit::ProfileUnwritable,
            ProfileError::Keystore(e) => keystore_exit(e),
        };
        Self::new(exit, error)
    }
}

fn keystore_exit(error: &KeystoreError) -> Exit {
    match error {
        KeystoreError::Keyring(_) => Exit::Keystore,
        KeystoreError::File(_) => Exit::ProfileUnwritable,
        KeystoreError::Missing => Exit::NotSignedIn,
        KeystoreError::Damaged => Exit::ProfileDamaged,
        KeystoreError::BadChoice(_) => Exit::BadArguments,
    }
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        Self::new(keystore_exit(&error), error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::PortInUse { .. } => Exit::PortInUse,
            StartError::Socket(_) | StartError::Random => Exit::Other,
        };
        Self::new(exit, error)
    }
}

impl From<WaitError> for Failure {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Register(e) => e.into(),
            WaitError::Stopped => Self::stopped(),
        }
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        let exit = match error {
            RegisterError::Refused(e) => registration_exit(e),
            RegisterError::CoordinatorUnreachable => Exit::CoordinatorUnreachable,
            RegisterError::TicketExpired => Exit::TicketExpired,
        };
        Self::new(exit, error)
    }
}

fn registration_exit(error: RegistrationError) -> Exit {
    match error {
        RegistrationError::TicketExpired => Exit::TicketExpired,
        RegistrationError::ClockWrong => Exit::ClockWrong,
        RegistrationError::BlockExhausted => Exit::BlockExhausted,
        RegistrationError::Revoked => Exit::Revoked,
        RegistrationError::StaleEpoch => Exit::ProfileInUse,
        RegistrationError::Overloaded => Exit::TryLater,
        RegistrationError::WrongBlock => Exit::NotSignedIn,
        RegistrationError::Storage => Exit::CoordinatorUnreachable,
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Resolve(e) => e.into(),
            LookupError::TooLong => Self::new(Exit::Other, error.to_string()),
            LookupError::Stopped => Self::stopped(),
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let exit = match &error {
            ResolveError::Refused(e) => direction_exit(*e),
            ResolveError::CoordinatorUnreachable => Exit::CoordinatorUnreachable,
            ResolveError::PeerUnreachable => Exit::NoAnswer,
            ResolveError::RelayUnreachable => Exit::RelayUnreachable,
            ResolveError::Certificate(e) => certificate_exit(*e),
            ResolveError::NoAuthority(_) | ResolveError::PinChanged => Exit::IdentityNotBelieved,
        };
        Self::new(exit, error)
    }
}

fn direction_exit(error: DirectionError) -> Exit {
    match error {
        DirectionError::UnknownName => Exit::UnknownName,
        DirectionError::PeerOffline => Exit::PeerOffline,
        DirectionError::Refused => Exit::Refused,
        DirectionError::NoCoordinator => Exit::NoCoordinator,
        DirectionError::CoordinatorUnreachable | DirectionError::NotRegistered => {
            Exit::CoordinatorUnreachable
        }
        DirectionError::NoRelay => Exit::RelayUnreachable,
        DirectionError::TooMany => Exit::TryLater,
        DirectionError::OwnName => Exit::BadArguments,
        DirectionError::VersionTooOld => Exit::VersionTooOld,
    }
}

fn certificate_exit(error: CertificateError) -> Exit {
    match error {
        CertificateError::NotYetValid | CertificateError::Expired => Exit::ClockWrong,
        CertificateError::Authority | CertificateError::Root | CertificateError::WrongDomain => {
            Exit::IdentityNotBelieved
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let exit = match (&error, error.code()) {
            (_, Some(code)) => account_exit(code),
            (AccountError::Server(e), None) => https_exit(e),
            (AccountError::Certificate(e), None) => certificate_exit(*e),
            (AccountError::Untrusted(_), None) => Exit::IdentityNotBelieved,
            (AccountError::OtherVersion, None) => Exit::VersionTooOld,
            (AccountError::ShortPassword | AccountError::Link(_) | AccountError::Name(_), None) => {
                Exit::BadArguments
            }
            (AccountError::WrongPassword, None) => Exit::WrongPassword,
            (AccountError::Random(_), None) => Exit::Other,
        };
        Self::new(exit, error)
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        let exit = match &error {
            OperatorError::Domain(e) | OperatorError::Server(e) => https_exit(e),
            OperatorError::Key { .. } => Exit::IdentityNotBelieved,
            OperatorError::Home(_) => Exit::BadArguments,
            OperatorError::Profile(_) => Exit::ProfileUnwritable,
        };
        Self::new(exit, error)
    }
}

fn https_exit(error: &HttpsError) -> Exit {
    match error {
        HttpsError::BadUrl(_) => Exit::BadArguments,
        HttpsError::Unreachable { .. }
        | HttpsError::TooLong { .. }
        | HttpsError::Redirect { .. }
        | HttpsError::NotAnAccountServer { .. } => Exit::AccountServerUnreachable,
        HttpsError::WrongPin { .. } | HttpsError::BadCertificate { .. } => {
            Exit::IdentityNotBelieved
        }
        HttpsError::Refused(body) => account_exit(body.code),
    }
}

fn account_exit(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::WrongPassword => Exit::WrongPassword,
        ErrorCode::DeviceRevoked => Exit::Revoked,
        ErrorCode::NotSignedIn => Exit::NotSignedIn,
        ErrorCode::BadAccountName | ErrorCode::BadDeviceName | ErrorCode::DeviceUnknown => {
            Exit::BadArguments
        }
        ErrorCode::TooManyAttempts | ErrorCode::SignInExpired => Exit::TryLater,
        ErrorCode::NoCoordinator => Exit::NoCoordinator,
        ErrorCode::BlocksExhausted => Exit::BlockExhausted,
        ErrorCode::BadRequest | ErrorCode::Unknown => Exit::VersionTooOld,
        ErrorCode::Internal => Exit::AccountServerUnreachable,
        ErrorCode::BadRootSignature => Exit::IdentityNotBelieved,
        ErrorCode::InvitationUnknown
        | ErrorCode::InvitationExpired
        | ErrorCode::InvitationUsedUp
        | ErrorCode::InvitationNeeded
        | ErrorCode::RegistrationClosed
        | ErrorCode::AccountTaken
        | ErrorCode::DeviceTaken
        | ErrorCode::TooManyDevices
        | ErrorCode::NotAllowed
        | ErrorCode::EnrolmentRefused => Exit::NotAllowed,
    }
}

/// An error of the virtual sockets.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        if kind == io::ErrorKind::AddrInUse {
            return Self::new(Exit::PortInUse, format!("{error}: choose another"));
        }
        let exit = if kind == io::ErrorKind::HostUnreachable {
            Exit::NoAnswer
        } else {
            Exit::Other
        };
        Self::new(exit, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(failure: impl Into<Failure>, exit: Exit, what_to_do: &str) {
        let failure = failure.into();
        assert_eq!(failure.exit, exit, "{}", failure.message);
        assert!(
            failure.message.contains(what_to_do),
            "{:?} says what to do: {what_to_do}",
            failure.message
        );
    }

    #[test]
    fn every_failure_of_a_lookup_has_its_own_exit_and_says_what_to_do() {
        let refused = |e| Failure::from(ResolveError::Refused(e));
        says(
            refused(DirectionError::UnknownName),
            Exit::UnknownName,
            "spelling",
        );
        says(
            refused(DirectionError::PeerOffline),
            Exit::PeerOffline,
            "online",
        );
        says(
            refused(DirectionError::NoRelay),
            Exit::RelayUnreachable,
            "operator",
        );
        says(
            refused(DirectionError::VersionTooOld),
            Exit::VersionTooOld,
            "update",
        );
        says(
            ResolveError::RelayUnreachable,
            Exit::RelayUnreachable,
            "check the network",
        );
        says(
            ResolveError::PinChanged,
            Exit::IdentityNotBelieved,
            "safety numbers",
        );
    }

    #[test]
    fn every_failure_of_a_registration_has_its_own_exit_and_says_what_to_do() {
        let refused = |e| Failure::from(RegisterError::Refused(e));
        let silent = RegisterError::CoordinatorUnreachable;
        says(silent, Exit::CoordinatorUnreachable, "check the network");
        says(
            refused(RegistrationError::TicketExpired),
            Exit::TicketExpired,
            "sign in again",
        );
        says(
            refused(RegistrationError::ClockWrong),
            Exit::ClockWrong,
            "set it",
        );
        says(
            refused(RegistrationError::BlockExhausted),
            Exit::BlockExhausted,
            "operator",
        );
        says(
            refused(RegistrationError::Revoked),
            Exit::Revoked,
            "sign in again",
        );
    }

    #[test]
    fn every_failure_of_this_machine_has_its_own_exit_and_says_what_to_do() {
        let folder = std::path::PathBuf::from("/tmp/p");
        says(
            AccountError::WrongPassword,
            Exit::WrongPassword,
            "try again",
        );
        says(
            ProfileError::NotSignedIn(folder),
            Exit::NotSignedIn,
            "ntm sign-in",
        );
        says(ProfileError::InUse, Exit::ProfileInUse, "--profile");
        says(
            StartError::PortInUse { port: 7 },
            Exit::PortInUse,
            "choose another",
        );
        let virtual_port = crate::error::bind_io(ntm_proto::BindError::PortInUse);
        says(virtual_port, Exit::PortInUse, "choose another");
    }
}
