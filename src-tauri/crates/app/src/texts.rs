//! Texts, the latest last; a line of JSON for each change, so that a crash costs the last one at the most.

use std::path::Path;

use crate::error::AppError;
use crate::lines::{Lines, forget_fairly};
use crate::view::{TextState, TextView};

const FILE: &str = "texts.jsonl";
/// Older texts are forgotten; so many have 1 MB at the most.
const KEPT: usize = 1000;

/// The texts of a profile.
#[derive(Debug)]
pub struct Texts {
    /// With those that later ones replace.
    file: Lines,
    all: Vec<TextView>,
}

impl Texts {
    /// Of the profile in this folder. A line that can't be read is left out, and what was on its way when the
    /// program ended did not arrive.
    ///
    /// # Errors
    /// [`Code::Storage`](crate::Code::Storage) when the file is there and can't be read.
    pub fn load(folder: &Path) -> Result<Self, AppError> {
        let (file, read) = Lines::load(folder.join(FILE))?;
        let mut texts = Self {
            file,
            all: Vec::new(),
        };
        read.into_iter().for_each(|t| texts.put(t));
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
    /// [`Code::DiskFull`](crate::Code::DiskFull), [`Code::Storage`](crate::Code::Storage); it is remembered for as long as the program runs all the same.
    pub fn set(&mut self, text: TextView) -> Result<(), AppError> {
        self.put(text.clone());
        self.forget_old();
        if self.file.count() >= 2 * KEPT {
            return self.file.rewrite(&self.all);
        }
        self.file.append(&text)
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
    /// [`Code::Storage`](crate::Code::Storage).
    pub fn clear(&mut self) -> Result<(), AppError> {
        self.all.clear();
        self.file.remove()
    }

    fn put(&mut self, text: TextView) {
        match self.all.iter_mut().find(|t| t.id == text.id) {
            Some(known) => *known = text,
            None => self.all.push(text),
        }
    }

    fn forget_old(&mut self) {
        forget_fairly(&mut self.all, KEPT, |t| &t.with);
    }
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
