//! What a person or a script may ask of a call.

use crate::codec::EncoderSettings;
use crate::event::Quality;
use std::time::Duration;

/// Figures of a call: sums since its start unless it says "now".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// What this side sends.
    pub sent: SentStats,
    /// What this side hears.
    pub heard: HeardStats,
    /// Round trip by the receive reports, now; `None` before the first.
    pub round_trip: Option<Duration>,
    /// E-model rating R (G.107), 0-93.2, over the last seconds; `None` before the first sound.
    pub r_factor: Option<f32>,
    /// The mean opinion score that R stands for (G.107 annex B), 1-4.5.
    pub mos: Option<f32>,
    /// The same in a word.
    pub quality: Option<Quality>,
}

/// The sending side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SentStats {
    /// RTP packets, without those sent again.
    pub packets: u64,
    /// Octets of Opus in them.
    pub payload_octets: u64,
    /// Packets sent again after a gap.
    pub backfilled: u64,
    /// Octets of Opus in those.
    pub backfilled_octets: u64,
    /// Packets that went once more inside a later one (RFC 2198).
    pub carried: u64,
    /// Octets of those, with what says where they begin.
    pub carried_octets: u64,
    /// RTCP packets.
    pub reports: u64,
    /// Opus bits per second over the last two seconds, those sent again included.
    pub bitrate: u32,
    /// Share of packets that did not reach the peer, by its receive reports, 0-1, now.
    pub loss: f32,
    /// Mean number of packets lost in a row at the peer, now; 0 if none.
    pub burst: f32,
    /// What the encoder was told; `None` before the first frame.
    pub settings: Option<EncoderSettings>,
    /// Someone speaks into this side's microphone, now.
    pub speaking: bool,
}

/// The hearing side. Milliseconds are of the peer's media time, each counted once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeardStats {
    /// RTP packets received, duplicates not counted.
    pub packets: u64,
    /// Second copies (redundancy on two paths, or sent again needlessly).
    pub duplicates: u64,
    /// Datagrams that were no RTP or RTCP of this call, and packets without place for them.
    pub refused: u64,
    /// Packets that came after their place had been played.
    pub late: u64,
    /// Packets that came because they were sent again, in time to be played.
    pub backfilled: u64,
    /// Packets that came inside a later one (RFC 2198), in time to be played.
    pub carried: u64,
    /// Share of packets lost on the way over the last ten seconds, outages apart, 0-1.
    pub loss: f32,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// The delay the jitter buffer aims at, above the fastest packet.
    pub delay_target: Duration,
    /// What it is now.
    pub playout_delay: Duration,
    /// Milliseconds of the peer's sound decoded from their own packets.
    pub played_ms: u64,
    /// Recovered from LBRR.
    pub lbrr_ms: u64,
    /// Recovered from DRED.
    pub dred_ms: u64,
    /// Invented by PLC in the place of lost packets.
    pub concealed_ms: u64,
    /// Pauses of the peer (DTX).
    pub pause_ms: u64,
    /// Left out: came too late, or skipped to catch up.
    pub skipped_ms: u64,
    /// Of the concealed and skipped, what was speech: **lost speech, never played**.
    pub lost_speech_ms: u64,
    /// Played in addition while waiting (PLC and comfort noise during a gap), no media time.
    pub inserted_ms: u64,
    /// Media time shortened away or lengthened by time stretching, pitch by pitch.
    pub stretched_ms: u64,
    /// Gaps of more than 100 ms.
    pub outages: u32,
    /// The peer speaks, now.
    pub speaking: bool,
}
