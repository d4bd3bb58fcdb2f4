//! Why calls of the library fail: one enum per operation, and the `io::Error` each becomes.

use std::io;

use ntm_proto::{BindError, MAX_EARLY, RegisterError, ResolveError, SendError};
use ntm_wire::message::DirectionError;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The UDP port is taken.
    #[error("UDP port {port} of this machine is in use: choose another, or 0 for any")]
    PortInUse {
        /// The port asked for.
        port: u16,
    },
    /// No UDP socket at all.
    #[error("this machine gives no UDP socket")]
    Socket(#[source] io::Error),
    /// No random numbers: nothing may be sealed without.
    #[error("this machine gives no random numbers")]
    Random,
}

/// Why a node is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The coordinator refused, or does not answer; the node goes on trying.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The node was shut down.
    #[error("the node was shut down")]
    Stopped,
}

/// Why a node does not go to sleep; it goes on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SleepError {
    /// It was started without a push token.
    #[error("this node was not started as one that sleeps")]
    NoToken,
    /// The coordinator offers none, or the network lets nothing through to it.
    #[error(
        "no wake service answers at the coordinator: its operator turns it on with dc.push.listen"
    )]
    NoWakeService,
    /// The node is not registered, or the coordinator forgot it.
    #[error(
        "the coordinator does not know this node at the moment: try again when it is registered"
    )]
    Unknown,
    /// Too many sleep already.
    #[error("the wake service has no room for another device: try again later")]
    Full,
}

/// Why a name does not become addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The negotiation failed.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The datagram does not fit into the request for a tunnel.
    #[error("a datagram that goes ahead of the tunnel has at most {MAX_EARLY} bytes")]
    TooLong,
    /// The node was shut down.
    #[error("the node was shut down")]
    Stopped,
}

/// Why a round trip was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Nothing came back in time.
    #[error("no answer")]
    Lost,
    /// The node was shut down.
    #[error("the node was shut down")]
    Stopped,
}

/// The kind closest to what tokio's sockets and resolver answer.
impl From<LookupError> for io::Error {
    fn from(error: LookupError) -> Self {
        let kind = match &error {
            LookupError::Stopped => io::ErrorKind::BrokenPipe,
            LookupError::Resolve(e) => resolve_kind(e),
            LookupError::TooLong => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

fn resolve_kind(error: &ResolveError) -> io::ErrorKind {
    match error {
        ResolveError::Refused(e) => direction_kind(*e),
        ResolveError::CoordinatorUnreachable => io::ErrorKind::NetworkUnreachable,
        ResolveError::PeerUnreachable | ResolveError::RelayUnreachable => {
            io::ErrorKind::HostUnreachable
        }
        ResolveError::Certificate(_) | ResolveError::NoAuthority(_) | ResolveError::PinChanged => {
            io::ErrorKind::PermissionDenied
        }
    }
}

fn direction_kind(error: DirectionError) -> io::ErrorKind {
    match error {
        DirectionError::UnknownName | DirectionError::NoCoordinator => io::ErrorKind::NotFound,
        DirectionError::PeerOffline | DirectionError::NoRelay => io::ErrorKind::HostUnreachable,
        DirectionError::Refused => io::ErrorKind::ConnectionRefused,
        DirectionError::CoordinatorUnreachable => io::ErrorKind::NetworkUnreachable,
        DirectionError::TooMany => io::ErrorKind::ResourceBusy,
        DirectionError::NotRegistered => io::ErrorKind::NotConnected,
        DirectionError::OwnName => io::ErrorKind::InvalidInput,
        DirectionError::VersionTooOld => io::ErrorKind::Unsupported,
    }
}

pub(crate) fn bind_io(error: BindError) -> io::Error {
    let kind = match error {
        BindError::PortInUse => io::ErrorKind::AddrInUse,
        BindError::NotLocal => io::ErrorKind::AddrNotAvailable,
    };
    io::Error::new(kind, error)
}

pub(crate) fn send_io(error: SendError) -> io::Error {
    let kind = match error {
        SendError::NoTunnel => io::ErrorKind::HostUnreachable,
        SendError::TooLong | SendError::FamilyMismatch => io::ErrorKind::InvalidInput,
        SendError::Closed => io::ErrorKind::BrokenPipe,
        SendError::NotRegistered => io::ErrorKind::NetworkUnreachable,
    };
    io::Error::new(kind, error)
}

pub(crate) fn stopped_io() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the node was shut down")
}
