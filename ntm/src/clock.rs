//! Both clocks for the deciding node, and the suspicion that the machine slept.

use std::time::{Duration, Instant, SystemTime};

use ntm_wire::time::{Mono, Now, Wall};

/// The wall clock may run ahead of the monotonic one by this much before it counts as sleep: more
/// than any slewing of NTP between two readings, less than a sleep that matters.
const SLEEP_SUSPICION: Duration = Duration::from_secs(2);

/// Reads both clocks together.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    last: Now,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let origin = Instant::now();
        Self {
            origin,
            last: read(origin),
        }
    }

    pub(crate) fn now(&self) -> Now {
        read(self.origin)
    }

    /// How long the machine slept since the last call, if it did. The monotonic clock of several
    /// systems stands still in sleep and the wall clock does not; a wall clock set forward looks the
    /// same, and costs no more than a probe of every path.
    pub(crate) fn slept(&mut self, now: Now) -> Option<Duration> {
        let wall = now.wall.since(self.last.wall);
        let mono = now.mono.since(self.last.mono);
        self.last = now;
        wall.checked_sub(mono)
            .filter(|ahead| *ahead >= SLEEP_SUSPICION)
    }
}

/// The wall clock alone, for what has no node.
pub(crate) fn wall() -> Wall {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Wall::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn read(origin: Instant) -> Now {
    let mono = u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX);
    Now {
        // The origin lies at one second, so that nothing of interest happens at zero.
        mono: Mono::from_micros(mono.saturating_add(1_000_000)),
        wall: wall(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_s: u64, wall_s: u64) -> Now {
        Now {
            mono: Mono::from_micros(mono_s * 1_000_000),
            wall: Wall::from_secs(wall_s),
        }
    }

    #[test]
    fn a_wall_clock_that_ran_ahead_is_taken_for_sleep() {
        let mut clock = Clock {
            origin: Instant::now(),
            last: at(10, 1000),
        };
        assert_eq!(clock.slept(at(11, 1001)), None);
        assert_eq!(clock.slept(at(12, 1062)), Some(Duration::from_secs(60)));
        assert_eq!(
            clock.slept(at(13, 1063)),
            None,
            "one sleep is reported once"
        );
    }

    #[test]
    fn a_wall_clock_set_back_is_no_sleep() {
        let mut clock = Clock {
            origin: Instant::now(),
            last: at(10, 1000),
        };
        assert_eq!(clock.slept(at(11, 500)), None);
    }
}
