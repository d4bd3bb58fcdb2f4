//! Time stretching by pitch periods: speech gets shorter or longer without changing its pitch.
//!
//! One operation takes out (or puts in) one stretch of 2.5 to 20 ms at the place and of the length where what follows
//! resembles it most, with a cross-fade over its whole length (the idea of WSOLA: Verhelst and Roelands, ICASSP 1993).

use crate::time::ms;

/// The shortest stretch, 2.5 ms: a pitch of 400 Hz.
const SHORTEST: usize = 120;
/// The longest, 20 ms: several periods, or a piece of a pause.
pub(crate) const LONGEST: usize = 960;
/// The search looks at every sixth sample (8 kHz), then at each around the best.
const COARSE: usize = 6;
/// At least this much is compared, 5 ms.
const COMPARED: usize = 240;

/// What an operation would do.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    lag: usize,
    likeness: f32,
}

/// How sure an operation must be of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Need {
    /// Only where it can't be heard: likeness of 0.85.
    Gentle,
    /// Likeness of 0.5.
    Firm,
    /// Wherever.
    Urgent,
}

impl Need {
    const fn likeness(self) -> f32 {
        match self {
            Self::Gentle => 0.85,
            Self::Firm => 0.5,
            Self::Urgent => -1.0,
        }
    }
}

/// Takes up to `most` samples out of the front of `pcm`, whose first `quiet` samples (if any) hold no speech. Returns how many went.
pub(crate) fn shorten(pcm: &mut Vec<f32>, most: usize, need: Need) -> usize {
    let Some(found) = search(pcm, most.min(LONGEST)) else {
        return 0;
    };
    if found.likeness < need.likeness() {
        return 0;
    }
    let lag = found.lag;
    for i in 0..lag {
        pcm[i] = fade(pcm[i], pcm[i + lag], i, lag);
    }
    pcm.drain(lag..2 * lag);
    lag
}

/// Puts one stretch into the front of `pcm`. Returns how many samples came.
pub(crate) fn lengthen(pcm: &mut Vec<f32>, most: usize, need: Need) -> usize {
    let Some(found) = search(pcm, most.min(LONGEST)) else {
        return 0;
    };
    if found.likeness < need.likeness() {
        return 0;
    }
    let lag = found.lag;
    // first .. 2 lag stays; then from the second period back to the first, once more
    let again: Vec<f32> = (0..lag)
        .map(|i| fade(pcm[i + lag], pcm[i], i, lag))
        .collect();
    pcm.splice(lag..lag, again);
    lag
}

/// Cuts to the join: `tail` fades out while the front of `pcm` fades in.
pub(crate) fn join(tail: &[f32], pcm: &mut [f32]) {
    let length = tail.len();
    for (i, (new, old)) in pcm.iter_mut().zip(tail).enumerate() {
        *new = fade(*old, *new, i, length);
    }
}

fn fade(from: f32, to: f32, at: usize, length: usize) -> f32 {
    let share = (at as f32 + 0.5) / length as f32;
    from + (to - from) * share
}

fn search(pcm: &[f32], most: usize) -> Option<Candidate> {
    let most = most.min(pcm.len() / 2);
    if most < SHORTEST {
        return None;
    }
    let at = |lag: usize, step: usize| Candidate {
        lag,
        likeness: likeness(pcm, lag, step),
    };
    let better = |a: Candidate, b: Candidate| if b.likeness > a.likeness { b } else { a };
    let coarse = (SHORTEST..=most)
        .step_by(COARSE)
        .map(|lag| at(lag, COARSE))
        .reduce(better)?;
    let around =
        coarse.lag.saturating_sub(COARSE - 1).max(SHORTEST)..=(coarse.lag + COARSE - 1).min(most);
    around.map(|lag| at(lag, 2)).reduce(better)
}

/// Normalised correlation of the front with what lies `lag` further on; quiet counts as alike.
fn likeness(pcm: &[f32], lag: usize, step: usize) -> f32 {
    let length = lag.max(COMPARED).min(pcm.len() - lag);
    let (mut cross, mut one, mut two) = (0.0f32, 0.0f32, 0.0f32);
    for i in (0..length).step_by(step) {
        let (a, b) = (pcm[i], pcm[i + lag]);
        cross += a * b;
        one += a * a;
        two += b * b;
    }
    // an energy of -60 dBFS on both sides is alike whatever its shape
    let still = 1e-6 * (length / step) as f32;
    (cross + still) / ((one + still) * (two + still)).sqrt()
}

/// The most that one operation may look at.
pub(crate) const LOOK: usize = 2 * LONGEST;

/// Whether the front of `pcm` is as quiet as the noise, for so long that a piece can go unheard.
pub(crate) fn is_quiet(pcm: &[f32], floor: f32) -> bool {
    let front = pcm.get(..ms(20) as usize);
    front.is_some_and(|front| {
        front
            .chunks(240)
            .all(|part| crate::voice_activity::energy(part) < (floor * 6.0).max(1e-6))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(period: usize, samples: usize) -> Vec<f32> {
        (0..samples)
            .map(|i| (i as f32 * std::f32::consts::TAU / period as f32).sin() * 0.3)
            .collect()
    }

    fn is_that_tone(pcm: &[f32], period: usize) -> bool {
        pcm.iter()
            .zip(&pcm[period..])
            .all(|(a, b)| (a - b).abs() < 0.03)
    }

    #[test]
    fn a_tone_gets_shorter_by_whole_periods_and_stays_the_tone() {
        let mut pcm = tone(240, 4800);
        let gone = shorten(&mut pcm, 500, Need::Gentle);
        assert!(gone == 240 || gone == 480, "{gone} is no whole period");
        assert_eq!(pcm.len() + gone, 4800);
        assert!(is_that_tone(&pcm, 240));
    }

    #[test]
    fn and_longer() {
        let mut pcm = tone(300, 4800);
        let come = lengthen(&mut pcm, 400, Need::Gentle);
        assert_eq!(come, 300);
        assert_eq!(pcm.len(), 5100);
        assert!(is_that_tone(&pcm, 300));
    }

    #[test]
    fn what_resembles_nothing_is_left_alone_unless_it_must_go() {
        let mut state = 1u32;
        let mut noise: Vec<f32> = (0..4800)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 16_777_216.0 - 0.5
            })
            .collect();
        assert_eq!(shorten(&mut noise, LONGEST, Need::Gentle), 0);
        assert!(shorten(&mut noise, LONGEST, Need::Urgent) >= SHORTEST);
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        assert_eq!(shorten(&mut vec![0.1; 200], LONGEST, Need::Urgent), 0);
        assert_eq!(lengthen(&mut Vec::new(), LONGEST, Need::Urgent), 0);
    }
}
