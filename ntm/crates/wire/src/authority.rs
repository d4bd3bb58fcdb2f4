//! How an AS changes its verification key: the old key signs the new one (rule 12).

use ed25519_dalek::{Signer as _, SigningKey};

use crate::certificate::holds;
use crate::codec::{Codec as _, Writer};
use crate::fqdn::Fqdn;
use crate::key::AuthorityKey;

/// The old key's signature over the one that speaks for `domain` from now on.
pub fn sign_key_change(old: &SigningKey, domain: &Fqdn, new: &AuthorityKey) -> [u8; 64] {
    old.sign(&message(domain, new)).to_bytes()
}

/// Whether `signature` is the old key's over this change.
pub fn key_change_holds(
    old: &AuthorityKey,
    domain: &Fqdn,
    new: &AuthorityKey,
    signature: &[u8; 64],
) -> bool {
    holds(&old.0, &message(domain, new), signature)
}

fn message(domain: &Fqdn, new: &AuthorityKey) -> Vec<u8> {
    let mut w = Writer::new();
    w.put(b"ntm authority key change 1");
    domain.write(&mut w);
    new.write(&mut w);
    w.into_bytes()
}
