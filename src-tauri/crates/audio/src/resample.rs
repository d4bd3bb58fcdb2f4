//! Between a device's or a file's rate and the engine's 48 kHz.

use rubato::{Fft, FixedSync, Resampler as _, audioadapter_buffers::direct::InterleavedSlice};

use crate::{BLOCK, RATE};

/// One channel from one fixed rate to another, 5 ms late. It allocates only when it is made.
pub(crate) struct Resampler {
    fft: Fft<f32>,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Resampler {
    /// From a device's rate: 480 samples come out each time. `None` for a rate that nothing has.
    pub(crate) fn to_engine(rate: u32) -> Option<Self> {
        Self::new(rate, RATE, FixedSync::Output)
    }

    /// To a device's rate: 480 samples go in each time.
    pub(crate) fn from_engine(rate: u32) -> Option<Self> {
        Self::new(RATE, rate, FixedSync::Input)
    }

    fn new(from: u32, to: u32, fixed: FixedSync) -> Option<Self> {
        let fft = Fft::new(from as usize, to as usize, BLOCK, 1, fixed).ok()?;
        let (input, output) = (
            vec![0.0; fft.input_frames_max()],
            vec![0.0; fft.output_frames_max()],
        );
        Some(Self { fft, input, output })
    }

    /// How many samples [`Resampler::convert`] takes next.
    pub(crate) fn wanted(&self) -> usize {
        self.fft.input_frames_next()
    }

    /// Where those samples go.
    pub(crate) fn input(&mut self) -> &mut [f32] {
        let wanted = self.wanted();
        &mut self.input[..wanted]
    }

    /// What they become.
    pub(crate) fn convert(&mut self) -> &[f32] {
        let (taken, most) = (self.input.len(), self.output.len());
        let Ok(input) = InterleavedSlice::new(&self.input, 1, taken) else {
            return &[];
        };
        let Ok(mut output) = InterleavedSlice::new_mut(&mut self.output, 1, most) else {
            return &[];
        };
        let made = self
            .fft
            .process_into_buffer(&input, &mut output, None)
            .map_or(0, |(_, made)| made);
        &self.output[..made]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_at_any_rate_becomes_a_second_at_48_khz() {
        for rate in [
            8000, 11_025, 16_000, 22_050, 32_000, 44_100, 88_200, 96_000, 192_000,
        ] {
            let mut resampler = Resampler::to_engine(rate).unwrap();
            let mut taken = 0;
            let mut made = 0;
            while taken < rate as usize {
                let wanted = resampler.wanted();
                for (at, sample) in resampler.input().iter_mut().enumerate() {
                    *sample =
                        (std::f32::consts::TAU * 440.0 * (taken + at) as f32 / rate as f32).sin();
                }
                taken += wanted;
                let block = resampler.convert();
                assert_eq!(block.len(), BLOCK, "at {rate}");
                made += block.len();
                if made > 9600 {
                    let peak = block
                        .iter()
                        .fold(0f32, |peak, sample| peak.max(sample.abs()));
                    assert!(
                        (0.9..1.1).contains(&peak),
                        "440 Hz keeps its height at {rate}: {peak}"
                    );
                }
            }
            assert!(
                (made as i64 * i64::from(rate) / 48_000 - taken as i64).abs()
                    < i64::from(rate) / 20,
                "{rate}: {taken} {made}"
            );
        }
    }
}
