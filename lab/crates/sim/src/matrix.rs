//! Every ordered pair of the networks people are in: who reaches whom, how soon, and by which way.

pub(crate) mod network;
mod run;

pub use run::{Try, attempt};

use core::time::Duration;

use ntm_networks::Expectation;

/// What came of all tries of one pair.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Tries made.
    pub tries: u64,
    /// Tries in which the peer's answer arrived.
    pub ok: u64,
    /// Tries that ended on a direct path.
    pub direct: u64,
    /// From the call to the first echoed byte, in each try that worked.
    pub first_byte: Vec<Duration>,
    /// From the call to the direct path, in each try that found one.
    pub to_direct: Vec<Duration>,
    /// Seeds of tries that were not as expected.
    pub wrong: Vec<u64>,
}

impl Tally {
    /// Adds a try.
    pub fn add(&mut self, seed: u64, done: &Try, expectation: Expectation) {
        self.tries += 1;
        self.ok += u64::from(done.first_byte.is_some());
        self.direct += u64::from(done.is_direct);
        self.first_byte.extend(done.first_byte);
        self.to_direct.extend(done.to_direct);
        if done.first_byte.is_none() || !expectation.is_met(done.is_direct) {
            self.wrong.push(seed);
        }
    }

    /// Adds another share of the same pair.
    pub fn merge(&mut self, other: Self) {
        self.tries += other.tries;
        self.ok += other.ok;
        self.direct += other.direct;
        self.first_byte.extend(other.first_byte);
        self.to_direct.extend(other.to_direct);
        self.wrong.extend(other.wrong);
    }

    /// This share of the sorted durations lies below the answer; zero when there is none.
    pub fn quantile(durations: &mut [Duration], share: f64) -> Duration {
        durations.sort_unstable();
        let last = durations.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        durations.get(at).copied().unwrap_or_default()
    }
}
