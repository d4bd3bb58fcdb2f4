//! Every call into libopus, each with why it is sound. Sizes are checked here, not by the callers.
#![expect(
    unsafe_code,
    reason = "libopus is a C library; its safe wrappers lack DRED"
)]

use opusic_sys as sys;
use std::ptr::NonNull;
use voice_media::codec::CodecError;

/// Samples of the longest frame a packet may hold, 120 ms.
const LONGEST: usize = 5760;

fn length(n: usize) -> Result<i32, CodecError> {
    i32::try_from(n).map_err(|_| CodecError::Length)
}

fn checked(code: i32) -> Result<usize, CodecError> {
    match code {
        n if n >= 0 => Ok(n as usize),
        sys::OPUS_INVALID_PACKET => Err(CodecError::Malformed),
        sys::OPUS_BAD_ARG | sys::OPUS_BUFFER_TOO_SMALL => Err(CodecError::Length),
        other => Err(CodecError::Library(other)),
    }
}

fn made<T>(pointer: *mut T, code: i32) -> Result<NonNull<T>, CodecError> {
    NonNull::new(pointer)
        .filter(|_| code == sys::OPUS_OK)
        .ok_or(CodecError::Library(code))
}

#[derive(Debug)]
pub(super) struct RawEncoder(NonNull<sys::OpusEncoder>);

// SAFETY: the state is plain memory owned by this value; libopus has no thread-local state.
unsafe impl Send for RawEncoder {}

impl RawEncoder {
    pub(super) fn new() -> Result<Self, CodecError> {
        let mut code = 0;
        // SAFETY: documented arguments; `code` outlives the call.
        let state = unsafe {
            sys::opus_encoder_create(48_000, 1, sys::OPUS_APPLICATION_VOIP, &raw mut code)
        };
        made(state, code).map(Self)
    }

    pub(super) fn encode(&mut self, pcm: &[f32], out: &mut [u8]) -> Result<usize, CodecError> {
        let (frame, room) = (length(pcm.len())?, length(out.len())?);
        // SAFETY: mono, so `frame` samples are read from `pcm`; at most `room` octets are written to `out`.
        checked(unsafe {
            sys::opus_encode_float(self.0.as_ptr(), pcm.as_ptr(), frame, out.as_mut_ptr(), room)
        })
    }

    /// A request that takes one `opus_int32`. A value the library refuses changes nothing.
    pub(super) fn set(&mut self, request: i32, value: i32) {
        // SAFETY: only used with OPUS_SET_* requests, whose one argument is an `opus_int32`.
        let _refused = unsafe { sys::opus_encoder_ctl(self.0.as_ptr(), request, value) };
    }

    pub(super) fn lookahead(&self) -> usize {
        let mut samples: i32 = 0;
        // SAFETY: the request takes a pointer to an `opus_int32`, which outlives the call.
        unsafe {
            sys::opus_encoder_ctl(
                self.0.as_ptr(),
                sys::OPUS_GET_LOOKAHEAD_REQUEST,
                &raw mut samples,
            )
        };
        usize::try_from(samples).unwrap_or(0)
    }
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_encoder_create, and not used afterwards.
        unsafe { sys::opus_encoder_destroy(self.0.as_ptr()) }
    }
}

#[derive(Debug)]
pub(super) struct RawDecoder {
    state: NonNull<sys::OpusDecoder>,
    octets: usize,
}

// SAFETY: as for the encoder.
unsafe impl Send for RawDecoder {}

impl RawDecoder {
    pub(super) fn new(complexity: i32) -> Result<Self, CodecError> {
        let mut code = 0;
        // SAFETY: documented arguments; `code` outlives the call.
        let state = made(
            unsafe { sys::opus_decoder_create(48_000, 1, &raw mut code) },
            code,
        )?;
        // SAFETY: no pointers involved.
        let octets = checked(unsafe { sys::opus_decoder_get_size(1) })?;
        // SAFETY: the request takes an `opus_int32`.
        unsafe {
            sys::opus_decoder_ctl(state.as_ptr(), sys::OPUS_SET_COMPLEXITY_REQUEST, complexity)
        };
        Ok(Self { state, octets })
    }

    pub(super) fn samples(&self, packet: &[u8]) -> Result<usize, CodecError> {
        let octets = length(packet.len())?;
        // SAFETY: `octets` octets are readable at `packet`.
        checked(unsafe { sys::opus_packet_get_nb_samples(packet.as_ptr(), octets, 48_000) })
    }

    /// `None` conceals. A packet longer than `pcm` is an error, told before anything is written.
    pub(super) fn decode(
        &mut self,
        packet: Option<&[u8]>,
        pcm: &mut [f32],
        fec: bool,
    ) -> Result<usize, CodecError> {
        let frame = length(pcm.len().min(LONGEST))?;
        let (data, octets) = match packet {
            Some(packet) => (packet.as_ptr(), length(packet.len())?),
            None => (std::ptr::null(), 0),
        };
        let state = self.state.as_ptr();
        // SAFETY: `octets` octets are readable at `data`, `frame` samples writable at `pcm` (mono).
        checked(unsafe {
            sys::opus_decode_float(state, data, octets, pcm.as_mut_ptr(), frame, i32::from(fec))
        })
    }

    pub(super) fn copy_from(&mut self, other: &Self) {
        let (from, to) = (
            other.state.as_ptr().cast::<u8>(),
            self.state.as_ptr().cast::<u8>(),
        );
        // SAFETY: both states are `octets` long, of the same kind, and distinct. A state holds no pointer into itself:
        // libopus's own tests copy it so (tests/test_opus_decode.c).
        unsafe { std::ptr::copy_nonoverlapping(from, to, self.octets.min(other.octets)) }
    }

    pub(super) fn reset(&mut self) {
        // SAFETY: the request takes no argument.
        unsafe { sys::opus_decoder_ctl(self.state.as_ptr(), sys::OPUS_RESET_STATE) };
    }
}

impl Drop for RawDecoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_decoder_create, and not used afterwards.
        unsafe { sys::opus_decoder_destroy(self.state.as_ptr()) }
    }
}

pub(super) fn has_lbrr(packet: &[u8]) -> bool {
    // SAFETY: as many octets are readable as told.
    !packet.is_empty()
        && length(packet.len())
            .is_ok_and(|n| unsafe { sys::opus_packet_has_lbrr(packet.as_ptr(), n) } == 1)
}

/// Reads DRED, and remembers what the last packet holds: a burst asks for one packet several times.
#[derive(Debug)]
pub(super) struct DredReader {
    reader: NonNull<sys::OpusDREDDecoder>,
    dred: NonNull<sys::OpusDRED>,
    packet: Vec<u8>,
    reach: usize,
}

// SAFETY: as for the encoder.
unsafe impl Send for DredReader {}

impl DredReader {
    pub(super) fn new() -> Result<Self, CodecError> {
        let mut code = 0;
        // SAFETY: `code` outlives the call.
        let reader = made(
            unsafe { sys::opus_dred_decoder_create(&raw mut code) },
            code,
        )?;
        // SAFETY: `code` outlives the call.
        let dred = made(unsafe { sys::opus_dred_alloc(&raw mut code) }, code)?;
        Ok(Self {
            reader,
            dred,
            packet: Vec::new(),
            reach: 0,
        })
    }

    pub(super) fn forget(&mut self) {
        self.packet.clear();
        self.reach = 0;
    }

    pub(super) fn reach(&mut self, packet: &[u8], longest: i32) -> usize {
        if packet.is_empty() || self.packet == packet {
            return if packet.is_empty() { 0 } else { self.reach };
        }
        let Ok(octets) = length(packet.len()) else {
            return 0;
        };
        let (mut end, reader, dred) = (0, self.reader.as_ptr(), self.dred.as_ptr());
        // SAFETY: both states are ours, `octets` octets are readable at `packet`, `end` outlives the call.
        let samples = unsafe {
            sys::opus_dred_parse(
                reader,
                dred,
                packet.as_ptr(),
                octets,
                longest,
                48_000,
                &raw mut end,
                0,
            )
        };
        self.packet.clear();
        self.packet.extend_from_slice(packet);
        self.reach = usize::try_from(samples).unwrap_or(0);
        self.reach
    }

    /// After a [`DredReader::reach`] of at least `offset`.
    pub(super) fn decode(
        &mut self,
        into: &mut RawDecoder,
        offset: usize,
        pcm: &mut [f32],
    ) -> Result<(), CodecError> {
        let (offset, frame) = (length(offset)?, length(pcm.len().min(LONGEST))?);
        let (state, dred) = (into.state.as_ptr(), self.dred.as_ptr());
        // SAFETY: `dred` was filled by opus_dred_parse (reach > 0), `frame` samples are writable at `pcm`.
        checked(unsafe {
            sys::opus_decoder_dred_decode_float(state, dred, offset, pcm.as_mut_ptr(), frame)
        })
        .map(drop)
    }
}

impl Drop for DredReader {
    fn drop(&mut self) {
        // SAFETY: made by the two calls of `new`, and not used afterwards.
        unsafe {
            sys::opus_dred_decoder_destroy(self.reader.as_ptr());
            sys::opus_dred_free(self.dred.as_ptr());
        }
    }
}
