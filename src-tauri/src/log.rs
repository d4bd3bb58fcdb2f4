//! The log: a file a day, a week of them, none larger than a few megabytes; and the last lines for the window.
//! Names and addresses are never logged above DEBUG, and the file has INFO unless `LEGATO_LOG` asks for more.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use voice_app::{AppError, Code};

/// Lines that the window can show.
const RECENT: usize = 500;
/// Files that are kept.
const DAYS: usize = 7;
/// A day that says more than this is cut off: no log fills a disk.
const LARGEST: u64 = 5 * 1024 * 1024;
/// What is logged unless more is asked for; the client of PulseAudio tells each look at the devices.
const USUAL: &str = "info,pulseaudio=warn";
const DAY: u64 = 86_400;

/// Where lines go. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    recent: VecDeque<String>,
    folder: Option<PathBuf>,
    day: u64,
    file: Option<File>,
    written: u64,
}

impl Log {
    /// Everything that is told from now on goes there.
    pub fn open() -> Self {
        let log = Self::in_folder(folder());
        let filter = std::env::var("LEGATO_LOG").unwrap_or_else(|_| USUAL.to_owned());
        let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(USUAL));
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(log.clone());
        // A second one in a process, as in tests, listens in vain.
        drop(lines.try_init());
        log
    }

    /// One that writes into this folder, or into none.
    pub fn in_folder(folder: Option<PathBuf>) -> Self {
        let book = Book {
            folder,
            ..Book::default()
        };
        Self(Arc::new(Mutex::new(book)))
    }

    /// Writes into this folder from now on: a phone says where only when the program runs.
    #[cfg(mobile)]
    pub(crate) fn keep_in(&self, folder: PathBuf) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.folder = Some(folder);
        drop(book.turn_page());
    }

    /// The last lines, the oldest first.
    pub fn recent(&self) -> Vec<String> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.recent.iter().cloned().collect()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Pen;

    fn make_writer(&'a self) -> Pen {
        Pen(self.clone())
    }
}

/// Writes one line.
#[derive(Debug)]
pub struct Pen(Log);

impl Write for Pen {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut book = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.write(line, seconds() / DAY);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Book {
    /// What can't be written to the disk is in memory all the same.
    fn write(&mut self, line: &[u8], day: u64) {
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(text);
        if self.day != day {
            (self.day, self.file) = (day, None);
            drop(self.turn_page());
        }
        let length = line.len() as u64;
        if let Some(file) = self
            .file
            .as_mut()
            .filter(|_| self.written + length <= LARGEST)
            && file.write_all(line).is_ok()
        {
            self.written += length;
        }
    }

    fn turn_page(&mut self) -> Result<(), AppError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        ntm::files::create_private_dir(folder)?;
        let path = folder.join(name(self.day));
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(|e| AppError::new(Code::Storage, e))?;
        self.written = file.metadata().map_or(0, |m| m.len());
        self.file = Some(file);
        forget_old(folder);
        Ok(())
    }
}

fn forget_old(folder: &Path) {
    let mut all = files_of(folder);
    // A name's order is the days'.
    all.sort();
    let old = all.len().saturating_sub(DAYS);
    for path in all.into_iter().take(old) {
        drop(std::fs::remove_file(path));
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.map(|e| e.path()).filter(|p| is_log(p)).collect()
}

fn is_log(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default();
    name.starts_with("legato-") && name.ends_with(".log")
}

/// `legato-2026-11-29.log`: the days since 1970 as a date (the civil calendar's arithmetic, era by era of 400 years).
fn name(day: u64) -> String {
    let z = day + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!(
        "legato-{year:04}-{month:02}-{:02}.log",
        doy - (153 * mp + 2) / 5 + 1
    )
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

/// The log's folder on this system.
pub(crate) fn folder() -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "legato")?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir());
    Some(state.join("logs"))
}

/// Removes every file of it.
pub(crate) fn remove() -> Result<(), AppError> {
    let Some(folder) = folder() else {
        return Ok(());
    };
    for path in files_of(&folder) {
        ntm::files::remove(&path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_file_and_a_week_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::in_folder(Some(folder.path().join("logs")));
        let mut book = log.0.lock().unwrap();
        (20_000..20_010).for_each(|day| book.write(format!("day {day}\n").as_bytes(), day));
        let mut all = files_of(&folder.path().join("logs"));
        all.sort();
        assert_eq!(all.len(), DAYS);
        assert!(all[DAYS - 1].ends_with("legato-2024-10-13.log"), "{all:?}");
        assert_eq!(std::fs::read_to_string(&all[0]).unwrap(), "day 20003\n");
    }

    #[test]
    fn a_talkative_day_is_cut_off_on_disk_and_the_last_lines_are_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::in_folder(Some(folder.path().to_owned()));
        let line = vec![b'x'; 64 * 1024];
        let mut book = log.0.lock().unwrap();
        (0..100).for_each(|_| book.write(&line, 1));
        book.write(b"the last\n", 1);
        drop(book);
        let size = std::fs::metadata(folder.path().join(name(1)))
            .unwrap()
            .len();
        assert!(size <= LARGEST, "{size}");
        assert_eq!(log.recent().last().map(String::as_str), Some("the last"));
    }

    #[test]
    fn days_are_dates() {
        assert_eq!(name(0), "legato-1970-01-01.log");
        assert_eq!(name(11_016), "legato-2000-02-29.log");
    }
}
