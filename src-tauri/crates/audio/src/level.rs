//! How loud it is, and whether somebody speaks.

use crate::BLOCK;

/// Loudness over about a fifteenth of a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The greatest sample, in dBFS: 0 is full scale, [`Level::SILENCE`] is none.
    pub peak: f32,
    /// The root mean square, in dBFS of a full-scale square wave: a full-scale sine reads -3.0.
    pub rms: f32,
}

impl Level {
    /// What digital silence reads.
    pub const SILENCE: f32 = -120.0;
}

/// Gathers blocks until it is asked.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    peak: f32,
    squares: f64,
    samples: u32,
}

impl Meter {
    pub(crate) fn add(&mut self, block: &[f32]) {
        for sample in block {
            self.peak = self.peak.max(sample.abs());
            self.squares += f64::from(*sample) * f64::from(*sample);
        }
        self.samples += block.len() as u32;
    }

    /// The level since it was last asked.
    pub(crate) fn take(&mut self) -> Level {
        let mean = self.squares / f64::from(self.samples.max(1));
        let level = Level {
            peak: dbfs(self.peak),
            rms: dbfs(mean.sqrt() as f32),
        };
        *self = Self::default();
        level
    }
}

fn dbfs(amplitude: f32) -> f32 {
    (20.0 * amplitude.max(1e-6).log10()).max(Level::SILENCE)
}

/// Tells speech from what is always there: 9 dB above the quietest of the last seconds, and never below -55 dBFS.
///
/// Only the "is speaking" mark stands on it; what is sent is decided by the codec's own detector.
#[derive(Debug)]
pub(crate) struct Speech {
    floor: f32,
    hold: u32,
}

/// Blocks of 10 ms for which somebody goes on speaking after the last loud one: pauses between words.
const HOLD: u32 = 20;

impl Default for Speech {
    fn default() -> Self {
        Self {
            floor: -60.0,
            hold: 0,
        }
    }
}

impl Speech {
    pub(crate) fn hear(&mut self, block: &[f32; BLOCK]) -> bool {
        let energy: f32 = block.iter().map(|sample| sample * sample).sum();
        let loud = dbfs((energy / BLOCK as f32).sqrt());
        // Down at once, up by 1 dB a second: the floor of a room, not of a sentence.
        self.floor = if loud < self.floor {
            loud.max(-90.0)
        } else {
            self.floor + 0.01
        };
        if loud > (self.floor + 9.0).max(-55.0) {
            self.hold = HOLD;
        } else {
            self.hold = self.hold.saturating_sub(1);
        }
        self.hold > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Sine;

    #[test]
    fn a_full_scale_sine_peaks_at_0_and_has_an_rms_of_minus_3_dbfs() {
        let mut meter = Meter::default();
        let mut sine = Sine::new(1000.0, 0.0);
        let mut block = [0.0; BLOCK];
        sine.fill(&mut block);
        meter.add(&block);
        let level = meter.take();
        assert!(level.peak.abs() < 0.01, "{level:?}");
        assert!((level.rms + 3.01).abs() < 0.01, "{level:?}");
        assert_eq!(meter.take().peak, Level::SILENCE, "a level is told once");
    }

    #[test]
    fn speech_is_what_stands_out_of_the_room() {
        let mut speech = Speech::default();
        let mut block = [0.0; BLOCK];
        let mut hum = Sine::new(100.0, -62.0);
        for _ in 0..100 {
            hum.fill(&mut block);
            assert!(!speech.hear(&block), "a hum at -65 dBFS is the room");
        }
        Sine::new(300.0, -25.0).fill(&mut block);
        assert!(speech.hear(&block));
        hum.fill(&mut block);
        assert!(
            (0..HOLD - 1).all(|_| speech.hear(&block)),
            "a pause between words is speech"
        );
        assert!(!speech.hear(&block), "a longer one is none");
    }
}
