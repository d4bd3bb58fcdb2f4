//! The story of a gap: when it began, what a person is told while it lasts, what it cost.

use crate::event::{Event, Outage};
use crate::time;
use std::time::Duration;

/// Shorter gaps are jitter and loss.
const NOTICED: Duration = Duration::from_millis(100);
/// In a pause the peer sends every 400 ms at least.
const NOTICED_IN_PAUSE: Duration = Duration::from_millis(1_000);
const SWITCHING: Duration = Duration::from_secs(1);
const TONE: Duration = Duration::from_secs(2);

/// One outage that is being told.
#[derive(Debug, Clone, Default)]
struct Open {
    story: Outage,
    told: u8,
    lost_before_ms: u64,
    delay_before: i64,
    arrived: Option<Duration>,
    resumed: bool,
}

/// Watches for gaps.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    last_arrival: Option<Duration>,
    open: Option<Open>,
    count: u32,
    /// Delay above the target, while all was well.
    usual: i64,
}

impl Watch {
    /// A media packet came. Returns how long nothing had come.
    pub(crate) fn handle_arrival(&mut self, now: Duration, backfilled: bool) -> Duration {
        let gap = self
            .last_arrival
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.last_arrival = Some(now);
        if let Some(open) = &mut self.open {
            open.story.backfilled += u32::from(backfilled);
            if open.arrived.is_none() {
                open.arrived = Some(now);
                open.story.silence = now.saturating_sub(open.story.began);
            }
        }
        gap
    }

    /// Ten milliseconds were played. `starving`: there was nothing to play though there should have been.
    pub(crate) fn handle_block(
        &mut self,
        now: Duration,
        starving: bool,
        pausing: bool,
        lost_ms: u64,
        behind: i64,
    ) -> Option<Event> {
        let silence = now.saturating_sub(self.last_arrival?);
        let patience = if pausing { NOTICED_IN_PAUSE } else { NOTICED };
        if self.open.as_ref().is_none_or(|open| open.resumed) {
            if !starving || silence < patience {
                self.follow(behind, lost_ms);
                return self.caught_up(now, behind);
            }
            self.begin(now.saturating_sub(silence), lost_ms);
            return Some(Event::OutageBegan);
        }
        let open = self.open.as_mut()?;
        if !starving && open.arrived.is_some() {
            return self.resume(now, lost_ms, behind);
        }
        let (due, event) = match open.told {
            0 => (SWITCHING, Event::SwitchingNetwork),
            1 => (TONE, Event::SoftTone),
            _ => return None,
        };
        if open.arrived.is_some() || silence < due {
            return None;
        }
        open.told += 1;
        Some(event)
    }

    /// When the next step of an outage is due, if one lasts.
    pub(crate) fn next_step(&self) -> Option<Duration> {
        let open = self.open.as_ref().filter(|open| open.arrived.is_none())?;
        match open.told {
            0 => Some(open.story.began + SWITCHING),
            1 => Some(open.story.began + TONE),
            _ => None,
        }
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Nothing is being told, nothing is expected: a hold, another stream. A gap that lasted ends with it.
    pub(crate) fn forget(&mut self) -> Option<Event> {
        self.last_arrival = None;
        let open = self.open.take().filter(|open| !open.resumed)?;
        Some(Event::OutageEnded(open.story))
    }

    fn begin(&mut self, began: Duration, lost_ms: u64) {
        self.count += 1;
        let before = self.open.take().map(|open| open.delay_before);
        self.open = Some(Open {
            story: Outage {
                began,
                ..Outage::default()
            },
            lost_before_ms: lost_ms,
            delay_before: before.unwrap_or(self.usual),
            ..Open::default()
        });
    }

    fn resume(&mut self, now: Duration, lost_ms: u64, behind: i64) -> Option<Event> {
        let open = self.open.as_mut()?;
        open.resumed = true;
        open.story.resumed_after = now.saturating_sub(open.arrived?);
        self.follow(behind, lost_ms);
        self.open
            .as_ref()
            .map(|open| Event::OutageEnded(open.story))
    }

    fn follow(&mut self, behind: i64, lost_ms: u64) {
        match &mut self.open {
            Some(open) => {
                let extra = time::duration(behind - open.delay_before);
                open.story.extra_delay = open.story.extra_delay.max(extra);
                open.story.lost_speech =
                    Duration::from_millis(lost_ms.saturating_sub(open.lost_before_ms));
            }
            None => self.usual += (behind - self.usual) / 16,
        }
    }

    fn caught_up(&mut self, now: Duration, behind: i64) -> Option<Event> {
        if behind > time::ms(20) {
            return None;
        }
        let mut open = self.open.take()?;
        open.story.caught_up_after = now.saturating_sub(open.arrived.unwrap_or(now));
        Some(Event::CaughtUp(open.story))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_that_a_hold_ends_is_told_as_ended_once() {
        let mut watch = Watch::default();
        assert!(watch.forget().is_none(), "there was none");
        watch.handle_arrival(Duration::ZERO, false);
        let later = NOTICED + Duration::from_millis(50);
        let told = watch.handle_block(later, true, false, 0, 0);
        assert!(matches!(told, Some(Event::OutageBegan)), "{told:?}");
        let told = watch.forget();
        assert!(matches!(told, Some(Event::OutageEnded(_))), "{told:?}");
        assert!(watch.forget().is_none(), "once");
    }
}
