//! Who speaks at a steady pace, whatever else the lab does meanwhile.

use std::io::Write as _;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::RECORD;

/// A program's standard input, and when each record went into it.
#[derive(Debug)]
pub(super) struct Mouth(Mutex<Said>);

#[derive(Debug)]
struct Said {
    input: Option<ChildStdin>,
    at: Vec<SystemTime>,
}

/// Lets mouths speak until it is dropped.
#[derive(Debug)]
pub(super) struct Pacer {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mouth {
    pub(super) fn new(input: Option<ChildStdin>) -> Self {
        let at = Vec::new();
        Self(Mutex::new(Said { input, at }))
    }

    /// Sends the next record.
    pub(super) fn say(&self) {
        let mut said = self.lock();
        let (text, now) = (record(said.at.len()), SystemTime::now());
        if let Some(input) = &mut said.input {
            // A program that ended hears nothing.
            drop(input.write_all(text.as_bytes()));
        }
        said.at.push(now);
    }

    pub(super) fn said_at(&self) -> Vec<SystemTime> {
        self.lock().at.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pacer {
    pub(super) fn start(pace: Duration, mouths: [Arc<Mouth>; 2]) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&end);
        let thread = std::thread::spawn(move || keep(pace, &mouths, &is_over));
        Self {
            end,
            thread: Some(thread),
        }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        // A panic there shows in what was sent.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Due times follow from the first one: one that was late makes none of the others late.
fn keep(pace: Duration, mouths: &[Arc<Mouth>; 2], is_over: &AtomicBool) {
    let mut due = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        mouths.iter().for_each(|m| m.say());
        due += pace;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// A line of its number, as long as every other.
pub(super) fn record(number: usize) -> String {
    let width = RECORD - 1;
    format!("{number:0width$}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_pace_does_not_drift() {
        let mouths = [0, 1].map(|_| Arc::new(Mouth::new(None)));
        let begun = Instant::now();
        let pacer = Pacer::start(Duration::from_millis(1), mouths.clone());
        std::thread::sleep(Duration::from_millis(100));
        drop(pacer);
        let (due, said) = (begun.elapsed().as_millis(), mouths[0].said_at().len());
        assert!(
            said.abs_diff(usize::try_from(due).unwrap()) <= 10,
            "{said}, {due} due"
        );
        assert_eq!(mouths[1].said_at().len(), said);
    }
}
