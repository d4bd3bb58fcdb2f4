//! Bind packets: a question to a Relay Server whose sender it does not know yet.

use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{SecretKey, ServerKey};
use ntm_wire::message::{Message, emit_all, pad_to};
use ntm_wire::noise::{NOISE_OVERHEAD, seal_to_server};
use ntm_wire::seal::open_salted;

use crate::effects::Effects;
use crate::log;

/// Challenges that one question is asked again for; who makes more up on the way gets no more.
const MAX_CHALLENGES: u32 = 3;

/// What a node remembers of its latest Bind, to take the challenge to it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    ephemeral: [u8; 32],
    cookie: u64,
    challenges: u32,
}

impl Asked {
    /// The datagram, padded to 1,200 bytes so that the RS may answer.
    pub(crate) fn emit(
        &mut self,
        rs: &ServerKey,
        messages: &[Message],
        fx: &mut Effects,
    ) -> Option<Vec<u8>> {
        let header = Header {
            kind: PacketType::Bind,
            selector: rs.selector(),
            counter: self.cookie,
        };
        log::sealed(messages);
        let mut payload = emit_all(messages);
        pad_to(&mut payload, PADDED_LEN - HEADER_LEN - NOISE_OVERHEAD);
        let mut out = header.emit();
        let prologue = [b"ntm bind 1".as_slice(), &out].concat();
        let noise = seal_to_server(fx.seed(), rs, &prologue, &payload).ok()?;
        self.ephemeral = *noise.first_chunk()?;
        out.extend(noise);
        Some(out)
    }

    /// Whether a challenge with this selector is to the latest Bind.
    pub(crate) fn is_asked(&self, selector: u64) -> bool {
        self.ephemeral.first_chunk() == Some(&selector.to_be_bytes())
    }

    /// Takes the cookie of a challenge; `true` when the question should be asked again now.
    pub(crate) fn take(
        &mut self,
        rs: &ServerKey,
        d: &Datagram<&mut [u8]>,
        fx: &mut Effects,
    ) -> bool {
        let key = sha256(&[b"ntm bind challenge key", &rs.0, &self.ephemeral]);
        let label = "ntm bind challenge";
        let opened = open_salted(&SecretKey::new(key), label, &d.aad(), d.body());
        let cookie = opened.ok().and_then(|c| c.try_into().ok());
        let Some(cookie) = cookie.map(u64::from_be_bytes) else {
            fx.counters.bad_seal += 1;
            return false;
        };
        if self.challenges >= MAX_CHALLENGES || cookie == self.cookie {
            fx.counters.replayed += 1;
            return false;
        }
        self.challenges += 1;
        self.cookie = cookie;
        true
    }

    /// Another question, not the same again.
    pub(crate) fn begin(&mut self) {
        self.challenges = 0;
    }
}
