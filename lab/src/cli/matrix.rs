//! `ntm-lab matrix`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::{note, print};
use crate::matrix::{Matrix, Pair, Row, picture, table};
use crate::network::Network;
use crate::servers::Families;

/// Connects every network with every other, with the real programs, and says how it went.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every pair as it should be, 1 some not, 2 the lab itself failed.\nExamples:\n  ntm-lab matrix --pairs home-nat:symmetric-nat,cgnat:v6-only\n  ntm-lab matrix --tries 30 --json\n  ntm-lab matrix --operators 2 --pairs all:home-nat --tries 6 --loss 0 --jobs 1"
)]
pub(super) struct MatrixCommand {
    /// How often each pair is tried.
    #[arg(long, env = "TRIES", default_value_t = 3)]
    tries: usize,
    /// Only these pairs, `caller:callee`; `all` stands for every network [default: all:all].
    #[arg(long, value_delimiter = ',', value_name = "FROM:TO")]
    pairs: Vec<String>,
    /// Percent of packets lost between the ends, in every second try.
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    loss: f64,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 50, value_name = "MS")]
    rtt: u64,
    /// Pairs tried at once: more is faster and blurs the times.
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Which addresses the servers have.
    #[arg(long, value_enum, default_value_t)]
    server: Families,
    /// 2: the callee's account is on another operator's server, elsewhere.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    operators: u8,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object per line and pair.
    #[arg(long)]
    json: bool,
    /// Draw the matrix into this file (SVG).
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Keep what both ends said in tries that did not end as they should.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl MatrixCommand {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let matrix = Matrix {
            pairs: pairs(&self.pairs)?,
            tries: self.tries,
            loss: self.loss / 100.0,
            rtt: Duration::from_millis(self.rtt),
            server: self.server,
            operators: self.operators,
            seed: self.seed,
            jobs: self.jobs,
            keep: self.keep,
        };
        let json = self.json;
        let rows = matrix.run(|row| tell(row, json))?;
        if !json {
            print(&table(&rows));
        }
        if let Some(file) = &self.picture {
            std::fs::write(file, picture(&rows)).with_context(|| file.display().to_string())?;
            note(&format!("picture: {}", file.display()));
        }
        Ok(rows.iter().all(Row::is_as_expected))
    }
}

fn tell(row: &Row, json: bool) {
    if json {
        print(&serde_json::to_string(row).unwrap_or_default());
    }
    if !json || !row.is_as_expected() {
        let first = row.first_byte_ms.p50.unwrap_or_default();
        let trouble = row.trouble.join("; ");
        note(&format!(
            "{:>13} to {:13} {}/{} ok, {} direct, first byte {first:.0} ms {trouble}",
            row.from, row.to, row.ok, row.tries, row.direct
        ));
    }
}

fn pairs(texts: &[String]) -> anyhow::Result<Vec<Pair>> {
    if texts.is_empty() {
        return Ok(Matrix::all_pairs(&Network::ALL));
    }
    let mut out = Vec::new();
    for text in texts {
        let (from, to) = text
            .split_once(':')
            .with_context(|| format!("{text:?}: write caller:callee"))?;
        for from in networks(from)? {
            out.extend(networks(to)?.into_iter().map(|to| (from, to)));
        }
    }
    out.sort();
    out.dedup();
    Ok(out)
}

fn networks(text: &str) -> anyhow::Result<Vec<Network>> {
    if text == "all" {
        return Ok(Network::ALL.to_vec());
    }
    Ok(vec![text.parse()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_all_stands_for_all() {
        let read = |t: &str| pairs(&[t.to_owned()]);
        assert_eq!(
            read("home-nat:cgnat").unwrap(),
            [(Network::HomeNat, Network::Cgnat)]
        );
        assert_eq!(read("all:nat64").unwrap().len(), 11);
        assert_eq!(pairs(&[]).unwrap().len(), 121);
        let error = read("home-nat:mars").unwrap_err().to_string();
        assert!(error.contains("udp-443-only"), "{error}");
    }
}
