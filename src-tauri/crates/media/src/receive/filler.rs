//! What is heard while there is nothing to play: first what the codec invents, then the noise of the peer's room.
//! Never digital silence: a line that goes dead makes people say "hello?".

use crate::codec::Decoder;
use crate::voice_activity::energy;
use crate::{BLOCK, time::ms};

/// The codec's concealment is believable for so long (`voice.md` section 3: 60-100 ms).
const PLC: i64 = ms(60);
/// And is gone after this.
const FADED: i64 = ms(100);
/// Order of the noise's spectral envelope.
const ORDER: usize = 16;
/// The quietest noise, -75 dBFS: below it a line sounds dead.
const LEAST: f32 = 3e-8;
/// And the loudest, -45 dBFS: what is louder is no background.
const MOST: f32 = 3e-5;

/// Invents sound.
#[derive(Debug)]
pub(crate) struct Filler {
    /// Samples invented in a row.
    run: i64,
    random: u64,
    envelope: [f32; ORDER],
    memory: [f32; ORDER],
    gain: f32,
    /// Of the noise learnt, and how loud it was.
    level: Option<f32>,
}

impl Filler {
    pub(crate) fn new(seed: u64) -> Self {
        let gain = LEAST.sqrt();
        Self {
            run: 0,
            random: seed | 1,
            envelope: [0.0; ORDER],
            memory: [0.0; ORDER],
            gain,
            level: None,
        }
    }

    /// Samples invented since sound was last played.
    pub(crate) const fn run(&self) -> i64 {
        self.run
    }

    /// Sound is played again.
    pub(crate) fn end(&mut self) {
        self.run = 0;
    }

    /// Learns the noise from a frame without speech.
    pub(crate) fn learn(&mut self, pcm: &[f32], floor: f32) {
        let level = energy(pcm).clamp(LEAST, MOST);
        if energy(pcm) > floor * 4.0 && self.level.is_some() {
            return;
        }
        if let Some((envelope, residual)) = linear_prediction(pcm) {
            self.envelope = envelope;
            let learnt = self.level.map_or(level, |old| old + (level - old) * 0.1);
            self.gain = (learnt * residual).sqrt();
            self.level = Some(learnt);
        }
    }

    /// The next samples: ten milliseconds or fewer. `speech` is false in a pause of the peer: then noise at once.
    pub(crate) fn fill(&mut self, decoder: &mut dyn Decoder, speech: bool, out: &mut [f32]) {
        let (from, to) = if speech { (PLC, FADED) } else { (0, ms(20)) };
        let mut invented = [0.0; BLOCK];
        let out = out.get_mut(..BLOCK.min(out.len())).unwrap_or_default();
        // the codec conceals whole multiples of 2.5 ms: ask for a block, use what is needed
        if self.run < to && decoder.conceal(&mut invented).is_err() {
            invented.fill(0.0);
        }
        for (i, (out, invented)) in out.iter_mut().zip(invented).enumerate() {
            let at = self.run + i as i64;
            let fade = (to - at).clamp(0, to - from) as f32 / (to - from) as f32;
            *out = invented * fade + self.noise() * (1.0 - fade * fade).sqrt();
        }
        self.run += out.len() as i64;
    }

    fn noise(&mut self) -> f32 {
        // xorshift64*: noise for the ear, nothing secret
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let bits = (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32;
        let white = (bits / 8_388_608.0 - 1.0) * 1.732;
        let past: f32 = self
            .envelope
            .iter()
            .zip(self.memory)
            .map(|(a, m)| a * m)
            .sum();
        let sample = (white * self.gain - past).clamp(-0.05, 0.05);
        self.memory.rotate_right(1);
        self.memory[0] = sample;
        sample
    }
}

/// Levinson-Durbin: the envelope, and the share of the energy that it leaves over.
fn linear_prediction(pcm: &[f32]) -> Option<([f32; ORDER], f32)> {
    let mut correlation = [0.0f32; ORDER + 1];
    for (lag, value) in correlation.iter_mut().enumerate() {
        *value = pcm.iter().zip(pcm.get(lag..)?).map(|(a, b)| a * b).sum();
    }
    let whole = correlation[0] * 1.001 + 1e-9;
    let (mut left, mut a) = (whole, [0.0f32; ORDER]);
    for i in 0..ORDER {
        let sum: f32 = (0..i).map(|j| a[j] * correlation[i - j]).sum();
        let k = -(correlation[i + 1] + sum) / left;
        let before = a;
        for j in 0..i {
            a[j] = before[j] + k * before[i - 1 - j];
        }
        a[i] = k;
        left *= 1.0 - k * k;
        if left <= 0.0 || !left.is_finite() {
            return None;
        }
    }
    Some((a, (left / whole).clamp(1e-4, 1.0)))
}
