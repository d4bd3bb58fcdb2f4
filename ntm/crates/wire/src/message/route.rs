//! Route Direction, its Response, and the Request of a node that was woken: DC <-> node.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::information::{read_v4 as read_virtual_v4, write_v4 as write_virtual_v4};
use super::relay::{read_v4, read_v6, write_v4, write_v6};
use crate::addr::{Candidate, MAX_CANDIDATES, NatVerdict};
use crate::certificate::IdentityCertificate;
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::{Epoch, PathId, RsId, TxId};
use crate::key::{SecretKey, ServerKey};
use crate::token::SealedToken;

/// A chosen relay and a stand-by.
pub const MAX_LEGS: usize = 2;

/// Builds one tunnel at one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDirection {
    /// Transaction.
    pub tx: TxId,
    /// The Direction Request this answers; zero at the callee.
    pub for_request: TxId,
    /// Which end this is.
    pub role: Role,
    /// Path id of what this node sends.
    pub path_out: PathId,
    /// Path id of what this node receives.
    pub path_in: PathId,
    /// Pre-shared key of the handshake; single use.
    pub path_key: SecretKey,
    /// Who the other end is.
    pub peer: IdentityCertificate,
    /// Its virtual IPv4 address, when both are of one operator.
    pub peer_v4: Option<Ipv4Addr>,
    /// Its real addresses; empty when only the relay is allowed.
    pub peer_candidates: Vec<Candidate>,
    /// Its NAT.
    pub peer_nat: NatVerdict,
    /// Its epoch, as the DC knows it.
    pub peer_epoch: Epoch,
    /// This node's epoch, as the DC knows it (rule 14).
    pub own_epoch: Epoch,
    /// What to try, in which order.
    pub order: RouteOrder,
    /// The relay legs, chosen one first.
    pub legs: Vec<Leg>,
}

/// Which end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// The mobile node, which asked; sends the Tunnel Request.
    Caller = 0,
    /// The correspondent node.
    Callee = 1,
}

impl Role {
    /// The other end's.
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// The route decision (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RouteOrder {
    /// Direct; the relay leg stands by.
    Direct = 0,
    /// Direct, but the callee opens its NAT first.
    DirectCalleeOpens = 1,
    /// Direct, but the caller opens its NAT first.
    DirectCallerOpens = 2,
    /// Behind one NAT: the addresses on the LAN first.
    SameNat = 3,
    /// Over the relay at once, direct if the NATs allow.
    RelayThenDirect = 4,
    /// Over the relay only.
    RelayOnly = 5,
}

/// One end's leg at one relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which relay.
    pub rs: RsId,
    /// Its X25519 key.
    pub rs_key: ServerKey,
    /// Its IPv4 address.
    pub v4: Option<(Ipv4Addr, u16)>,
    /// Its IPv6 address.
    pub v6: Option<(Ipv6Addr, u16)>,
    /// The right to bind.
    pub token: SealedToken,
    /// Authenticates binds and seals Leg packets.
    pub leg_key: SecretKey,
}

/// How far the callee goes along (rule 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Consent {
    /// The caller may learn the callee's real addresses.
    All = 0,
    /// Only over the relay.
    #[default]
    RelayOnly = 1,
    /// Not at all.
    Refuse = 2,
}

/// The node has read its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDirectionResponse {
    /// Transaction of the direction.
    pub tx: TxId,
    /// How far it goes along.
    pub consent: Consent,
}

/// A woken node asks for what waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDirectionRequest {
    /// Transaction.
    pub tx: TxId,
    /// From the push; zero asks for whatever waits.
    pub wake_id: u64,
}

impl Codec for Role {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(if r.bool("role")? {
            Self::Callee
        } else {
            Self::Caller
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(*self as u8);
    }
}

impl Codec for RouteOrder {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match r.u8("route order")? {
            0 => Self::Direct,
            1 => Self::DirectCalleeOpens,
            2 => Self::DirectCallerOpens,
            3 => Self::SameNat,
            4 => Self::RelayThenDirect,
            5 => Self::RelayOnly,
            _ => return Err(Malformed::Invalid("route order")),
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(*self as u8);
    }
}

impl Codec for Consent {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match r.u8("consent")? {
            0 => Self::All,
            1 => Self::RelayOnly,
            2 => Self::Refuse,
            _ => return Err(Malformed::Invalid("consent")),
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(*self as u8);
    }
}

impl Codec for Leg {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            rs: Codec::read(r)?,
            rs_key: Codec::read(r)?,
            v4: read_v4(r)?,
            v6: read_v6(r)?,
            token: Codec::read(r)?,
            leg_key: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.rs.write(w);
        self.rs_key.write(w);
        write_v4(w, self.v4);
        write_v6(w, self.v6);
        self.token.write(w);
        self.leg_key.write(w);
    }
}

impl Codec for RouteDirection {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            for_request: Codec::read(r)?,
            role: Codec::read(r)?,
            path_out: Codec::read(r)?,
            path_in: Codec::read(r)?,
            path_key: Codec::read(r)?,
            peer: Codec::read(r)?,
            peer_v4: read_virtual_v4(r)?,
            peer_candidates: r.list(MAX_CANDIDATES, "candidates", Codec::read)?,
            peer_nat: Codec::read(r)?,
            peer_epoch: Codec::read(r)?,
            own_epoch: Codec::read(r)?,
            order: Codec::read(r)?,
            legs: r.list(MAX_LEGS, "legs", Codec::read)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.for_request.write(w);
        self.role.write(w);
        self.path_out.write(w);
        self.path_in.write(w);
        self.path_key.write(w);
        self.peer.write(w);
        write_virtual_v4(w, self.peer_v4);
        w.list(&self.peer_candidates, |w, c| c.write(w));
        self.peer_nat.write(w);
        self.peer_epoch.write(w);
        self.own_epoch.write(w);
        self.order.write(w);
        w.list(&self.legs, |w, l| l.write(w));
    }
}

impl Codec for RouteDirectionResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            consent: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.consent.write(w);
    }
}

impl Codec for RouteDirectionRequest {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            wake_id: r.u64("wake id")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        w.u64(self.wake_id);
    }
}
