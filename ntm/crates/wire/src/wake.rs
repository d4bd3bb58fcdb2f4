//! The wake service of a DC: what is said on the TCP connection that a sleeping node holds.
//!
//! The service greets with 32 random bytes. The node answers with a [`Sleeper`], sealed to the DC's key
//! and bound to the greeting, so that what is overheard opens nothing and can't be said again. From
//! then on only the service speaks, in [`Notice`]s of one length, sealed under a key of the token's
//! secret and the greeting.

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::NodeId;
use crate::kdf::derive;
use crate::key::{KeyPair, SecretKey, ServerKey};
use crate::message::WakeUp;
use crate::noise::{BadHandshake, NOISE_OVERHEAD, open_at_server, seal_to_server};
use crate::seal::{BadSeal, OpeningKey, SealingKey, TAG_LEN};

/// What the service says first: random bytes.
pub type Greeting = [u8; 32];
/// Bytes of a sealed [`Sleeper`].
pub const SLEEPER_LEN: usize = 16 + 32 + NOISE_OVERHEAD;
/// Bytes of a sealed [`Notice`].
pub const NOTICE_LEN: usize = CONTENT_LEN + TAG_LEN;

const CONTENT_LEN: usize = 1 + 8;
const PROLOGUE: &[u8] = b"ntm wake 1";

/// A node that waits to be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleeper {
    /// Which node.
    pub node: NodeId,
    /// The secret of its push token.
    pub secret: SecretKey,
}

/// What the service tells a sleeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It may sleep: a call will come here.
    Waiting,
    /// The DC does not know this node with this token: register, then come again.
    Unknown,
    /// The service has no room: come again later.
    Full,
    /// Somebody calls; the id is the [`WakeUp`]'s.
    WakeUp(u64),
}

impl Sleeper {
    /// Seals it for the DC with this key. `seed`: 32 fresh random bytes.
    pub fn seal(
        &self,
        seed: [u8; 32],
        dc: &ServerKey,
        greeting: &Greeting,
    ) -> Result<Vec<u8>, BadHandshake> {
        let payload = [self.node.0.as_slice(), self.secret.expose()].concat();
        seal_to_server(seed, dc, &prologue(greeting), &payload)
    }

    /// Opens what a node sealed for this greeting.
    pub fn open(dc: &KeyPair, greeting: &Greeting, sealed: &[u8]) -> Result<Self, BadHandshake> {
        let payload = open_at_server(dc, &prologue(greeting), sealed)?;
        Self::parse(&payload).map_err(|_| BadHandshake)
    }

    /// Seals what the service tells this node behind this greeting.
    pub fn sealer(&self, greeting: &Greeting) -> NoticeSealer {
        let key = SealingKey::new(&self.notice_key(greeting));
        NoticeSealer { key, counter: 0 }
    }

    /// Opens it.
    pub fn opener(&self, greeting: &Greeting) -> NoticeOpener {
        let key = OpeningKey::new(&self.notice_key(greeting));
        NoticeOpener { key, counter: 0 }
    }

    fn notice_key(&self, greeting: &Greeting) -> SecretKey {
        derive(&self.secret, "ntm wake notice", &[greeting])
    }
}

/// The service's end.
#[derive(Debug)]
pub struct NoticeSealer {
    key: SealingKey,
    counter: u64,
}

impl NoticeSealer {
    /// The next notice, [`NOTICE_LEN`] bytes.
    pub fn seal(&mut self, notice: Notice) -> Vec<u8> {
        let mut bytes = notice.emit();
        self.key.seal(self.counter, PROLOGUE, &mut bytes, 0);
        self.counter += 1;
        bytes
    }
}

/// The node's end.
#[derive(Debug)]
pub struct NoticeOpener {
    key: OpeningKey,
    counter: u64,
}

impl NoticeOpener {
    /// Opens the next notice.
    pub fn open(&mut self, sealed: &mut [u8; NOTICE_LEN]) -> Result<Notice, BadSeal> {
        let content = self.key.open(self.counter, PROLOGUE, sealed)?;
        self.counter += 1;
        Notice::parse(content).map_err(|_| BadSeal)
    }
}

fn prologue(greeting: &Greeting) -> Vec<u8> {
    [PROLOGUE, greeting].concat()
}

impl Codec for Sleeper {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            node: Codec::read(r)?,
            secret: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.node.write(w);
        self.secret.write(w);
    }
}

impl Codec for Notice {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = r.u8("notice")?;
        let wake_up = WakeUp::read(r)?;
        match kind {
            0 => Ok(Self::Waiting),
            1 => Ok(Self::Unknown),
            2 => Ok(Self::Full),
            3 => Ok(Self::WakeUp(wake_up.id)),
            _ => Err(Malformed::Invalid("notice")),
        }
    }
    fn write(&self, w: &mut Writer) {
        let (kind, id) = match self {
            Self::Waiting => (0, 0),
            Self::Unknown => (1, 0),
            Self::Full => (2, 0),
            Self::WakeUp(id) => (3, *id),
        };
        w.u8(kind);
        WakeUp { id }.write(w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: Greeting = [9; 32];

    fn sleeper() -> Sleeper {
        Sleeper {
            node: NodeId([3; 16]),
            secret: SecretKey::new([7; 32]),
        }
    }

    fn dc() -> KeyPair {
        KeyPair::from_private(SecretKey::new([5; 32]))
    }

    fn sealed() -> Vec<u8> {
        sleeper().seal([1; 32], &dc().server(), &GREETING).unwrap()
    }

    #[test]
    fn the_service_learns_who_sleeps_and_nobody_else_does() {
        let sealed = sealed();
        assert_eq!(sealed.len(), SLEEPER_LEN);
        assert_eq!(Sleeper::open(&dc(), &GREETING, &sealed), Ok(sleeper()));
        let other = KeyPair::from_private(SecretKey::new([6; 32]));
        assert!(Sleeper::open(&other, &GREETING, &sealed).is_err());
    }

    #[test]
    fn what_was_said_to_one_greeting_is_void_under_another() {
        assert!(Sleeper::open(&dc(), &[8; 32], &sealed()).is_err());
    }

    #[test]
    fn notices_open_in_their_order_only() {
        let (mut sealer, mut opener) = (sleeper().sealer(&GREETING), sleeper().opener(&GREETING));
        let all = [
            Notice::Waiting,
            Notice::Unknown,
            Notice::Full,
            Notice::WakeUp(0xdead_beef),
        ];
        let sealed = all.map(|n| <[u8; NOTICE_LEN]>::try_from(sealer.seal(n)).unwrap());
        assert!(opener.open(&mut sealed[1].clone()).is_err());
        for (notice, mut sealed) in all.into_iter().zip(sealed) {
            assert_eq!(opener.open(&mut sealed), Ok(notice));
        }
    }

    #[test]
    fn a_forged_notice_does_not_open() {
        let mut opener = sleeper().opener(&GREETING);
        assert!(opener.open(&mut [0; NOTICE_LEN]).is_err());
    }
}
