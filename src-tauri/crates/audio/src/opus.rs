//! Opus for `voice-media`: libopus 1.6.1 with LBRR, DRED and deep PLC, 48 kHz mono.
//!
//! `opusic-sys` is called directly: the safe crate `opus` (the same library) keeps its pointers to itself, and neither
//! DRED nor a decoder's complexity can be reached through it. All calls of the library are in `ffi`.

mod ffi;

use ffi::{DredReader, RawDecoder, RawEncoder};
use voice_media::codec::{CodecError, Decoder, Encoder, EncoderSettings};

/// The version of DRED's form on the wire in this libopus, to be told by SDP: draft 12 of
/// `draft-ietf-mlcodec-opus-dred`, as libopus 1.6 has it. That of 1.5 (draft 10) can't be read.
pub const DRED_VERSION: u8 = 12;

/// Deep PLC begins at complexity 5 (`opus_defines.h`, `OPUS_SET_COMPLEXITY` for decoders).
const DEEP_PLC: i32 = 5;

/// How far back a packet is searched for DRED: all that libopus ever sends (1.04 s).
const LONGEST_DRED: i32 = 50_000;

/// Opus, sending side.
#[derive(Debug)]
pub struct OpusEncoder {
    raw: RawEncoder,
    settings: Option<EncoderSettings>,
}

impl OpusEncoder {
    /// An encoder for speech.
    ///
    /// # Errors
    /// [`CodecError::Library`] when there is no memory.
    pub fn new() -> Result<Self, CodecError> {
        let mut raw = RawEncoder::new()?;
        raw.set(
            opusic_sys::OPUS_SET_SIGNAL_REQUEST,
            opusic_sys::OPUS_SIGNAL_VOICE,
        );
        let mut encoder = Self {
            raw,
            settings: None,
        };
        encoder.set(EncoderSettings::default());
        Ok(encoder)
    }
}

impl Encoder for OpusEncoder {
    fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, CodecError> {
        self.raw.encode(pcm, out)
    }

    fn set(&mut self, settings: EncoderSettings) {
        if self.settings == Some(settings) {
            return;
        }
        self.settings = Some(settings);
        for (request, value) in [
            (
                opusic_sys::OPUS_SET_BITRATE_REQUEST,
                i32::try_from(settings.bitrate).unwrap_or(i32::MAX),
            ),
            (
                opusic_sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST,
                i32::from(settings.loss_percent.min(100)),
            ),
            (
                opusic_sys::OPUS_SET_INBAND_FEC_REQUEST,
                i32::from(settings.fec),
            ),
            (
                opusic_sys::OPUS_SET_DRED_DURATION_REQUEST,
                i32::from(settings.dred_ms / 10),
            ),
            (opusic_sys::OPUS_SET_DTX_REQUEST, i32::from(settings.dtx)),
            (
                opusic_sys::OPUS_SET_COMPLEXITY_REQUEST,
                i32::from(settings.complexity.min(10)),
            ),
        ] {
            self.raw.set(request, value);
        }
    }

    fn lookahead(&self) -> usize {
        self.raw.lookahead()
    }
}

/// Opus, hearing side, with deep PLC.
#[derive(Debug)]
pub struct OpusDecoder {
    raw: RawDecoder,
    kept: RawDecoder,
    dred: DredReader,
}

impl OpusDecoder {
    /// A decoder that has heard nothing.
    ///
    /// # Errors
    /// [`CodecError::Library`] when there is no memory.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self {
            raw: RawDecoder::new(DEEP_PLC)?,
            kept: RawDecoder::new(DEEP_PLC)?,
            dred: DredReader::new()?,
        })
    }
}

impl Decoder for OpusDecoder {
    fn samples(&self, packet: &[u8]) -> Result<usize, CodecError> {
        self.raw.samples(packet)
    }

    fn decode(&mut self, packet: &[u8], pcm: &mut [f32]) -> Result<usize, CodecError> {
        if packet.is_empty() {
            return Err(CodecError::Malformed);
        }
        self.raw.decode(Some(packet), pcm, false)
    }

    fn has_fec(&self, next: &[u8]) -> bool {
        ffi::has_lbrr(next)
    }

    fn decode_fec(&mut self, next: &[u8], pcm: &mut [f32]) -> Result<(), CodecError> {
        if !ffi::has_lbrr(next) {
            return Err(CodecError::Absent);
        }
        self.raw.decode(Some(next), pcm, true).map(drop)
    }

    fn dred_reach(&mut self, packet: &[u8]) -> usize {
        self.dred.reach(packet, LONGEST_DRED)
    }

    fn decode_dred(
        &mut self,
        later: &[u8],
        offset: usize,
        pcm: &mut [f32],
    ) -> Result<(), CodecError> {
        if self.dred_reach(later) < offset {
            return Err(CodecError::Absent);
        }
        self.dred.decode(&mut self.raw, offset, pcm)
    }

    fn conceal(&mut self, pcm: &mut [f32]) -> Result<(), CodecError> {
        self.raw.decode(None, pcm, false).map(drop)
    }

    fn checkpoint(&mut self) {
        self.kept.copy_from(&self.raw);
    }

    fn rollback(&mut self) {
        self.raw.copy_from(&self.kept);
    }

    fn reset(&mut self) {
        self.raw.reset();
        self.dred.forget();
        self.checkpoint();
    }
}
