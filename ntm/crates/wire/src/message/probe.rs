//! Probe and Probe Reply: does this path work, how long does it take, who sees which address.

use crate::addr::RealAddr;
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::InterfaceId;

/// Says that the sender has moved (rule 3); accepted only with a higher move epoch than the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Rises with every move.
    pub move_epoch: u32,
    /// The interface the sender moved to.
    pub interface: InterfaceId,
}

/// Asks for a [`ProbeReply`] over the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Pairs probe and reply.
    pub id: u32,
    /// Present when the sender has moved.
    pub claim: Option<Claim>,
    /// The number of the sender's newest attachment; 0 towards an RS.
    pub attachment: u16,
}

impl Codec for Claim {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            move_epoch: r.u32("move epoch")?,
            interface: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u32(self.move_epoch);
        self.interface.write(w);
    }
}

impl Codec for Probe {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: r.u32("probe id")?,
            claim: r.option("claim", Codec::read)?,
            attachment: r.u16("attachment")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u32(self.id);
        w.option(self.claim.as_ref(), |w, c| c.write(w));
        w.u16(self.attachment);
    }
}

/// The answer to a [`Probe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReply {
    /// The probe's id.
    pub id: u32,
    /// The address the probe came from, as seen by the answerer.
    pub observed: RealAddr,
    /// The newest attachment of the asker that the answerer knows of; 0 of an RS.
    pub attachment: u16,
}

impl Codec for ProbeReply {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: r.u32("probe id")?,
            observed: Codec::read(r)?,
            attachment: r.u16("attachment")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u32(self.id);
        self.observed.write(w);
        w.u16(self.attachment);
    }
}
