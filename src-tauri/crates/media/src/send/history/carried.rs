//! Which earlier packet goes once more inside a later one (RFC 2198), where losses come in bursts.
//!
//! Reports tell what came. So the packet of some frames ago that no report speaks of is most likely lost, or part of a burst that goes on,
//! and only such a one is carried: that costs what is lost, not everything twice.

use super::{History, MOST_AT_ONCE, RESENT_SHARE, Sent};
use std::time::Duration;

/// How far back: bursts that are shorter lose nothing, and the peer waits for so long. A peer that is silent reports
/// every 100 ms, so with much less, or over a longer way, most of what is carried would have come.
pub(crate) const DISTANCE: Duration = Duration::from_millis(160);
/// The longest round trip, as reports tell it (a frame more than that of the way), at which they are there in time.
pub(crate) const NEARBY: Duration = Duration::from_millis(80);

impl History {
    /// What the packet `sent` should carry besides its own sound, from `back` frames before it. Not from beyond a pause: the
    /// peer tells its number by its time.
    pub(crate) fn carry(&mut self, sent: &Sent, back: i64) -> Option<Sent> {
        self.carry_budget = (self.carry_budget + RESENT_SHARE).min(MOST_AT_ONCE);
        let distance = u32::try_from(back * self.frame).ok()?;
        let earlier = self.get(sent.sequence - back)?;
        let is_adjacent = sent.timestamp.wrapping_sub(earlier.timestamp) == distance;
        let is_wanted = is_adjacent && !earlier.arrived && !earlier.is_pause();
        let earlier = is_wanted.then(|| earlier.clone())?;
        if self.carry_budget < 1.0 {
            return None;
        }
        self.carry_budget -= 1.0;
        Some(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::report::Report;

    const BACK: i64 = 8;

    fn packet(sequence: i64, frame: u32) -> Sent {
        let at = Duration::from_millis(20) * frame;
        Sent::new(at, sequence, 960 * frame, false, &[sequence as u8; 80])
    }

    fn sent(count: i64) -> History {
        let mut history = History::new(960);
        for sequence in 0..count {
            history.push(packet(sequence, sequence as u32));
        }
        history
    }

    fn carried(history: &mut History, last: &Sent) -> Option<i64> {
        history.carry(last, BACK).map(|sent| sent.sequence)
    }

    #[test]
    fn what_no_report_speaks_of_is_carried_and_what_came_is_not() {
        let mut history = sent(31);
        let last = packet(30, 30);
        for _ in 0..4 {
            history.carry(&packet(900, 900), BACK);
        }
        assert_eq!(carried(&mut history, &last), Some(22));
        let report = |bitmap| Report { base: 27, bitmap };
        history.handle_report(last.first_sent, report(0b0_1111));
        assert_eq!(carried(&mut history, &last), None, "too many at once");
        for _ in 0..4 {
            history.carry(&packet(900, 900), BACK);
        }
        assert_eq!(carried(&mut history, &last), Some(22), "reported missing");
        history.handle_report(last.first_sent, report(0b1_1111));
        assert_eq!(carried(&mut history, &last), None, "reported there");
    }

    #[test]
    fn nothing_is_carried_over_a_pause_or_from_before_the_beginning() {
        let mut history = sent(20);
        let after_a_pause = packet(20, 25);
        assert_eq!(carried(&mut history, &after_a_pause), None);
        assert_eq!(carried(&mut history, &packet(5, 5)), None);
    }
}
