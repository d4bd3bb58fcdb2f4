//! How a node can be woken: the token that it leaves with its DC.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::key::SecretKey;

/// The longest token; those of the big push services have up to 200 bytes.
pub const MAX_PUSH_TOKEN: usize = 256;

/// Whoever has a push token can have its node woken, so it never prints. Its first byte names the push
/// service, the rest is for that service alone.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PushToken(Vec<u8>);

/// Which push service a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum PushScheme {
    /// The wake service of the node's own DC ([`wake`](crate::wake)); behind it a secret of 32 bytes.
    WakeService = 1,
}

impl PushToken {
    /// Takes the bytes as they are.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// For the wake service of the node's DC, with a secret that the node made for it.
    pub fn wake_service(secret: &SecretKey) -> Self {
        let scheme = PushScheme::WakeService as u8;
        Self([&[scheme], secret.expose().as_slice()].concat())
    }

    /// The push service; `None` when it is none that is known here.
    pub fn scheme(&self) -> Option<PushScheme> {
        let wake_service = PushScheme::WakeService as u8;
        (self.0.first() == Some(&wake_service)).then_some(PushScheme::WakeService)
    }

    /// The secret of a token for the wake service.
    pub fn wake_secret(&self) -> Option<SecretKey> {
        self.scheme()?;
        let secret: &[u8; 32] = self.0.get(1..)?.try_into().ok()?;
        Some(SecretKey::new(*secret))
    }

    /// The bytes, for what must keep or send them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for PushToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PushToken {}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushToken(..)")
    }
}

impl Codec for PushToken {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(r.bytes16(MAX_PUSH_TOKEN, "push token")?.to_vec()))
    }
    fn write(&self, w: &mut Writer) {
        w.bytes16(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_the_wake_service_gives_its_secret_back() {
        let secret = SecretKey::new([7; 32]);
        let token = PushToken::wake_service(&secret);
        assert_eq!(token.scheme(), Some(PushScheme::WakeService));
        assert_eq!(token.wake_secret(), Some(secret));
    }

    #[test]
    fn a_token_of_another_service_has_no_secret_of_ours() {
        for bytes in [vec![], vec![0; 33], vec![1; 32], vec![1; 34]] {
            assert_eq!(PushToken::new(bytes).wake_secret(), None);
        }
    }

    #[test]
    fn a_token_never_prints() {
        let token = PushToken::wake_service(&SecretKey::new([7; 32]));
        assert_eq!(format!("{token:?}"), "PushToken(..)");
    }
}
