//! What a node tells its driver, and why things fail.

use core::time::Duration;
use std::net::SocketAddr;

use ntm_wire::addr::{RealAddr, VirtualAddrs};
use ntm_wire::certificate::CertificateError;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{InterfaceId, NodeId, RsId};
use ntm_wire::key::RootKey;
use ntm_wire::message::{DirectionError, RegistrationError};

use crate::handover::passage::Passage;
use crate::handover::timeline::Handover;

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The socket to send from; 0: the system's choice in the family of `to`.
    pub from: InterfaceId,
    /// Where to.
    pub to: RealAddr,
    /// The whole UDP payload.
    pub payload: Vec<u8>,
}

/// A call of [`Node::resolve`](crate::Node::resolve).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResolveId(pub u64);

/// A virtual UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UdpId(pub u64);

/// A call of [`Node::probe`](crate::Node::probe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u32);

/// Which way packets to a peer go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Over a relay server.
    Relay {
        /// Which.
        rs: RsId,
        /// Where it is.
        via: RealAddr,
    },
    /// Straight to the peer.
    Direct {
        /// The peer's address.
        remote: RealAddr,
    },
}

/// The other end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The verified name of the device.
    pub fqdn: Fqdn,
    /// The device.
    pub node: NodeId,
    /// Its virtual addresses; the IPv4 one may be an alias that is local to this node.
    pub addrs: VirtualAddrs,
    /// Its account's root key: the safety number.
    pub root: RootKey,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The DC knows where the node is.
    Registered {
        /// Permanent addresses.
        addrs: VirtualAddrs,
        /// The address the DC sees.
        observed: RealAddr,
    },
    /// The DC does not register the node.
    RegistrationFailed(RegisterError),
    /// A name was resolved, or not.
    Resolved {
        /// Which call.
        id: ResolveId,
        /// The devices with a tunnel, most recently used first.
        result: Result<Vec<Peer>, ResolveError>,
    },
    /// A tunnel stands.
    TunnelUp {
        /// With whom.
        peer: Peer,
        /// Which way.
        route: Route,
    },
    /// A tunnel goes another way now.
    RouteChanged {
        /// With whom.
        peer: NodeId,
        /// Before.
        old: Route,
        /// From now on.
        new: Route,
    },
    /// Packets to a peer arrive, may be lost, or can't leave, otherwise than before.
    PassageChanged {
        /// With whom.
        peer: NodeId,
        /// From now on.
        passage: Passage,
    },
    /// A hand-over is over, or as far as it came in ten seconds.
    HandedOver(Box<Handover>),
    /// A tunnel ended.
    TunnelDown {
        /// With whom.
        peer: NodeId,
        /// Its name.
        fqdn: Fqdn,
        /// Why.
        reason: DownReason,
    },
    /// An account was met for the first time: pin this root key.
    Pinned {
        /// The account.
        account: Fqdn,
        /// Its root key.
        root: RootKey,
    },
    /// An account has another root key than the one pinned; the tunnel was refused.
    PinChanged {
        /// The account.
        account: Fqdn,
        /// The key known.
        old: RootKey,
        /// The key shown.
        new: RootKey,
    },
    /// A peer of another operator waits until the key of that operator's AS is known: none is, or the one
    /// known did not sign the peer's certificate. To be answered with [`Node::set_authority`] or
    /// [`Node::refuse_authority`].
    ///
    /// [`Node::set_authority`]: crate::Node::set_authority
    /// [`Node::refuse_authority`]: crate::Node::refuse_authority
    AuthorityWanted {
        /// The domain.
        domain: Fqdn,
    },
    /// A virtual UDP socket has something to read.
    UdpReadable(UdpId),
    /// A probe came back.
    ProbeAnswered {
        /// Which call.
        id: ProbeId,
        /// Round trip.
        rtt: Duration,
        /// The way it went.
        route: Route,
    },
    /// A probe did not come back in time.
    ProbeLost(ProbeId),
    /// Less than half of the ticket's life is left: renew it.
    TicketExpiring,
    /// The DC does not answer.
    CoordinatorLost,
    /// A relay does not answer.
    RelayLost(RsId),
}

/// Why a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// The peer closed it.
    Closed,
    /// A newer tunnel with the same node took its place.
    Replaced,
    /// Nothing was heard for 30 s.
    Silent,
    /// This node left.
    Local,
}

/// Why a registration fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The DC said so.
    #[error(transparent)]
    Refused(#[from] RegistrationError),
    /// The DC did not answer any of five tries.
    #[error("the coordinator does not answer: check the network, or ask its operator")]
    CoordinatorUnreachable,
    /// The ticket's end is past by this machine's clock.
    #[error("the ticket has expired: sign in again, or set the clock of this machine")]
    TicketExpired,
}

/// Why a name does not resolve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A coordinator said so.
    #[error(transparent)]
    Refused(#[from] DirectionError),
    /// The DC did not answer any of five tries.
    #[error("the coordinator does not answer: check the network, or ask its operator")]
    CoordinatorUnreachable,
    /// The peer was directed, but no handshake came through on any path.
    #[error("the other device does not answer, neither directly nor over a relay")]
    PeerUnreachable,
    /// The relays did not answer, and no direct path came up.
    #[error("no relay server answers: check the network, or ask the operator")]
    RelayUnreachable,
    /// The peer's certificate is not believed.
    #[error("the other side's identity is not believed: {0}")]
    Certificate(#[from] CertificateError),
    /// No key is to be had of the AS that speaks for the peer's domain.
    #[error(transparent)]
    NoAuthority(#[from] NoAuthority),
    /// The account's root key is not the one pinned.
    #[error("the account's key has changed: compare the safety numbers before you go on")]
    PinChanged,
}

/// Why the key of an AS is not believed or not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operator of {domain} can't be told from an impostor: {why}")]
pub struct NoAuthority {
    /// The domain.
    pub domain: Fqdn,
    /// What happened and what to do.
    pub why: String,
}

/// Why a virtual socket can't be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Another virtual socket has the port.
    #[error("the virtual port is in use")]
    PortInUse,
    /// The address is not this node's.
    #[error("not a virtual address of this node")]
    NotLocal,
}

/// Why a virtual datagram can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No tunnel leads to the address: resolve the name first.
    #[error("no tunnel to this virtual address: resolve the name first")]
    NoTunnel,
    /// Longer than the virtual MTU leaves.
    #[error("the datagram is longer than the virtual network carries (1,232 bytes over IPv6)")]
    TooLong,
    /// No such socket.
    #[error("the virtual socket is closed")]
    Closed,
    /// The node has no virtual address yet.
    #[error("the node is not registered yet")]
    NotRegistered,
    /// The socket is bound to the other family.
    #[error("the socket and the destination are of different families")]
    FamilyMismatch,
}

/// A datagram from a virtual UDP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The sender's virtual address and port.
    pub from: SocketAddr,
    /// The payload.
    pub data: Vec<u8>,
}
