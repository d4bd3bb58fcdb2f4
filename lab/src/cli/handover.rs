//! `ntm-lab handover`.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{note, print};
use crate::handover::{Case, Outcome, Trial};
use crate::matrix::Spread;
use crate::talk::PACE;

/// Hosts that change their network under a stream of 50 packets a second each way: how soon data is at the
/// peer again, the longest silence, and what is lost.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every run recovered, 1 not, 2 the lab itself failed.\nExamples:\n  ntm-lab handover --list\n  ntm-lab handover --case soft --rtt 80 --runs 30"
)]
pub(super) struct HandoverCommand {
    /// Which cases, or `all`.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "all",
        value_name = "CASE"
    )]
    case: Vec<String>,
    /// Names the cases.
    #[arg(long)]
    list: bool,
    /// How often each.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 80, value_name = "MS")]
    rtt: u64,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object per line and case.
    #[arg(long)]
    json: bool,
}

impl HandoverCommand {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        if self.list {
            Case::ALL.iter().for_each(|case| print(case.name()));
            return Ok(true);
        }
        if !self.json {
            print(HEAD);
        }
        let mut all_recovered = true;
        for case in self.cases()? {
            all_recovered &= self.try_case(case)?;
        }
        Ok(all_recovered)
    }

    fn cases(&self) -> anyhow::Result<Vec<Case>> {
        if self.case == ["all"] {
            return Ok(Case::ALL.to_vec());
        }
        self.case.iter().map(|name| name.parse()).collect()
    }

    fn try_case(&self, case: Case) -> anyhow::Result<bool> {
        let trial = Trial {
            case,
            runs: self.runs,
            rtt: Duration::from_millis(self.rtt),
            seed: self.seed,
        };
        let done = trial.run(|o| {
            if !o.recovered {
                note(&format!("{case}: NOT recovered: {o:?}"));
            }
        })?;
        let sum = Sum::of(&done);
        print(&if self.json {
            sum.json(case, self.rtt).to_string()
        } else {
            sum.row(case, self.rtt)
        });
        Ok(sum.recovered == done.len())
    }
}

const HEAD: &str = "                          lost          gap, ms               usable to data, ms     in round trips  system, ms
case          recovered   median  worst  median   p95  worst  median   p95  worst  median   p95    median";

struct Sum {
    runs: usize,
    recovered: usize,
    lost: Vec<usize>,
    gap: Spread,
    system: Spread,
    to_data: Spread,
}

impl Sum {
    fn of(done: &[Outcome]) -> Self {
        let mut lost: Vec<usize> = done.iter().map(|o| o.lost).collect();
        lost.sort_unstable();
        let spread = |of: fn(&Outcome) -> Option<Duration>| {
            Spread::of(&done.iter().filter_map(of).collect::<Vec<_>>())
        };
        Self {
            runs: done.len(),
            recovered: done.iter().filter(|o| o.recovered).count(),
            lost,
            gap: spread(|o| Some(o.gap)),
            system: spread(|o| Some(o.system)),
            to_data: spread(|o| o.usable_to_data),
        }
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

    fn json(&self, case: Case, rtt: u64) -> Value {
        let three = |s: &Spread| json!({"p50": s.p50, "p95": s.p95, "max": s.max});
        let in_r =
            |v: Option<f64>| v.map(|v| v / Duration::from_millis(rtt).as_secs_f64() / 1000.0);
        json!({
            "case": case.name(),
            "peer": "ntm",
            "rtt_ms": rtt,
            "interval_ms": u64::try_from(PACE.as_millis()).unwrap_or_default(),
            "runs": self.runs,
            "recovered": self.recovered,
            "lost": {"p50": self.lost_at(0.5), "p95": self.lost_at(0.95), "max": self.lost_at(1.0)},
            "gap_ms": three(&self.gap),
            "os_ms": {"p50": self.system.p50, "p95": self.system.p95},
            "usable_to_data_ms": three(&self.to_data),
            "usable_to_data_r": {"p50": in_r(self.to_data.p50), "p95": in_r(self.to_data.p95)},
        })
    }

    fn row(&self, case: Case, rtt: u64) -> String {
        let ms = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.0}"));
        let in_r = |v: Option<f64>| {
            let rtt = Duration::from_millis(rtt).as_secs_f64() * 1000.0;
            v.map_or("-".to_owned(), |v| format!("{:.2}", v / rtt))
        };
        format!(
            "{case:12} {:4} of {:3}   {:6}  {:5}  {:>6}  {:>4}  {:>5}  {:>6}  {:>4}  {:>5}  {:>6}  {:>4}  {:>8}",
            self.recovered,
            self.runs,
            self.lost_at(0.5),
            self.lost_at(1.0),
            ms(self.gap.p50),
            ms(self.gap.p95),
            ms(self.gap.max),
            ms(self.to_data.p50),
            ms(self.to_data.p95),
            ms(self.to_data.max),
            in_r(self.to_data.p50),
            in_r(self.to_data.p95),
            ms(self.system.p50),
        )
    }
}
