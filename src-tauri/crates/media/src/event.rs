//! What goes in and out of an engine besides sound.

use std::time::Duration;

/// What the overlay knows of the way to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathEvent {
    /// No path leads to the peer now. What is sent is lost, what was on its way is too.
    Lost,
    /// A path leads to the peer again, or another one is used: what was not confirmed goes again.
    Restored,
    /// Two paths live until this time of the engine's clock: packets should go on both.
    TwoPaths {
        /// When the second copy is no longer wanted.
        until: Duration,
    },
}

/// One UDP datagram to the peer, RTP or RTCP on the same port (RFC 5761).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The payload of the UDP datagram.
    pub bytes: Vec<u8>,
    /// Send a copy on the second path if there is one; the peer drops duplicates.
    pub on_both_paths: bool,
}

/// What a listener makes of the call just now, by the E-model (G.107) over the last seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// MOS below 2.6, or nothing is heard.
    Bad,
    /// MOS 2.6 to 3.6: many are dissatisfied.
    Poor,
    /// MOS 3.6 to 4.0.
    Fair,
    /// MOS of 4.0 or better.
    Good,
}

/// A gap in what arrived, told when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outage {
    /// When the last packet before it came.
    pub began: Duration,
    /// From the last packet before it to the first after it.
    pub silence: Duration,
    /// From the first packet after it to the first of the peer's sound that was played.
    pub resumed_after: Duration,
    /// Speech of that time that will never be played.
    pub lost_speech: Duration,
    /// Packets that came late, because they were sent again.
    pub backfilled: u32,
    /// How much later than before it the peer was heard, at the most.
    pub extra_delay: Duration,
    /// From the first packet after it until the delay was back (within 20 ms of its target).
    pub caught_up_after: Duration,
}

/// What the application may tell a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// The first of the peer's sound is being played.
    FirstSound,
    /// Nothing came for more than 100 ms though it should have; concealment covers it.
    OutageBegan,
    /// The outage has lasted a second: say "switching network".
    SwitchingNetwork,
    /// The outage has lasted two seconds: play a soft tone until [`Event::OutageEnded`].
    SoftTone,
    /// The peer is heard again. The figures up to here; [`Event::CaughtUp`] follows.
    OutageEnded(Outage),
    /// Delay is back to normal: the final figures of the last outage.
    CaughtUp(Outage),
    /// The grade changed and stayed so for two seconds.
    QualityChanged(Quality),
    /// The encoder was told other settings.
    EncoderChanged(crate::codec::EncoderSettings),
    /// The peer's stream began anew (other SSRC): it restarted.
    PeerRestarted,
}

/// How a stretch of the media time line came to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Decoded from its own packet.
    Packet,
    /// From the LBRR of the packet after it.
    Lbrr,
    /// From the DRED of a later packet.
    Dred,
    /// Invented: it counts as lost.
    Concealed,
    /// Nobody spoke and nothing was sent (DTX): comfort noise.
    Pause,
    /// Left out, to catch up or because it came too late: it counts as lost.
    Skipped,
}

/// One frame before time stretching, with its media time: the record of a bench.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Samples since the first packet of the stream.
    pub at: i64,
    /// Where it came from.
    pub origin: Origin,
    /// The sound; empty if skipped.
    pub pcm: Vec<f32>,
    /// Its length in samples (also when skipped).
    pub samples: usize,
}
