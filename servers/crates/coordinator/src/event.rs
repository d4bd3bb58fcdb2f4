//! What a DC asks of its driver, and what the driver answers.

use ntm_wire::addr::{RealAddr, VirtualAddrs};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{NodeId, RsId};
use ntm_wire::message::RouteOrder;
use ntm_wire::push::PushToken;

/// Something that the driver should do, or that a person would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Find the coordinator of a name: the static map, then SRV `_ntm._udp.<domain>`, walking the
    /// labels upward; then [`handle_resolved`](crate::Coordinator::handle_resolved).
    Resolve {
        /// To be repeated in the answer.
        query: QueryId,
        /// The wanted name.
        domain: Fqdn,
    },
    /// Write this down for good, then [`handle_stored`](crate::Coordinator::handle_stored); the node
    /// waits for it.
    Store(Assignment),
    /// Send a wake-up through the push service.
    Wake {
        /// What the node registered.
        token: PushToken,
        /// The opaque id: all that a push may carry.
        id: u64,
    },
    /// A node came on, or back.
    Registered {
        /// Which.
        node: NodeId,
        /// Its name.
        fqdn: Fqdn,
        /// Its permanent addresses.
        addrs: VirtualAddrs,
        /// Where it was seen.
        observed: RealAddr,
    },
    /// A node is gone.
    Offline {
        /// Which.
        node: NodeId,
        /// Why.
        reason: OfflineReason,
    },
    /// A tunnel was directed.
    Directed {
        /// Who asked.
        caller: NodeId,
        /// Who answered.
        callee: NodeId,
        /// The route.
        order: RouteOrder,
    },
    /// A relay reported for the first time, or again after a silence.
    RelayUp(RsId),
    /// A relay fell silent.
    RelayDown(RsId),
    /// Fewer than an eighth of the virtual IPv4 addresses are left: time for another block.
    BlocksNearlyFull {
        /// How many are left.
        left: u32,
    },
}

/// Why a node is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfflineReason {
    /// It said so.
    Left,
    /// It missed three keep-alives.
    Silent,
    /// Its device was revoked.
    Revoked,
}

/// A node's permanent addresses, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Which node.
    pub node: NodeId,
    /// Its name.
    pub fqdn: Fqdn,
    /// Its addresses.
    pub addrs: VirtualAddrs,
}

/// Pairs an [`Event::Resolve`] with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u64);

/// The coordinator found for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The domain at which the record stood; names the pinned key.
    pub domain: Fqdn,
    /// The coordinator's addresses, best first.
    pub addrs: Vec<RealAddr>,
}

/// Why no coordinator was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No label of the name has a record.
    #[error("no coordinator is announced for this domain")]
    NotFound,
    /// The question was not answered.
    #[error("the name service does not answer")]
    Unreachable,
}

/// The assignment could not be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store did not take the assignment")]
pub struct StoreError;
