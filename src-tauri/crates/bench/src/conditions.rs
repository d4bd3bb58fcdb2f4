//! The conditions of `docs/voice.md`, each with the bar it belongs to.

use std::time::Duration;
use voice_media::FrameLength;
use voice_media::world::{Loss, Outage, Path};

/// One way a call can go.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    /// Its bar; 0: a control, or to look at.
    pub(crate) bar: u8,
    pub(crate) path: Path,
    pub(crate) outages: Vec<Outage>,
    pub(crate) seconds: u64,
    /// So many runs, each with another seed.
    pub(crate) runs: u64,
    pub(crate) skew_ppm: f64,
    /// Off: what happens without it, to show that the counting notices.
    pub(crate) backfill: bool,
    pub(crate) frame: FrameLength,
    /// Sound is kept; long runs keep the log only.
    pub(crate) keeps_sound: bool,
}

const MS: fn(u64) -> Duration = Duration::from_millis;

/// 50 ms round trip, as the bars say.
fn path(loss: Loss) -> Path {
    Path {
        delay: MS(25),
        loss,
        ..Path::default()
    }
}

fn clean(name: &'static str, bar: u8) -> Condition {
    Condition {
        name,
        bar,
        path: path(Loss::None),
        outages: Vec::new(),
        seconds: 31,
        runs: 1,
        skew_ppm: 0.0,
        backfill: true,
        frame: FrameLength::Ms20,
        keeps_sound: true,
    }
}

/// A hand-over at 10.05 s, in the middle of a word more often than not, noticed 100 ms later.
fn outage(name: &'static str, bar: u8, length: Duration) -> Condition {
    // each run at another moment
    Condition {
        outages: vec![cut(MS(10_050), length)],
        runs: 5,
        ..clean(name, bar)
    }
}

fn cut(at: Duration, length: Duration) -> Outage {
    Outage {
        at,
        length,
        noticed_after: Some(MS(100)),
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Condition> {
    let loss = |name, bar, loss| Condition {
        path: path(loss),
        runs: 5,
        seconds: 51,
        ..clean(name, bar)
    };
    let jitter = Path {
        delay: MS(25),
        jitter: MS(40),
        ..Path::default()
    };
    let often = (0..50)
        .map(|n| cut(MS(12_000 * n + 6_000 + 137 * n), MS(300)))
        .collect();
    vec![
        clean("clean", 1),
        Condition {
            frame: FrameLength::Ms10,
            ..clean("clean-10ms", 0)
        },
        loss("random-10", 2, Loss::Random(0.10)),
        loss("random-05", 0, Loss::Random(0.05)),
        loss(
            "bursts-10",
            3,
            Loss::Bursts {
                share: 0.10,
                mean: 3.0,
            },
        ),
        outage("outage-300", 4, MS(300)),
        outage("outage-500", 5, MS(500)),
        outage("outage-8000", 6, MS(8_000)),
        Condition {
            backfill: false,
            ..outage("control-no-backfill-300", 0, MS(300))
        },
        Condition {
            outages: vec![Outage {
                noticed_after: None,
                ..cut(MS(10_050), MS(300))
            }],
            ..outage("outage-300-unnoticed", 0, MS(300))
        },
        Condition {
            path: jitter,
            ..clean("jitter-40", 0)
        },
        Condition {
            outages: often,
            seconds: 612,
            keeps_sound: false,
            ..clean("handovers-50", 7)
        },
        Condition {
            skew_ppm: 200.0,
            seconds: 1800,
            keeps_sound: false,
            ..clean("skew-plus", 11)
        },
        Condition {
            skew_ppm: -200.0,
            seconds: 1800,
            keeps_sound: false,
            ..clean("skew-minus", 11)
        },
    ]
}
