//! What a wire does to frames.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chance::Chance;

/// Delay, jitter, loss and rate of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// One-way delay of every frame.
    pub delay: Duration,
    /// Up to so much more, evenly distributed; frames stay in order.
    pub jitter: Duration,
    /// Frames that never arrive.
    pub loss: Loss,
    /// Bits per second; `None`: as fast as it goes.
    pub rate: Option<u64>,
}

/// How frames are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Loss {
    /// None is.
    #[default]
    None,
    /// Each with this probability.
    Random(f64),
    /// In bursts.
    Bursts(Bursts),
}

/// The model of Gilbert and Elliott: a good state without loss and a bad one in which all is lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bursts {
    /// Probability, per frame, that a burst begins.
    pub begin: f64,
    /// Probability, per frame, that it ends.
    pub end: f64,
}

impl Quality {
    /// Only a delay.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// The same with this loss.
    #[must_use]
    pub fn with_loss(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }
}

impl Loss {
    /// Whether the next frame is lost; `bad` is the state between frames.
    pub(super) fn draws(self, chance: &mut Chance, bad: &mut bool) -> bool {
        match self {
            Self::None => false,
            Self::Random(probability) => chance.is(probability),
            Self::Bursts(Bursts { begin, end }) => {
                *bad = if *bad {
                    !chance.is(end)
                } else {
                    chance.is(begin)
                };
                *bad
            }
        }
    }
}
