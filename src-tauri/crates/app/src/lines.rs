//! A private file with a line of JSON for each entry, so that a crash costs the last one at the most.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ntm::files;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AppError, Code};

/// Where it lies, and how many lines it has.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    count: usize,
    /// The last line has no end: somebody died in it.
    torn: bool,
}

impl Lines {
    /// The file and what can be read of it; a line that can't be is left out.
    ///
    /// # Errors
    /// [`Code::Storage`] when the file is there and can't be read.
    pub(crate) fn load<T: DeserializeOwned>(path: PathBuf) -> Result<(Self, Vec<T>), AppError> {
        let text = match files::read_private(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.is_not_found() => String::new(),
            Err(error) => return Err(error.into()),
        };
        let read = text.lines().filter_map(|l| serde_json::from_str(l).ok());
        let file = Self {
            path,
            count: text.lines().count(),
            torn: !text.is_empty() && !text.ends_with('\n'),
        };
        Ok((file, read.collect()))
    }

    /// How many there are, those that can't be read among them.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// One more.
    ///
    /// # Errors
    /// [`Code::DiskFull`], [`Code::Storage`].
    pub(crate) fn append(&mut self, entry: &impl Serialize) -> Result<(), AppError> {
        let line = serde_json::to_string(entry).map_err(|e| AppError::new(Code::Storage, e))?;
        if !self.path.exists() {
            files::write_private(&self.path, b"")?;
        }
        let start = if self.torn { "\n" } else { "" };
        let line = format!("{start}{line}\n");
        let file = OpenOptions::new().append(true).open(&self.path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        self.count += 1;
        self.torn = written.is_err();
        written.map_err(|e| cannot_write(&self.path, &e))
    }

    /// These and no others.
    ///
    /// # Errors
    /// [`Code::DiskFull`], [`Code::Storage`]; the file is as it was.
    pub(crate) fn rewrite<'a, T: Serialize + 'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a T>,
    ) -> Result<(), AppError> {
        let lines = entries.into_iter();
        let lines: Vec<String> = lines
            .filter_map(|e| serde_json::to_string(e).ok())
            .collect();
        let text: String = lines.iter().flat_map(|l| [l.as_str(), "\n"]).collect();
        files::write_private(&self.path, text.as_bytes())?;
        (self.count, self.torn) = (lines.len(), false);
        Ok(())
    }

    /// Nothing is left of it.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub(crate) fn remove(&mut self) -> Result<(), AppError> {
        (self.count, self.torn) = (0, false);
        Ok(files::remove(&self.path)?)
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> AppError {
    let code = if error.kind() == io::ErrorKind::StorageFull {
        Code::DiskFull
    } else {
        Code::Storage
    };
    AppError::new(
        code,
        format!("nothing can be added to {}: {error}", path.display()),
    )
}

/// Leaves so many, the latest; whoever has the most entries loses the oldest, so that nobody drives out the others'.
pub(crate) fn forget_fairly<T>(entries: &mut Vec<T>, kept: usize, whose: impl Fn(&T) -> &str) {
    let mut there = BTreeMap::<String, usize>::new();
    for entry in entries.iter() {
        *there.entry(whose(entry).to_owned()).or_default() += 1;
    }
    let mut gone = BTreeMap::<String, usize>::new();
    for _ in kept..entries.len() {
        let most = there.iter_mut().max_by_key(|(_, count)| **count);
        let Some((name, count)) = most else { return };
        *count -= 1;
        *gone.entry(name.clone()).or_default() += 1;
    }
    entries.retain(|entry| match gone.get_mut(whose(entry)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        Some(_) | None => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_most_loses_most_and_the_others_nothing() {
        let mut all: Vec<(String, usize)> = vec![("bob".to_owned(), 0), ("carol".to_owned(), 1)];
        all.extend((2..40).map(|n| ("mallory".to_owned(), n)));
        forget_fairly(&mut all, 10, |(name, _)| name);
        assert_eq!((all.len(), &*all[0].0, &*all[1].0), (10, "bob", "carol"));
        assert_eq!(all[2].1, 32, "the latest are left");
    }

    #[test]
    fn what_follows_a_torn_line_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.jsonl");
        files::write_private(&path, b"1\n{\"tor").unwrap();
        let (mut file, read) = Lines::load::<u32>(path.clone()).unwrap();
        assert_eq!((read, file.count()), (vec![1], 2));
        file.append(&2).unwrap();
        file.append(&3).unwrap();
        let (_, read) = Lines::load::<u32>(path).unwrap();
        assert_eq!(read, [1, 2, 3]);
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, read) = Lines::load::<u32>(folder.path().join("none/numbers")).unwrap();
        assert!(read.is_empty());
        assert!(file.append(&1).is_err(), "there is no such folder");
    }
}
