//! Bind Challenges: when more binds come than strangers may cost, a bind must show that its source is real.
//!
//! Opening a bind is a Diffie-Hellman, and a flood from forged addresses could have as many as it likes.
//! A challenge costs a hash and no memory, and its answer comes only from who reads what is sent there.

use ntm_wire::addr::RealAddr;
use ntm_wire::codec::Codec as _;
use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::kdf::{hmac_sha256, sha256};
use ntm_wire::key::{SecretKey, ServerKey};
use ntm_wire::seal::seal_salted;
use ntm_wire::time::{Mono, Now};

use crate::counters::DropReason;
use crate::limit::{Bucket, Rate};
use crate::relay::Relay;

/// A cookie is good in the minute in which it was made and in the next.
const PERIOD_S: u64 = 60;

/// Binds that are opened without a cookie.
#[derive(Debug)]
pub(crate) struct FreeBinds {
    bucket: Bucket,
    rate: Option<Rate>,
    /// Nor are cookies given out.
    is_pressed: bool,
}

impl FreeBinds {
    /// About a twentieth of a core; far more than the people of one relay need, but for a restart.
    pub(crate) fn new() -> Self {
        Self {
            bucket: Bucket::default(),
            rate: Some(Rate::per_second(300, 600)),
            is_pressed: false,
        }
    }

    fn take(&mut self, now: Mono) -> bool {
        self.rate.is_some_and(|rate| self.bucket.take(now, rate, 1))
    }
}

impl Relay {
    /// From now on every bind needs a cookie, whatever the load.
    pub fn always_challenge(&mut self) {
        self.free_binds.rate = None;
    }

    /// Whether datagrams come faster than they are worked off: then a bind without cookie gets no
    /// answer, which costs several times what dropping it does, so that legs that stand are served.
    pub fn set_pressed(&mut self, is_pressed: bool) {
        self.free_binds.is_pressed = is_pressed;
    }

    /// Whether the bind may be opened; else its sender is told how.
    pub(crate) fn challenge(
        &mut self,
        now: Now,
        from: RealAddr,
        d: &Datagram<&[u8]>,
    ) -> Result<(), DropReason> {
        let period = now.mono.as_micros() / 1_000_000 / PERIOD_S;
        if self.has_cookie(from, period, d.counter()) || self.free_binds.take(now.mono) {
            return Ok(());
        }
        if self.free_binds.is_pressed {
            return Err(DropReason::BindLimited);
        }
        let cookie = cookie(&self.cookie_key, from, period);
        if let Some(challenge) = self.bind_challenge(d.body(), cookie) {
            self.fx.counters.challenges += 1;
            self.fx.send(from, challenge);
        }
        Err(DropReason::Challenged)
    }

    /// A bind that claims none is not worth two hashes.
    fn has_cookie(&self, from: RealAddr, period: u64, claimed: u64) -> bool {
        let is_of = |period| claimed == cookie(&self.cookie_key, from, period);
        claimed != 0 && (is_of(period) || is_of(period.saturating_sub(1)))
    }

    fn bind_challenge(&mut self, noise: &[u8], cookie: u64) -> Option<Vec<u8>> {
        let ephemeral: &[u8; 32] = noise.first_chunk()?;
        let header = Header {
            kind: PacketType::BindChallenge,
            selector: u64::from_be_bytes(*noise.first_chunk()?),
            counter: 0,
        };
        let key = challenge_key(&self.key.server(), ephemeral);
        let (mut out, aad) = (header.emit(), [header.first_byte()]);
        let label = "ntm bind challenge";
        let content = cookie.to_be_bytes();
        out.extend(seal_salted(&key, label, self.fx.salt(), &aad, &content));
        Some(out)
    }
}

/// Known to who saw the bind; a forger elsewhere did not.
fn challenge_key(rs: &ServerKey, ephemeral: &[u8; 32]) -> SecretKey {
    SecretKey::new(sha256(&[b"ntm bind challenge key", &rs.0, ephemeral]))
}

/// Never zero, which is no cookie.
fn cookie(key: &SecretKey, addr: RealAddr, period: u64) -> u64 {
    let mac = hmac_sha256(key, &[b"bind", &period.to_be_bytes(), &addr.emit()]);
    let first: [u8; 8] = mac.first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first) | 1
}
