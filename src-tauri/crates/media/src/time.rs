//! Between the driver's clock and samples of 48 kHz.

use std::time::Duration;

/// Samples in `time`; times of this crate stay far below the 6 million years that fit.
pub(crate) fn samples(time: Duration) -> i64 {
    i64::try_from(time.as_nanos() * 48 / 1_000_000).unwrap_or(i64::MAX)
}

/// The time that so many samples take; negative counts are none.
pub(crate) fn duration(samples: i64) -> Duration {
    Duration::from_nanos(u64::try_from(samples).unwrap_or(0).saturating_mul(62_500) / 3)
}

/// Samples in so many milliseconds.
pub(crate) const fn ms(millis: i64) -> i64 {
    millis * 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_ten_milliseconds_both_ways() {
        assert_eq!(samples(Duration::from_millis(10)), 480);
        assert_eq!(duration(480), Duration::from_millis(10));
        assert_eq!(samples(duration(3 * 3600 * 48_000)), 3 * 3600 * 48_000);
    }
}
