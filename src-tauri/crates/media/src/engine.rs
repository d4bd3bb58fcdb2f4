//! The engine of one call: the sending and the hearing half, and what joins them.

use crate::codec::{Decoder, Encoder};
use crate::receive::Receiver;
use crate::rtcp::{OfPeer, Own, Rtcp};
use crate::send::{Sender, Wish};
use crate::{
    BLOCK, Config, Datagram, Decoded, Event, PathEvent, Quality, Stats, emodel, rtp, time,
};
use std::collections::VecDeque;
use std::time::Duration;

/// Devices and echo cancellation, both ends together, as measured (`recipes/audio.md`): for the E-model only.
const DEVICES_MS: f32 = 30.0;
/// The grade is looked at so often.
const GRADED: Duration = Duration::from_millis(500);
/// A new grade is told when it has stayed for so long.
const SETTLED: Duration = Duration::from_secs(2);
/// Damage is judged over about so many seconds.
const JUDGED: f32 = 5.0;

/// One call's media, both directions.
///
/// # Contract with the driver
/// - `now` is the time since the engine was made, by a monotonic clock that goes on while the machine sleeps if there
///   is one. It never goes back.
/// - Every 10 ms of the capture clock: [`Engine::handle_capture`]; every 10 ms of the playback clock: [`Engine::play`]. The
///   two clocks may differ from each other and from the peer's by some 200 ppm.
/// - After each call that takes `now`, drain [`Engine::poll_transmit`] and [`Engine::poll_event`], and call
///   [`Engine::handle_timeout`] at the time that [`Engine::poll_timeout`] says. A driver that calls it every 10 ms may ignore
///   the latter: packets sent again then go in pairs.
/// - Everything runs on one thread and never blocks; one call costs well below 1 ms (a DRED frame 0.5 ms).
/// - Nothing that comes by [`Engine::handle_datagram`] makes it panic or hold more than about a megabyte.
pub struct Engine {
    config: Config,
    numbers: rtp::Numbers,
    sender: Sender,
    receiver: Receiver,
    rtcp: Rtcp,
    outgoing: VecDeque<Datagram>,
    events: VecDeque<Event>,
    two_paths_until: Duration,
    held: bool,
    told_settings: Option<crate::codec::EncoderSettings>,
    grades: Grades,
}

/// The listener's judgement, smoothed.
#[derive(Debug, Default)]
struct Grades {
    next: Duration,
    damage: (u64, u64),
    loss: f32,
    told: Option<Quality>,
    since: Option<(Quality, Duration)>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine that has heard and sent nothing. The codec's state becomes its own.
    #[must_use]
    pub fn new(config: Config, encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>) -> Self {
        let [.., a, b, c, d] = config.seed;
        Self {
            sender: Sender::new(&config, encoder),
            receiver: Receiver::new(&config, decoder),
            rtcp: Rtcp::new(&config.cname, u32::from_be_bytes([a, b, c, d])),
            numbers: rtp::Numbers::new(&config),
            config,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            two_paths_until: Duration::ZERO,
            held: false,
            told_settings: None,
            grades: Grades::default(),
        }
    }

    /// Ten milliseconds from the microphone, after echo cancellation. What is not finite counts as 0.
    pub fn handle_capture(&mut self, now: Duration, pcm: &[f32; BLOCK]) {
        if self.sender.capture(pcm, now) {
            let wish = if self.receiver.is_urgent() {
                Wish::Now
            } else if self.receiver.has_news(now) {
                Wish::Soon
            } else {
                Wish::Seldom
            };
            let report = self.receiver.report();
            if let Some(bytes) = self.sender.packet(now, report, wish) {
                self.send(now, bytes);
            }
        }
        if self.sender.settings() != self.told_settings {
            self.told_settings = self.sender.settings();
            self.events
                .extend(self.told_settings.map(Event::EncoderChanged));
        }
        self.handle_timeout(now);
    }

    /// The capture device was opened anew: what was half a frame is dropped, and the time without sound is left out.
    pub fn handle_capture_restart(&mut self, now: Duration) {
        self.sender.handle_capture_restart(now);
    }

    /// One datagram of the peer, RTP or RTCP. Anything else is counted and dropped.
    pub fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        if rtp::is_rtcp(bytes) {
            if !self.rtcp.handle(now, self.sender.ssrc(), bytes) {
                self.receiver.count_refused();
            }
            return;
        }
        let Some(packet) = rtp::parse(bytes, self.numbers) else {
            return self.receiver.count_refused();
        };
        if let Some(report) = packet.report {
            self.sender.handle_report(now, report);
        }
        if !self.held {
            self.receiver.handle_packet(now, &packet, self.round_trip());
        }
        self.handle_timeout(now);
    }

    /// What the overlay says of the path.
    pub fn handle_path(&mut self, now: Duration, event: PathEvent) {
        match event {
            PathEvent::Lost => self.receiver.handle_lost(),
            PathEvent::Restored => {
                let trip = self.round_trip();
                self.receiver.handle_restored(now, trip);
                self.sender.handle_restored(now);
            }
            PathEvent::TwoPaths { until } => self.two_paths_until = until,
        }
        self.handle_timeout(now);
    }

    /// Time passed: packets due again, reports, the steps of an outage.
    pub fn handle_timeout(&mut self, now: Duration) {
        while self.sender.next_backfill().is_some_and(|at| at <= now) {
            let report = self.receiver.report();
            match self.sender.backfill(now, report) {
                Some(bytes) => self.send(now, bytes),
                None => break,
            }
        }
        self.report(now);
        if !self.held {
            self.receiver.step(now);
        }
        self.events
            .extend(std::iter::from_fn(|| self.receiver.poll_event()));
        self.grade(now);
    }

    /// Silence is sent instead of the microphone (as DTX: next to nothing), until told otherwise.
    pub fn set_muted(&mut self, muted: bool) {
        self.sender.set_muted(muted);
    }

    /// On hold nothing is sent but RTCP, nothing is played, and silence of the peer is no outage.
    pub fn set_held(&mut self, held: bool) {
        self.held = held;
        self.sender.set_held(held);
        self.receiver.handle_hold();
    }

    /// The next ten milliseconds for the ear. Always fills all of `out`.
    pub fn play(&mut self, now: Duration, out: &mut [f32; BLOCK]) {
        if self.held {
            return out.fill(0.0);
        }
        self.receiver.play(now, self.sender.speech_run(), out);
        self.handle_timeout(now);
    }

    /// The next datagram to send, oldest first.
    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        self.outgoing.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What was decoded, before time stretching; only with [`Config::tap`].
    pub fn poll_decoded(&mut self) -> Option<Decoded> {
        self.receiver.decoded()
    }

    /// When to call [`Engine::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let steps = [
            self.sender.next_backfill(),
            self.receiver.next_step(),
            Some(self.rtcp.next()),
        ];
        steps.into_iter().flatten().min()
    }

    /// The figures of the call at this moment.
    #[must_use]
    pub fn stats(&self, now: Duration) -> Stats {
        let r = self.receiver.has_heard().then(|| self.r_factor(now));
        Stats {
            sent: self.sender.stats(now),
            heard: self.receiver.stats(now),
            round_trip: self.round_trip(),
            r_factor: r,
            mos: r.map(emodel::mos),
            quality: r.map(|r| emodel::grade(emodel::mos(r))),
        }
    }

    fn round_trip(&self) -> Option<Duration> {
        self.sender.round_trip().or(self.rtcp.round_trip())
    }

    fn send(&mut self, now: Duration, bytes: Vec<u8>) {
        self.outgoing.push_back(Datagram {
            bytes,
            on_both_paths: now < self.two_paths_until,
        });
        // a driver that doesn't drain must not cost memory
        if self.outgoing.len() > 256 {
            self.outgoing.pop_front();
        }
    }

    fn report(&mut self, now: Duration) {
        if now < self.rtcp.next() {
            return;
        }
        let counts = self.sender.counts();
        let own = Own {
            ssrc: self.sender.ssrc(),
            timestamp: self.sender.timestamp(),
            packets: counts.packets as u32,
            octets: counts.payload_octets as u32,
        };
        let arrivals = self.receiver.arrivals();
        let (ssrc, jitter) = (arrivals.ssrc(), arrivals.jitter());
        let peer = arrivals.rtcp().zip(ssrc);
        let peer = peer.map(|((highest, lost, share), ssrc)| OfPeer {
            ssrc,
            highest,
            lost,
            share,
            jitter,
        });
        if let Some(bytes) = self.rtcp.report(now, own, peer) {
            self.sender.count_report();
            self.send(now, bytes);
        }
    }

    /// The E-model over the last seconds.
    fn r_factor(&self, now: Duration) -> f32 {
        let one_way = self.round_trip().unwrap_or_default() / 2;
        let buffer =
            time::duration(self.receiver.playout_delay(now) + self.config.frame.samples() as i64);
        let delay = (one_way + buffer).as_secs_f32() * 1000.0 + DEVICES_MS;
        emodel::r_factor(delay, self.grades.loss)
    }

    fn grade(&mut self, now: Duration) {
        if now < self.grades.next || !self.receiver.has_heard() {
            return;
        }
        self.grades.next = now + GRADED;
        let (lost, all) = self.receiver.damage();
        let (lost_before, all_before) = std::mem::replace(&mut self.grades.damage, (lost, all));
        let (lost, went) = (
            lost.saturating_sub(lost_before),
            all.saturating_sub(all_before),
        );
        // when media time stands still and the peer doesn't pause, that is damage too
        let least = if self.receiver.is_pausing() {
            1
        } else {
            time::samples(GRADED) as u64 / 2
        };
        let passed = went.max(least) as f32;
        let lost = lost as f32
            + if self.receiver.is_pausing() {
                0.0
            } else {
                passed - went as f32
            };
        let share = (lost / passed).clamp(0.0, 1.0);
        self.grades.loss += (share - self.grades.loss) * (GRADED.as_secs_f32() / JUDGED);
        let grade = emodel::grade(emodel::mos(self.r_factor(now)));
        let since = self
            .grades
            .since
            .filter(|(before, _)| *before == grade)
            .map_or(now, |(_, since)| since);
        self.grades.since = Some((grade, since));
        if self.grades.told != Some(grade) && now >= since + SETTLED {
            self.grades.told = Some(grade);
            self.events.push_back(Event::QualityChanged(grade));
        }
    }
}
