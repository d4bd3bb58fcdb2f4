//! `ntm-lab handover`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use super::{note, print};
use crate::handover::{Case, HEAD, Outcome, Sum, Trial};
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
        let mut is_sound = true;
        for case in cases {
            for peer in &peers {
                is_sound &= self.try_case(case, *peer)? || !peer.is_ours();
            }
        }
        Ok(is_sound)
    }

    fn try_case(&self, case: Case, peer: Peer) -> anyhow::Result<bool> {
        if let Some(why) = self.unfit(case, peer) {
            note(&format!("{case} {peer}: left out: {why}"));
            return Ok(true);
        }
        let trial = Trial {
            case,
            peer,
            runs: (0..self.runs).collect(),
            rtt: Duration::from_millis(self.rtt),
            interval: Duration::from_millis(self.interval),
            callee: self.callee,
            seed: self.seed,
            logs: self.logs.clone(),
        };
        let done = trial.run(|number, outcome| remark(&trial, number, outcome))?;
        let sum = Sum::of(&trial, &done);
        print(&if self.json {
            sum.json().to_string()
        } else {
            sum.row()
        });
        Ok(sum.is_sound())
    }

    fn unfit(&self, case: Case, peer: Peer) -> Option<&'static str> {
        if case.is_ours() && !peer.is_ours() {
            return Some("it is about our servers");
        }
        let hidden = peer.wants_address() && !case.is_callee_public(self.callee);
        hidden.then_some("it can't call into a NAT; with --callee public-v4 it can")
    }
}

fn remark(trial: &Trial, number: usize, outcome: &Outcome) {
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
