//! `ntm-lab handover`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

use super::{note, print};
use crate::handover::{Case, HEAD, Ledger, Outcome, Shard, Sum, Trial, picture};
use crate::network::Network;
use crate::peer::Peer;

/// Hosts that change their network under a steady stream each way: how soon data is at the peer again, the
/// longest silence, and what is lost.
#[derive(Debug, Args)]
#[command(
    after_help = "A run that has not recovered after 9 s has not; its gap counts as 9 s.\nExit codes: 0 every run of ours recovered, 1 not, 2 the lab itself failed.\nExamples:\n  ntm-lab handover --list\n  ntm-lab handover --case soft --rtt 80 --runs 30\n  ntm-lab handover --case home-to-home --peer all --callee public-v4"
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
    /// Whose programs, or `all`: ntm, paper (the published order), iroh, wireguard, quinn.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "ntm",
        value_name = "PEER"
    )]
    peer: Vec<String>,
    /// Names the cases.
    #[arg(long)]
    list: bool,
    /// How often each.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 80, value_name = "MS")]
    rtt: u64,
    /// Both ends send a record so often, in ms.
    #[arg(long, default_value_t = 20, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// The callee's network instead of the case's own; some peers can't call into a NAT.
    #[arg(long, value_name = "NETWORK")]
    callee: Option<Network>,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes what everybody said in each run, by time, into files in this folder.
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
    /// Keeps what came of each run in this file, a JSON object a line, and leaves out the runs that are there.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// A part of the runs only, such as 2/3.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Draws the phases of the median runs into this file (SVG).
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// One JSON object per line, case and peer.
    #[arg(long)]
    json: bool,
}

impl HandoverCommand {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        if self.list {
            Case::ALL.iter().for_each(|case| print(case.name()));
            return Ok(true);
        }
        let cases = chosen(&self.case, &Case::ALL)?;
        let peers = chosen(&self.peer, &Peer::ALL)?;
        ensure!(self.runs > 0, "--runs 0 tells nothing");
        if !self.json {
            print(HEAD);
        }
        let ledger = self.resume.as_deref().map(Ledger::open).transpose()?;
        let ledger = ledger.unwrap_or_default();
        let mut sums = Vec::new();
        for case in cases {
            for peer in &peers {
                sums.extend(self.try_case(case, *peer, &ledger)?);
            }
        }
        if let Some(file) = &self.picture {
            std::fs::write(file, picture(&sums)).with_context(|| file.display().to_string())?;
        }
        let mut ours = sums.iter().filter(|s| s.peer.is_ours());
        Ok(ours.all(Sum::is_sound))
    }

    fn try_case(&self, case: Case, peer: Peer, ledger: &Ledger) -> anyhow::Result<Option<Sum>> {
        if let Some(why) = self.unfit(case, peer) {
            note(&format!("{case} {peer}: left out: {why}"));
            return Ok(None);
        }
        let mut trial = self.trial(case, peer);
        let mut done = ledger.done(&trial);
        done.retain(|(run, _)| trial.runs.contains(run));
        (trial.runs).retain(|run| done.iter().all(|(there, _)| there != run));
        let fresh = trial.run(|number, outcome| {
            remark(&trial, number, outcome);
            ledger.add(&trial, number, outcome)
        })?;
        let outcomes: Vec<Outcome> = done.into_iter().map(|(_, o)| o).chain(fresh).collect();
        let sum = Sum::of(&trial, &outcomes);
        print(&if self.json {
            sum.json().to_string()
        } else {
            sum.row()
        });
        Ok(Some(sum))
    }

    fn trial(&self, case: Case, peer: Peer) -> Trial {
        let shard = self.shard.unwrap_or(Shard::WHOLE);
        Trial {
            case,
            peer,
            runs: (0..self.runs).filter(|run| shard.has(*run)).collect(),
            rtt: Duration::from_millis(self.rtt),
            interval: Duration::from_millis(self.interval),
            callee: self.callee,
            seed: self.seed,
            logs: self.logs.clone(),
        }
    }

    fn unfit(&self, case: Case, peer: Peer) -> Option<&'static str> {
        if case.is_ours() && !peer.is_ours() {
            return Some("it is about our servers");
        }
        let is_lost = peer.wants_address() && !case.can_call(self.callee);
        is_lost.then_some("it can't call there; with --callee public-v4 it can from IPv4")
    }
}

/// More than this and the lab itself, or the machine, was too busy to measure.
const LATE: f64 = 15.0;

fn remark(trial: &Trial, number: usize, outcome: &Outcome) {
    let late = outcome.late;
    if late > LATE {
        note(&format!(
            "run {number}: the lab was {late:.0} ms late itself; on a busy machine: chrt -r 5 ntm-lab …"
        ));
    }
    if !outcome.recovered {
        let Trial { case, peer, .. } = trial;
        note(&format!(
            "{case} {peer}, run {number}: NOT recovered: {outcome:?}"
        ));
    }
}

/// Those named, or all.
fn chosen<T: FromStr<Err = anyhow::Error> + Copy>(
    names: &[String],
    all: &[T],
) -> anyhow::Result<Vec<T>> {
    if names == ["all"] {
        return Ok(all.to_vec());
    }
    names.iter().map(|name| name.parse()).collect()
}
