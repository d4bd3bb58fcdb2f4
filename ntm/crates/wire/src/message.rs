//! Messages inside a seal: one file each, framed as type, length, body.
//!
//! Several messages may share a datagram ([`Messages`] walks them); [`Padding`](MessageType::Padding)
//! fills one up.

mod deregistration;
mod direction;
mod information;
mod keep_alive;
mod leg;
mod measure;
mod probe;
mod registration;
mod rekey;
mod relay;
mod route;
mod tunnel;
mod wake;
mod whereabouts;

pub use deregistration::Deregistration;
pub use direction::{DirectionError, DirectionRequest, DirectionResponse, MAX_DEVICES};
pub use information::{Information, InformationRequest, InformationResponse};
pub use keep_alive::KeepAlive;
pub use leg::{BindStatus, LegBind, LegBindConfirm, LegBindResponse};
pub use measure::Measure;
pub use probe::{Claim, Probe, ProbeReply};
pub use registration::{
    MAX_RELAYS, Registered, RegistrationError, RegistrationRequest, RegistrationResponse,
    RelayInfo, RelayRtt,
};
pub use rekey::{RekeyRequest, RekeyResponse};
pub use relay::{RelayDirection, RelayDirectionResponse, RelayOrder, RelayReport};
pub use route::{
    Consent, Leg, MAX_LEGS, Role, RouteDirection, RouteDirectionRequest, RouteDirectionResponse,
    RouteOrder,
};
pub use tunnel::{TunnelClose, TunnelRequest, TunnelResponse};
pub use wake::WakeUp;
pub use whereabouts::Whereabouts;

use crate::codec::{Codec, Malformed, Reader, Writer};

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident = $n:literal,)*) => {
        /// The type byte in front of each message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum MessageType {
            /// Zeros that fill a datagram up.
            Padding = 0,
            $($(#[$doc])* $name = $n,)*
        }

        impl MessageType {
            /// Every type but padding, in order of its number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            fn from_byte(n: u8) -> Option<Self> {
                match n {
                    0 => Some(Self::Padding),
                    $($n => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        /// A message that can only be valid.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Message {
            $($(#[$doc])* $name($name),)*
        }

        impl Message {
            /// The type byte.
            pub fn kind(&self) -> MessageType {
                match self {
                    $(Self::$name(_) => MessageType::$name,)*
                }
            }

            fn write_body(&self, w: &mut Writer) {
                match self {
                    $(Self::$name(m) => m.write(w),)*
                }
            }

            /// Reads a body of this type; `None` for padding.
            pub fn parse_body(kind: MessageType, body: &[u8]) -> Result<Option<Self>, Malformed> {
                match kind {
                    MessageType::Padding => Ok(None),
                    $(MessageType::$name => $name::parse(body).map(|m| Some(Self::$name(m))),)*
                }
            }
        }

        $(impl From<$name> for Message {
            fn from(m: $name) -> Self {
                Self::$name(m)
            }
        })*
    };
}

messages! {
    /// Node -> DC: where I am.
    RegistrationRequest = 1,
    /// DC -> node: your addresses, your relays.
    RegistrationResponse = 2,
    /// Node -> DC: a tunnel to this name, please.
    DirectionRequest = 3,
    /// DC -> node: who will be directed, or why nobody is.
    DirectionResponse = 4,
    /// DC -> DC: tell me of this node, and pass it this direction.
    InformationRequest = 5,
    /// DC -> DC: the node's addresses and consent.
    InformationResponse = 6,
    /// DC -> RS: limits, drain, revocation.
    RelayDirection = 7,
    /// RS -> DC: done.
    RelayDirectionResponse = 8,
    /// DC -> node: build this tunnel.
    RouteDirection = 9,
    /// Node -> DC: I will, and how far.
    RouteDirectionResponse = 10,
    /// Node -> DC: I was woken; what is my direction?
    RouteDirectionRequest = 11,
    /// Node -> DC: I am leaving.
    Deregistration = 12,
    /// Any session: I am here.
    KeepAlive = 13,
    /// Node -> node, node -> RS: does this path work?
    Probe = 14,
    /// The answer, with the address seen.
    ProbeReply = 15,
    /// Node -> node: new keys.
    RekeyRequest = 16,
    /// The answer to it.
    RekeyResponse = 17,
    /// Node -> node: the tunnel ends.
    TunnelClose = 18,
    /// Node -> RS: bind this leg to the address I send from.
    LegBind = 19,
    /// RS -> node: bound, with a cookie to prove the address.
    LegBindResponse = 20,
    /// Node -> RS: the cookie back.
    LegBindConfirm = 21,
    /// Node -> RS: a probe before any tunnel, with a measure token.
    Measure = 22,
    /// Content of the first tunnel handshake message.
    TunnelRequest = 23,
    /// Content of the second.
    TunnelResponse = 24,
    /// Through a push service: an opaque id, nothing else.
    WakeUp = 25,
    /// RS -> DC: where I am and how busy.
    RelayReport = 26,
    /// Node -> node: where I may be reached now.
    Whereabouts = 27,
}

/// Bytes of the frame in front of each body.
pub const FRAME_LEN: usize = 3;

impl Message {
    /// Appends frame and body.
    pub fn write(&self, w: &mut Writer) {
        let mut body = Writer::new();
        self.write_body(&mut body);
        w.u8(self.kind() as u8);
        w.bytes16(&body.into_bytes());
    }
}

/// The bytes of several messages, one behind the other.
pub fn emit_all(messages: &[Message]) -> Vec<u8> {
    let mut w = Writer::new();
    messages.iter().for_each(|m| m.write(&mut w));
    w.into_bytes()
}

/// Appends padding so that `plaintext` becomes at least `len` bytes long.
pub fn pad_to(plaintext: &mut Vec<u8>, len: usize) {
    if plaintext.len() < len {
        let fill = len.saturating_sub(plaintext.len() + FRAME_LEN);
        plaintext.push(MessageType::Padding as u8);
        plaintext.extend_from_slice(&u16::try_from(fill).unwrap_or(u16::MAX).to_be_bytes());
        plaintext.resize(plaintext.len() + fill, 0);
    }
}

/// A view over framed messages; [`Messages::new_checked`] has checked every frame.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: Reader<'a>,
}

impl<'a> Messages<'a> {
    /// Checks every frame and type before anything is allocated.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        while r.remaining() > 0 {
            read_frame(&mut r)?;
        }
        Ok(Self {
            rest: Reader::new(bytes),
        })
    }

    /// All messages but padding, or the first fault.
    pub fn parse_all(bytes: &'a [u8]) -> Result<Vec<Message>, Malformed> {
        Self::new_checked(bytes)?.collect()
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.rest.remaining() > 0 {
            let frame = read_frame(&mut self.rest);
            match frame.and_then(|(kind, body)| Message::parse_body(kind, body)) {
                Ok(None) => {}
                Ok(Some(m)) => return Some(Ok(m)),
                Err(e) => {
                    self.rest.rest();
                    return Some(Err(e));
                }
            }
        }
        None
    }
}

fn read_frame<'a>(r: &mut Reader<'a>) -> Result<(MessageType, &'a [u8]), Malformed> {
    let kind =
        MessageType::from_byte(r.u8("message type")?).ok_or(Malformed::Invalid("message type"))?;
    let body = r.bytes16(usize::from(u16::MAX), "message body")?;
    if kind == MessageType::Padding && body.iter().any(|b| *b != 0) {
        return Err(Malformed::Invalid("padding"));
    }
    Ok((kind, body))
}

/// A result as one byte (0: well), then the value or the error.
fn read_result<T: Codec, E: Codec>(r: &mut Reader<'_>) -> Result<Result<T, E>, Malformed> {
    if r.bool("result")? {
        E::read(r).map(Err)
    } else {
        T::read(r).map(Ok)
    }
}

fn write_result<T: Codec, E: Codec>(w: &mut Writer, result: &Result<T, E>) {
    w.bool(result.is_err());
    match result {
        Ok(v) => v.write(w),
        Err(e) => e.write(w),
    }
}
