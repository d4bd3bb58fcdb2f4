//! The pulse of a tunnel in use: how steadily the peer is heard, and since when it is not.
//!
//! A stream of many packets a second, either way, tells of a dead path within 300 ms: each end sends
//! something authenticated at least every 100 ms while it receives, so silence is never the stream's.

use core::time::Duration;

use ntm_wire::time::Mono;

use crate::negotiation::retry::smooth;

/// A receiver with nothing to send says this often that it lives.
const SIGN: Duration = Duration::from_millis(100);
/// Packets that come closer together than this are a stream; one lost sign in three leaves it one.
const STREAM: Duration = Duration::from_millis(180);
/// So long after the last data a death is still found within seconds.
const BUSY: Duration = Duration::from_secs(60);
/// So many packets in a row make a stream: bursts of a few do not.
const BEATS: u32 = 8;
/// So long a stream is silent before its path is in doubt: 300 ms are allowed, and asking costs a
/// timer's lateness at both ends.
const SILENCE: Duration = Duration::from_millis(280);

/// Kept per tunnel, over all its paths.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    heard: Mono,
    gap: Option<Duration>,
    beats: u32,
    /// The first packet sent since the peer was last heard.
    unanswered: Option<Mono>,
    /// Data came in, and nothing has left since.
    owing: Option<Mono>,
    /// Data came in then.
    data: Option<Mono>,
    /// Data went either way then.
    talked: Option<Mono>,
}

impl Pulse {
    /// Something authentic came in.
    pub(crate) fn heard(&mut self, now: Mono) {
        let gap = now.since(self.heard);
        // A pause between two streams is not the pace of either.
        if gap > SILENCE * 2 {
            (self.gap, self.beats) = (None, 0);
        } else {
            (self.gap, self.beats) = (Some(smooth(self.gap, gap)), self.beats.saturating_add(1));
        }
        self.heard = now;
        self.unanswered = None;
    }

    /// It was data, which the peer sends as long as it believes that it arrives.
    pub(crate) fn heard_data(&mut self, now: Mono) {
        self.owing.get_or_insert(now);
        self.data = Some(now);
        self.talked(now);
    }

    /// Data went either way.
    pub(crate) fn talked(&mut self, now: Mono) {
        self.talked = Some(now);
    }

    /// Whether somebody would miss the peer at `at`.
    pub(crate) fn is_busy(&self, at: Mono) -> bool {
        self.talked.is_some_and(|t| at < t + BUSY)
    }

    /// Something left.
    pub(crate) fn sent(&mut self, now: Mono) {
        self.unanswered.get_or_insert(now);
        self.owing = None;
    }

    /// Whether a stream of data still comes in at `at`, or has only just fallen silent. Questions and
    /// their answers are none, or they would keep themselves up.
    pub(crate) fn is_streaming(&self, at: Mono) -> bool {
        let is_fresh = self.data.is_some_and(|t| at < t + SILENCE * 2);
        self.is_stream() && is_fresh
    }

    fn is_stream(&self) -> bool {
        self.beats >= BEATS && self.gap.is_some_and(|gap| gap <= STREAM)
    }

    /// When the silence becomes suspect. A node that began to send only just now waits for an answer
    /// from then on.
    pub(crate) fn doubt_at(&self, rtt: Option<Duration>) -> Option<Mono> {
        let sent = self.unanswered.filter(|_| self.is_stream())?;
        let in_stream = sent.since(self.heard) < SILENCE;
        let patience = SILENCE.max(rtt.unwrap_or_default() * 3 / 2);
        Some(if in_stream {
            self.heard + SILENCE
        } else {
            sent + patience
        })
    }

    /// When a sign of life is due.
    pub(crate) fn sign_at(&self) -> Option<Mono> {
        self.owing.filter(|_| self.is_stream()).map(|t| t + SIGN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    fn stream(until: u64, pace: usize) -> Pulse {
        let mut pulse = Pulse::default();
        for ms in (1000..=until).step_by(pace) {
            pulse.heard(at(ms));
            pulse.heard_data(at(ms));
        }
        pulse
    }

    #[test]
    fn a_stream_that_falls_silent_is_in_doubt_within_300_ms() {
        let mut pulse = stream(2000, 20);
        pulse.sent(at(2015));
        assert_eq!(pulse.doubt_at(None), Some(at(2280)));
        pulse.heard(at(2250));
        assert_eq!(pulse.doubt_at(None), None, "it lives");
    }

    #[test]
    fn silence_of_somebody_who_was_asked_nothing_is_no_doubt() {
        assert_eq!(stream(2000, 20).doubt_at(None), None);
    }

    #[test]
    fn a_far_peer_is_not_doubted_when_a_pause_ends() {
        let mut pulse = stream(2000, 20);
        pulse.sent(at(9000));
        let rtt = Some(Duration::from_millis(600));
        assert_eq!(pulse.doubt_at(rtt), Some(at(9900)));
    }

    #[test]
    fn questions_and_answers_are_no_stream_of_data() {
        let mut pulse = stream(2000, 20);
        assert!(pulse.is_streaming(at(2500)));
        for ms in (2000..4000).step_by(20) {
            pulse.heard(at(ms));
        }
        assert!(!pulse.is_streaming(at(4000)));
    }

    #[test]
    fn single_packets_and_short_bursts_are_no_stream() {
        for (until, pace) in [(4000, 500), (1040, 10)] {
            let mut pulse = stream(until, pace);
            pulse.sent(at(until + 1));
            assert_eq!((pulse.doubt_at(None), pulse.sign_at()), (None, None));
        }
    }

    #[test]
    fn a_receiver_says_that_it_lives_until_the_stream_ends() {
        let mut pulse = stream(2000, 20);
        let first = pulse.sign_at().expect("it owes a sign");
        assert!(first <= at(1100), "since the first packet nothing was sent");
        pulse.sent(at(2001));
        assert_eq!(pulse.sign_at(), None);
        pulse.heard(at(2010));
        assert_eq!(pulse.sign_at(), None, "a sign is not answered by a sign");
    }
}
