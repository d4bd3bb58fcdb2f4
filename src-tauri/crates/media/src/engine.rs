//! The engine of one call: the sending and the hearing half, and what joins them.

use crate::codec::{Decoder, Encoder};
use crate::{BLOCK, Config, Datagram, Decoded, Event, PathEvent, Stats};
use std::time::Duration;

/// One call's media, both directions.
///
/// # Contract with the driver
/// - `now` is the time since the engine was made, by a monotonic clock that goes on while the machine sleeps if there
///   is one. It never goes back.
/// - Every 10 ms of the capture clock: [`Engine::handle_capture`]; every 10 ms of the playback clock: [`Engine::play`]. The
///   two clocks may differ from each other and from the peer's by some 200 ppm.
/// - After each call that takes `now`, drain [`Engine::poll_transmit`] and [`Engine::poll_event`], and call
///   [`Engine::handle_timeout`] at the time that [`Engine::poll_timeout`] says. A driver that calls it every 10 ms may ignore
///   the latter: packets sent again then go in pairs.
/// - Everything runs on one thread and never blocks; one call costs well below 1 ms (a DRED frame 0.5 ms).
/// - Nothing that comes by [`Engine::handle_datagram`] makes it panic or hold more than about a megabyte.
pub struct Engine {
    #[expect(dead_code, reason = "the halves come with the next change")]
    parts: (Config, Box<dyn Encoder>, Box<dyn Decoder>),
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine that has heard and sent nothing. The codec's state becomes its own.
    #[must_use]
    pub fn new(config: Config, encoder: Box<dyn Encoder>, decoder: Box<dyn Decoder>) -> Self {
        Self {
            parts: (config, encoder, decoder),
        }
    }

    /// Ten milliseconds from the microphone, after echo cancellation.
    pub fn handle_capture(&mut self, _now: Duration, _pcm: &[f32; BLOCK]) {}

    /// The capture device was opened anew: what was half a frame is dropped, and the time without sound is left out.
    pub fn handle_capture_restart(&mut self, _now: Duration) {}

    /// One datagram of the peer, RTP or RTCP. Anything else is counted and dropped.
    pub fn handle_datagram(&mut self, _now: Duration, _bytes: &[u8]) {}

    /// What the overlay says of the path.
    pub fn handle_path(&mut self, _now: Duration, _event: PathEvent) {}

    /// Time passed: packets due again, reports, the steps of an outage.
    pub fn handle_timeout(&mut self, _now: Duration) {}

    /// Silence is sent instead of the microphone (as DTX: next to nothing), until told otherwise.
    pub fn set_muted(&mut self, _muted: bool) {}

    /// On hold nothing is sent but RTCP, nothing is played, and silence of the peer is no outage.
    pub fn set_held(&mut self, _now: Duration, _held: bool) {}

    /// The next ten milliseconds for the ear. Always fills all of `out`.
    pub fn play(&mut self, _now: Duration, out: &mut [f32; BLOCK]) {
        out.fill(0.0);
    }

    /// The next datagram to send, oldest first.
    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        None
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// What was decoded, before time stretching; only with [`Config::tap`].
    pub fn poll_decoded(&mut self) -> Option<Decoded> {
        None
    }

    /// When to call [`Engine::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// The figures of the call at this moment.
    #[must_use]
    pub fn stats(&self, _now: Duration) -> Stats {
        Stats::default()
    }
}
