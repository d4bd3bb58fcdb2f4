//! Rates in virtual time: token buckets that are one number each.

use core::time::Duration;

use ntm_wire::time::Mono;

/// How fast a bucket fills, and how much it holds, both as time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// What one unit costs, in nanoseconds times 2^16, so that gigabits keep their precision.
    unit: u64,
    burst: u64,
}

impl Rate {
    /// At a move a second of speech is sent again, so a second's worth may come at once...
    const BURST: u64 = 1_000_000_000;
    /// ...and however small the limit, four full packets.
    const MIN_BURST_BYTES: u64 = 6_000;

    /// So many kbit/s; `None` for 0, which is no limit.
    pub(crate) fn from_kbps(kbps: u32) -> Option<Self> {
        let unit = (8_000_000_u64 << 16).checked_div(u64::from(kbps))?;
        let four_packets = (Self::MIN_BURST_BYTES * unit) >> 16;
        Some(Self {
            unit,
            burst: four_packets.max(Self::BURST),
        })
    }

    /// So many a second, and that many at once.
    pub(crate) fn per_second(n: u32, burst: u32) -> Self {
        let each = 1_000_000_000 / u64::from(n.max(1));
        Self {
            unit: each << 16,
            burst: each * u64::from(burst.max(1)),
        }
    }
}

/// One bucket: when it will be full again, in nanoseconds (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// Takes `units` out, or says `false` and takes nothing.
    pub(crate) fn take(&mut self, now: Mono, rate: Rate, units: usize) -> bool {
        let now = now.as_micros().saturating_mul(1000);
        let cost = (units as u64).saturating_mul(rate.unit) >> 16;
        let full_at = self.full_at.max(now).saturating_add(cost);
        let fits = full_at - now <= rate.burst;
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

/// A limit per source and one over all, in a table that never grows: sources whose hashes meet share
/// a bucket.
pub(crate) struct SourceLimit {
    slots: Box<[Bucket]>,
    each: Rate,
    overall: Bucket,
    all: Rate,
}

/// Buckets per table: 32 KiB.
const SLOTS: usize = 4096;

impl SourceLimit {
    pub(crate) fn new(each: Rate, all: Rate) -> Self {
        Self {
            slots: vec![Bucket::default(); SLOTS].into_boxed_slice(),
            each,
            overall: Bucket::default(),
            all,
        }
    }

    /// Takes one for the source with this hash. A source over its own limit costs the others nothing.
    pub(crate) fn take(&mut self, now: Mono, source: u64) -> bool {
        let slot = &mut self.slots[(source >> 32) as usize % SLOTS];
        slot.take(now, self.each, 1) && self.overall.take(now, self.all, 1)
    }
}

/// How long a full bucket takes to be ready for `n` more, for tests and documentation.
#[cfg(test)]
fn refill(rate: Rate, n: u64) -> Duration {
    Duration::from_nanos((n * rate.unit) >> 16)
}

/// Repeats with back-off: 250 ms or 1.5 round trips, doubled, five times (rule 17).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    tries: u32,
    step: Duration,
}

impl Backoff {
    const RTO: Duration = Duration::from_millis(250);
    const TRIES: u32 = 5;

    pub(crate) fn new(rtt: Option<Duration>) -> Self {
        let step = rtt.map_or(Self::RTO, |rtt| rtt.mul_f32(1.5).max(Self::RTO));
        Self { tries: 0, step }
    }

    /// The wait behind the next try; `None` when there were enough.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let wait = (self.tries < Self::TRIES).then(|| self.step * (1 << self.tries));
        self.tries += 1;
        wait
    }

    /// Whether an answer can only belong to the first try.
    pub(crate) fn is_first(self) -> bool {
        self.tries <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Mono = Mono::from_micros(5_000_000);

    #[test]
    fn a_limit_lets_its_rate_through_and_no_more() {
        let rate = Rate::from_kbps(64).unwrap();
        let mut bucket = Bucket::default();
        let mut passed = 0;
        for ms in 0..60_000 {
            let now = START + Duration::from_millis(ms);
            passed += if bucket.take(now, rate, 120) { 120 } else { 0 };
        }
        let (fair, burst) = (64 * 1000 / 8 * 60, 8_000);
        assert!((fair..=fair + burst).contains(&passed), "{passed} bytes");
    }

    #[test]
    fn a_limit_of_ten_gigabits_keeps_its_precision() {
        let rate = Rate::from_kbps(10_000_000).unwrap();
        let per_second = refill(rate, 1_250_000_000).as_secs_f64();
        assert!((0.999..=1.001).contains(&per_second), "{per_second} s");
    }

    #[test]
    fn the_smallest_limit_still_passes_a_full_packet() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(START, Rate::from_kbps(1).unwrap(), 1500));
    }

    #[test]
    fn no_limit_is_no_rate() {
        assert_eq!(Rate::from_kbps(0), None);
    }

    #[test]
    fn one_source_over_its_limit_costs_another_nothing() {
        let mut limit = SourceLimit::new(Rate::per_second(1, 2), Rate::per_second(1, 3));
        let (loud, quiet) = (1 << 32, 2 << 32);
        let passed = (0..100).filter(|_| limit.take(START, loud)).count();
        assert_eq!(passed, 2);
        assert!(limit.take(START, quiet));
        assert!(!limit.take(START, quiet), "three altogether");
    }

    #[test]
    fn five_tries_each_twice_as_far_apart() {
        let mut backoff = Backoff::new(None);
        let waits: Vec<_> = core::iter::from_fn(|| backoff.next()).collect();
        let ms = [250, 500, 1000, 2000, 4000].map(Duration::from_millis);
        assert_eq!(waits, ms);
    }
}
