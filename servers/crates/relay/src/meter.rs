//! How busy the server is.

use core::time::Duration;

use ntm_wire::time::Mono;

/// What one core relays, in packets a second: the goal this server is built and measured for.
const FULL_PPS: u64 = 300_000;
/// The shortest time that says something about a rate.
const WINDOW: Duration = Duration::from_secs(1);

/// Packets a second, from a total that somebody else counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    since: Mono,
    total: u64,
    pps: u64,
}

impl Meter {
    /// Takes the total as it stands now.
    pub(crate) fn update(&mut self, now: Mono, total: u64) {
        let elapsed = now.since(self.since);
        if elapsed >= WINDOW {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.pps = total.saturating_sub(self.total).saturating_mul(1000) / millis;
            (self.since, self.total) = (now, total);
        }
    }

    /// From 0 (idle) to 255 (full): the fuller of the table and the wire.
    pub(crate) fn load(&self, legs: usize, max_legs: usize) -> u8 {
        share(legs as u64, max_legs as u64).max(share(self.pps, FULL_PPS))
    }
}

fn share(part: u64, whole: u64) -> u8 {
    let of_255 = part.saturating_mul(255).checked_div(whole);
    u8::try_from(of_255.unwrap_or(255)).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_the_fuller_of_table_and_wire() {
        let mut meter = Meter::default();
        assert_eq!(meter.load(0, 100), 0);
        assert_eq!(meter.load(50, 100), 127);
        meter.update(Mono::from_micros(10_000_000), 3_000_000);
        assert_eq!(meter.load(50, 100), 255);
        meter.update(Mono::from_micros(20_000_000), 3_000_000);
        assert_eq!(meter.load(50, 100), 127, "the wire is idle again");
    }

    #[test]
    fn a_server_without_room_is_full() {
        assert_eq!(Meter::default().load(0, 0), 255);
    }
}
