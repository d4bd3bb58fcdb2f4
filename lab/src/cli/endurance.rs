//! `ntm-lab endurance`.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use super::{note, print};
use crate::handover::{Endurance, Held, Sample};

/// One stream through very many hand-overs, Wi-Fi off and on again: what its programs and the server hold meanwhile.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing grew after the first tenth, 1 something did, 2 the stream or the lab failed.\nExample:\n  ntm-lab endurance --moves 1000"
)]
pub(super) struct EnduranceCommand {
    /// How many hand-overs.
    #[arg(long, default_value_t = 1000)]
    moves: usize,
    /// From one to the next, at the least, in ms.
    #[arg(long, default_value_t = 700, value_name = "MS")]
    every: u64,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 20, value_name = "MS")]
    rtt: u64,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object per line and sample.
    #[arg(long)]
    json: bool,
}

const HEAD: &str = "            PSS, MiB                  descriptors              records\n  moves  caller  callee  server   caller  callee  server      sent    lost";

impl EnduranceCommand {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        ensure!(
            self.moves >= 4,
            "fewer than four hand-overs tell nothing of growth: --moves 4 or more"
        );
        let endurance = Endurance {
            moves: self.moves,
            every: Duration::from_millis(self.every),
            rtt: Duration::from_millis(self.rtt),
            seed: self.seed,
        };
        if !self.json {
            print(HEAD);
        }
        let samples = endurance.run(|sample| tell(sample, self.json))?;
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            return Ok(false);
        };
        let flat = last.is_no_more_than(first);
        if !flat {
            note("something grew between the first sample and the last");
        }
        Ok(flat)
    }
}

fn tell(sample: &Sample, json: bool) {
    print(&if json {
        serde_json::to_string(sample).unwrap_or_default()
    } else {
        row(sample)
    });
}

fn row(s: &Sample) -> String {
    let mib = |h: Held| h.pss_kib as f64 / 1024.0;
    format!(
        "{:7}  {:6.1}  {:6.1}  {:6.1}   {:6}  {:6}  {:6}  {:8}  {:6}",
        s.moves,
        mib(s.caller),
        mib(s.callee),
        mib(s.server),
        s.caller.descriptors,
        s.callee.descriptors,
        s.server.descriptors,
        s.sent,
        s.lost
    )
}
