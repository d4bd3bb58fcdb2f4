//! [`Row`]: what came of a pair, as scripts read it.

use std::time::Duration;

use serde::Serialize;

use super::{Matrix, Pair};
use crate::attempt::Attempt;
use crate::heard::Way;
use crate::network::Expectation;

/// A pair's line. Serialised it is exactly what `ntm-lab matrix --json` promises.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The caller's network.
    pub from: String,
    /// The callee's network.
    pub to: String,
    /// How often it was tried.
    pub tries: usize,
    /// How often a byte came back.
    pub ok: usize,
    /// How often both ends ended on a direct path.
    pub direct: usize,
    /// `direct` if all that connected ended direct, `relay` otherwise; none if nothing connected.
    pub route: Option<&'static str>,
    /// From the question for the name to the first byte at the callee.
    pub first_byte_ms: Spread,
    /// The same in round trips.
    pub first_byte_r: Middle,
    /// From the tunnel's standing to its direct path.
    pub direct_ms: Middle,
    /// Records that did not come back, in tries without loss.
    pub lost: usize,
    /// The seed of the lab's random numbers.
    pub seed: u64,
    #[serde(skip)]
    pair: Pair,
    /// Each time to the first byte, of tries without loss and with.
    #[serde(skip)]
    pub(super) first_bytes: [Vec<Duration>; 2],
    /// Each time to the direct path, of tries without loss and with.
    #[serde(skip)]
    pub(super) directs: [Vec<Duration>; 2],
    /// What was complained of, once each.
    #[serde(skip)]
    pub trouble: Vec<String>,
}

/// Median, 95th percentile and worst.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of all were at most this.
    pub p50: Option<f64>,
    /// 95 of 100 were.
    pub p95: Option<f64>,
    /// All were.
    pub max: Option<f64>,
}

/// Median and 95th percentile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Middle {
    /// Half of all were at most this.
    pub p50: Option<f64>,
    /// 95 of 100 were.
    pub p95: Option<f64>,
}

impl Row {
    pub(super) fn of(pair: Pair, matrix: &Matrix, tries: &[(bool, Attempt)]) -> Self {
        let ok = || tries.iter().filter(|(_, a)| a.is_ok());
        let direct = ok().filter(|(_, a)| a.is_direct()).count();
        let clear = ok().filter(|(lossy, _)| !lossy);
        let first_bytes = apart(tries, |a| a.first_byte);
        let directs = apart(tries, |a| a.direct_after);
        let (first, moved) = (first_bytes.concat(), directs.concat());
        Self {
            from: pair.0.to_string(),
            to: pair.1.to_string(),
            tries: tries.len(),
            ok: ok().count(),
            direct,
            route: route(ok().count(), direct),
            first_byte_ms: Spread::of(&first),
            first_byte_r: Middle::of(&first).in_round_trips(matrix.rtt),
            direct_ms: Middle::of(&moved),
            lost: clear.map(|(_, a)| a.sent.saturating_sub(a.echoed)).sum(),
            seed: matrix.seed,
            pair,
            first_bytes,
            directs,
            trouble: troubles(tries),
        }
    }

    /// The networks.
    pub fn pair(&self) -> Pair {
        self.pair
    }

    /// What the pair should end as.
    pub fn expectation(&self) -> Expectation {
        Expectation::of(self.pair.0, self.pair.1)
    }

    /// Whether every try connected and ended as it should.
    pub fn is_as_expected(&self) -> bool {
        let relayed = self.ok - self.direct;
        let wrong = match self.expectation() {
            Expectation::Direct => relayed,
            Expectation::Relay => self.direct,
            Expectation::Either => 0,
        };
        self.ok == self.tries && wrong == 0
    }
}

/// Times of tries that connected, without loss and with.
fn apart(
    tries: &[(bool, Attempt)],
    time: impl Fn(&Attempt) -> Option<Duration>,
) -> [Vec<Duration>; 2] {
    let of = |lossy| {
        let wanted = tries.iter().filter(|(l, a)| *l == lossy && a.is_ok());
        wanted.filter_map(|(_, a)| time(a)).collect()
    };
    [of(false), of(true)]
}

fn route(ok: usize, direct: usize) -> Option<&'static str> {
    (ok > 0).then_some(if direct == ok { "direct" } else { "relay" })
}

fn troubles(tries: &[(bool, Attempt)]) -> Vec<String> {
    let mut all: Vec<String> = tries
        .iter()
        .filter_map(|(_, a)| a.trouble.clone())
        .collect();
    all.sort();
    all.dedup();
    all
}

impl Attempt {
    /// Whether both ends ended on a direct path.
    pub fn is_direct(&self) -> bool {
        self.way == Some(Way::Direct)
    }
}

impl Spread {
    pub(crate) fn of(durations: &[Duration]) -> Self {
        let Middle { p50, p95 } = Middle::of(durations);
        let max = durations.iter().max().copied().map(ms);
        Self { p50, p95, max }
    }
}

impl Middle {
    fn of(durations: &[Duration]) -> Self {
        let mut sorted = durations.to_vec();
        sorted.sort();
        Self {
            p50: rank(&sorted, 50).map(ms),
            p95: rank(&sorted, 95).map(ms),
        }
    }

    fn in_round_trips(self, rtt: Duration) -> Self {
        let trips = |v: Option<f64>| v.filter(|_| !rtt.is_zero()).map(|v| round(v / ms(rtt)));
        Self {
            p50: trips(self.p50),
            p95: trips(self.p95),
        }
    }
}

/// The nearest rank: the smallest value that `percent` of all do not exceed.
fn rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let at = (sorted.len() * percent).div_ceil(100);
    sorted.get(at.saturating_sub(1)).copied()
}

fn ms(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1000.0)
}

/// Two digits after the point are what the measurement is worth.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;

    fn matrix() -> Matrix {
        Matrix {
            pairs: Vec::new(),
            tries: 2,
            loss: 0.05,
            rtt: Duration::from_millis(50),
            server: crate::servers::Families::Both,
            operators: 1,
            seed: 9,
            jobs: 1,
            keep: None,
        }
    }

    fn attempt(way: Way) -> Attempt {
        Attempt {
            sent: 10,
            echoed: 9,
            way: Some(way),
            first_byte: Some(Duration::from_millis(100)),
            direct_after: Some(Duration::from_millis(60)),
            ..Attempt::default()
        }
    }

    #[test]
    fn a_row_has_the_promised_fields_and_no_others() {
        let tries = [(false, attempt(Way::Direct)), (true, attempt(Way::Direct))];
        let row = Row::of((Network::HomeNat, Network::Cgnat), &matrix(), &tries);
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"from":"home-nat","to":"cgnat","tries":2,"ok":2,"direct":2,"route":"direct","first_byte_ms":{"p50":100.0,"p95":100.0,"max":100.0},"first_byte_r":{"p50":2.0,"p95":2.0},"direct_ms":{"p50":60.0,"p95":60.0},"lost":1,"seed":9}"#
        );
        assert!(row.is_as_expected());
    }

    #[test]
    fn one_relayed_try_spoils_a_direct_expectation_and_a_silent_one_every_expectation() {
        let tries = [(false, attempt(Way::Direct)), (false, attempt(Way::Relay))];
        let row = Row::of((Network::HomeNat, Network::Cgnat), &matrix(), &tries);
        assert!(!row.is_as_expected());
        assert_eq!(row.route, Some("relay"));
        let tries = [(false, attempt(Way::Relay)), (false, Attempt::default())];
        let row = Row::of((Network::V6Only, Network::Cgnat), &matrix(), &tries);
        assert!(!row.is_as_expected(), "{} of 2", row.ok);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let all: Vec<Duration> = (1..=20).map(Duration::from_millis).collect();
        let Middle { p50, p95 } = Middle::of(&all);
        assert_eq!((p50, p95), (Some(10.0), Some(19.0)));
        assert_eq!(Middle::of(&[]).p50, None);
    }
}
