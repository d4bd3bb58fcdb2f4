//! Past calls, the latest last; a line of JSON each, so that a crash costs the last one at the most.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::error::AppError;
use crate::lines::{Lines, forget_fairly};

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
    file: Lines,
    calls: Vec<PastCall>,
}

impl History {
    /// Of the profile in this folder. A line that can't be read is left out.
    ///
    /// # Errors
    /// [`Code::Storage`](crate::Code::Storage) when the file is there and can't be read.
    pub fn load(folder: &Path) -> Result<Self, AppError> {
        let (file, calls) = Lines::load(folder.join(FILE))?;
        let mut history = Self { file, calls };
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
    /// [`Code::DiskFull`](crate::Code::DiskFull), [`Code::Storage`](crate::Code::Storage); it is remembered for as long as the program runs all the same.
    pub fn push(&mut self, call: PastCall) -> Result<(), AppError> {
        self.calls.push(call.clone());
        if self.calls.len() > 2 * KEPT {
            return self.forget_old();
        }
        self.file.append(&call)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`Code::Storage`](crate::Code::Storage).
    pub fn clear(&mut self) -> Result<(), AppError> {
        self.calls.clear();
        self.file.remove()
    }

    /// Somebody has seen the missed ones; false when there was none to see.
    ///
    /// # Errors
    /// [`Code::DiskFull`](crate::Code::DiskFull), [`Code::Storage`](crate::Code::Storage); it is remembered for as long as the program runs all the same.
    pub fn mark_seen(&mut self) -> Result<bool, AppError> {
        let unseen = self.calls.iter_mut().filter(|c| c.missed && !c.seen);
        let count = unseen.map(|c| c.seen = true).count();
        if count > 0 {
            self.file.rewrite(&self.calls)?;
        }
        Ok(count > 0)
    }

    fn forget_old(&mut self) -> Result<(), AppError> {
        forget_fairly(&mut self.calls, KEPT, |c| &c.with);
        self.file.rewrite(&self.calls)
    }
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
