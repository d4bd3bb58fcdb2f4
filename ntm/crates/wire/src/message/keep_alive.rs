//! Keep Alive: on any session, any path.

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::TxId;

/// Keeps a NAT's mapping open and the other end's knowledge fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Transaction; the answer repeats it.
    pub tx: TxId,
    /// Whether this is the answer.
    pub is_reply: bool,
}

impl Codec for KeepAlive {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            is_reply: r.bool("reply flag")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        w.bool(self.is_reply);
    }
}
