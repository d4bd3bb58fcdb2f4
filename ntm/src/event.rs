//! What a node tells its application.

use std::time::Duration;

pub use ntm_proto::{
    DownReason, Handover, Interface, NoAuthority, Passage, Peer, Reason, RegisterError, Route,
};
use ntm_wire::addr::{RealAddr, VirtualAddrs};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{NodeId, RsId};
use ntm_wire::key::RootKey;
use ntm_wire::time::Wall;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The coordinator knows where the node is.
    Registered {
        /// Permanent addresses.
        addrs: VirtualAddrs,
        /// The address the coordinator sees.
        observed: RealAddr,
    },
    /// The coordinator does not register the node; it goes on trying.
    RegistrationFailed(RegisterError),
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
    /// Packets to a peer arrive, may be lost, or can't leave, otherwise than before: who sends speech can send
    /// again what may be lost.
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
    /// An account was met for the first time; its key is remembered.
    Pinned {
        /// The account.
        account: Fqdn,
        /// Its root key.
        root: RootKey,
    },
    /// An account has another root key than the one remembered; the tunnel was refused.
    PinChanged {
        /// The account.
        account: Fqdn,
        /// The key known.
        old: RootKey,
        /// The key shown.
        new: RootKey,
    },
    /// Somebody of another operator was not connected, for that operator's key was not found or not believed.
    OperatorRefused(NoAuthority),
    /// The coordinator does not answer; tunnels go on.
    CoordinatorLost,
    /// A relay does not answer.
    RelayLost(RsId),
    /// A new ticket was fetched.
    TicketRenewed {
        /// When it ends.
        expires: Wall,
    },
    /// The account server gave no new ticket; tried again in a while.
    RenewalFailed {
        /// Why.
        why: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// The machine slept; every path was suspect.
    Slept(Duration),
}
