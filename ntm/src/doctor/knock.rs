//! A Hello that asks for nothing but its Challenge: it shows that a coordinator is there, what time
//! it has and how large a packet may be, without a ticket or a session, and leaves no trace. Pure.

use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{SecretKey, ServerKey};
use ntm_wire::seal::open_salted;
use ntm_wire::time::Wall;

const COOKIE_LEN: usize = 24;

/// One knock.
#[derive(Clone, Debug)]
pub(crate) struct Knock {
    id: u64,
    ephemeral: [u8; 32],
}

impl Knock {
    /// `random`: fresh for each knock.
    pub(crate) fn new(random: [u8; 40]) -> Self {
        let (id, ephemeral) = random.split_at(8);
        Self {
            id: u64::from_be_bytes(id.try_into().unwrap_or_default()),
            ephemeral: ephemeral.try_into().unwrap_or_default(),
        }
    }

    /// The datagram, padded to `len` bytes, which are no fewer than a Hello must have.
    pub(crate) fn datagram(&self, dc: &ServerKey, len: usize) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Hello,
            selector: dc.selector(),
            counter: self.id,
        };
        let mut out = header.emit();
        out.push(0); // no cookie
        out.extend(self.ephemeral);
        out.resize(len.max(PADDED_LEN), 0);
        out
    }

    /// The coordinator's clock, when `datagram` is its answer to this knock.
    pub(crate) fn answer(&self, dc: &ServerKey, datagram: &[u8]) -> Option<Wall> {
        let d = Datagram::new_checked(datagram).ok()?;
        if d.kind() != PacketType::Challenge || d.selector() != self.id {
            return None;
        }
        let key = SecretKey::new(sha256(&[b"ntm challenge key", &dc.0, &self.ephemeral]));
        let content = open_salted(&key, "ntm challenge", &d.aad(), &datagram[HEADER_LEN..]).ok()?;
        let time = content.get(COOKIE_LEN..)?.try_into().ok()?;
        Some(Wall::from_millis(u64::from_be_bytes(time)))
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::seal::seal_salted;

    use super::*;

    const DC: ServerKey = ServerKey([7; 32]);

    fn challenge(knock: &Knock, dc: &ServerKey, time: u64) -> Vec<u8> {
        let key = SecretKey::new(sha256(&[b"ntm challenge key", &dc.0, &knock.ephemeral]));
        let header = Header {
            kind: PacketType::Challenge,
            selector: knock.id,
            counter: 0,
        };
        let content = [&[1; COOKIE_LEN][..], &time.to_be_bytes()].concat();
        let sealed = seal_salted(
            &key,
            "ntm challenge",
            [3; ntm_wire::seal::SALT_LEN],
            &[header.first_byte()],
            &content,
        );
        [header.emit(), sealed].concat()
    }

    #[test]
    fn the_answer_tells_the_coordinator_s_time() {
        let knock = Knock::new([9; 40]);
        let answer = challenge(&knock, &DC, 1_800_000_000_000);
        let time = knock.answer(&DC, &answer).unwrap();
        assert_eq!(time.as_millis(), 1_800_000_000_000);
    }

    #[test]
    fn an_answer_to_another_knock_or_of_another_server_is_none() {
        let knock = Knock::new([9; 40]);
        let other = challenge(&Knock::new([8; 40]), &DC, 1);
        assert_eq!(knock.answer(&DC, &other), None);
        let stranger = challenge(&knock, &ServerKey([1; 32]), 1);
        assert_eq!(knock.answer(&DC, &stranger), None);
        assert_eq!(knock.answer(&DC, b"short"), None);
    }

    #[test]
    fn a_knock_is_never_shorter_than_a_hello_must_be() {
        let knock = Knock::new([9; 40]);
        assert_eq!(knock.datagram(&DC, 0).len(), PADDED_LEN);
        assert_eq!(knock.datagram(&DC, 1472).len(), 1472);
    }
}
