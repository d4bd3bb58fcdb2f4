//! `ntm-lab moves`.

use std::time::Duration;

use clap::Args;

use super::{note, print};
use crate::matrix::{Pair, Spread};
use crate::moves::{Move, Moves};

/// Streams of 50 packets a second each way that move from the relay to the direct path: what is lost,
/// and what a packet socket at the server's host sees before and afterwards.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing lost and no packet of a stream at the server a round trip after its move, 1 not so, 2 the lab itself failed.\nExample:\n  ntm-lab moves --runs 100"
)]
pub(super) struct MovesCommand {
    /// How often in all.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Pairs, `caller:callee`; the runs go round.
    #[arg(long, value_delimiter = ',', value_parser = super::pair, value_name = "FROM:TO",
          default_values = ["home-nat:home-nat", "public-v4:symmetric-nat", "symmetric-nat:public-v4"])]
    pairs: Vec<Pair>,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 100, value_name = "MS")]
    rtt: u64,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object per line and run.
    #[arg(long)]
    json: bool,
}

impl MovesCommand {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let moves = Moves {
            pairs: self.pairs,
            runs: self.runs,
            rtt: Duration::from_millis(self.rtt),
            seed: self.seed,
        };
        let json = self.json;
        let done = moves.run(|one| tell(one, json))?;
        if !json {
            print(&table(&done));
        }
        Ok(done.iter().all(Move::is_sound))
    }
}

fn tell(one: &Move, json: bool) {
    let line = serde_json::to_string(one).unwrap_or_default();
    if json {
        print(&line);
    } else if !one.is_sound() {
        note(&format!("NOT as it should be: {line}"));
    }
}

/// A line for each pair of networks, in the order in which they came.
fn table(done: &[Move]) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for one in done {
        let pair = (one.from.as_str(), one.to.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let head = "                              sent, both ways        came      moved after, ms       at the server's host\nfrom           to             runs  records  lost  twice  overtaken  median  p95  worst  before  after  probes after\n";
    let of = |(from, to): &(&str, &str)| {
        let ours = done
            .iter()
            .filter(|m| (m.from.as_str(), m.to.as_str()) == (from, to));
        row(&ours.collect::<Vec<_>>())
    };
    head.to_owned() + &pairs.iter().map(of).collect::<Vec<_>>().join("\n")
}

fn row(moves: &[&Move]) -> String {
    let sum = |of: fn(&Move) -> usize| moves.iter().map(|m| of(m)).sum::<usize>();
    let took: Vec<Duration> = moves
        .iter()
        .filter_map(|m| Some(Duration::from_secs_f64(m.moved_ms? / 1000.0)))
        .collect();
    let ms = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.0}"));
    let Spread { p50, p95, max } = Spread::of(&took);
    let first = moves.first();
    format!(
        "{:14} {:14} {:4}  {:7}  {:4}  {:5}  {:9}  {:>6}  {:>3}  {:>5}  {:6}  {:5}  {:12}",
        first.map_or("", |m| &m.from),
        first.map_or("", |m| &m.to),
        moves.len(),
        sum(|m| m.sent),
        sum(|m| m.lost),
        sum(|m| m.doubled),
        moves.iter().map(|m| m.overtaken).max().unwrap_or_default(),
        ms(p50),
        ms(p95),
        ms(max),
        sum(|m| m.relayed),
        sum(|m| m.afterwards),
        sum(|m| m.probes),
    )
}
