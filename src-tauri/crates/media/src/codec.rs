//! What the engine asks of a codec. `voice-audio` has it for Opus; tests have one whose packets tell what they hold.
//!
//! All sound is 48 kHz, mono, `f32` in -1..1. Neither trait may block or keep time.

/// A codec could not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The packet is no packet of this codec, or is damaged.
    #[error("not a packet of this codec")]
    Malformed,
    /// The output slice is too short, or the frame has a length the codec doesn't know.
    #[error("frame or buffer of a wrong length")]
    Length,
    /// The packet doesn't carry what was asked for (no LBRR, DRED doesn't reach back so far).
    #[error("the packet does not carry that")]
    Absent,
    /// The codec's library failed; its code.
    #[error("the codec failed with code {0}")]
    Library(i32),
}

/// What an encoder is to do from the next frame on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Bits per second of the payload, redundancy included.
    pub bitrate: u32,
    /// The share of packets to expect lost, in per cent (0-100). Opus sends no LBRR below about 10.
    pub loss_percent: u8,
    /// In-band redundancy of the frame before (LBRR, RFC 6716 section 2.1.7).
    pub fec: bool,
    /// How far back deep redundancy reaches, in milliseconds; 0 is none. Opus counts it in steps of 10.
    pub dred_ms: u16,
    /// Send next to nothing while nobody speaks.
    pub dtx: bool,
    /// 0 (cheapest) to 10 (best).
    pub complexity: u8,
}

impl Default for EncoderSettings {
    /// A clean link: 32 kbit/s, no redundancy, DTX, best quality (1.7 % of a core, measured).
    fn default() -> Self {
        Self {
            bitrate: 32_000,
            loss_percent: 0,
            fec: false,
            dred_ms: 0,
            dtx: true,
            complexity: 10,
        }
    }
}

/// Sound to packets.
pub trait Encoder: Send {
    /// Encodes one frame (480 samples = 10 ms, or 960 = 20 ms) into `out` and returns the packet's
    /// length. A packet of at most two octets is DTX: the engine doesn't send it (RFC 7587 section 3.1.3).
    ///
    /// # Errors
    /// [`CodecError::Length`] if the frame has another length or `out` is too short.
    fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, CodecError>;

    /// Applies settings from the next frame on. What the codec can't do it leaves.
    fn set(&mut self, settings: EncoderSettings);

    /// Samples by which the codec delays what it is given (its look-ahead).
    fn lookahead(&self) -> usize {
        0
    }
}

/// Packets to sound. The engine feeds it strictly in the order of the media time, and each frame once.
pub trait Decoder: Send {
    /// Samples in `packet`, without decoding it.
    ///
    /// # Errors
    /// [`CodecError::Malformed`] if it is no packet of this codec.
    fn samples(&self, packet: &[u8]) -> Result<usize, CodecError>;

    /// Decodes `packet` into the front of `pcm` and returns the number of samples.
    ///
    /// # Errors
    /// [`CodecError`]; the decoder stays usable.
    fn decode(&mut self, packet: &[u8], pcm: &mut [f32]) -> Result<usize, CodecError>;

    /// Whether `next` carries LBRR of the frame before it.
    fn has_fec(&self, next: &[u8]) -> bool;

    /// Recovers the lost frame just before `next` from its LBRR, into the whole of `pcm`
    /// (whose length is the lost frame's).
    ///
    /// # Errors
    /// [`CodecError::Absent`] without LBRR, else as [`Decoder::decode`].
    fn decode_fec(&mut self, next: &[u8], pcm: &mut [f32]) -> Result<(), CodecError>;

    /// How many samples before its own start `packet` can recover by DRED.
    fn dred_reach(&mut self, packet: &[u8]) -> usize;

    /// Recovers `pcm.len()` samples that begin `offset` samples before the start of `later`.
    ///
    /// # Errors
    /// [`CodecError::Absent`] if DRED doesn't reach so far, else as [`Decoder::decode`].
    fn decode_dred(
        &mut self,
        later: &[u8],
        offset: usize,
        pcm: &mut [f32],
    ) -> Result<(), CodecError>;

    /// Invents `pcm.len()` samples that go on from what was decoded last (PLC; comfort noise in DTX).
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    fn conceal(&mut self, pcm: &mut [f32]) -> Result<(), CodecError>;

    /// Keeps the present state, until the next call of this.
    fn checkpoint(&mut self);

    /// Goes back to the state kept: what was concealed since then was heard, but the next frame follows
    /// on what was decoded before it. The checkpoint stays.
    fn rollback(&mut self);

    /// Forgets everything: another stream begins.
    fn reset(&mut self);
}
