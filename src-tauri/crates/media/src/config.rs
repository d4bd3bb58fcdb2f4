//! How an engine is to be.

use crate::codec::EncoderSettings;

/// How long a packet's sound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FrameLength {
    /// 10 ms: 10 ms less delay, more packets, DRED of at most 235 ms.
    Ms10,
    /// 20 ms.
    #[default]
    Ms20,
}

impl FrameLength {
    /// 10 or 20.
    #[must_use]
    pub const fn millis(self) -> u64 {
        match self {
            Self::Ms10 => 10,
            Self::Ms20 => 20,
        }
    }

    /// Samples at 48 kHz.
    #[must_use]
    pub const fn samples(self) -> usize {
        match self {
            Self::Ms10 => 480,
            Self::Ms20 => 960,
        }
    }
}

/// What two engines agree on by SDP, and what one decides for itself.
#[derive(Debug, Clone)]
pub struct Config {
    /// 32 random octets: SSRC, first sequence number and timestamp, noise. Never reuse one.
    pub seed: [u8; 32],
    /// RTCP's canonical name (RFC 3550 section 6.5.1), at most 255 octets; more is cut off.
    pub cname: String,
    /// RTP payload type of Opus, by SDP (96-127).
    pub payload_type: u8,
    /// RTP payload type of packets that carry earlier ones, too (RFC 2198), by SDP (not Opus's own); `None` when
    /// the peer doesn't know them: then bursts are for DRED.
    pub red_payload_type: Option<u8>,
    /// Identifier of the receive report's header extension, by `a=extmap` (1-14); `None` when the peer
    /// doesn't know it: then nothing is sent again after a gap.
    pub report_extension: Option<u8>,
    /// The peer understands this libopus's DRED (its version goes by SDP). LBRR needs no agreement.
    pub peer_knows_dred: bool,
    /// What one packet holds.
    pub frame: FrameLength,
    /// Where the encoder starts, and the settings of a clean link.
    pub encoder: EncoderSettings,
    /// Bits per second that no loss makes the encoder exceed (redundancy costs up to 48,000).
    pub max_bitrate: u32,
    /// Keep what was decoded, in media time, for [`crate::Engine::poll_decoded`]: for benches only.
    pub tap: bool,
}

impl Config {
    /// A call between two Legatos.
    #[must_use]
    pub fn new(seed: [u8; 32], cname: impl Into<String>) -> Self {
        Self {
            seed,
            cname: cname.into(),
            payload_type: 111,
            red_payload_type: Some(112),
            report_extension: Some(1),
            peer_knows_dred: true,
            frame: FrameLength::Ms20,
            encoder: EncoderSettings::default(),
            max_bitrate: 48_000,
            tap: false,
        }
    }
}
