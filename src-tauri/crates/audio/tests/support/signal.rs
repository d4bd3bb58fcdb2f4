//! Something like speech, and how to find it again.

const RATE: f32 = 48_000.0;

/// White noise from a seed, uniform in -0.25..0.25.
pub(crate) fn noise(samples: usize) -> Vec<f32> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..samples).map(|_| next() * 0.5 - 0.25).collect()
}

/// Like a voice to a codec: a gliding pitch with its harmonics, four syllables a second, breath between them. Never the same twice.
pub(crate) fn voice(samples: usize) -> Vec<f32> {
    let breath = noise(samples);
    let mut phase = 0.0f32;
    let mut rough = 0.0f32;
    (0..samples)
        .map(|at| {
            let t = at as f32 / RATE;
            let pitch = 140.0 + 35.0 * (0.9 * t).sin() + 20.0 * (2.3 * t + 1.0).sin();
            phase = (phase + pitch / RATE) % 1.0;
            let formant = 6.0 + 4.0 * (3.1 * t).sin();
            let harmonics: f32 = (1..24)
                .map(|n| {
                    (std::f32::consts::TAU * n as f32 * phase).sin()
                        / (1.0 + (n as f32 - formant).powi(2) / 8.0)
                })
                .sum();
            let syllable = (std::f32::consts::PI * 4.0 * t).sin().abs().powf(0.7);
            rough += 0.3 * (breath[at] - rough);
            0.07 * syllable * harmonics + 0.1 * (1.0 - syllable) * rough
        })
        .collect()
}

/// Where `piece` is in `whole`, between `from` and `to`, and how alike they are there: 1.0 is the same but for loudness.
pub(crate) fn find(piece: &[f32], whole: &[f32], from: usize, to: usize) -> (usize, f32) {
    let to = to.min(whole.len().saturating_sub(piece.len()));
    let energy = |s: &[f32]| s.iter().map(|x| x * x).sum::<f32>();
    let own = energy(piece).sqrt();
    (from..to)
        .map(|lag| {
            let there = &whole[lag..lag + piece.len()];
            let product: f32 = piece.iter().zip(there).map(|(a, b)| a * b).sum();
            (lag, product / (own * energy(there).sqrt() + 1e-9))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, 0.0))
}

/// Root mean square.
pub(crate) fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
