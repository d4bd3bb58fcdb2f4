//! Tags, branches and numbers from the seed of the constructor.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// Tells calls, sides and transactions apart; 64 bits, since they are no secret: what comes from another
/// address than the peer's is refused whatever it bears.
#[derive(Debug)]
pub(super) struct Random(ChaCha20Rng);

impl Random {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A tag or Call-ID: 16 hexadecimal digits.
    pub(super) fn tag(&mut self) -> String {
        format!("{:016x}", self.0.next_u64())
    }

    /// A branch, with the mark of RFC 3261.
    pub(super) fn branch(&mut self) -> String {
        format!("z9hG4bK{:016x}", self.0.next_u64())
    }

    pub(super) fn number(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// From `low` up to but not `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.next_u64() % (high - low).max(1)
    }
}
