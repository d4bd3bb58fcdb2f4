//! What became of a path's last probes.

use core::time::Duration;
use std::collections::VecDeque;

use ntm_wire::time::Mono;

/// So many of the last probes count.
const KEPT: usize = 16;
/// A probe without an answer is lost after three round trips, and not before this.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Asked {
    id: u32,
    at: Mono,
    is_answered: bool,
}

/// The last probes, the latest last.
#[derive(Debug, Default)]
pub(super) struct Tally(VecDeque<Asked>);

impl Tally {
    pub(super) fn asked(&mut self, id: u32, at: Mono) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let is_answered = false;
        self.0.push_back(Asked {
            id,
            at,
            is_answered,
        });
    }

    pub(super) fn answered(&mut self, id: u32) {
        if let Some(asked) = self.0.iter_mut().rev().find(|a| a.id == id) {
            asked.is_answered = true;
        }
    }

    /// The share that got no answer; of those still under way nothing is known.
    pub(super) fn loss(&self, now: Mono, rtt: Option<Duration>) -> Option<f64> {
        let patience = PATIENCE.max(rtt.unwrap_or_default() * 3);
        let is_settled = |a: &&Asked| a.is_answered || now.since(a.at) >= patience;
        let (mut lost, mut of) = (0_u32, 0_u32);
        for asked in self.0.iter().filter(is_settled) {
            lost += u32::from(!asked.is_answered);
            of += 1;
        }
        (of > 0).then(|| f64::from(lost) / f64::from(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    #[test]
    fn a_probe_is_lost_when_its_answer_is_long_due() {
        let mut tally = Tally::default();
        assert_eq!(tally.loss(at(0), None), None);
        tally.asked(1, at(0));
        tally.asked(2, at(100));
        assert_eq!(tally.loss(at(200), None), None, "both are under way");
        tally.answered(2);
        assert_eq!(tally.loss(at(200), None), Some(0.0));
        assert_eq!(tally.loss(at(500), None), Some(0.5));
        let far = Some(Duration::from_millis(600));
        assert_eq!(tally.loss(at(500), far), Some(0.0), "the peer is far away");
    }

    #[test]
    fn only_the_last_sixteen_count() {
        let mut tally = Tally::default();
        for id in 0..20 {
            tally.asked(id, at(u64::from(id)));
            if id >= 4 {
                tally.answered(id);
            }
        }
        assert_eq!(tally.loss(at(9000), None), Some(0.0));
    }
}
