//! Wake Up: what a push service carries (rule 11).

use crate::codec::{Codec, Malformed, Reader, Writer};

/// An opaque id; the woken node pulls its Route Direction with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WakeUp {
    /// Chosen at random by the DC.
    pub id: u64,
}

impl Codec for WakeUp {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: r.u64("wake id")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u64(self.id);
    }
}
