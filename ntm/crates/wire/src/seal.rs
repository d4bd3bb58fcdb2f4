//! Sealing with AES-256-GCM, in the two forms the protocol has.
//!
//! A [`SealingKey`]/[`OpeningKey`] pair belongs to one direction of one session: the nonce is a counter.
//! A *salted box* is for keys that outlive a session: each box has 16 fresh random bytes, from which
//! its own key is derived, so that no key ever meets one nonce twice ([`seal_salted`]).

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use crate::codec::{Malformed, Reader};
use crate::kdf::derive;
use crate::key::SecretKey;

/// Bytes of an authentication tag.
pub const TAG_LEN: usize = 16;
/// Bytes of a salted box beyond its content.
pub const SALTED_OVERHEAD: usize = SALT_LEN + TAG_LEN;
/// Bytes of a box's salt.
pub const SALT_LEN: usize = 16;

/// Bytes that were altered, forged, or sealed under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seal does not hold")]
pub struct BadSeal;

/// Seals one direction of one session.
pub struct SealingKey(Aes256Gcm);

/// Opens one direction of one session.
pub struct OpeningKey(Aes256Gcm);

impl SealingKey {
    /// From the direction's key.
    pub fn new(key: &SecretKey) -> Self {
        Self(cipher(key))
    }

    /// Seals `buffer[from..]` in place and appends the tag. A counter must never come twice.
    pub fn seal(&self, counter: u64, aad: &[u8], buffer: &mut Vec<u8>, from: usize) {
        let body = buffer.get_mut(from..).unwrap_or_default();
        // Fails only beyond 64 GiB, which no datagram holds.
        if let Ok(tag) = self
            .0
            .encrypt_inout_detached(&nonce(counter), aad, body.into())
        {
            buffer.extend_from_slice(&tag);
        }
    }
}

impl OpeningKey {
    /// From the direction's key.
    pub fn new(key: &SecretKey) -> Self {
        Self(cipher(key))
    }

    /// Opens ciphertext and tag in place; the slice returned is the content.
    pub fn open<'a>(
        &self,
        counter: u64,
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], BadSeal> {
        let at = sealed.len().checked_sub(TAG_LEN).ok_or(BadSeal)?;
        let (body, tag) = sealed.split_at_mut(at);
        let tag = Tag::try_from(&*tag).map_err(|_| BadSeal)?;
        self.0
            .decrypt_inout_detached(&nonce(counter), aad, (&mut *body).into(), &tag)
            .map_err(|_| BadSeal)?;
        Ok(body)
    }
}

impl core::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

impl core::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpeningKey(..)")
    }
}

/// Seals `content` under a key derived from `key`, `label` and `salt` (which must be fresh random
/// bytes); the box is salt, ciphertext, tag.
pub fn seal_salted(
    key: &SecretKey,
    label: &str,
    salt: [u8; SALT_LEN],
    aad: &[u8],
    content: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(content.len() + SALTED_OVERHEAD);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(content);
    SealingKey::new(&derive(key, label, &[&salt])).seal(0, aad, &mut sealed, SALT_LEN);
    sealed
}

/// Opens a box of [`seal_salted`].
pub fn open_salted(
    key: &SecretKey,
    label: &str,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, BadSeal> {
    let mut r = Reader::new(sealed);
    let salt: [u8; SALT_LEN] = r.array("salt").map_err(|_: Malformed| BadSeal)?;
    let mut body = r.rest().to_vec();
    let len = OpeningKey::new(&derive(key, label, &[&salt]))
        .open(0, aad, &mut body)?
        .len();
    body.truncate(len);
    Ok(body)
}

fn cipher(key: &SecretKey) -> Aes256Gcm {
    Aes256Gcm::new(key.expose().into())
}

fn nonce(counter: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    bytes.into()
}
