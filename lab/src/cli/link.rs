//! `ntm-lab link`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use crate::control;
use crate::wire::{Bursts, Loss, Quality};

/// Changes a link while a shell's world runs; what is not named is none.
#[derive(Debug, Args)]
#[command(
    after_help = "Example, in the shell of `ntm-lab shell home-nat`:\n  ntm-lab link a-home-nat --delay 40 --jitter 10 --loss 3 --burst 5 --rate 2000"
)]
pub(super) struct Link {
    /// The link, as the shell named it.
    name: String,
    /// One-way delay in ms.
    #[arg(long, default_value_t = 0.0, value_name = "MS")]
    delay: f64,
    /// Up to so much more, in ms; packets stay in order.
    #[arg(long, default_value_t = 0.0, value_name = "MS")]
    jitter: f64,
    /// Percent of packets lost.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    loss: f64,
    /// Mean length of a burst of losses, in packets; without it each is lost for itself.
    #[arg(long, value_name = "PACKETS")]
    burst: Option<f64>,
    /// kbit/s.
    #[arg(long, value_name = "KBIT")]
    rate: Option<u64>,
    /// The world's socket.
    #[arg(long, env = control::VARIABLE, value_name = "SOCKET")]
    control: PathBuf,
}

impl Link {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        control::change(&self.control, &self.name, self.quality()?)?;
        Ok(true)
    }

    fn quality(&self) -> anyhow::Result<Quality> {
        Ok(Quality {
            delay: millis(self.delay)?,
            jitter: millis(self.jitter)?,
            loss: loss(self.loss / 100.0, self.burst)?,
            rate: self.rate.map(|kbit| kbit * 1000),
        })
    }
}

fn millis(value: f64) -> anyhow::Result<Duration> {
    Ok(Duration::try_from_secs_f64(value / 1000.0)?)
}

/// With bursts of a mean length the bad state ends with its inverse, and begins so that the share holds.
fn loss(share: f64, burst: Option<f64>) -> anyhow::Result<Loss> {
    ensure!((0.0..1.0).contains(&share), "a loss is 0 to 99 percent");
    let Some(length) = burst else {
        return Ok(Loss::Random(share));
    };
    ensure!(length >= 1.0, "a burst is at least 1 long");
    let end = 1.0 / length;
    let begin = share * end / (1.0 - share);
    Ok(Loss::Bursts(Bursts { begin, end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_keep_the_share() {
        let Loss::Bursts(Bursts { begin, end }) = loss(0.05, Some(5.0)).unwrap() else {
            panic!("bursts were asked for");
        };
        assert!((begin / (begin + end) - 0.05).abs() < 1e-9);
        assert!(loss(1.5, None).is_err());
    }
}
