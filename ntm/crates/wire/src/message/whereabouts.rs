//! Whereabouts: the addresses at which the sender may be reached now, told inside the tunnel.

use crate::addr::{Candidate, MAX_CANDIDATES};
use crate::codec::{Codec, Malformed, Reader, Writer};

/// The sender's candidates after a move; a list takes the place of every earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Rises with every list.
    pub number: u32,
    /// Every address, by interface.
    pub candidates: Vec<Candidate>,
}

impl Codec for Whereabouts {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            number: r.u32("number")?,
            candidates: r.list(MAX_CANDIDATES, "candidates", Codec::read)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u32(self.number);
        w.list(&self.candidates, |w, c| c.write(w));
    }
}
