//! [`Sum`]: many runs of a case, as a row for people and an object for scripts.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Case, Outcome, Trial};
use crate::matrix::Spread;
use crate::peer::Peer;

/// The table's head.
pub const HEAD: &str = "\
                                          lost         gap, ms             beyond, ms     usable to data, ms    in R       system, ms
case              peer      recovered  median worst  median   p95 worst  median   p95  median   p95 worst  median   p95  median";

/// What many runs come to.
#[derive(Clone, Debug)]
pub struct Sum {
    /// What happened.
    pub case: Case,
    /// To whom.
    pub peer: Peer,
    rtt: Duration,
    interval: Duration,
    runs: usize,
    recovered: usize,
    lost: Vec<usize>,
    gap: Spread,
    beyond: Spread,
    system: Spread,
    to_data: Spread,
    detected: Spread,
    dc_updated: Spread,
    late: Spread,
    median: Option<Outcome>,
}

impl Sum {
    /// Of these outcomes.
    pub fn of(trial: &Trial, done: &[Outcome]) -> Self {
        let mut lost: Vec<usize> = done.iter().map(|o| o.lost).collect();
        lost.sort_unstable();
        let spread = |of: fn(&Outcome) -> Option<f64>| {
            let times = done.iter().filter_map(of).filter(|ms| *ms >= 0.0);
            let times = times.map(|ms| Duration::from_secs_f64(ms / 1000.0));
            Spread::of(&times.collect::<Vec<_>>())
        };
        Self {
            case: trial.case,
            peer: trial.peer,
            rtt: trial.rtt,
            interval: trial.interval,
            runs: done.len(),
            recovered: done.iter().filter(|o| o.recovered).count(),
            lost,
            gap: spread(|o| Some(o.gap)),
            beyond: spread(|o| Some(o.beyond)),
            system: spread(|o| o.trouble.is_none().then_some(o.system)),
            to_data: spread(|o| o.usable_to_data),
            detected: spread(|o| o.told.as_ref().map(|t| t.detected)),
            dc_updated: spread(|o| o.told.as_ref().and_then(|t| t.dc_updated)),
            late: spread(|o| o.trouble.is_none().then_some(o.late)),
            median: median(done),
        }
    }

    /// Whether data came again each time.
    pub fn is_sound(&self) -> bool {
        self.recovered == self.runs
    }

    /// How often there was data again.
    pub fn recovered(&self) -> usize {
        self.recovered
    }

    /// How often it was tried.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// The run with the median gap.
    pub fn median(&self) -> Option<&Outcome> {
        self.median.as_ref()
    }

    /// Round trip and interval, for a heading.
    pub fn conditions(&self) -> String {
        let ms = |d: Duration| d.as_millis();
        format!(
            ", round trip {} ms, a record every {} ms",
            ms(self.rtt),
            ms(self.interval)
        )
    }

    /// The sender's interval.
    pub fn interval_ms(&self) -> f64 {
        self.interval.as_secs_f64() * 1000.0
    }

    fn lost_at(&self, share: f64) -> usize {
        let last = self.lost.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank among a few runs"
        )]
        let rank = (last as f64 * share).ceil() as usize;
        self.lost.get(rank).copied().unwrap_or_default()
    }

    fn in_r(&self, ms: Option<f64>) -> Option<f64> {
        let r = self.rtt.as_secs_f64() * 1000.0;
        ms.map(|ms| (ms / r * 1000.0).round() / 1000.0)
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let three = |s: &Spread| json!({"p50": s.p50, "p95": s.p95, "max": s.max});
        let two = |s: &Spread| json!({"p50": s.p50, "p95": s.p95});
        let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap_or_default();
        json!({
            "case": self.case.name(),
            "peer": self.peer.name(),
            "rtt_ms": ms(self.rtt),
            "interval_ms": ms(self.interval),
            "runs": self.runs,
            "recovered": self.recovered,
            "lost": {"p50": self.lost_at(0.5), "p95": self.lost_at(0.95), "max": self.lost_at(1.0)},
            "gap_ms": three(&self.gap),
            "beyond_ms": three(&self.beyond),
            "os_ms": two(&self.system),
            "usable_to_data_ms": three(&self.to_data),
            "usable_to_data_r": {"p50": self.in_r(self.to_data.p50), "p95": self.in_r(self.to_data.p95)},
            "detect_ms": two(&self.detected),
            "dc_updated_ms": two(&self.dc_updated),
            "late_ms": three(&self.late),
        })
    }

    /// For people.
    pub fn row(&self) -> String {
        let ms = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.0}"));
        let in_r = |v| {
            let r = self.in_r(v);
            r.map_or("-".to_owned(), |r| format!("{r:.2}"))
        };
        format!(
            "{:17} {:9} {:3} of {:3}  {:6} {:5}  {:>6} {:>5} {:>5}  {:>6} {:>5}  {:>6} {:>5} {:>5}  {:>6} {:>5}  {:>6}",
            self.case,
            self.peer,
            self.recovered,
            self.runs,
            self.lost_at(0.5),
            self.lost_at(1.0),
            ms(self.gap.p50),
            ms(self.gap.p95),
            ms(self.gap.max),
            ms(self.beyond.p50),
            ms(self.beyond.p95),
            ms(self.to_data.p50),
            ms(self.to_data.p95),
            ms(self.to_data.max),
            in_r(self.to_data.p50),
            in_r(self.to_data.p95),
            ms(self.system.p50),
        )
    }
}

fn median(done: &[Outcome]) -> Option<Outcome> {
    let mut by_gap: Vec<&Outcome> = done.iter().collect();
    by_gap.sort_by(|a, b| a.gap.total_cmp(&b.gap));
    let middle = by_gap.len().saturating_sub(1) / 2;
    by_gap.get(middle).copied().cloned()
}
