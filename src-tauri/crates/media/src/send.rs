//! From the microphone to datagrams.

pub(crate) mod control;
pub(crate) mod history;

use crate::codec::{Encoder, EncoderSettings};
use crate::rtp::red::{self, Earlier};
use crate::rtp::{self, report::Report};
use crate::stats::SentStats;
use crate::voice_activity::Activity;
use crate::{BLOCK, Config, time};
use control::{Control, Peer};
use history::carried::DISTANCE;
use history::{Cover, History, Sent};
use std::collections::VecDeque;
use std::time::Duration;

/// Packets go again at this multiple of real time (`voice.md` section 3): a gap of 300 ms is refilled in 60 ms, at
/// 5 x 40 kbit/s.
const BACKFILL_PACE: u64 = 5;
/// Packets of at most two octets are DTX (RFC 7587 section 3.1.3).
const DTX_OCTETS: usize = 2;
/// The first packets of a pause are sent all the same: they tell the peer that it is one.
const PAUSE_MARKS: u32 = 2;
/// In a pause a report goes so often while the peer talks, or its loss would go unseen.
const REPORT_IN_PAUSE: Duration = Duration::from_millis(100);
/// And else so often, as libopus itself refreshes its noise.
const SIGN_IN_PAUSE: Duration = Duration::from_millis(400);

/// How much the peer waits for a report, when there is nothing else to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It just lost something.
    Now,
    /// It talks.
    Soon,
    /// It is silent too.
    Seldom,
}

/// The sending half of an engine.
pub(crate) struct Sender {
    encoder: Box<dyn Encoder>,
    numbers: rtp::Numbers,
    ssrc: u32,
    frame: usize,
    pending: Vec<f32>,
    sequence: i64,
    timestamp: u32,
    marker: bool,
    pause_run: u32,
    last_packet: Duration,
    last_block: Option<Duration>,
    history: History,
    control: Control,
    settings: Option<EncoderSettings>,
    next_backfill: Duration,
    activity: Activity,
    recent: VecDeque<(Duration, usize)>,
    muted: bool,
    held: bool,
    counts: SentStats,
}

impl Sender {
    pub(crate) fn new(config: &Config, encoder: Box<dyn Encoder>) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, ..] = config.seed;
        let numbers = rtp::Numbers::new(config);
        let peer = Peer {
            knows_dred: config.peer_knows_dred,
            knows_red: numbers.has_red() && numbers.has_report(),
        };
        Self {
            encoder,
            numbers,
            ssrc: u32::from_be_bytes([a, b, c, d]),
            frame: config.frame.samples(),
            pending: Vec::with_capacity(config.frame.samples()),
            sequence: i64::from(u16::from_be_bytes([e, f])),
            timestamp: u32::from_be_bytes([g, h, i, j]),
            marker: true,
            pause_run: 0,
            last_packet: Duration::ZERO,
            last_block: None,
            history: History::new(config.frame.samples()),
            control: Control::new(config.encoder, config.max_bitrate, peer),
            settings: None,
            next_backfill: Duration::ZERO,
            activity: Activity::new(),
            recent: VecDeque::new(),
            muted: false,
            held: false,
            counts: SentStats::default(),
        }
    }

    /// Ten milliseconds of microphone. True when a frame is full: then comes [`Sender::packet`].
    pub(crate) fn capture(&mut self, pcm: &[f32; BLOCK], now: Duration) -> bool {
        self.last_block = Some(now);
        if self.muted || self.held {
            self.pending.extend_from_slice(&[0.0; BLOCK]);
        } else {
            self.pending.extend(pcm.iter().map(|x| {
                if x.is_finite() {
                    x.clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            }));
        }
        self.pending.len() >= self.frame
    }

    /// The packet of the full frame, unless it is one of a pause that nobody waits for.
    pub(crate) fn packet(
        &mut self,
        now: Duration,
        report: Option<Report>,
        wish: Wish,
    ) -> Option<Vec<u8>> {
        let packet = self.encode(now, report, wish);
        self.pending.clear();
        self.timestamp = self.timestamp.wrapping_add(self.frame as u32);
        packet
    }

    /// The microphone stood still: the timestamps go on as if it had not.
    pub(crate) fn handle_capture_restart(&mut self, now: Duration) {
        self.pending.clear();
        let gap = time::samples(now.saturating_sub(self.last_block.unwrap_or(now)));
        let frames = u32::try_from(gap / self.frame as i64).unwrap_or(0);
        self.timestamp = self
            .timestamp
            .wrapping_add(frames.wrapping_mul(self.frame as u32));
        self.marker = true;
    }

    pub(crate) fn handle_report(&mut self, now: Duration, report: Report) {
        self.history.handle_report(now, report);
    }

    pub(crate) fn handle_restored(&mut self, now: Duration) {
        if self.numbers.has_report() {
            self.history.handle_restored(now);
        }
        self.control.handle_restored();
    }

    /// The next packet to go again, if its time has come.
    pub(crate) fn backfill(&mut self, now: Duration, report: Option<Report>) -> Option<Vec<u8>> {
        if !self.numbers.has_report() || self.held || now < self.next_backfill {
            return None;
        }
        let sent = self.history.next_wanted(now)?;
        let interval = time::duration(self.frame as i64) / BACKFILL_PACE as u32;
        let from = self
            .next_backfill
            .max(now.saturating_sub(Duration::from_millis(10)));
        self.next_backfill = from + interval;
        self.counts.backfilled += 1;
        self.counts.backfilled_octets += sent.payload.len() as u64;
        self.note_octets(now, sent.payload.len());
        Some(self.datagram(&sent, None, report))
    }

    pub(crate) fn next_backfill(&self) -> Option<Duration> {
        (!self.held && self.history.has_wanted()).then_some(self.next_backfill)
    }

    pub(crate) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    pub(crate) fn set_held(&mut self, held: bool) {
        self.held = held;
        self.marker = true;
    }

    pub(crate) const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of what is being captured, for sender reports.
    pub(crate) const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    pub(crate) fn counts(&self) -> &SentStats {
        &self.counts
    }

    pub(crate) fn count_report(&mut self) {
        self.counts.reports += 1;
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.history.round_trip()
    }

    /// Someone has spoken here for so many frames without a break.
    pub(crate) const fn speech_run(&self) -> u32 {
        self.activity.speech_run()
    }

    pub(crate) const fn settings(&self) -> Option<EncoderSettings> {
        self.settings
    }

    pub(crate) fn stats(&self, now: Duration) -> SentStats {
        let loss = self.history.loss();
        let window = Duration::from_secs(2);
        let octets: usize = self
            .recent
            .iter()
            .filter(|(at, _)| *at + window > now)
            .map(|(_, n)| n)
            .sum();
        let bits =
            octets as f32 * 8.0 / window.min(now.max(Duration::from_millis(20))).as_secs_f32();
        SentStats {
            bitrate: bits as u32,
            loss: loss.rate,
            burst: loss.burst,
            settings: self.settings,
            speaking: self.activity.speaking(),
            ..self.counts.clone()
        }
    }

    fn encode(&mut self, now: Duration, report: Option<Report>, wish: Wish) -> Option<Vec<u8>> {
        self.activity.hear(&self.pending);
        let settings = self
            .control
            .decide(now, self.history.loss(), self.history.round_trip());
        if self.settings != Some(settings) {
            self.settings = Some(settings);
            self.encoder.set(settings);
            self.history.cover = self.cover(settings);
        }
        let mut payload = [0; 1275];
        let octets = match self.encoder.encode(&self.pending, &mut payload) {
            Ok(octets) => octets,
            Err(error) => {
                tracing::debug!(%error, "a frame could not be encoded");
                return None;
            }
        };
        let payload = payload
            .get(..octets)
            .filter(|payload| !payload.is_empty())?;
        if self.held || self.is_left_out(now, octets, wish) {
            return None;
        }
        let sent = self.history.push(Sent::new(
            now,
            self.sequence,
            self.timestamp,
            self.marker,
            payload,
        ));
        self.last_packet = now;
        self.counts.packets += 1;
        self.counts.payload_octets += octets as u64;
        self.note_octets(now, octets);
        self.sequence += 1;
        self.marker = false;
        let earlier = self.carry(now, &sent);
        Some(self.datagram(&sent, earlier.as_ref(), report))
    }

    /// Whether this frame of a pause needn't be sent.
    fn is_left_out(&mut self, now: Duration, octets: usize, wish: Wish) -> bool {
        if octets > DTX_OCTETS {
            self.marker |= self.pause_run > PAUSE_MARKS;
            self.pause_run = 0;
            return false;
        }
        self.pause_run = self.pause_run.saturating_add(1);
        let patience = match wish {
            Wish::Now => Duration::ZERO,
            Wish::Soon => REPORT_IN_PAUSE,
            Wish::Seldom => SIGN_IN_PAUSE,
        };
        self.pause_run > PAUSE_MARKS && now < self.last_packet + patience
    }

    /// What the packet `sent` carries besides its own sound.
    fn carry(&mut self, now: Duration, sent: &Sent) -> Option<Sent> {
        if !self.control.carries() {
            return None;
        }
        let earlier = self.history.carry(sent, self.back())?;
        let octets = earlier.payload.len() + red::AROUND;
        self.counts.carried += 1;
        self.counts.carried_octets += octets as u64;
        self.note_octets(now, octets);
        Some(earlier)
    }

    /// How many frames ago what is carried was captured.
    fn back(&self) -> i64 {
        time::samples(DISTANCE) / self.frame as i64
    }

    fn cover(&self, settings: EncoderSettings) -> Cover {
        if self.control.carries() {
            Cover::carried(self.back(), DISTANCE)
        } else if settings.dred_ms > 0 {
            Cover::DRED
        } else {
            Cover::SINGLE
        }
    }

    fn datagram(&self, sent: &Sent, earlier: Option<&Sent>, report: Option<Report>) -> Vec<u8> {
        let earlier = earlier.and_then(|earlier| {
            let offset = sent.timestamp.wrapping_sub(earlier.timestamp);
            Earlier::new(offset, &earlier.payload)
        });
        let packet = rtp::Packet {
            sequence: sent.sequence as u16,
            timestamp: sent.timestamp,
            ssrc: self.ssrc,
            marker: sent.marker,
            report,
            earlier: earlier.into_iter().collect(),
            payload: &sent.payload,
        };
        rtp::emit(&packet, self.numbers)
    }

    fn note_octets(&mut self, now: Duration, octets: usize) {
        self.recent.push_back((now, octets));
        while self
            .recent
            .front()
            .is_some_and(|(at, _)| *at + Duration::from_secs(2) < now)
        {
            self.recent.pop_front();
        }
    }
}
