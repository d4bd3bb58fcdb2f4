//! Retransmission: 250 ms or 1.5 round trips, doubled, five tries (rule 17).

use core::time::Duration;

use ntm_wire::time::Mono;

/// The first wait, and the least.
pub(crate) const RTO: Duration = Duration::from_millis(250);
const TRIES: u8 = 5;

/// The schedule of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    tries: u8,
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
    pub(crate) fn new(now: Mono) -> Self {
        Self {
            tries: 1,
            rto: RTO,
            next: now + RTO,
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

    /// The other end has the request and is at work: asks again at `until`, as if for the first time.
    pub(crate) fn pause(&mut self, until: Mono) {
        *self = Self {
            tries: 0,
            rto: RTO / 2,
            next: until,
        };
    }

    /// Whether no try went unanswered yet.
    pub(crate) fn is_first(&self) -> bool {
        self.tries <= 1
    }

    /// When to ask next.
    pub(crate) fn next(&self) -> Mono {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_with_doubled_waits_then_it_gives_up() {
        let start = Mono::default();
        let mut retry = Retry::new(start);
        let mut at = Vec::new();
        let end = loop {
            let now = retry.next();
            match retry.due(now) {
                Due::Again => at.push(now.as_micros() / 1000),
                Due::GiveUp => break now,
                Due::Wait => unreachable!("asked at the time it named"),
            }
        };
        assert_eq!(
            at,
            [250, 750, 1750, 3750],
            "the first try is the sending itself"
        );
        assert_eq!(end.as_micros(), 7_750_000);
    }
}
