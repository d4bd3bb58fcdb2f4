//! [`Wire`]: a link with delay, jitter, loss and rate, for kernels without netem.
//!
//! Two TAP devices, each in its own namespace; a thread carries the frames between them through a queue
//! ordered by time. Both directions have the same [`Quality`], which may change while frames are on
//! their way: what is under way keeps the delay it had.

mod chance;
mod lane;
mod quality;
mod tap;

use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::netns::Namespace;
pub(crate) use chance::Chance;
use lane::Lane;
pub use quality::{Bursts, Loss, Quality};
use tap::Tap;

/// The thread looks at least this often whether it is to end.
const GLANCE: Duration = Duration::from_millis(200);
/// An idle machine wakes late: the thread wakes so much too early, and looks again and again.
const EARLY: Duration = Duration::from_micros(300);

/// An end of a wire: the namespace, and what the device is called there.
pub type End<'a> = (&'a Namespace, &'a str);

/// A link; it is cut when dropped.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    quality: Mutex<Quality>,
    end: AtomicBool,
}

impl Wire {
    /// Connects the two ends; the devices are there, and down, when this returns.
    pub fn connect(ends: [End<'_>; 2], quality: Quality, seed: u64) -> anyhow::Result<Self> {
        let [a, b] = ends;
        let taps = [open(a)?, open(b)?];
        let shared = Arc::new(Shared {
            quality: Mutex::new(quality),
            end: AtomicBool::new(false),
        });
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("wire".to_owned())
            .spawn(move || carry(&taps, &work, seed))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What frames meet from now on.
    pub fn set(&self, quality: Quality) {
        *self.shared.lock() = quality;
    }

    /// What frames meet now.
    pub fn quality(&self) -> Quality {
        *self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Quality> {
        self.quality.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panicked or ended: the wire is cut either way.
            drop(thread.join());
        }
    }
}

fn open((namespace, name): End<'_>) -> anyhow::Result<Tap> {
    namespace
        .enter(|| Tap::open(name))
        .with_context(|| format!("TAP device {name} in {}", namespace.name()))
}

fn carry(taps: &[Tap; 2], shared: &Shared, seed: u64) {
    let mut lanes = [Lane::new(seed), Lane::new(seed ^ 1)];
    let mut frame = vec![0; tap::FRAME];
    while !shared.end.load(Ordering::Relaxed) {
        let now = Instant::now();
        let quality = *shared.lock();
        for (i, lane) in lanes.iter_mut().enumerate() {
            let (Some(from), Some(to)) = (taps.get(i), taps.get(1 - i)) else {
                return;
            };
            while let Some(len) = from.receive(&mut frame) {
                lane.enter(now, frame.get(..len).unwrap_or_default(), &quality);
            }
            while let Some(due) = lane.leave(Instant::now()) {
                to.send(&due);
            }
        }
        wait(taps, &lanes);
    }
}

/// Until a frame comes, or the next one is due.
fn wait(taps: &[Tap; 2], lanes: &[Lane; 2]) {
    let due = lanes.iter().filter_map(Lane::next_due).min();
    let soon = |d: Instant| d.saturating_duration_since(Instant::now() + EARLY);
    let time = due.map_or(GLANCE, soon);
    let [a, b] = taps;
    let mut fds = [
        PollFd::new(a.as_fd(), PollFlags::POLLIN),
        PollFd::new(b.as_fd(), PollFlags::POLLIN),
    ];
    // A signal only ends the wait early.
    let _ = ppoll(&mut fds, Some(TimeSpec::from(time.min(GLANCE))), None);
}
