//! The tones of a telephone, made by arithmetic.
//!
//! Pitch and cadence follow ITU-T E.180 (supplement 2 lists what countries use) and, for Europe, ETSI TR 101 041: 425 Hz, and the
//! rhythm tells them apart. The two that no telephone has, for a change of networks and for recording, are soft enough to speak over.

use crate::{BLOCK, RATE};

/// What is played to the person at this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Somebody calls: two notes in turn, 1 s, every 5 s.
    Ring,
    /// The other one's telephone rings: 425 Hz, 1 s of every 5 s (ETSI).
    Ringback,
    /// She talks with somebody: 425 Hz, 0.5 s of every second (ETSI).
    Busy,
    /// There is no such person, or she can't be reached: 950, 1,400 and 1,800 Hz, 330 ms each, every 2 s, thrice (E.180 clause 8, the special information tone).
    Unavailable,
    /// The call has ended: 425 Hz, 0.25 s of every half second, thrice.
    End,
    /// The network changes: two soft notes every 2 s.
    SwitchingNetwork,
    /// This call is recorded: 1,400 Hz, 0.4 s of every 15 s (ITU-T P.310 speaks of 1,400 Hz +- 1.5 %).
    Recording,
    /// She is on hold: one soft note every 8 s, so that silence is not taken for a lost call.
    Hold,
}

/// A note or a pause.
#[derive(Debug, Clone, Copy)]
struct Part {
    hertz: f32,
    millis: u32,
    dbfs: f32,
}

const fn note(hertz: f32, millis: u32, dbfs: f32) -> Part {
    Part {
        hertz,
        millis,
        dbfs,
    }
}

const fn pause(millis: u32) -> Part {
    Part {
        hertz: 0.0,
        millis,
        dbfs: 0.0,
    }
}

impl Tone {
    /// The parts of one turn, and how many turns there are.
    fn score(self) -> (&'static [Part], u32) {
        const FOR_EVER: u32 = u32::MAX;
        match self {
            Self::Ring => (&RING, FOR_EVER),
            Self::Ringback => (const { &[note(425.0, 1000, -22.0), pause(4000)] }, FOR_EVER),
            Self::Busy => (const { &[note(425.0, 500, -22.0), pause(500)] }, FOR_EVER),
            Self::Unavailable => (
                const {
                    &[
                        note(950.0, 330, -22.0),
                        note(1400.0, 330, -22.0),
                        note(1800.0, 330, -22.0),
                        pause(1000),
                    ]
                },
                3,
            ),
            Self::End => (const { &[note(425.0, 250, -24.0), pause(250)] }, 3),
            Self::SwitchingNetwork => (
                const {
                    &[
                        note(523.25, 120, -34.0),
                        note(659.25, 160, -34.0),
                        pause(1720),
                    ]
                },
                FOR_EVER,
            ),
            Self::Recording => (
                const { &[note(1400.0, 400, -30.0), pause(14_600)] },
                FOR_EVER,
            ),
            Self::Hold => (const { &[note(440.0, 200, -32.0), pause(7800)] }, FOR_EVER),
        }
    }
}

/// Two notes, 20 times a second in turn: the warble of a telephone bell.
const RING: [Part; 21] = {
    let mut parts = [pause(4000); 21];
    let mut at = 0;
    while at < 20 {
        parts[at] = note(if at % 2 == 0 { 784.0 } else { 988.0 }, 50, -18.0);
        at += 1;
    }
    parts
};

/// Ramp at both ends of a note: without one it clicks.
const RAMP: u32 = RATE / 200;

/// A tone that is being played.
#[derive(Debug)]
pub(crate) struct Player {
    tone: Tone,
    part: usize,
    /// Samples of the part that have been played.
    at: u32,
    turns: u32,
    sine: Sine,
}

impl Player {
    pub(crate) fn new(tone: Tone) -> Self {
        let (parts, turns) = tone.score();
        Self {
            tone,
            part: 0,
            at: 0,
            turns,
            sine: Sine::new(parts[0].hertz, parts[0].dbfs),
        }
    }

    pub(crate) fn tone(&self) -> Tone {
        self.tone
    }

    /// Adds 10 ms of it; false when it has come to its end.
    pub(crate) fn mix_into(&mut self, block: &mut [f32; BLOCK]) -> bool {
        let (parts, _) = self.tone.score();
        for sample in block {
            if self.turns == 0 {
                return false;
            }
            let part = parts[self.part];
            let length = part.millis * (RATE / 1000);
            if part.hertz > 0.0 {
                *sample += self.sine.next() * ramp(self.at, length);
            }
            self.at += 1;
            if self.at == length {
                self.next_part(parts);
            }
        }
        self.turns > 0
    }

    fn next_part(&mut self, parts: &[Part]) {
        self.at = 0;
        self.part = (self.part + 1) % parts.len();
        if self.part == 0 && self.turns != u32::MAX {
            self.turns -= 1;
        }
        self.sine = Sine::new(parts[self.part].hertz, parts[self.part].dbfs);
    }
}

fn ramp(at: u32, length: u32) -> f32 {
    (at.min(length - 1 - at) as f32 / RAMP as f32).min(1.0)
}

/// A sine at 48 kHz.
#[derive(Debug)]
pub(crate) struct Sine {
    phase: f64,
    step: f64,
    amplitude: f32,
}

impl Sine {
    /// `dbfs` is the peak.
    pub(crate) fn new(hertz: f32, dbfs: f32) -> Self {
        let step = std::f64::consts::TAU * f64::from(hertz) / f64::from(RATE);
        Self {
            phase: 0.0,
            step,
            amplitude: 10f32.powf(dbfs / 20.0),
        }
    }

    fn next(&mut self) -> f32 {
        let sample = self.phase.sin() as f32 * self.amplitude;
        self.phase = (self.phase + self.step) % std::f64::consts::TAU;
        sample
    }

    pub(crate) fn fill(&mut self, block: &mut [f32; BLOCK]) {
        block.iter_mut().for_each(|sample| *sample = self.next());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays for some time, and tells in which blocks there was sound.
    fn played(tone: Tone, millis: usize) -> (Vec<bool>, Vec<f32>) {
        let mut player = Player::new(tone);
        let (mut loud, mut all) = (Vec::new(), Vec::new());
        for _ in 0..millis / 10 {
            let mut block = [0.0; BLOCK];
            player.mix_into(&mut block);
            loud.push(block.iter().any(|sample| sample.abs() > 1e-3));
            all.extend(block);
        }
        (loud, all)
    }

    /// How much of a frequency there is: Goertzel, as an amplitude.
    fn amount(samples: &[f32], hertz: f32) -> f32 {
        let step = std::f32::consts::TAU * hertz / RATE as f32;
        let (mut re, mut im) = (0.0, 0.0);
        for (at, sample) in samples.iter().enumerate() {
            re += sample * (step * at as f32).cos();
            im += sample * (step * at as f32).sin();
        }
        2.0 * (re * re + im * im).sqrt() / samples.len() as f32
    }

    #[test]
    fn ringback_is_425_hz_for_one_second_in_five() {
        let (loud, samples) = played(Tone::Ringback, 10_000);
        assert!(
            loud[..100].iter().all(|on| *on) && loud[100..500].iter().all(|on| !on),
            "1 s on, 4 s off"
        );
        assert!(loud[500..600].iter().all(|on| *on), "and again");
        let second = &samples[4800..43_200];
        assert!(
            (amount(second, 425.0) - 0.0794).abs() < 0.002,
            "-22 dBFS: {}",
            amount(second, 425.0)
        );
        assert!(amount(second, 450.0) < 0.002, "nothing at 450 Hz");
    }

    #[test]
    fn busy_is_half_a_second_on_and_half_a_second_off() {
        let (loud, _) = played(Tone::Busy, 2000);
        let expected: Vec<bool> = (0..200).map(|block| block % 100 < 50).collect();
        assert_eq!(loud, expected);
    }

    #[test]
    fn the_special_information_tone_rises_thrice_and_stops() {
        let (loud, samples) = played(Tone::Unavailable, 8000);
        let part = |millis: usize| &samples[millis * 48..(millis + 300) * 48];
        assert!(
            amount(part(15), 950.0) > 0.07
                && amount(part(345), 1400.0) > 0.07
                && amount(part(675), 1800.0) > 0.07
        );
        assert!(loud[600..].iter().all(|on| !on), "silent after three turns");
    }

    #[test]
    fn a_tone_that_ends_says_so_and_one_that_does_not_goes_on() {
        let mut end = Player::new(Tone::End);
        let blocks = (0..1000)
            .take_while(|_| end.mix_into(&mut [0.0; BLOCK]))
            .count();
        assert_eq!(
            blocks, 149,
            "three turns of half a second, and the last block says so"
        );
        let mut ring = Player::new(Tone::Ring);
        assert!((0..6000).all(|_| ring.mix_into(&mut [0.0; BLOCK])));
    }

    #[test]
    fn no_tone_clicks() {
        for tone in [
            Tone::Ring,
            Tone::Ringback,
            Tone::Busy,
            Tone::End,
            Tone::SwitchingNetwork,
            Tone::Recording,
            Tone::Hold,
        ] {
            let (_, samples) = played(tone, 3000);
            let step = samples
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).abs())
                .fold(0.0, f32::max);
            // The steepest of them is the ring's 988 Hz at -18 dBFS: 0.126 * 2 pi * 988 / 48000 = 0.0163 a sample.
            assert!(step < 0.018, "{tone:?} jumps by {step}");
        }
    }
}
