//! Who speaks: energy above a floor that follows the noise. Good enough to say what a lost frame was, and who talks
//! at once; it steers no codec.

/// What -50 dBFS is as a mean square: below it nothing counts as speech.
const QUIET: f32 = 1e-5;
/// Speech is this much above the noise, 10 dB.
const ABOVE: f32 = 10.0;
/// Per frame, how fast the floor rises: 10 dB in about 3 s of 20 ms frames, slower than any syllable.
const RISE: f32 = 1.015;

/// The mean square of a frame.
pub(crate) fn energy(pcm: &[f32]) -> f32 {
    let sum: f32 = pcm.iter().map(|x| x * x).sum();
    sum / pcm.len().max(1) as f32
}

/// Follows one voice.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    floor: f32,
    speaking: bool,
    run: u32,
}

impl Activity {
    pub(crate) const fn new() -> Self {
        Self {
            floor: 1e-4,
            speaking: false,
            run: 0,
        }
    }

    /// Takes the next frame and says whether it is speech.
    pub(crate) fn hear(&mut self, pcm: &[f32]) -> bool {
        let energy = energy(pcm);
        self.floor = if energy < self.floor {
            energy.max(1e-9)
        } else {
            (self.floor * RISE).min(energy)
        };
        let speech = energy > QUIET.max(self.floor * ABOVE);
        self.run = if speech == self.speaking {
            self.run.saturating_add(1)
        } else {
            1
        };
        self.speaking = speech;
        speech
    }

    /// The last frame was speech.
    pub(crate) const fn speaking(&self) -> bool {
        self.speaking
    }

    /// So many of the last frames, without a break, were speech.
    pub(crate) const fn speech_run(&self) -> u32 {
        if self.speaking { self.run } else { 0 }
    }

    /// Mean square of the noise, as far as known.
    pub(crate) const fn floor(&self) -> f32 {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_over_noise_is_speech_and_the_noise_is_not() {
        let mut activity = Activity::new();
        let frame = |level: f32| -> Vec<f32> {
            (0..960)
                .map(|i| level * ((i * 7919 % 101) as f32 / 50.0 - 1.0))
                .collect()
        };
        for _ in 0..200 {
            activity.hear(&frame(0.003));
        }
        assert!(!activity.speaking(), "steady noise is no speech");
        assert!(activity.hear(&frame(0.2)), "forty times louder is");
        assert!(!activity.hear(&frame(0.003)), "and then it is over");
    }
}
