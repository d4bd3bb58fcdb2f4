//! Deregistration: node -> DC, at exit.

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::{Epoch, TxId};

/// The node leaves; what the DC knows of its location is void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deregistration {
    /// Transaction.
    pub tx: TxId,
    /// Void if lower than the highest known.
    pub epoch: Epoch,
}

impl Codec for Deregistration {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            epoch: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.epoch.write(w);
    }
}
