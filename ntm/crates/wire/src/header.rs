//! The outer header, fixed once for all: 17 bytes in front of every datagram.
//!
//! ```text
//!  0        1                 9                 17
//!  | ver typ | key selector    | counter          | sealed ...
//! ```

use crate::codec::Malformed;
use crate::id::PathId;

/// The version this code speaks.
pub const VERSION: u8 = 1;
/// Bytes of the outer header.
pub const HEADER_LEN: usize = 17;
/// The largest control datagram: what IPv6's minimum MTU of 1,280 leaves for UDP payload.
pub const MAX_CONTROL_DATAGRAM: usize = 1232;
/// Unvalidated requests are padded to this (rules 10 and 18).
pub const PADDED_LEN: usize = 1200;
/// The port at DC and RS.
pub const NTM_PORT: u16 = 7930;

/// What a datagram is, in the low half of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// Sealed virtual packets and tunnel control; selector: path id; counter: key epoch and counter.
    Data = 1,
    /// Messages of an established control session; selector: the receiver's session id.
    Control = 2,
    /// Node -> DC: opens a session (Noise NKpsk2); selector: the DC's key; counter: the node's session id.
    Hello = 3,
    /// DC -> node: a cookie to come back with; selector: the node's session id.
    Challenge = 4,
    /// DC -> node: the session stands; selector: the node's session id.
    Accept = 5,
    /// Node -> node: first handshake message (Noise KKpsk0); selector: path id.
    TunnelRequest = 6,
    /// Node -> node: second handshake message; selector: path id.
    TunnelResponse = 7,
    /// Node -> node: opens a NAT, sealed under the path key; selector: path id.
    Punch = 8,
    /// Node -> RS: Noise N message with a token inside; selector: the RS's key; counter: the cookie of a
    /// Bind Challenge, or 0.
    Bind = 9,
    /// RS <-> node: sealed under the leg key or a measure key; selector: path id, or the measure id.
    Leg = 10,
    /// RS -> node: "present your token"; selector: the path id that the RS does not know.
    Hint = 11,
    /// Server -> server: opens a link (Noise KK); selector: the sender's key; counter: its session id.
    LinkHello = 12,
    /// Server -> server: the link stands; selector: the asker's session id.
    LinkAccept = 13,
    /// RS -> node: bind again, with this cookie; selector: the first bytes of the Bind's Noise message.
    BindChallenge = 14,
}

impl PacketType {
    /// Every type, in order of its number.
    pub const ALL: [Self; 14] = [
        Self::Data,
        Self::Control,
        Self::Hello,
        Self::Challenge,
        Self::Accept,
        Self::TunnelRequest,
        Self::TunnelResponse,
        Self::Punch,
        Self::Bind,
        Self::Leg,
        Self::Hint,
        Self::LinkHello,
        Self::LinkAccept,
        Self::BindChallenge,
    ];

    fn from_nibble(n: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|t| *t as u8 == n)
    }
}

/// The outer header as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the datagram is.
    pub kind: PacketType,
    /// Which key opens it.
    pub selector: u64,
    /// The nonce, where the key is a session's.
    pub counter: u64,
}

impl Header {
    /// The header's bytes, to which the sealed part is appended.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PADDED_LEN);
        out.push(self.first_byte());
        out.extend_from_slice(&self.selector.to_be_bytes());
        out.extend_from_slice(&self.counter.to_be_bytes());
        out
    }

    /// The one byte that every seal covers. The selector stays outside, so that one packet can travel
    /// under two path ids (rule 4); a wrong selector names a key that does not open it.
    pub fn first_byte(&self) -> u8 {
        VERSION << 4 | self.kind as u8
    }
}

/// Writes a path id into the header of a whole datagram; no seal covers it.
pub fn stamp(datagram: &mut [u8], path: PathId) {
    if let Some(selector) = datagram.get_mut(1..9) {
        selector.copy_from_slice(&path.0.to_be_bytes());
    }
}

/// A checked view over a datagram: long enough, of our version, of a known type.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<B> {
    kind: PacketType,
    bytes: B,
}

impl<B: AsRef<[u8]>> Datagram<B> {
    /// Checks the header.
    pub fn new_checked(bytes: B) -> Result<Self, Malformed> {
        let b = bytes.as_ref();
        if b.len() < HEADER_LEN {
            return Err(Malformed::Truncated("header"));
        }
        if b[0] >> 4 != VERSION {
            return Err(Malformed::Invalid("version"));
        }
        let kind = PacketType::from_nibble(b[0] & 0xf).ok_or(Malformed::Invalid("packet type"))?;
        Ok(Self { kind, bytes })
    }

    /// What the datagram is.
    pub fn kind(&self) -> PacketType {
        self.kind
    }

    /// Which key opens it.
    pub fn selector(&self) -> u64 {
        self.word(1)
    }

    /// The selector as a path id.
    pub fn path_id(&self) -> PathId {
        PathId(self.selector())
    }

    /// The nonce, where the key is a session's.
    pub fn counter(&self) -> u64 {
        self.word(9)
    }

    /// The header as a value.
    pub fn header(&self) -> Header {
        Header {
            kind: self.kind,
            selector: self.selector(),
            counter: self.counter(),
        }
    }

    /// What a seal covers beside the content: the first byte.
    pub fn aad(&self) -> [u8; 1] {
        [self.bytes.as_ref()[0]]
    }

    /// All of it.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Everything behind the header.
    pub fn body(&self) -> &[u8] {
        &self.bytes.as_ref()[HEADER_LEN..]
    }

    fn word(&self, at: usize) -> u64 {
        self.bytes.as_ref()[at..]
            .first_chunk()
            .map_or(0, |b| u64::from_be_bytes(*b))
    }
}

impl<'a> Datagram<&'a mut [u8]> {
    /// Everything behind the header, to be opened in place.
    pub fn into_body_mut(self) -> &'a mut [u8] {
        &mut self.bytes[HEADER_LEN..]
    }
}

/// A data packet's counter: the key epoch in the high byte, the packet number in the low 56 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataCounter {
    /// Which rekeying the keys come from, modulo 256.
    pub key_epoch: u8,
    /// Number of the packet under that key.
    pub number: u64,
}

impl DataCounter {
    /// The most packets one key may seal.
    pub const MAX_NUMBER: u64 = (1 << 56) - 1;

    /// Splits a header's counter.
    pub fn from_u64(counter: u64) -> Self {
        Self {
            key_epoch: (counter >> 56) as u8,
            number: counter & Self::MAX_NUMBER,
        }
    }

    /// The header's counter.
    pub fn to_u64(self) -> u64 {
        u64::from(self.key_epoch) << 56 | (self.number & Self::MAX_NUMBER)
    }
}
