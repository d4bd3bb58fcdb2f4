//! How long to wait: the delay that lets nearly every packet be there when it is its turn.
//!
//! Transit times are measured against the fastest packet of the last eight seconds. A histogram with forgetting
//! keeps how much later the others came; the target is a quantile of it. A lost packet counts as having come with
//! the one that can replace it (LBRR, DRED), so that one buffer is right for jitter and for loss. In an outage
//! nothing is measured: afterwards the target is what it was.

use crate::time::ms;
use std::collections::VecDeque;

/// Width of a bin: 5 ms.
const BIN: i64 = ms(5);
/// 80 bins are 400 ms; more than that nobody waits for.
const BINS: usize = 80;
/// The share of packets that shall be in time. Lateness costs 10 ms of concealment, delay costs conversation.
const QUANTILE: f32 = 0.99;
/// Forgetting per packet: a memory of about 8 s.
const MEMORY: f32 = 0.9975;
/// The target falls by a bin after so many packets that it could be lower: 5 ms a second.
const PATIENCE: u32 = 50;
/// On top, for the rhythm of playback: blocks of 10 ms.
const MARGIN: i64 = ms(10);
/// Until something is known: one frame of 20 ms (`recipes/audio.md`: first play at 1-2 frames).
const FIRST: i64 = ms(20);
/// How many seconds the fastest packet is remembered.
const WINDOW: usize = 8;

/// So long after a change of path its packets are looked at before its base counts: the first ones were sent again, and are late.
const RENEWAL: i64 = ms(400);

/// The measure of the path's delay.
#[derive(Debug, Clone)]
pub(crate) struct Delay {
    /// The least transit of each of the last seconds, with the second's number.
    least: VecDeque<(i64, i64)>,
    /// Another path: since when, and the least transit since.
    renewal: Option<(i64, i64)>,
    bins: [f32; BINS],
    weight: f32,
    /// What is aimed at, and since how many packets it could be less.
    aim: i64,
    idle: u32,
}

impl Delay {
    pub(crate) const fn new() -> Self {
        Self {
            least: VecDeque::new(),
            renewal: None,
            bins: [0.0; BINS],
            weight: 0.0,
            aim: FIRST,
            idle: 0,
        }
    }

    /// A packet took `transit` (arrival minus timestamp, in samples) and came in order.
    pub(crate) fn arrived(&mut self, now: i64, transit: i64) {
        self.note_least(now, transit);
        self.count(transit - self.base().unwrap_or(transit));
    }

    /// A packet that moves the base only: after an outage, while the target is frozen.
    pub(crate) fn note_least(&mut self, now: i64, transit: i64) {
        let second = now / ms(1000);
        if let Some((since, least)) = &mut self.renewal {
            *least = transit.min(*least);
            if now >= *since + RENEWAL {
                self.least.clear();
                self.least.push_back((second, *least));
                self.renewal = None;
            }
        }
        match self.least.back_mut() {
            Some((at, least)) if *at == second => *least = transit.min(*least),
            _ => self.least.push_back((second, transit)),
        }
        while self
            .least
            .front()
            .is_some_and(|(at, _)| *at + WINDOW as i64 <= second)
        {
            self.least.pop_front();
        }
    }

    /// A lost packet can be replaced by one that took so much longer than the fastest.
    pub(crate) fn replaced(&mut self, transit: i64) {
        if let Some(base) = self.base() {
            self.count(transit - base);
        }
    }

    /// Another path: its fastest packet is another one, known in a moment. What is known of the jitter stays.
    pub(crate) fn new_base(&mut self, now: i64) {
        self.renewal = Some((now, i64::MAX));
    }

    /// The least transit.
    pub(crate) fn base(&self) -> Option<i64> {
        self.least.iter().map(|&(_, transit)| transit).min()
    }

    /// The delay to aim at, above the fastest packet, in samples.
    pub(crate) const fn target(&self) -> i64 {
        self.aim
    }

    fn quantile(&self) -> i64 {
        let mut left = self.weight * QUANTILE;
        let full = self.bins.iter().take_while(|&&bin| {
            left -= bin;
            left > 0.0
        });
        // the first bin is "at once": it asks for no wait
        full.count() as i64 * BIN + MARGIN
    }

    fn count(&mut self, late: i64) {
        for bin in &mut self.bins {
            *bin *= MEMORY;
        }
        let bin = usize::try_from(late.max(0) / BIN)
            .unwrap_or(0)
            .min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(bin) {
            *bin += 1.0;
        }
        self.weight = self.weight * MEMORY + 1.0;
        self.follow();
    }

    /// Up at once, down slowly: every change is time stretching.
    fn follow(&mut self) {
        let quantile = self.quantile();
        self.idle = if quantile < self.aim {
            self.idle + 1
        } else {
            0
        };
        if quantile > self.aim && self.weight >= 4.0 {
            self.aim = quantile;
        } else if self.idle >= PATIENCE {
            self.idle = 0;
            self.aim = (self.aim - BIN).max(quantile);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(late: impl Fn(i64) -> i64) -> Delay {
        let mut delay = Delay::new();
        for n in 0..1000 {
            delay.arrived(n * 960, 5_000 + late(n));
        }
        delay
    }

    #[test]
    fn a_path_without_jitter_asks_for_the_margin_only() {
        assert_eq!(measured(|_| 0).target(), MARGIN);
    }

    #[test]
    fn the_target_covers_the_jitter_but_not_the_rarest_of_it() {
        let jitter = measured(|n| ms(n * 37 % 40));
        assert!(
            (ms(35)..=ms(50)).contains(&jitter.target()),
            "{}",
            jitter.target()
        );
        let rare = measured(|n| if n % 200 == 0 { ms(300) } else { 0 });
        assert_eq!(rare.target(), MARGIN);
    }

    #[test]
    fn the_base_follows_a_clock_that_runs_away_by_200_ppm() {
        let delay = measured(|n| n * 960 / 5_000);
        let drift = 999 * 960 / 5_000;
        let behind = 5_000 + drift - delay.base().expect("packets came");
        assert!(
            behind < ms(3),
            "8 s of 200 ppm are 1.6 ms, {behind} samples"
        );
    }

    #[test]
    fn one_late_packet_in_ten_that_lbrr_replaces_is_waited_for() {
        let mut delay = Delay::new();
        for n in 0..1000 {
            delay.arrived(n * 960, 0);
            if n % 10 == 0 {
                delay.replaced(ms(20));
            }
        }
        assert_eq!(delay.target(), ms(20) + MARGIN);
    }
}
