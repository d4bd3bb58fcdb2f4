//! Echo cancellation, noise suppression and gain: the WebRTC audio processing module, in Rust (`sonora`).

use sonora::{
    AudioProcessing, Config, StreamConfig,
    config::{AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression},
};

use crate::{
    BLOCK, RATE,
    config::{EchoCancellation, Processing},
};

/// Works on what the microphone hears, knowing what the loudspeaker plays. With everything off it is not there at all: what goes in
/// comes out, and 8 ms earlier.
pub struct Apm {
    module: Option<AudioProcessing>,
    wanted: Processing,
    headset: bool,
    scratch: Box<[f32; BLOCK]>,
}

impl Apm {
    /// `headset`: the loudspeaker is at an ear, so the microphone does not hear it.
    pub fn new(wanted: Processing, headset: bool) -> Self {
        let mut apm = Self {
            module: None,
            wanted,
            headset,
            scratch: Box::new([0.0; BLOCK]),
        };
        apm.rebuild();
        apm
    }

    /// What the loudspeaker is about to play: 10 ms at 48 kHz, after the volume.
    pub fn render(&mut self, block: &[f32; BLOCK]) {
        let Some(module) = &mut self.module else {
            return;
        };
        // It refuses wrong sizes only, and these are right by type.
        let _ = module.process_render_f32(&[block], &mut [&mut self.scratch[..]]);
    }

    /// What the microphone heard, made fit to be sent.
    pub fn capture(&mut self, block: &mut [f32; BLOCK]) {
        let Some(module) = &mut self.module else {
            return;
        };
        if module
            .process_capture_f32(&[&block[..]], &mut [&mut self.scratch[..]])
            .is_ok()
        {
            block.copy_from_slice(&self.scratch[..]);
        }
    }

    /// Switches parts on and off; the ones that stay keep what they have learnt.
    pub fn set(&mut self, wanted: Processing, headset: bool) {
        if (wanted, headset) != (self.wanted, self.headset) {
            (self.wanted, self.headset) = (wanted, headset);
            self.rebuild();
        }
    }

    /// Whether echo is cancelled now.
    pub fn cancels_echo(&self) -> bool {
        match self.wanted.echo {
            EchoCancellation::Auto => !self.headset,
            EchoCancellation::On => true,
            EchoCancellation::Off => false,
        }
    }

    /// By how many decibels echo is weakened, by the canceller's own estimate.
    pub fn echo_return_loss_enhancement(&self) -> Option<f64> {
        self.module
            .as_ref()?
            .statistics()
            .echo_return_loss_enhancement
    }

    /// From the loudspeaker's block to its echo in the microphone, ms, as estimated.
    pub fn echo_delay_ms(&self) -> Option<i32> {
        self.module.as_ref()?.statistics().delay_ms
    }

    fn rebuild(&mut self) {
        let (echo, Processing { noise, gain, .. }) = (self.cancels_echo(), self.wanted);
        if !(echo || noise || gain) {
            self.module = None;
            return;
        }
        let config = Config {
            echo_canceller: echo.then(EchoCanceller::default),
            noise_suppression: noise.then(NoiseSuppression::default),
            gain_controller2: gain.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            high_pass_filter: Some(HighPassFilter::default()),
            ..Config::default()
        };
        match &mut self.module {
            Some(module) => module.apply_config(config),
            None => self.module = Some(build(config)),
        }
    }
}

fn build(config: Config) -> AudioProcessing {
    let mono = StreamConfig::new(RATE, 1);
    AudioProcessing::builder()
        .config(config)
        .capture_config(mono)
        .render_config(mono)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Sine;

    #[test]
    fn with_everything_off_not_a_bit_is_changed() {
        let mut apm = Apm::new(Processing::OFF, false);
        let mut block = [0.0; BLOCK];
        Sine::new(440.0, -20.0).fill(&mut block);
        let before = block;
        apm.render(&before);
        apm.capture(&mut block);
        assert_eq!(block, before);
    }

    #[test]
    fn a_headset_has_no_echo_unless_somebody_insists() {
        let auto = Processing::default();
        assert!(Apm::new(auto, false).cancels_echo());
        assert!(!Apm::new(auto, true).cancels_echo());
        assert!(
            Apm::new(
                Processing {
                    echo: EchoCancellation::On,
                    ..auto
                },
                true
            )
            .cancels_echo()
        );
        let mut apm = Apm::new(auto, false);
        apm.set(auto, true);
        assert!(!apm.cancels_echo(), "plugging a headset in switches it off");
    }

    #[test]
    fn noise_suppression_quietens_noise() {
        let mut apm = Apm::new(
            Processing {
                noise: true,
                ..Processing::OFF
            },
            false,
        );
        let mut state = 1u32;
        let (mut before, mut after) = (0.0, 0.0);
        for at in 0..500 {
            let mut block = [0.0; BLOCK];
            for sample in &mut block {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (state >> 8) as f32 / (1 << 24) as f32 * 0.02 - 0.01;
            }
            let energy = |block: &[f32]| block.iter().map(|s| s * s).sum::<f32>();
            if at > 300 {
                before += energy(&block);
            }
            apm.capture(&mut block);
            if at > 300 {
                after += energy(&block);
            }
        }
        assert!(
            10.0 * (before / after).log10() > 6.0,
            "{} dB",
            10.0 * (before / after).log10()
        );
    }
}
