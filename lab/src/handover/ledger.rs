//! [`Ledger`]: which runs are done, kept in a file so that a long comparison can be cut, resumed and shared
//! among machines.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::{Outcome, Trial};

/// Runs that are done: a JSON object a line, only ever appended to.
#[derive(Debug, Default)]
pub struct Ledger {
    path: Option<PathBuf>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    of: Of,
    run: usize,
    outcome: Outcome,
}

/// What distinguishes one trial from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Of {
    case: String,
    peer: String,
    rtt_ms: f64,
    interval_ms: f64,
    callee: Option<String>,
}

impl Of {
    fn trial(trial: &Trial) -> Self {
        let ms = |d: Duration| d.as_secs_f64() * 1000.0;
        Self {
            case: trial.case.to_string(),
            peer: trial.peer.to_string(),
            rtt_ms: ms(trial.rtt),
            interval_ms: ms(trial.interval),
            callee: trial.callee.map(|n| n.to_string()),
        }
    }
}

impl Ledger {
    /// With what the file tells, which need not be there yet.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let text = if path.exists() {
            std::fs::read_to_string(path).with_context(|| path.display().to_string())?
        } else {
            String::new()
        };
        // A run that was cut may have left half a line.
        let whole = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
        let entry = |(number, line): (usize, &str)| {
            let read = serde_json::from_str(line);
            read.with_context(|| format!("{}, line {}", path.display(), number + 1))
        };
        let entries = whole.enumerate().map(entry).collect::<Result<_, _>>()?;
        cut(path, &text)?;
        let path = Some(path.to_owned());
        Ok(Self { path, entries })
    }

    /// What came of this trial's runs so far, by the run's number.
    pub fn done(&self, trial: &Trial) -> Vec<(usize, Outcome)> {
        let of = Of::trial(trial);
        let mine = self.entries.iter().filter(|e| e.of == of);
        mine.map(|e| (e.run, e.outcome.clone())).collect()
    }

    /// One more run is done.
    pub fn add(&self, trial: &Trial, run: usize, outcome: &Outcome) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let entry = Entry {
            of: Of::trial(trial),
            run,
            outcome: outcome.clone(),
        };
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(file.write_all(format!("{}\n", serde_json::to_string(&entry)?).as_bytes())?)
    }
}

/// Takes half a line away, to which the next one would be glued.
fn cut(path: &Path, text: &str) -> anyhow::Result<()> {
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(u64::try_from(whole)?)?;
    }
    Ok(())
}

/// One of several parts of all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Whether this run belongs to it.
    pub fn has(self, run: usize) -> bool {
        run % self.of + 1 == self.number
    }
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            Some(Self { number, of })
        });
        match parts {
            Some(shard) if (1..=shard.of).contains(&shard.number) => Ok(shard),
            _ => bail!("{text}: a part is written 1/3, 2/3 or 3/3"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handover::Case;
    use crate::peer::Peer;

    fn trial(peer: Peer) -> Trial {
        Trial {
            case: Case::Both,
            peer,
            runs: vec![0],
            rtt: Duration::from_millis(20),
            interval: Duration::from_millis(5),
            callee: None,
            seed: 1,
            logs: None,
        }
    }

    #[test]
    fn a_run_that_is_done_is_found_again_and_half_a_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        let (one, other) = (trial(Peer::Iroh), trial(Peer::Quinn));
        let outcome = Outcome {
            lost: 7,
            gap: 81.5,
            ..Outcome::default()
        };
        Ledger::open(&path).unwrap().add(&one, 4, &outcome).unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text += "{\"case\":\"bo";
        std::fs::write(&path, text).unwrap();
        let again = Ledger::open(&path).unwrap();
        assert_eq!(again.done(&one), [(4, outcome)]);
        assert_eq!(again.done(&other), []);
    }

    #[test]
    fn every_run_belongs_to_one_part() {
        let parts = ["1/3", "2/3", "3/3"].map(|t| t.parse::<Shard>().unwrap());
        for run in 0..7 {
            assert_eq!(parts.iter().filter(|p| p.has(run)).count(), 1);
        }
        assert!(
            ["0/3", "4/3", "1", "a/b", "1/0"]
                .iter()
                .all(|t| t.parse::<Shard>().is_err())
        );
        assert!(Shard::WHOLE.has(5));
    }
}
