//! What a listener makes of it: the E-model (ITU-T G.107, default values of its table 3), in short form.
//!
//! R = 93.2 - Id - Ie,eff. `Id` is the delay's part, in the approximation of Cole and Rosenbluth (ACM CCR 31-2,
//! 2001). G.113 has no figures for Opus: equipment impairment is taken as 0 (PESQ-WB of 4.4 on a clean
//! link), and `BPL`, the robustness, from our own table of PESQ against residual loss (10 % concealed: 2.45).

use crate::event::Quality;

/// Robustness of concealment: with deep PLC, 10 % of frames invented costs 33 points.
const BPL: f32 = 18.0;

/// Delay from mouth to ear in milliseconds, share of sound invented or left out (0-1); gives R, 0-93.2.
pub(crate) fn r_factor(delay_ms: f32, loss: f32) -> f32 {
    let late = (delay_ms - 177.3).max(0.0);
    let by_delay = 0.024 * delay_ms + 0.11 * late;
    let percent = loss * 100.0;
    let by_loss = 95.0 * percent / (percent + BPL);
    (93.2 - by_delay - by_loss).clamp(0.0, 93.2)
}

/// G.107 annex B: R as a mean opinion score.
pub(crate) fn mos(r: f32) -> f32 {
    if r <= 0.0 {
        return 1.0;
    }
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

/// The grade of a score.
pub(crate) fn grade(mos: f32) -> Quality {
    match mos {
        m if m >= 4.0 => Quality::Good,
        m if m >= 3.6 => Quality::Fair,
        m if m >= 2.6 => Quality::Poor,
        _ => Quality::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scores_of_g107_come_out() {
        assert!(
            (mos(93.2) - 4.41).abs() < 0.01,
            "annex B: R of 93.2 is 4.41"
        );
        assert!((mos(50.0) - 2.58).abs() < 0.01);
        assert!((mos(0.0) - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn a_good_line_is_good_and_half_a_second_of_delay_is_not() {
        assert_eq!(grade(mos(r_factor(100.0, 0.0))), Quality::Good);
        assert!(grade(mos(r_factor(600.0, 0.0))) <= Quality::Poor);
        assert_eq!(grade(mos(r_factor(100.0, 0.5))), Quality::Bad);
    }
}
