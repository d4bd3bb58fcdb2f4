//! Key derivation: HKDF-SHA256 with a label per purpose, and the hashes beside it.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::key::SecretKey;

/// SHA-256 over the parts, one behind the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|p| hash.update(p));
    hash.finalize().into()
}

/// HMAC-SHA256 over the parts, one behind the other.
pub fn hmac_sha256(key: &SecretKey, parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) else {
        unreachable!("HMAC takes a key of any length")
    };
    parts.iter().for_each(|p| mac.update(p));
    mac.finalize().into_bytes().into()
}

/// A key for the purpose `label`, from `key` and whatever else must tell it apart. The label goes in
/// behind its length, so that no label's end can be taken for the start of a context.
pub fn derive(key: &SecretKey, label: &str, context: &[&[u8]]) -> SecretKey {
    let mut out = [0; 32];
    let label_len = [u8::try_from(label.len()).unwrap_or(u8::MAX)];
    let info: Vec<&[u8]> = [&label_len[..], label.as_bytes()]
        .into_iter()
        .chain(context.iter().copied())
        .collect();
    let filled = Hkdf::<Sha256>::new(None, key.expose()).expand_multi_info(&info, &mut out);
    debug_assert!(filled.is_ok(), "32 bytes are within HKDF's reach");
    SecretKey::new(out)
}
