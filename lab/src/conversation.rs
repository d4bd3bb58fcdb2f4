//! [`Conversation`]: a running command, each line it says stamped with the moment it was read.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// So long a command may take to end when asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// A line and when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// By this machine's clock.
    pub at: SystemTime,
    /// Without the line's end.
    pub text: String,
}

/// A running command; it is ended when dropped.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    input: Option<ChildStdin>,
    out: Arc<Transcript>,
    err: Arc<Transcript>,
}

impl Conversation {
    pub(crate) fn begin(mut child: Child) -> anyhow::Result<Self> {
        let out = Transcript::of(child.stdout.take().context("standard output")?);
        let err = Transcript::of(child.stderr.take().context("standard error")?);
        Ok(Self {
            input: child.stdin.take(),
            child,
            out,
            err,
        })
    }

    /// Writes to its standard input; a command that ended hears nothing.
    pub fn say(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            drop(input.write_all(text.as_bytes()));
        }
    }

    /// Its standard input, for somebody who talks to it from another thread.
    pub(crate) fn take_input(&mut self) -> Option<ChildStdin> {
        self.input.take()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// So many lines it has printed.
    pub(crate) fn said(&self) -> usize {
        self.out.lock().lines.len()
    }

    /// What it printed.
    pub fn out(&self) -> Vec<Line> {
        self.out.lock().lines.clone()
    }

    /// What it logged.
    pub fn err(&self) -> Vec<Line> {
        self.err.lock().lines.clone()
    }

    /// Waits for something in what it prints; `None` when the time is over or nothing more will come.
    pub fn wait_out<T>(&self, until: Instant, found: impl Fn(&[Line]) -> Option<T>) -> Option<T> {
        self.out.wait(until, found)
    }

    /// The same in what it logs.
    pub fn wait_err<T>(&self, until: Instant, found: impl Fn(&[Line]) -> Option<T>) -> Option<T> {
        self.err.wait(until, found)
    }

    /// Ends it as an operator would; its exit code.
    pub fn terminate(mut self) -> anyhow::Result<Option<i32>> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        // Ended already is as good.
        let _ = kill(pid, Signal::SIGTERM);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(None)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Ended already, or ended now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[derive(Debug, Default)]
struct Transcript {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    over: bool,
}

impl Transcript {
    fn of(pipe: impl Read + Send + 'static) -> Arc<Self> {
        let this = Arc::new(Self::default());
        let writer = Arc::clone(&this);
        std::thread::spawn(move || {
            for text in BufReader::new(pipe).lines().map_while(Result::ok) {
                let at = SystemTime::now();
                writer.lock().lines.push(Line { at, text });
                writer.changed.notify_all();
            }
            writer.lock().over = true;
            writer.changed.notify_all();
        });
        this
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<T>(&self, until: Instant, found: impl Fn(&[Line]) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(value) = found(&state.lines) {
                return Some(value);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.over || left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
