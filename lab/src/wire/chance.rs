//! Random numbers that can be drawn again (SplitMix64).

/// A stream of them.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits are what fits into a double.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn is(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }
}
