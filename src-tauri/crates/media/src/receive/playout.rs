//! From the jitter buffer to the ear: what is decoded next, what is waited for, what is invented.
//!
//! Media time stands still while there is nothing to play and a later packet hasn't shown that something is lost: whatever comes
//! late is heard late, not lost. Afterwards `adapt` catches up.

mod adapt;
mod gap;

use super::account::Account;
use super::delay::Delay;
use super::filler::Filler;
use super::stretch;
use crate::codec::Decoder;
use crate::event::{Decoded, Origin};
use crate::voice_activity::Activity;
use crate::{BLOCK, Config};
use std::collections::{BTreeMap, VecDeque};

/// Most packets kept: 3 s of 20 ms ones.
const MOST_PACKETS: usize = 150;
/// After so many packets in a row that came too late, the place in the stream is wrong, not they.
const RESYNC: u32 = 50;
/// The join of invented and real sound, 5 ms.
const JOIN: usize = 240;
/// The longest frame of Opus, 120 ms.
const LONGEST_FRAME: usize = 5_760;

/// A packet that waits for its turn.
#[derive(Debug)]
struct Held {
    sequence: i64,
    payload: Vec<u8>,
}

/// What is invented just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling {
    Nothing,
    /// Something is missing.
    Gap,
    /// The peer is silent, or has not begun.
    Pause,
}

/// The place in the stream of what is decoded next.
#[derive(Debug, Clone, Copy)]
struct Position {
    media: i64,
    sequence: i64,
}

/// What keeps the ear supplied.
pub(crate) struct Playout {
    decoder: Box<dyn Decoder>,
    packets: BTreeMap<i64, Held>,
    sound: Vec<f32>,
    next: Option<Position>,
    origin: i64,
    frame: usize,
    filling: Filling,
    pausing: bool,
    wait_until: Option<i64>,
    /// The overlay told of a change of path; what is missing is on its way again.
    pub(crate) path_changed: bool,
    newest: i64,
    pub(crate) delay: Delay,
    filler: Filler,
    activity: Activity,
    pub(crate) account: Account,
    credit: f32,
    catching_up: bool,
    late: u64,
    late_run: u32,
    heard: bool,
    near_speech: u32,
    /// Bursts of losses are usual: a gap is one more rather than an outage.
    pub(crate) path_is_bursty: bool,
    tap: Option<VecDeque<Decoded>>,
}

impl Playout {
    pub(crate) fn new(config: &Config, decoder: Box<dyn Decoder>) -> Self {
        let seed = config
            .seed
            .iter()
            .fold(0x9E37_79B9_7F4A_7C15, |n: u64, &b| {
                n.rotate_left(7) ^ u64::from(b)
            });
        Self {
            decoder,
            packets: BTreeMap::new(),
            sound: Vec::with_capacity(4 * stretch::LOOK),
            next: None,
            origin: 0,
            frame: config.frame.samples(),
            filling: Filling::Nothing,
            pausing: true,
            wait_until: None,
            path_changed: false,
            newest: 0,
            delay: Delay::new(),
            filler: Filler::new(seed),
            activity: Activity::new(),
            account: Account::default(),
            credit: 0.0,
            catching_up: false,
            late: 0,
            late_run: 0,
            heard: false,
            near_speech: 0,
            path_is_bursty: false,
            tap: config.tap.then(VecDeque::new),
        }
    }

    /// A packet with its place in the stream. False if it came too late or there is no room.
    pub(crate) fn insert(&mut self, sequence: i64, timestamp: i64, payload: &[u8]) -> bool {
        let position = *self.next.get_or_insert_with(|| {
            self.origin = timestamp;
            Position {
                media: timestamp,
                sequence,
            }
        });
        self.newest = self.newest.max(sequence);
        // before anything was heard the beginning may still move
        if !self.heard && timestamp < position.media && sequence < position.sequence {
            self.next = Some(Position {
                media: timestamp,
                sequence,
            });
            self.origin = self.origin.min(timestamp);
        } else if timestamp < position.media || sequence < position.sequence {
            self.late += 1;
            self.late_run += 1;
            if self.late_run >= RESYNC {
                self.restart();
            }
            return false;
        }
        self.late_run = 0;
        if self.packets.len() >= MOST_PACKETS {
            return false;
        }
        self.packets.insert(
            timestamp,
            Held {
                sequence,
                payload: payload.to_vec(),
            },
        );
        true
    }

    /// A packet that came inside a later one. False if its place is taken, or was played.
    pub(crate) fn insert_earlier(&mut self, sequence: i64, timestamp: i64, payload: &[u8]) -> bool {
        let is_open = self
            .next
            .is_some_and(|next| timestamp >= next.media && sequence >= next.sequence);
        let is_wanted =
            is_open && self.packets.len() < MOST_PACKETS && !self.packets.contains_key(&timestamp);
        if is_wanted {
            let payload = payload.to_vec();
            self.packets.insert(timestamp, Held { sequence, payload });
        }
        is_wanted
    }

    /// Another stream, or another place in it: everything begins anew but the statistics.
    pub(crate) fn restart(&mut self) {
        self.packets.clear();
        self.next = None;
        self.pausing = true;
        self.late_run = 0;
        self.newest = 0;
        self.wait_until = None;
        self.heard = false;
        self.delay = Delay::new();
        self.decoder.reset();
    }

    /// Holes are waited for until then (samples of the clock): their packets go again.
    pub(crate) fn wait_until(&mut self, until: i64) {
        self.wait_until = Some(self.wait_until.map_or(until, |before| before.max(until)));
    }

    /// Holes are being waited for; ends by itself.
    pub(crate) fn is_waiting(&mut self, now: i64) -> bool {
        self.wait_until = self.wait_until.filter(|&until| now < until);
        self.wait_until.is_some()
    }

    /// The next ten milliseconds. `near_speech`: for how many frames someone here has been speaking.
    pub(crate) fn play(&mut self, now: i64, near_speech: u32, out: &mut [f32; BLOCK]) {
        self.near_speech = near_speech;
        for _ in 0..64 {
            if self.sound.len() >= BLOCK {
                break;
            }
            self.refill(now);
        }
        self.adapt(now);
        if self.sound.len() < BLOCK {
            self.refill(now); // stretching took the last of it
        }
        self.sound.resize(self.sound.len().max(BLOCK), 0.0);
        for (out, sample) in out.iter_mut().zip(self.sound.drain(..BLOCK)) {
            *out = sample.clamp(-1.0, 1.0);
        }
    }

    /// How much later than the fastest packet allows the next frame will be heard, in samples. In a pause that is
    /// what is aimed at: the next word will have it.
    pub(crate) fn behind(&self, now: i64) -> i64 {
        match (self.next, self.delay.base()) {
            (Some(next), Some(base)) if self.heard && !self.pausing => {
                now + self.sound.len() as i64 - next.media - base
            }
            _ => self.delay.target(),
        }
    }

    /// Nothing to play though there should be.
    pub(crate) fn is_starving(&self) -> bool {
        self.filling == Filling::Gap
    }

    /// The peer pauses.
    pub(crate) const fn is_pausing(&self) -> bool {
        self.pausing
    }

    /// Something of the peer's has been played.
    pub(crate) const fn has_heard(&self) -> bool {
        self.heard
    }

    pub(crate) const fn late(&self) -> u64 {
        self.late
    }

    pub(crate) const fn speaking(&self) -> bool {
        self.activity.speaking() && !self.pausing
    }

    pub(crate) fn decoded(&mut self) -> Option<Decoded> {
        self.tap.as_mut()?.pop_front()
    }

    /// What `packet` could replace: how many frames just before it.
    pub(crate) fn replaces(&mut self, packet: &[u8], lost: i64) -> i64 {
        let by_dred = self.decoder.dred_reach(packet) / self.frame.max(1);
        let by_lbrr = usize::from(self.decoder.has_fec(packet));
        lost.min(by_dred.max(by_lbrr) as i64)
    }

    pub(crate) const fn frame(&self) -> usize {
        self.frame
    }

    /// More sound: a frame, or ten milliseconds of something invented.
    fn refill(&mut self, now: i64) {
        let first = self.packets.first_key_value().map(|(&at, held)| Position {
            media: at,
            sequence: held.sequence,
        });
        let (Some(next), Some(first)) = (self.next, first) else {
            let kind = if self.pausing {
                Filling::Pause
            } else {
                Filling::Gap
            };
            return self.fill(kind);
        };
        if first.media < next.media {
            self.packets.pop_first();
            self.late += 1;
        } else if self.pausing {
            self.end_pause(now, next, first);
        } else if first.media == next.media {
            self.decode_next();
        } else if first.sequence <= next.sequence {
            self.pausing = true; // nothing is missing: the peer sent nothing
        } else {
            self.bridge(now, next, first);
        }
    }

    /// A pause is elastic: what follows is heard when it has the delay wished for.
    fn end_pause(&mut self, now: i64, next: Position, first: Position) {
        let delay = now + self.sound.len() as i64 - first.media - self.delay.base().unwrap_or(0);
        if delay < self.delay.target() {
            return self.fill(Filling::Pause);
        }
        let lost = (first.sequence - next.sequence).max(0) * self.frame as i64;
        if lost > self.recoverable(first) && self.waits(now) {
            return self.fill(Filling::Pause);
        }
        // packets lost at the end of the pause were the beginning of the word
        let pause = (first.media - next.media - lost).max(0);
        self.enter(Origin::Pause, next.media, &[], pause as usize);
        self.next = Some(Position {
            media: next.media + pause,
            sequence: next.sequence,
        });
        self.pausing = false;
    }

    fn decode_next(&mut self) {
        let Some((at, held)) = self.packets.pop_first() else {
            return;
        };
        let mut pcm = [0.0; LONGEST_FRAME];
        let tail = self.end_filling();
        let decoded = self.decoder.decode(&held.payload, &mut pcm);
        let samples = decoded.unwrap_or(self.frame).clamp(120, LONGEST_FRAME);
        let pcm = &mut pcm[..samples];
        let mark = held.payload.len() <= 2;
        let origin = match (decoded, mark) {
            (Err(_), _) => {
                let _silence = self.decoder.conceal(pcm);
                Origin::Concealed
            }
            (Ok(_), true) => Origin::Pause,
            (Ok(_), false) => Origin::Packet,
        };
        if !mark {
            self.frame = samples;
        }
        self.next = Some(Position {
            media: at + samples as i64,
            sequence: held.sequence + 1,
        });
        self.pausing = mark;
        self.emit(origin, at, pcm, tail);
    }

    /// Sound for the ear, and its entry in the book.
    fn emit(&mut self, origin: Origin, at: i64, pcm: &mut [f32], tail: Option<[f32; JOIN]>) {
        self.enter(origin, at, pcm, pcm.len());
        self.heard = true;
        if let Some(tail) = tail {
            stretch::join(&tail, pcm);
        }
        self.sound.extend_from_slice(pcm);
    }

    fn enter(&mut self, origin: Origin, at: i64, pcm: &[f32], samples: usize) {
        if samples == 0 {
            return;
        }
        let real = matches!(origin, Origin::Packet | Origin::Lbrr | Origin::Dred);
        let speech = real && self.activity.hear(pcm);
        if matches!(origin, Origin::Packet | Origin::Pause) && !speech && !pcm.is_empty() {
            self.filler.learn(pcm, self.activity.floor());
        }
        self.account.enter(origin, samples, speech);
        if let Some(tap) = &mut self.tap {
            tap.push_back(Decoded {
                at: at - self.origin,
                origin,
                pcm: pcm.to_vec(),
                samples,
            });
        }
    }

    /// Ten milliseconds of something invented.
    fn fill(&mut self, kind: Filling) {
        if self.filling == Filling::Nothing {
            self.decoder.checkpoint();
        }
        self.filling = kind;
        let mut block = [0.0; BLOCK];
        self.filler.fill(
            self.decoder.as_mut(),
            kind == Filling::Gap && self.heard,
            &mut block,
        );
        if self.heard && kind == Filling::Gap {
            self.account.insert(BLOCK);
        }
        self.sound.extend_from_slice(&block);
    }

    /// Real sound follows: the decoder goes on where it was, and the invented sound fades into it.
    fn end_filling(&mut self) -> Option<[f32; JOIN]> {
        if self.filling == Filling::Nothing {
            return None;
        }
        let mut tail = [0.0; JOIN];
        self.filler.fill(
            self.decoder.as_mut(),
            self.filling == Filling::Gap,
            &mut tail,
        );
        self.decoder.rollback();
        self.filler.end();
        self.filling = Filling::Nothing;
        Some(tail)
    }
}
