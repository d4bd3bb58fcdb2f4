//! Retransmission: 250 ms or 1.5 round trips, doubled, five tries (rule 17).

use core::time::Duration;

use ntm_wire::time::Mono;

/// The first wait, and the least.
pub(crate) const RTO: Duration = Duration::from_millis(250);
/// How often a request is sent before it fails.
pub(crate) const TRIES: u32 = 5;

/// The schedule of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    started: Mono,
    tries: u32,
    rto: Duration,
    next: Mono,
}

/// What to do when a retry is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Not yet.
    Wait,
    /// Send again.
    Again,
    /// Every try was in vain.
    GiveUp,
}

impl Retry {
    /// A request that was just sent for the first time.
    pub(crate) fn new(now: Mono, rtt: Option<Duration>) -> Self {
        Self::with_rto(now, rtt.map_or(RTO, |r| RTO.max(r * 3 / 2)))
    }

    /// The same with a first wait of one's own.
    pub(crate) fn with_rto(now: Mono, rto: Duration) -> Self {
        Self {
            started: now,
            tries: 1,
            rto,
            next: now + rto,
        }
    }

    /// Asks at `now`; counts the try when it says [`Due::Again`].
    pub(crate) fn due(&mut self, now: Mono) -> Due {
        if now < self.next {
            return Due::Wait;
        }
        if self.tries >= TRIES {
            return Due::GiveUp;
        }
        self.tries += 1;
        self.rto *= 2;
        self.next = now + self.rto;
        Due::Again
    }

    /// When to ask next.
    pub(crate) fn next(&self) -> Mono {
        self.next
    }

    /// The round trip, if the answer at `now` is surely to the only try (Karn).
    pub(crate) fn sample(&self, now: Mono) -> Option<Duration> {
        (self.tries == 1).then(|| now.since(self.started))
    }
}

/// Smooths round trips as TCP does (RFC 6298: 1/8).
pub(crate) fn smooth(old: Option<Duration>, sample: Duration) -> Duration {
    old.map_or(sample, |o| (o * 7 + sample) / 8)
}
