//! Opening a session with the DC: Hello, Challenge, Accept (Noise NKpsk2).

use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::kdf::{derive, hmac_sha256, sha256};
use ntm_wire::key::{SecretKey, ServerKey};
use ntm_wire::message::{Message, Messages, emit_all, pad_to};
use ntm_wire::noise::{Handshake, NOISE_OVERHEAD, SessionKeys, hello_initiator};
use ntm_wire::seal::open_salted;
use ntm_wire::ticket::SealedTicket;
use ntm_wire::time::Mono;

use super::retry::Retry;
use crate::effects::Effects;
use crate::log;

use ntm_wire::codec::Codec;

const COOKIE_LEN: usize = 24;
const PROOF_LEN: usize = 32;

/// A Hello under way.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) sid: u64,
    handshake: Handshake,
    header: Header,
    noise: Vec<u8>,
    cookie: Vec<u8>,
    pub(crate) retry: Retry,
}

/// What opens a session: the DC's key, the node key, the ticket.
pub(crate) struct Credentials<'a> {
    pub(crate) dc: &'a ServerKey,
    pub(crate) node_key: &'a SecretKey,
    pub(crate) ticket: &'a SealedTicket,
}

/// What an Accept brings.
pub(crate) struct Accepted {
    pub(crate) dc_sid: u64,
    pub(crate) keys: SessionKeys,
    pub(crate) messages: Vec<Message>,
}

impl Hello {
    /// A Hello with as many of `messages` as fit.
    pub(crate) fn new(
        c: &Credentials<'_>,
        messages: &[Message],
        now: Mono,
        fx: &mut Effects,
    ) -> Option<Self> {
        let sid = fx.u64();
        let header = Header {
            kind: PacketType::Hello,
            selector: c.dc.selector(),
            counter: sid,
        };
        let payload = payload(c, sid, messages);
        let mut handshake =
            hello_initiator(fx.seed(), c.dc, c.node_key, &prologue(&header)).ok()?;
        let noise = handshake.write(&payload).ok()?;
        Some(Self {
            sid,
            handshake,
            header,
            noise,
            cookie: Vec::new(),
            retry: Retry::new(now, None),
        })
    }

    /// The datagram, with the cookie once there is one.
    pub(crate) fn datagram(&self) -> Vec<u8> {
        let mut out = self.header.emit();
        out.push(if self.cookie.is_empty() {
            0
        } else {
            COOKIE_LEN as u8
        });
        out.extend_from_slice(&self.cookie);
        out.extend_from_slice(&self.noise);
        out
    }

    /// Takes the cookie of a Challenge.
    pub(crate) fn take_challenge(
        &mut self,
        dc: &ServerKey,
        challenge: &Datagram<&mut [u8]>,
        now: Mono,
    ) -> Challenge {
        let ephemeral = self.noise.get(..32).unwrap_or_default();
        let key = SecretKey::new(sha256(&[b"ntm challenge key", &dc.0, ephemeral]));
        match open_salted(&key, "ntm challenge", &challenge.aad(), challenge.body()) {
            Ok(content) if content.len() == COOKIE_LEN + 8 => {
                if self.cookie == content[..COOKIE_LEN] {
                    return Challenge::Known;
                }
                self.cookie = content[..COOKIE_LEN].to_vec();
                self.retry = Retry::new(now, None);
                Challenge::Taken
            }
            Ok(_) | Err(_) => Challenge::Forged,
        }
    }

    /// Finishes the handshake with an Accept. A forged Accept leaves the Hello as it was.
    pub(crate) fn accept(mut self, noise: &[u8]) -> Result<Accepted, NotAccepted> {
        let Ok(payload) = self.handshake.read(noise) else {
            return Err(NotAccepted::Forged(Box::new(self)));
        };
        let (sid, rest) = payload
            .split_first_chunk::<8>()
            .ok_or(NotAccepted::Broken)?;
        let messages = Messages::parse_all(rest).map_err(|_| NotAccepted::Broken)?;
        log::opened(&messages);
        let keys = self.handshake.finish().map_err(|_| NotAccepted::Broken)?;
        Ok(Accepted {
            dc_sid: u64::from_be_bytes(*sid),
            keys,
            messages,
        })
    }
}

/// What a Challenge comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A new cookie: the Hello goes out with it.
    Taken,
    /// The cookie that the Hello went out with already.
    Known,
    /// Its seal does not hold.
    Forged,
}

/// Why an Accept opens no session.
pub(crate) enum NotAccepted {
    /// Not from the DC: the Hello goes on waiting.
    Forged(Box<Hello>),
    /// From the DC, but not understood.
    Broken,
}

fn prologue(header: &Header) -> Vec<u8> {
    [b"ntm hello 1".as_slice(), &header.emit()].concat()
}

fn payload(c: &Credentials<'_>, sid: u64, messages: &[Message]) -> Vec<u8> {
    let ticket = c.ticket.emit();
    let room = PADDED_LEN - HEADER_LEN - 1 - NOISE_OVERHEAD;
    let mut body = Vec::new();
    for message in messages {
        let bytes = emit_all(core::slice::from_ref(message));
        if ticket.len() + PROOF_LEN + body.len() + bytes.len() <= room {
            log::sealed(core::slice::from_ref(message));
            body.extend(bytes);
        }
    }
    pad_to(&mut body, room.saturating_sub(ticket.len() + PROOF_LEN));
    let proof_key = derive(c.node_key, "ntm hello proof", &[]);
    let proof = hmac_sha256(
        &proof_key,
        &[&sid.to_be_bytes(), &c.dc.0, &sha256(&[&body])],
    );
    [ticket, proof.to_vec(), body].concat()
}
