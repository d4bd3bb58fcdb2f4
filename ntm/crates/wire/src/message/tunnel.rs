//! Content of the tunnel handshake, and the tunnel's end: node <-> node.

use crate::codec::{Codec, Malformed, Reader, Writer};

const MAX_EARLY: usize = 1000;

/// Content of the first handshake message (Noise KKpsk0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelRequest {
    /// Lowest and highest version spoken (rule 5).
    pub versions: (u8, u8),
    /// One compressed virtual packet that is safe to lose and safe to see twice; may be empty.
    pub early: Vec<u8>,
}

/// Content of the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelResponse {
    /// The version chosen.
    pub version: u8,
}

/// The sender forgets the tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelClose {
    /// 0: the node leaves; 1: replaced by a newer tunnel.
    pub reason: u8,
}

impl Codec for TunnelRequest {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let versions = (r.u8("lowest version")?, r.u8("highest version")?);
        if versions.0 > versions.1 {
            return Err(Malformed::Invalid("version range"));
        }
        Ok(Self {
            versions,
            early: r.bytes16(MAX_EARLY, "early data")?.to_vec(),
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(self.versions.0);
        w.u8(self.versions.1);
        w.bytes16(&self.early);
    }
}

impl Codec for TunnelResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            version: r.u8("version")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(self.version);
    }
}

impl Codec for TunnelClose {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            reason: r.u8("reason")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(self.reason);
    }
}
