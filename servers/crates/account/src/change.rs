//! What is to be written. A decision's changes are made together or not at all, and each says under
//! which condition it holds, since others decide at the same time.

use core::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId, RsId};
use ntm_wire::key::ServerKey;
use ntm_wire::time::Wall;

use crate::record::{Account, Dc, Device, Enrolment, Hash, Invitation, Link, Rs};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds an invitation.
    AddInvitation(Invitation),
    /// Counts one use; fails when it is used up.
    UseInvitation(Hash),
    /// Takes back invitations that make administrators.
    VoidAdminInvitations,
    /// Adds an account; fails when the name is taken.
    AddAccount(Account),
    /// Adds a device; fails when name, key or address is taken.
    AddDevice(Device),
    /// Remembers a renewal.
    Renewed(NodeId, Wall),
    /// Revokes a device, which frees its name.
    Revoke(NodeId, Wall),
    /// Adds an enrolment token.
    AddEnrolment(Enrolment),
    /// Spends it; fails when it is spent by another server.
    UseEnrolment(Hash, ServerKey, Wall),
    /// Adds a coordinator; fails when number, key or prefix is taken.
    AddDc(Dc),
    /// A coordinator's new addresses.
    SetDcAddrs(DcId, Vec<SocketAddr>),
    /// A coordinator's new secret.
    SetDcSecret(DcId, Hash),
    /// Gives a block; fails when it is taken.
    AddV4Block(DcId, u8),
    /// Adds a relay; fails when number or key is taken.
    AddRs(Rs),
    /// A relay's new addresses.
    SetRsAddrs(RsId, Option<SocketAddrV4>, Option<SocketAddrV6>),
    /// A relay's new secret.
    SetRsSecret(RsId, Hash),
    /// Adds a shared key; fails when its number is taken.
    AddLink(Link),
    /// Tells a coordinator.
    Tell(DcId, Note),
}

/// What a coordinator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An account or device exists.
    NameAdded(Fqdn),
    /// It exists no more.
    NameGone(Fqdn),
    /// The node's tickets are to be refused.
    Revoked(NodeId),
    /// The fleet or the coordinator's blocks changed.
    SetupChanged,
}
