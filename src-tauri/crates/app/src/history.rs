//! Past calls, the latest last; a line of JSON each, so that a crash costs the last one at the most.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ntm::files;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::error::{AppError, Code};

const FILE: &str = "history.jsonl";
/// Older calls are forgotten.
const KEPT: usize = 1000;

/// One call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PastCall {
    /// When it began to ring, milliseconds since 1970.
    pub at_ms: u64,
    /// With whom: `bob@example.org`.
    pub with: String,
    /// This device called.
    pub outgoing: bool,
    /// Why it ended, as a code: `hung_up`, `no_answer`, `answered_elsewhere`, ...
    pub ended: String,
    /// Somebody called, and nobody took it or said no on any device.
    pub missed: bool,
    /// A missed call that somebody has seen since.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub seen: bool,
    /// Seconds talked; 0 when it was not answered.
    pub seconds: u64,
    /// Hand-overs while talking.
    #[serde(default)]
    pub handovers: u32,
    /// Milliseconds of the other's speech that were never heard.
    #[serde(default)]
    pub lost_ms: u64,
}

/// The calls of a profile.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    calls: Vec<PastCall>,
}

impl History {
    /// Of the profile in this folder. A line that can't be read is left out.
    ///
    /// # Errors
    /// [`Code::Storage`] when the file is there and can't be read.
    pub fn load(folder: &Path) -> Result<Self, AppError> {
        let path = folder.join(FILE);
        let text = match files::read_private(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.is_not_found() => String::new(),
            Err(error) => return Err(error.into()),
        };
        let calls: Vec<PastCall> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let mut history = Self { path, calls };
        if history.calls.len() > 2 * KEPT {
            history.forget_old()?;
        }
        Ok(history)
    }

    /// The latest, at most so many, the latest first.
    pub fn latest(&self, most: usize) -> Vec<PastCall> {
        self.calls
            .iter()
            .rev()
            .take(most.min(KEPT))
            .cloned()
            .collect()
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`Code::DiskFull`], [`Code::Storage`]; it is remembered for as long as the program runs all the same.
    pub fn push(&mut self, call: PastCall) -> Result<(), AppError> {
        let line = serde_json::to_string(&call).map_err(|e| AppError::new(Code::Storage, e))?;
        self.calls.push(call);
        if !self.path.exists() {
            files::write_private(&self.path, b"")?;
        }
        let written = OpenOptions::new()
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|e| cannot_write(&self.path, &e))
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub fn clear(&mut self) -> Result<(), AppError> {
        self.calls.clear();
        Ok(files::remove(&self.path)?)
    }

    /// Somebody has seen the missed ones; false when there was none to see.
    ///
    /// # Errors
    /// [`Code::DiskFull`], [`Code::Storage`]; it is remembered for as long as the program runs all the same.
    pub fn mark_seen(&mut self) -> Result<bool, AppError> {
        let unseen = self.calls.iter_mut().filter(|c| c.missed && !c.seen);
        let count = unseen.map(|c| c.seen = true).count();
        if count > 0 {
            self.rewrite()?;
        }
        Ok(count > 0)
    }

    fn forget_old(&mut self) -> Result<(), AppError> {
        let keep = self.calls.len().saturating_sub(KEPT);
        self.calls.drain(..keep);
        self.rewrite()
    }

    fn rewrite(&self) -> Result<(), AppError> {
        let lines = self
            .calls
            .iter()
            .filter_map(|c| serde_json::to_string(c).ok());
        let text: String = lines.map(|l| l + "\n").collect();
        Ok(files::write_private(&self.path, text.as_bytes())?)
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> AppError {
    let code = if error.kind() == std::io::ErrorKind::StorageFull {
        Code::DiskFull
    } else {
        Code::Storage
    };
    AppError::new(
        code,
        format!("the call is not kept in {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at_ms: u64) -> PastCall {
        PastCall {
            at_ms,
            with: "bob@example.org".to_owned(),
            outgoing: true,
            ended: "hung_up".to_owned(),
            missed: false,
            seen: false,
            seconds: 7,
            handovers: 1,
            lost_ms: 0,
        }
    }

    #[test]
    fn calls_are_there_again_at_the_next_start_and_a_torn_line_costs_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::load(folder.path()).unwrap();
        (1..=3).for_each(|at| history.push(call(at)).unwrap());
        let path = folder.path().join(FILE);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"at_ms\": 4, \"wi");
        std::fs::write(&path, text).unwrap();
        let again = History::load(folder.path()).unwrap().latest(2);
        assert_eq!(again.iter().map(|c| c.at_ms).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn old_calls_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::load(folder.path()).unwrap();
        (0..2 * KEPT as u64 + 1).for_each(|at| history.push(call(at)).unwrap());
        let again = History::load(folder.path()).unwrap();
        assert_eq!(again.calls.len(), KEPT);
        assert_eq!(again.latest(1)[0].at_ms, 2 * KEPT as u64);
    }
}
