//! Direction Request and Response: node <-> DC.

use super::{read_result, write_result};
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::fqdn::Fqdn;
use crate::id::TxId;

/// At most this many devices of one account are directed at once.
pub const MAX_DEVICES: usize = 8;

/// Asks for tunnels to whatever answers to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectionRequest {
    /// Transaction.
    pub tx: TxId,
    /// A device, or an account for all its devices.
    pub name: Fqdn,
}

/// Who will be directed; the Route Directions come beside or behind this message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectionResponse {
    /// Transaction of the request.
    pub tx: TxId,
    /// The devices, most recently used first, or why there is none.
    pub result: Result<Vec<Fqdn>, DirectionError>,
}

/// Why a name does not lead to a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum DirectionError {
    /// The name's coordinator knows no such account or device.
    #[error("nobody has this name: check the spelling")]
    UnknownName = 0,
    /// Known, but not registered and not to be woken.
    #[error("not reachable now: no device of this name is online")]
    PeerOffline = 1,
    /// The peer does not want to be called.
    #[error("the other side does not take this connection")]
    Refused = 2,
    /// No coordinator is found for the domain.
    #[error("no coordinator serves this domain: check the part behind the last '@', or its DNS")]
    NoCoordinator = 3,
    /// The other coordinator does not answer.
    #[error("the coordinator of that domain does not answer: try again later")]
    CoordinatorUnreachable = 4,
    /// No relay, and no direct way.
    #[error("no relay server is available: tell the operator")]
    NoRelay = 5,
    /// Too many requests.
    #[error("too many requests: wait a minute")]
    TooMany = 6,
    /// The asker is not registered here (any more).
    #[error("not registered: the coordinator does not know this node yet")]
    NotRegistered = 7,
    /// The name is the asker's own.
    #[error("this is your own name")]
    OwnName = 8,
    /// The two ends speak no common version.
    #[error("the other side's version is too old: one of you must update")]
    VersionTooOld = 9,
}

impl Codec for DirectionRequest {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            name: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.name.write(w);
    }
}

impl Codec for Vec<Fqdn> {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.list(MAX_DEVICES, "devices", Codec::read)
    }
    fn write(&self, w: &mut Writer) {
        w.list(self, |w, n| n.write(w));
    }
}

impl Codec for DirectionError {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match r.u8("direction error")? {
            0 => Self::UnknownName,
            1 => Self::PeerOffline,
            2 => Self::Refused,
            3 => Self::NoCoordinator,
            4 => Self::CoordinatorUnreachable,
            5 => Self::NoRelay,
            6 => Self::TooMany,
            7 => Self::NotRegistered,
            8 => Self::OwnName,
            9 => Self::VersionTooOld,
            _ => return Err(Malformed::Invalid("direction error")),
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(*self as u8);
    }
}

impl Codec for DirectionResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            result: read_result(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        write_result(w, &self.result);
    }
}
