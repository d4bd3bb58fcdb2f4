//! Which packets arrived: four octets in every packet (RFC 8285 header extension).
//!
//! ```text
//!  0                   1                   2                   3
//! |       base (16)               |          bitmap (16)          |
//! ```
//! `base` is the sequence number of a packet that arrived, as a rule the highest. Bit i of the bitmap (0 is the
//! lowest) says whether `base - 1 - i` arrived. When there are holes that the bitmap of the highest doesn't
//! reach, reports alternate between bases, so that the sender learns the fate of the whole last second.

/// One report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) base: u16,
    pub(crate) bitmap: u16,
}

impl Report {
    pub(crate) const OCTETS: usize = 4;
    /// How many packets before its base a report speaks of.
    pub(crate) const SPAN: i64 = 16;

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, d] = bytes else { return None };
        Some(Self {
            base: u16::from_be_bytes([a, b]),
            bitmap: u16::from_be_bytes([c, d]),
        })
    }

    pub(crate) fn emit(self) -> [u8; Self::OCTETS] {
        let ([a, b], [c, d]) = (self.base.to_be_bytes(), self.bitmap.to_be_bytes());
        [a, b, c, d]
    }

    /// Whether the packet `before` places below the base arrived; `before` is 1 to 16.
    pub(crate) fn has(self, before: i64) -> bool {
        self.bitmap >> (before - 1) & 1 == 1
    }
}
