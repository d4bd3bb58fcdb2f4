//! A codec whose packets carry the number of the frame, and a book of what became of each frame that was said.

use std::collections::BTreeMap;
use std::time::Duration;
use voice_media::codec::{CodecError, Decoder, Encoder, EncoderSettings};
use voice_media::world::{Outage, Path, Room, Side, World};
use voice_media::{BLOCK, Config, Engine, Event, Origin};

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;
const FRAME: usize = 960;

/// Packet: frame number (4 octets), whether it carries LBRR and DRED, padding to what 32 kbit/s cost. A silent frame is DTX.
#[derive(Debug, Default)]
pub(crate) struct ShadowEncoder {
    frame: u32,
    settings: Option<EncoderSettings>,
}

impl Encoder for ShadowEncoder {
    fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, CodecError> {
        assert_eq!(pcm.len(), FRAME);
        let settings = self.settings.unwrap_or_default();
        let number = self.frame;
        self.frame += 1;
        if pcm.iter().all(|x| x.abs() < 1e-3) && settings.dtx {
            out[0] = 0;
            return Ok(1);
        }
        let octets = settings.bitrate as usize / 8 / 50;
        out[..octets].fill(0);
        out[..4].copy_from_slice(&number.to_be_bytes());
        (out[4], out[5]) = (u8::from(settings.fec), (settings.dred_ms / 20) as u8);
        Ok(octets)
    }

    fn set(&mut self, settings: EncoderSettings) {
        self.settings = Some(settings);
    }
}

/// Sound is a tone with a frequency that belongs to the frame.
#[derive(Debug, Default)]
pub(crate) struct ShadowDecoder;

fn tone(number: u32, pcm: &mut [f32]) {
    let pitch = 150.0 + f64::from(number % 7) * 20.0;
    for (i, x) in pcm.iter_mut().enumerate() {
        *x = ((i as f64 * pitch / 48_000.0) * std::f64::consts::TAU).sin() as f32 * 0.3;
    }
}

fn number(packet: &[u8]) -> Result<u32, CodecError> {
    let head = packet.first_chunk::<4>().ok_or(CodecError::Malformed)?;
    Ok(u32::from_be_bytes(*head))
}

impl Decoder for ShadowDecoder {
    fn samples(&self, _packet: &[u8]) -> Result<usize, CodecError> {
        Ok(FRAME)
    }

    fn decode(&mut self, packet: &[u8], pcm: &mut [f32]) -> Result<usize, CodecError> {
        let pcm = pcm.get_mut(..FRAME).ok_or(CodecError::Length)?;
        if packet.len() <= 2 {
            pcm.fill(1e-4);
        } else {
            tone(number(packet)?, pcm);
        }
        Ok(FRAME)
    }

    fn has_fec(&self, next: &[u8]) -> bool {
        next.get(4) == Some(&1)
    }

    fn decode_fec(&mut self, next: &[u8], pcm: &mut [f32]) -> Result<(), CodecError> {
        if !self.has_fec(next) {
            return Err(CodecError::Absent);
        }
        tone(number(next)?.wrapping_sub(1), pcm);
        Ok(())
    }

    fn dred_reach(&mut self, packet: &[u8]) -> usize {
        packet
            .get(5)
            .map_or(0, |&frames| usize::from(frames) * FRAME)
    }

    fn decode_dred(
        &mut self,
        later: &[u8],
        offset: usize,
        pcm: &mut [f32],
    ) -> Result<(), CodecError> {
        if offset > self.dred_reach(later) {
            return Err(CodecError::Absent);
        }
        tone(number(later)?.wrapping_sub((offset / FRAME) as u32), pcm);
        Ok(())
    }

    fn conceal(&mut self, pcm: &mut [f32]) -> Result<(), CodecError> {
        pcm.fill(0.01);
        Ok(())
    }

    fn checkpoint(&mut self) {}
    fn rollback(&mut self) {}
    fn reset(&mut self) {}
}

pub(crate) fn engine(seed: u8) -> Engine {
    let mut config = Config::new([seed; 32], "shadow");
    config.tap = true;
    Engine::new(
        config,
        Box::new(ShadowEncoder::default()),
        Box::new(ShadowDecoder),
    )
}

/// Both sides speak by turns: A for `talk`, then nobody for `pause`, and so on. Side B hears.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) talk: u64,
    pub(crate) pause: u64,
    /// Whether B talks all the time too.
    pub(crate) double_talk: bool,
    /// Samples of media time by origin.
    pub(crate) heard: BTreeMap<Origin, i64>,
    /// Where the next entry must begin.
    pub(crate) next: Option<i64>,
    pub(crate) most_delay: Duration,
    pub(crate) delays: Vec<(Duration, Duration)>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            talk: u64::MAX,
            pause: 0,
            double_talk: false,
            heard: BTreeMap::new(),
            next: None,
            most_delay: Duration::ZERO,
            delays: Vec::new(),
        }
    }
}

impl Room for Ledger {
    fn mic(&mut self, side: Side, block: u64) -> [f32; BLOCK] {
        let speaks = match side {
            Side::A => self.pause == 0 || block % (self.talk + self.pause) < self.talk,
            Side::B => self.double_talk,
        };
        // by syllables: 200 ms of voice, 60 ms without
        let level = if speaks { 0.3 } else { 0.0 };
        std::array::from_fn(|i| level * (i as f32 / 30.0).sin())
    }

    fn ear(&mut self, side: Side, now: Duration, engine: &mut Engine, pcm: &[f32; BLOCK]) {
        assert!(
            pcm.iter().all(|x| x.is_finite() && x.abs() <= 1.0),
            "sound is always sound"
        );
        if side == Side::A {
            return;
        }
        while let Some(entry) = engine.poll_decoded() {
            let at = self.next.unwrap_or(entry.at);
            assert_eq!(
                entry.at, at,
                "the book of media time has no gap and no overlap"
            );
            self.next = Some(at + entry.samples as i64);
            *self.heard.entry(entry.origin).or_default() += entry.samples as i64;
        }
        let delay = engine.stats(now).heard.playout_delay;
        self.most_delay = self.most_delay.max(delay);
        self.delays.push((now, delay));
    }
}

impl Ledger {
    pub(crate) fn ms(&self, origin: Origin) -> i64 {
        self.heard.get(&origin).copied().unwrap_or(0) / 48
    }

    /// Delay at a time.
    pub(crate) fn delay_at(&self, at: Duration) -> Duration {
        let after = self.delays.partition_point(|(time, _)| *time < at);
        self.delays
            .get(after)
            .or(self.delays.last())
            .map_or(Duration::ZERO, |(_, delay)| *delay)
    }
}

/// A call of some seconds, and what B was told.
pub(crate) fn call(
    path: Path,
    outages: Vec<Outage>,
    seconds: u64,
    seed: u64,
    ledger: &mut Ledger,
) -> (World, Vec<Event>) {
    skewed_call(path, outages, seconds, seed, 0.0, ledger)
}

pub(crate) fn skewed_call(
    path: Path,
    outages: Vec<Outage>,
    seconds: u64,
    seed: u64,
    ppm: f64,
    ledger: &mut Ledger,
) -> (World, Vec<Event>) {
    let mut world = World::new([engine(1), engine(2)], path, outages, ppm, seed);
    world.run(Duration::from_secs(seconds), ledger);
    let told = world
        .events()
        .into_iter()
        .filter(|(_, side, _)| *side == Side::B)
        .map(|(.., event)| event)
        .collect();
    (world, told)
}
