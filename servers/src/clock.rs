//! Both clocks, read together.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ntm_wire::time::{Mono, Now, Wall};

/// The origin of this process's monotonic time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Now {
        let mono = u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall = wall.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        Now {
            mono: Mono::from_micros(mono),
            wall: Wall::from_millis(wall),
        }
    }

    /// The instant that `mono` means, for a timer.
    pub(crate) fn instant(self, mono: Mono) -> Instant {
        self.0 + mono.since(Mono::from_micros(0))
    }
}
