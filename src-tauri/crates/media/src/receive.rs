//! From datagrams to the ear.

pub(crate) mod account;
pub(crate) mod arrivals;
pub(crate) mod delay;
mod earlier;
pub(crate) mod filler;
pub(crate) mod outage;
pub(crate) mod playout;
pub(crate) mod stretch;

use crate::codec::Decoder;
use crate::event::{Decoded, Event};
use crate::rtp::{Packet, report::Report};
use crate::stats::HeardStats;
use crate::time::{self, ms};
use crate::{BLOCK, Config};
use arrivals::{Arrivals, Refusal};
use outage::Watch;
use playout::Playout;
use std::collections::VecDeque;
use std::time::Duration;

/// A gap from this on is one of the path: what is missing goes again, so holes are waited for. The sender resends
/// runs of 6 packets (120 ms) and more.
const PATH_GAP: Duration = Duration::from_millis(130);
/// How long a hole is waited for, on top of a round trip: the peer may learn later that the path is back.
const PATIENCE: Duration = Duration::from_millis(250);
/// Once packets come again, the next may take so long, on top of a round trip.
const NEXT_ONE: Duration = Duration::from_millis(60);
/// A round trip nobody has measured.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(150);
/// No hole is waited for longer than this.
const MOST_PATIENCE: Duration = Duration::from_millis(1_500);
/// A packet that goes again because it was lost is waited for so long, at the most: where losses come singly, and where
/// they come in bursts.
const IN_TIME: i64 = ms(120);
const IN_TIME_IN_BURSTS: i64 = ms(200);
/// Losses in a row, in the mean, that are bursts.
const BURSTY: f32 = 1.7;
/// A new hole is reported in so many frames, whether there is anything else to send or not.
const URGENT_REPORTS: u8 = 3;
/// A longer run of losses is an outage.
pub(crate) const LONGEST_BURST: i64 = 12;
/// Losses in a row that are waited for though nothing replaces all of them.
const SINGLE: i64 = 2;
/// A packet this much later than the fastest one, after a gap, was sent again.
const SENT_AGAIN: i64 = ms(60);

/// The hearing half of an engine.
pub(crate) struct Receiver {
    arrivals: Arrivals,
    playout: Playout,
    watch: Watch,
    backfill: bool,
    path_lost: bool,
    waiting_since: Option<Duration>,
    fates: VecDeque<i64>,
    counts: HeardStats,
    last_arrival: Option<Duration>,
    urgent: u8,
    events: VecDeque<Event>,
}

impl Receiver {
    pub(crate) fn new(config: &Config, decoder: Box<dyn Decoder>) -> Self {
        Self {
            arrivals: Arrivals::default(),
            playout: Playout::new(config, decoder),
            watch: Watch::default(),
            backfill: config.report_extension.is_some(),
            path_lost: false,
            waiting_since: None,
            fates: VecDeque::new(),
            counts: HeardStats::default(),
            last_arrival: None,
            urgent: 0,
            events: VecDeque::new(),
        }
    }

    pub(crate) fn handle_packet(
        &mut self,
        now: Duration,
        packet: &Packet<'_>,
        rtt: Option<Duration>,
    ) {
        let arrival = time::samples(now);
        let place =
            match self
                .arrivals
                .place(packet.ssrc, packet.sequence, packet.timestamp, arrival)
            {
                Ok(place) => place,
                Err(Refusal::Duplicate) => return self.counts.duplicates += 1,
                Err(Refusal::Stranger) => return self.counts.refused += 1,
            };
        if place.is_there {
            return self.counts.duplicates += 1;
        }
        if place.fresh_stream && self.counts.packets > 0 {
            self.playout.restart();
            self.events.extend(self.watch.forget());
            self.events.push_back(Event::PeerRestarted);
        }
        self.counts.packets += 1;
        let transit = arrival - place.timestamp;
        let waiting = self.playout.is_waiting(arrival);
        let late = self
            .playout
            .delay
            .base()
            .is_some_and(|base| transit > base + SENT_AGAIN);
        let again = waiting && late;
        let gap = self.watch.handle_arrival(now, again);
        self.last_arrival = Some(now);
        let lost = place.newest.unwrap_or(0);
        // what went missing before a pause is in no later packet
        let paused = place.advance > (lost + 1) * self.playout.frame() as i64;
        let covered = lost > 0 && !paused && self.is_covered(packet.payload, lost);
        if self.backfill && gap >= PATH_GAP && !covered && (lost > 0 || late) {
            self.wait(now, rtt.unwrap_or(UNKNOWN_ROUND_TRIP) + PATIENCE);
        } else if again {
            self.wait(now, rtt.unwrap_or(UNKNOWN_ROUND_TRIP) + NEXT_ONE);
        }
        if lost > 0 {
            self.urgent = URGENT_REPORTS;
        }
        self.measure(arrival, transit, &place, packet.payload);
        self.handle_earlier(arrival, &place, &packet.earlier);
        if self
            .playout
            .insert(place.sequence, place.timestamp, packet.payload)
            && again
        {
            self.counts.backfilled += 1;
        }
    }

    pub(crate) fn handle_lost(&mut self) {
        self.path_lost = true;
    }

    pub(crate) fn handle_restored(&mut self, now: Duration, rtt: Option<Duration>) {
        self.path_lost = false;
        self.playout.delay.new_base(time::samples(now));
        if self.backfill {
            self.playout.path_changed = true;
            self.wait(now, rtt.unwrap_or(UNKNOWN_ROUND_TRIP) + PATIENCE);
        }
    }

    /// On hold, or back from it: the present stream's place is forgotten.
    pub(crate) fn handle_hold(&mut self) {
        self.playout.restart();
        self.events.extend(self.watch.forget());
    }

    pub(crate) fn play(&mut self, now: Duration, near_speech: u32, out: &mut [f32; BLOCK]) {
        let (at, heard) = (time::samples(now), self.playout.has_heard());
        self.playout.play(at, near_speech, out);
        if self.playout.has_heard() && !heard {
            self.events.push_back(Event::FirstSound);
        }
        self.step(now);
    }

    /// Time passed; nothing is played.
    pub(crate) fn step(&mut self, now: Duration) {
        if !self.playout.is_waiting(time::samples(now)) {
            self.waiting_since = None;
            self.playout.path_changed = false;
        }
        let behind = self.playout.behind(time::samples(now)) - self.playout.delay.target();
        let (starving, pausing) = (self.playout.is_starving(), self.playout.is_pausing());
        let lost = self.playout.account.lost_speech_ms();
        let starving = starving || (pausing && self.path_lost);
        self.events.extend(
            self.watch
                .handle_block(now, starving, pausing, lost, behind),
        );
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn decoded(&mut self) -> Option<Decoded> {
        self.playout.decoded()
    }

    pub(crate) fn next_step(&self) -> Option<Duration> {
        self.watch.next_step()
    }

    pub(crate) fn report(&mut self) -> Option<Report> {
        self.arrivals.report()
    }

    pub(crate) fn arrivals(&mut self) -> &mut Arrivals {
        &mut self.arrivals
    }

    /// Whether media came within the last 150 ms: then the peer wants reports.
    pub(crate) fn has_news(&self, now: Duration) -> bool {
        self.last_arrival
            .is_some_and(|last| last + Duration::from_millis(150) > now)
    }

    /// A hole is new: the peer should hear of it now. Asked once per frame.
    pub(crate) fn is_urgent(&mut self) -> bool {
        let urgent = self.urgent > 0 && self.backfill;
        self.urgent = self.urgent.saturating_sub(1);
        urgent
    }

    pub(crate) fn count_refused(&mut self) {
        self.counts.refused += 1;
    }

    /// Media time that was lost, and all of it, in samples.
    pub(crate) fn damage(&self) -> (u64, u64) {
        self.playout.account.damage()
    }

    /// From the fastest packet's arrival to the ear, in samples.
    pub(crate) fn playout_delay(&self, now: Duration) -> i64 {
        self.playout.behind(time::samples(now))
    }

    pub(crate) fn is_pausing(&self) -> bool {
        self.playout.is_pausing()
    }

    pub(crate) fn has_heard(&self) -> bool {
        self.playout.has_heard()
    }

    pub(crate) fn stats(&self, now: Duration) -> HeardStats {
        let mut stats = self.counts.clone();
        self.playout.account.fill(&mut stats);
        let lost: i64 = self.fates.iter().map(|lost| (*lost).min(20)).sum();
        stats.loss = lost as f32 / (self.fates.len() as f32 + lost as f32).max(50.0);
        stats.jitter = time::duration(i64::from(self.arrivals.jitter()));
        stats.delay_target = time::duration(self.playout.delay.target());
        stats.playout_delay = time::duration(self.playout_delay(now));
        stats.late = self.playout.late();
        stats.outages = self.watch.count();
        stats.speaking = self.playout.speaking();
        stats
    }

    /// Delay and loss are learnt from what the path does when it is there.
    fn measure(&mut self, arrival: i64, transit: i64, place: &arrivals::Place, payload: &[u8]) {
        let frozen = self.path_lost || self.playout.is_waiting(arrival);
        if frozen {
            return self.playout.delay.note_least(arrival, transit);
        }
        let in_time = if self.is_bursty() {
            IN_TIME_IN_BURSTS
        } else {
            IN_TIME
        };
        let late = self
            .playout
            .delay
            .base()
            .is_some_and(|base| transit > base + in_time);
        if self.backfill && late && place.newest.is_none() {
            return; // it was sent again after a gap: that says nothing of the delay to come
        }
        self.playout.delay.arrived(arrival, transit);
        let Some(lost) = place.newest else { return };
        self.fates.push_back(lost);
        if self.fates.len() > 500 {
            self.fates.pop_front();
        }
        let frame = self.playout.frame() as i64;
        self.playout.path_is_bursty = self.is_bursty();
        if (1..=LONGEST_BURST).contains(&lost) {
            // even where nothing replaces a single packet, to know of its loss in time lets the codec conceal it well
            let worth = self.playout.replaces(payload, lost).max(lost.min(SINGLE));
            for before in 1..=worth {
                self.playout.delay.replaced(transit + before * frame);
            }
        }
    }

    /// The path did not change: later packets make good what is missing, or bursts as long as this are usual here.
    fn is_covered(&mut self, payload: &[u8], lost: i64) -> bool {
        let is_usual = lost <= LONGEST_BURST && self.is_bursty();
        is_usual || self.playout.replaces(payload, lost) >= lost
    }

    fn is_bursty(&self) -> bool {
        let bursts = self
            .fates
            .iter()
            .filter(|lost| (1..=LONGEST_BURST).contains(*lost));
        let (runs, lost) = bursts.fold((0, 0), |(runs, all), lost| (runs + 1, all + lost));
        runs > 2 && lost as f32 / runs as f32 >= BURSTY
    }

    fn wait(&mut self, now: Duration, patience: Duration) {
        let since = *self.waiting_since.get_or_insert(now);
        let until = (now + patience).min(since + MOST_PATIENCE);
        self.playout.wait_until(time::samples(until));
    }
}
