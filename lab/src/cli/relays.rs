//! `ntm-lab relays`.

use std::time::Duration;

use clap::Args;

use super::print;
use crate::matrix::Spread;
use crate::relay_trial::{Death, RelayTrial};

/// Of 100 runs, so many must take the nearer relay; by chance it would be 50.
const ENOUGH: f64 = 0.95;
/// Data must come again within this, in 95 of 100 runs.
const BAR_MS: f64 = 500.0;

/// Two relays: which one is taken, and what it costs when that one is killed in mid-stream.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 as it should be, 1 not, 2 the lab itself failed.\nExample:\n  ntm-lab relays --runs 100"
)]
pub(super) struct Relays {
    /// How often.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Round trip of each end to the nearer relay, in ms.
    #[arg(long, default_value_t = 50, value_name = "MS")]
    rtt: u64,
    /// So much more it is to the other one.
    #[arg(long, default_value_t = 80, value_name = "MS")]
    farther: u64,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object per line and run.
    #[arg(long)]
    json: bool,
}

impl Relays {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let trial = RelayTrial {
            runs: self.runs,
            rtt: Duration::from_millis(self.rtt),
            farther: Duration::from_millis(self.farther),
            seed: self.seed,
        };
        let deaths = trial.run(|death| tell(death, self.json))?;
        let sum = Sum::of(&deaths);
        if !self.json {
            print(&sum.words());
        }
        Ok(sum.is_as_it_should_be())
    }
}

fn tell(death: &Death, json: bool) {
    if json {
        return print(&serde_json::to_string(death).unwrap_or_default());
    }
    let which = if death.nearer { "nearer" } else { "FARTHER" };
    match death.gap_ms {
        Some(gap) => print(&format!(
            "the {which} relay; killed: {gap:.0} ms of silence, {} lost",
            death.lost
        )),
        None => print(&format!("the {which} relay; killed: NOTHING came again")),
    }
}

struct Sum {
    runs: usize,
    nearer: usize,
    recovered: usize,
    gaps: Spread,
}

impl Sum {
    fn of(deaths: &[Death]) -> Self {
        let gaps: Vec<Duration> = deaths
            .iter()
            .filter_map(|d| Some(Duration::from_secs_f64(d.gap_ms? / 1000.0)))
            .collect();
        Self {
            runs: deaths.len(),
            nearer: deaths.iter().filter(|d| d.nearer).count(),
            recovered: deaths
                .iter()
                .filter(|d| d.gap_ms.is_some() && d.moved)
                .count(),
            gaps: Spread::of(&gaps),
        }
    }

    fn words(&self) -> String {
        let ms = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.0}"));
        let Spread { p50, p95, max } = self.gaps;
        format!(
            "\nnearer relay taken in {} of {}; by the other one again in {} of {}\nsilence: median {} ms, p95 {} ms, worst {} ms",
            self.nearer,
            self.runs,
            self.recovered,
            self.runs,
            ms(p50),
            ms(p95),
            ms(max)
        )
    }

    fn is_as_it_should_be(&self) -> bool {
        let enough = self.nearer as f64 >= self.runs as f64 * ENOUGH;
        let in_time = self.gaps.p95.is_some_and(|p95| p95 <= BAR_MS);
        enough && in_time && self.recovered == self.runs
    }
}
