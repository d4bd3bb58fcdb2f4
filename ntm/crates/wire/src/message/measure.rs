//! Measure: a probe to an RS before any tunnel (rule 8).

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::token::SealedToken;

/// Presents a measure token; travels in a Bind packet beside a Probe, which the RS answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// From the Registration Response.
    pub token: SealedToken,
}

impl Codec for Measure {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            token: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.token.write(w);
    }
}
