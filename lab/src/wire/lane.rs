//! One direction of a wire: a queue ordered by time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::quality::Quality;

/// What may wait for its turn on a link with a rate, as a router's buffer holds: more is lost.
const BUFFER: Duration = Duration::from_millis(200);

/// Frames under way. They leave in the order in which they entered, so a plain queue is in order of time.
#[derive(Debug)]
pub(super) struct Lane {
    frames: VecDeque<(Instant, Vec<u8>)>,
    chance: Chance,
    bad: bool,
    /// When the sender's side of the link is free again.
    free: Option<Instant>,
}

impl Lane {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            frames: VecDeque::new(),
            chance: Chance::new(seed),
            bad: false,
            free: None,
        }
    }

    pub(super) fn enter(&mut self, now: Instant, frame: &[u8], quality: &Quality) {
        if quality.loss.draws(&mut self.chance, &mut self.bad) {
            return;
        }
        let Some(sent) = self.sent(now, frame.len(), quality.rate) else {
            return;
        };
        let jitter = quality.jitter.mul_f64(self.chance.unit());
        let last = self.frames.back().map(|(at, _)| *at);
        let due = last.map_or(sent, |l| l.max(sent));
        let due = due.max(sent + quality.delay + jitter);
        self.frames.push_back((due, frame.to_vec()));
    }

    /// When the last bit is out; `None` if the buffer is full.
    fn sent(&mut self, now: Instant, len: usize, rate: Option<u64>) -> Option<Instant> {
        let Some(rate) = rate else {
            return Some(now);
        };
        let begins = self.free.map_or(now, |f| f.max(now));
        if begins - now > BUFFER {
            return None;
        }
        let sent = begins + Duration::from_secs_f64(len as f64 * 8.0 / rate.max(1) as f64);
        self.free = Some(sent);
        Some(sent)
    }

    /// The next frame that is due.
    pub(super) fn leave(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.frames.front().is_some_and(|(at, _)| *at <= now);
        if due {
            self.frames.pop_front().map(|(_, frame)| frame)
        } else {
            None
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.frames.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::quality::{Bursts, Loss};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How many of 20,000 frames arrive, and the lengths of the gaps between them.
    fn gaps(loss: Loss) -> (usize, Vec<usize>) {
        let (mut lane, start) = (Lane::new(7), Instant::now());
        let quality = Quality::default().with_loss(loss);
        let (mut arrived, mut gaps, mut gap) = (0, Vec::new(), 0);
        for _ in 0..20_000 {
            lane.enter(start, b"frame", &quality);
            if lane.leave(start).is_some() {
                arrived += 1;
                gaps.extend((gap > 0).then_some(gap));
                gap = 0;
            } else {
                gap += 1;
            }
        }
        (arrived, gaps)
    }

    #[test]
    fn random_loss_loses_its_share_and_bursts_lose_in_runs() {
        let (arrived, _) = gaps(Loss::Random(0.05));
        assert!((18_800..19_200).contains(&arrived), "{arrived} of 20,000");
        let (arrived, runs) = gaps(Loss::Bursts(Bursts {
            begin: 0.01,
            end: 0.2,
        }));
        let mean = runs.iter().sum::<usize>() as f64 / runs.len() as f64;
        assert!((4.0..6.0).contains(&mean), "a burst is 5 long, not {mean}");
        assert!((18_700..19_300).contains(&arrived), "{arrived} of 20,000");
    }

    #[test]
    fn jitter_delays_and_does_not_reorder() {
        let (mut lane, start) = (Lane::new(7), Instant::now());
        let quality = Quality {
            delay: 10 * MS,
            jitter: 5 * MS,
            ..Quality::default()
        };
        for n in 0..100_u8 {
            lane.enter(start, &[n], &quality);
        }
        assert_eq!(lane.leave(start + 9 * MS), None, "nothing comes early");
        let out: Vec<u8> = std::iter::from_fn(|| lane.leave(start + 15 * MS))
            .flatten()
            .collect();
        assert_eq!(out, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn a_rate_spaces_frames_and_a_full_buffer_loses_them() {
        let (mut lane, start) = (Lane::new(7), Instant::now());
        let quality = Quality {
            rate: Some(1_000_000),
            ..Quality::default()
        };
        for _ in 0..100 {
            lane.enter(start, &[0; 1250], &quality);
        }
        let at = |lane: &mut Lane, ms| std::iter::from_fn(|| lane.leave(start + ms * MS)).count();
        assert_eq!(at(&mut lane, 100), 10, "10 ms each");
        let rest = at(&mut lane, 10_000);
        assert_eq!(rest, 11, "200 ms of buffer hold 20 more and the one begun");
    }

    #[test]
    fn a_change_of_delay_keeps_frames_in_order() {
        let (mut lane, start) = (Lane::new(7), Instant::now());
        lane.enter(start, b"slow", &Quality::delay(50 * MS));
        lane.enter(start, b"fast", &Quality::default());
        assert_eq!(lane.leave(start + 10 * MS), None);
        assert_eq!(lane.leave(start + 50 * MS).as_deref(), Some(&b"slow"[..]));
        assert_eq!(lane.leave(start + 50 * MS).as_deref(), Some(&b"fast"[..]));
    }
}
