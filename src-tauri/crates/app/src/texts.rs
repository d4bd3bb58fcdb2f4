//! Texts, the latest last; a line of JSON for each change, so that a crash costs the last one at the most.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ntm::files;

use crate::error::{AppError, Code};
use crate::view::{TextState, TextView};

const FILE: &str = "texts.jsonl";
/// Older texts are forgotten; so many have 1 MB at the most.
const KEPT: usize = 1000;

/// The texts of a profile.
#[derive(Debug)]
pub struct Texts {
    path: PathBuf,
    all: Vec<TextView>,
    /// Lines in the file, those that later ones replace among them.
    lines: usize,
}

impl Texts {
    /// Of the profile in this folder. A line that can't be read is left out, and what was on its way when the
    /// program ended did not arrive.
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
        let mut texts = Self {
            path,
            all: Vec::new(),
            lines: text.lines().count(),
        };
        let read = text.lines().filter_map(|l| serde_json::from_str(l).ok());
        read.for_each(|t| texts.put(t));
        let unsent = texts
            .all
            .iter_mut()
            .filter(|t| t.state == TextState::Sending);
        unsent.for_each(|t| t.state = TextState::Failed);
        texts.forget_old();
        Ok(texts)
    }

    /// The latest, at most so many, the oldest of them first.
    pub fn latest(&self, most: usize) -> Vec<TextView> {
        let from = self.all.len().saturating_sub(most);
        self.all[from..].to_vec()
    }

    /// The one with this number.
    pub fn get(&self, id: u64) -> Option<&TextView> {
        self.all.iter().find(|t| t.id == id)
    }

    /// The number of the next text.
    pub fn next_id(&self) -> u64 {
        self.all.iter().map(|t| t.id).max().map_or(1, |id| id + 1)
    }

    /// Adds one, or replaces the one with its number.
    ///
    /// # Errors
    /// [`Code::DiskFull`], [`Code::Storage`]; it is remembered for as long as the program runs all the same.
    pub fn set(&mut self, text: TextView) -> Result<(), AppError> {
        let line = serde_json::to_string(&text).map_err(|e| AppError::new(Code::Storage, e))?;
        self.put(text);
        self.lines += 1;
        self.forget_old();
        if self.lines > 2 * KEPT {
            return self.rewrite();
        }
        if !self.path.exists() {
            files::write_private(&self.path, b"")?;
        }
        let written = OpenOptions::new()
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|e| cannot_write(&self.path, &e))
    }

    /// What became of one of this device's.
    ///
    /// # Errors
    /// As [`Texts::set`].
    pub fn set_state(&mut self, id: u64, state: TextState) -> Result<(), AppError> {
        let Some(text) = self.get(id) else {
            return Ok(());
        };
        self.set(TextView {
            state,
            ..text.clone()
        })
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub fn clear(&mut self) -> Result<(), AppError> {
        self.all.clear();
        self.lines = 0;
        Ok(files::remove(&self.path)?)
    }

    fn put(&mut self, text: TextView) {
        match self.all.iter_mut().find(|t| t.id == text.id) {
            Some(known) => *known = text,
            None => self.all.push(text),
        }
    }

    fn forget_old(&mut self) {
        let old = self.all.len().saturating_sub(KEPT);
        self.all.drain(..old);
    }

    fn rewrite(&mut self) -> Result<(), AppError> {
        let lines = self.all.iter();
        let lines = lines.filter_map(|t| serde_json::to_string(t).ok());
        let text: String = lines.map(|l| l + "\n").collect();
        self.lines = self.all.len();
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
        format!("the text is not kept in {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: u64, state: TextState) -> TextView {
        TextView {
            id,
            with: "bob@example.org".to_owned(),
            outgoing: true,
            text: format!("number {id}"),
            at_ms: id,
            state,
        }
    }

    #[test]
    fn texts_are_there_again_with_their_last_state_and_a_torn_line_costs_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut texts = Texts::load(folder.path()).unwrap();
        texts.set(text(1, TextState::Sending)).unwrap();
        texts.set(text(2, TextState::Sending)).unwrap();
        texts.set_state(1, TextState::Delivered).unwrap();
        let path = folder.path().join(FILE);
        let torn = std::fs::read_to_string(&path).unwrap() + "{\"id\": 3, \"wi";
        std::fs::write(&path, torn).unwrap();
        let again = Texts::load(folder.path()).unwrap();
        let states: Vec<_> = again.latest(9).iter().map(|t| (t.id, t.state)).collect();
        // The second was on its way when the program ended.
        assert_eq!(states, [(1, TextState::Delivered), (2, TextState::Failed)]);
        assert_eq!(again.next_id(), 3);
    }

    #[test]
    fn old_texts_are_forgotten_and_the_file_does_not_grow() {
        let folder = tempfile::tempdir().unwrap();
        let mut texts = Texts::load(folder.path()).unwrap();
        for id in 1..=3 * KEPT as u64 {
            texts.set(text(id, TextState::Received)).unwrap();
        }
        assert_eq!(texts.latest(usize::MAX).len(), KEPT);
        let file = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(file.lines().count() <= 2 * KEPT);
        let again = Texts::load(folder.path()).unwrap();
        assert_eq!(again.latest(1)[0].id, 3 * KEPT as u64);
        assert_eq!(again.latest(usize::MAX), texts.latest(usize::MAX));
    }

    #[test]
    fn what_was_cleared_is_gone_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut texts = Texts::load(folder.path()).unwrap();
        texts.set(text(1, TextState::Received)).unwrap();
        texts.clear().unwrap();
        assert!(!folder.path().join(FILE).exists());
        assert!(Texts::load(folder.path()).unwrap().latest(9).is_empty());
    }
}
