//! The last second of what was sent, and what became of it: the store of backfill, and the measure of loss.

pub(crate) mod carried;

use crate::rtp::report::Report;
use crate::rtp::unwrap::near_u16;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a packet is kept (`voice.md` section 3). Older speech is of no use to a conversation.
const KEPT: Duration = Duration::from_secs(1);
/// The peer heard nothing for so long, and what it missed goes again: as long as that it waits for it (`PATH_GAP` of
/// the receiver). A pause counts too: what was lost before it is in no later packet. Shorter runs are loss: LBRR and
/// DRED are for those, and are there already.
const GAP: Duration = Duration::from_millis(130);
/// So many packets DRED covers, if no pause lies between.
const DRED_RUN: i64 = 9;
/// Single losses go again if the round trip is no longer than this: then they come within the delay that LBRR and DRED want anyway.
const NEAR: Duration = Duration::from_millis(100);
/// And if they aren't older than this: where losses come singly, where they come in bursts (then the delay is longer).
const USEFUL: Duration = Duration::from_millis(120);
const USEFUL_IN_BURSTS: Duration = Duration::from_millis(250);
/// So many may go again per packet sent, and so many at once: on a path that loses more, more packets don't help.
const RESENT_SHARE: f32 = 0.25;
const MOST_AT_ONCE: f32 = 12.0;
/// One packet goes again at most so often.
const MAX_RESENDS: u8 = 3;
/// How many judgements make the loss figure: 5 s of 20 ms packets.
const JUDGED: usize = 250;
/// A run of losses longer than this was an outage, and says nothing of the loss to come.
const OUTAGE_RUN: u32 = 10;
/// How long after a gap a resent packet that is still missing goes again.
const RECOVERY: Duration = Duration::from_millis(1500);

/// A packet that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) sequence: i64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
    first_sent: Duration,
    last_sent: Duration,
    resends: u8,
    arrived: bool,
    wanted: bool,
}

impl Sent {
    pub(crate) fn new(
        now: Duration,
        sequence: i64,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> Self {
        Self {
            sequence,
            timestamp,
            marker,
            payload: payload.to_vec(),
            first_sent: now,
            last_sent: now,
            resends: 0,
            arrived: false,
            wanted: false,
        }
    }

    /// It says that nobody speaks (DTX, RFC 7587 section 3.1.3).
    pub(crate) fn is_pause(&self) -> bool {
        self.payload.len() <= 2
    }
}

/// What the packets have in them against losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cover {
    /// So many lost in a row are made good by later packets.
    run: i64,
    /// For so long after it was first sent a packet is of use to the peer, who waits for what makes it good.
    useful: Duration,
}

impl Cover {
    /// LBRR, or nothing: whoever waits at all waits for what goes again.
    pub(crate) const SINGLE: Self = Self {
        run: 0,
        useful: USEFUL,
    };
    pub(crate) const DRED: Self = Self {
        run: DRED_RUN,
        useful: USEFUL_IN_BURSTS,
    };

    /// Packets of so many frames ago, inside later ones.
    pub(crate) const fn carried(back: i64, distance: Duration) -> Self {
        Self {
            run: back,
            useful: distance,
        }
    }
}

impl Default for Cover {
    fn default() -> Self {
        Self::SINGLE
    }
}

/// Loss as the peer saw it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Loss {
    /// Share of packets, 0-1.
    pub(crate) rate: f32,
    /// Mean number in a row.
    pub(crate) burst: f32,
}

/// What was sent in the last second.
#[derive(Debug, Default)]
pub(crate) struct History {
    sent: VecDeque<Sent>,
    judged_up_to: Option<i64>,
    verdicts: VecDeque<bool>,
    run: u32,
    rtts: VecDeque<(Duration, Duration)>,
    recovering_until: Duration,
    /// What is in the packets against runs of losses.
    pub(crate) cover: Cover,
    /// Samples of a packet.
    frame: i64,
    /// How many lost packets may go again, by themselves and inside later ones; each packet sent adds a quarter.
    budget: f32,
    carry_budget: f32,
}

impl History {
    /// Nothing was sent yet; packets will be of so many samples.
    pub(crate) fn new(frame: usize) -> Self {
        Self {
            frame: frame as i64,
            ..Self::default()
        }
    }

    /// A packet goes out.
    pub(crate) fn push(&mut self, sent: Sent) -> Sent {
        self.budget = (self.budget + RESENT_SHARE).min(MOST_AT_ONCE);
        while self
            .sent
            .front()
            .is_some_and(|old| old.first_sent + KEPT < sent.first_sent)
        {
            self.sent.pop_front();
        }
        self.sent.push_back(sent.clone());
        sent
    }

    /// The peer tells what arrived.
    pub(crate) fn handle_report(&mut self, now: Duration, report: Report) {
        let Some(newest) = self.sent.back().map(|sent| sent.sequence) else {
            return;
        };
        let base = near_u16(newest, report.base);
        if base > newest {
            return; // it speaks of what was never sent
        }
        self.confirm(now, base, true);
        let mut missing = 0;
        for before in 1..=Report::SPAN {
            if report.has(before) {
                self.confirm(now, base - before, false);
            } else if self.get(base - before).is_some() {
                missing += i64::from(missing == before - 1);
                self.still_missing(now, base - before);
            }
        }
        if missing > 0
            && let Some(from) = self.gap_before(base, missing)
        {
            self.begin_recovery(now);
            self.want(now, |sent| (from..base).contains(&sent.sequence));
        }
        if now < self.recovering_until {
            self.want_unseen(now, base - Report::SPAN);
        }
        self.judge(base);
    }

    /// The path is back: all that was not confirmed goes again.
    pub(crate) fn handle_restored(&mut self, now: Duration) {
        self.begin_recovery(now);
        self.want(now, |_| true);
        self.run = 0;
    }

    /// The oldest packet to go again, if any; it counts as sent now.
    pub(crate) fn next_wanted(&mut self, now: Duration) -> Option<Sent> {
        let sent = self
            .sent
            .iter_mut()
            .find(|sent| sent.wanted && sent.first_sent + KEPT >= now)?;
        sent.wanted = false;
        sent.resends += 1;
        sent.last_sent = now;
        Some(sent.clone())
    }

    /// Something waits to go again.
    pub(crate) fn has_wanted(&self) -> bool {
        self.sent.iter().any(|sent| sent.wanted)
    }

    /// The smallest round trip of the last seconds.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.rtts.iter().map(|&(_, rtt)| rtt).min()
    }

    /// Loss over the last five seconds, outages apart.
    pub(crate) fn loss(&self) -> Loss {
        let lost = self.verdicts.iter().filter(|&&lost| lost).count();
        let pairs = self.verdicts.iter().zip(self.verdicts.iter().skip(1));
        let ends = pairs.filter(|&(&a, &b)| a && !b).count()
            + usize::from(self.verdicts.back() == Some(&true));
        Loss {
            rate: if self.verdicts.is_empty() {
                0.0
            } else {
                lost as f32 / self.verdicts.len().max(50) as f32
            },
            burst: if ends == 0 {
                0.0
            } else {
                lost as f32 / ends as f32
            },
        }
    }

    fn get(&mut self, sequence: i64) -> Option<&mut Sent> {
        let first = self.sent.front()?.sequence;
        self.sent.get_mut(usize::try_from(sequence - first).ok()?)
    }

    fn confirm(&mut self, now: Duration, sequence: i64, measure: bool) {
        let Some(sent) = self.get(sequence) else {
            return;
        };
        let first_time = !sent.arrived;
        (sent.arrived, sent.wanted) = (true, false);
        if measure && first_time && sent.resends == 0 {
            let rtt = now.saturating_sub(sent.first_sent);
            self.rtts.push_back((now, rtt));
            while self
                .rtts
                .front()
                .is_some_and(|&(at, _)| at + Duration::from_secs(5) < now)
            {
                self.rtts.pop_front();
            }
        }
    }

    /// A lost packet goes again if it will be in time, and again a round trip later if it is still missing.
    fn still_missing(&mut self, now: Duration, sequence: i64) {
        let trip = self.round_trip();
        let useful = self.cover.useful;
        let recovering = now < self.recovering_until;
        let near = trip.is_some_and(|trip| trip <= NEAR) && self.budget >= 1.0;
        let patience = trip.unwrap_or(Duration::from_millis(100)) + Duration::from_millis(20);
        let Some(sent) = self
            .get(sequence)
            .filter(|sent| !sent.arrived && !sent.wanted)
        else {
            return;
        };
        let first_time = sent.resends == 0 && !sent.is_pause();
        let again =
            sent.resends > 0 && sent.resends < MAX_RESENDS && sent.last_sent + patience < now;
        let in_time = sent.first_sent + useful >= now;
        if again && (recovering || near && in_time) || first_time && near && in_time {
            sent.wanted = true;
            self.budget -= if recovering { 0.0 } else { 1.0 };
        }
    }

    /// Reports speak of the last packets only. What went again after a gap and is older may have been lost on a
    /// way that was not proved yet: it goes once more, and the peer drops what it has.
    fn want_unseen(&mut self, now: Duration, before: i64) {
        let trip = self.round_trip().unwrap_or(Duration::from_millis(100));
        let patience = trip + Duration::from_millis(20);
        let unseen = |sent: &&mut Sent| sent.sequence < before && !sent.arrived && !sent.wanted;
        for sent in self.sent.iter_mut().filter(unseen) {
            let is_late = sent.last_sent + patience < now;
            sent.wanted = sent.resends > 0 && sent.resends < MAX_RESENDS && is_late;
        }
    }

    /// The last packet heard before the gap that `base` ended, if it was one.
    fn gap_before(&mut self, base: i64, missing: i64) -> Option<i64> {
        let (ended, ended_at) = self.get(base).map(|s| (s.first_sent, s.timestamp))?;
        let heard = |sent: &&Sent| sent.sequence < base && sent.arrived;
        // nothing yet: all from the first one on
        let last = self.sent.iter().rev().find(heard).or(self.sent.front())?;
        let paused = i64::from(ended_at.wrapping_sub(last.timestamp)) > (missing + 1) * self.frame;
        let is_covered = !paused && missing <= self.cover.run;
        let is_long = ended.saturating_sub(last.first_sent) >= GAP;
        (is_long && !is_covered).then_some(last.sequence)
    }

    fn begin_recovery(&mut self, now: Duration) {
        self.recovering_until = now + RECOVERY;
    }

    fn want(&mut self, now: Duration, which: impl Fn(&Sent) -> bool) {
        let patience = self.round_trip().unwrap_or(Duration::from_millis(100));
        for sent in self.sent.iter_mut().filter(|sent| which(sent)) {
            let in_flight = sent.resends > 0 && sent.last_sent + patience >= now;
            if !sent.arrived && !in_flight && sent.resends < MAX_RESENDS {
                sent.wanted = true;
            }
        }
    }

    /// What no further report of the highest packet will speak of has its verdict.
    fn judge(&mut self, base: i64) {
        let up_to = base - Report::SPAN;
        let from = self.judged_up_to.map_or(up_to, |judged| judged + 1);
        for sequence in from.max(up_to - 500)..=up_to {
            let Some(lost) = self
                .get(sequence)
                .map(|sent| !sent.arrived || sent.resends > 0)
            else {
                continue;
            };
            if lost {
                self.run += 1;
                continue;
            }
            // a run is judged when it is over: if it was too long, it was no loss of this path
            let run = std::mem::take(&mut self.run);
            self.verdicts
                .extend((0..run).filter(|_| run <= OUTAGE_RUN).map(|_| true));
            self.verdicts.push_back(false);
        }
        while self.verdicts.len() > JUDGED {
            self.verdicts.pop_front();
        }
        self.judged_up_to = self.judged_up_to.max(Some(up_to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    fn sent(count: i64) -> (History, Duration) {
        let mut history = History::new(960);
        let mut now = Duration::ZERO;
        for sequence in 0..count {
            history.push(Sent::new(
                now,
                sequence,
                960 * sequence as u32,
                false,
                &[0; 80],
            ));
            now += FRAME;
        }
        (history, now)
    }

    fn wanted(history: &mut History, now: Duration) -> Vec<i64> {
        std::iter::from_fn(|| history.next_wanted(now))
            .map(|sent| sent.sequence)
            .collect()
    }

    #[test]
    fn after_a_gap_all_that_was_not_confirmed_goes_again_oldest_first() {
        let (mut history, now) = sent(30);
        history.handle_report(
            now,
            Report {
                base: 14,
                bitmap: 0xFFFF,
            },
        );
        history.handle_restored(now);
        assert_eq!(wanted(&mut history, now), (15..30).collect::<Vec<_>>());
        assert!(!history.has_wanted(), "each goes once");
    }

    #[test]
    fn what_went_again_too_soon_and_is_too_old_for_reports_goes_once_more() {
        let (mut history, now) = sent(30);
        let report = |base| Report {
            base,
            bitmap: 0xFFFF,
        };
        history.handle_report(now, report(4));
        history.handle_restored(now);
        assert_eq!(wanted(&mut history, now).len(), 25, "into the void");
        let later = now + FRAME * 10;
        for sequence in 30..40 {
            history.push(Sent::new(
                later,
                sequence,
                960 * sequence as u32,
                false,
                &[0; 80],
            ));
        }
        history.handle_report(later, report(39));
        let oldest = 39 - Report::SPAN;
        assert_eq!(wanted(&mut history, later), (5..oldest).collect::<Vec<_>>());
        history.handle_report(later, report(39));
        assert!(!history.has_wanted(), "they are on their way");
    }

    const ONE_LOST: Report = Report {
        base: 29,
        bitmap: 0b1111_1111_1111_1110,
    };

    #[test]
    fn a_single_loss_goes_again_if_it_will_be_in_time() {
        let (mut history, now) = sent(30);
        history.handle_report(now, ONE_LOST);
        assert_eq!(wanted(&mut history, now), [28]);
        history.handle_report(now + FRAME, ONE_LOST);
        assert!(!history.has_wanted(), "it is on its way");
    }

    #[test]
    fn a_single_loss_does_not_go_again_over_a_long_way() {
        let (mut history, now) = sent(30);
        history.handle_report(now + Duration::from_millis(150), ONE_LOST);
        assert!(!history.has_wanted());
    }

    #[test]
    fn a_long_run_that_one_report_tells_of_goes_again_without_any_word_of_the_overlay() {
        let (mut history, now) = sent(30);
        history.handle_report(
            now,
            Report {
                base: 20,
                bitmap: 0xFFFF,
            },
        );
        history.handle_report(
            now,
            Report {
                base: 29,
                bitmap: 0b1111_1111_0000_0000,
            },
        );
        assert_eq!(wanted(&mut history, now), (21..29).collect::<Vec<_>>());
    }

    #[test]
    fn a_report_of_what_was_never_sent_is_ignored() {
        let (mut history, now) = sent(30);
        history.handle_report(
            now,
            Report {
                base: 3000,
                bitmap: 0,
            },
        );
        assert!(!history.has_wanted() && history.round_trip().is_none());
    }

    #[test]
    fn loss_is_measured_and_an_outage_is_none() {
        let mut history = History::new(960);
        let mut now = Duration::ZERO;
        let arrives = |n: i64| n % 10 != 5 && !(200..240).contains(&n);
        for sequence in 0..400i64 {
            history.push(Sent::new(now, sequence, 0, false, &[0; 80]));
            if arrives(sequence) {
                let bitmap = (1..=16)
                    .filter(|b| arrives(sequence - b))
                    .fold(0u16, |map, b| map | 1 << (b - 1));
                history.handle_report(
                    now,
                    Report {
                        base: sequence as u16,
                        bitmap,
                    },
                );
            }
            now += FRAME;
        }
        let loss = history.loss();
        assert!(
            (0.08..0.12).contains(&loss.rate),
            "one in ten was lost: {loss:?}"
        );
        assert!(loss.burst < 1.6, "singly: {loss:?}");
    }
}
