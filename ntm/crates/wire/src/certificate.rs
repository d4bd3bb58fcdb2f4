//! The identity certificate: who a device is, signed by its AS and by its account's root key.

use core::net::Ipv6Addr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::fqdn::Fqdn;
use crate::id::NodeId;
use crate::key::{AuthorityKey, IdentityKey, RootKey};
use crate::time::Wall;

/// Binds a device's name, key and virtual IPv6 address. A value of this type is well-formed, not
/// verified: [`IdentityCertificate::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityCertificate {
    /// `<device>.<account>.<domain>`.
    pub fqdn: Fqdn,
    /// The device's X25519 key; the node id is its hash.
    pub identity: IdentityKey,
    /// The permanent virtual IPv6 address (rule 7).
    pub virtual_v6: Ipv6Addr,
    /// Valid from.
    pub not_before: Wall,
    /// Valid until.
    pub not_after: Wall,
    /// The account's root key, which people compare as the safety number.
    pub root: RootKey,
    /// The root key's signature over name and identity key (rule 6).
    pub root_signature: [u8; 64],
    /// The AS's signature over everything above.
    pub authority_signature: [u8; 64],
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The AS's signature does not hold.
    #[error("the account server's signature on the certificate does not hold")]
    Authority,
    /// The account root has not signed the device (rule 6).
    #[error("the account has not signed this device")]
    Root,
    /// The AS speaks for another domain (rule 12).
    #[error("the certificate names a device outside its account server's domain")]
    WrongDomain,
    /// Not valid yet: this clock or the AS's is off.
    #[error("the certificate is not valid yet: is the clock of this machine right?")]
    NotYetValid,
    /// Expired.
    #[error("the certificate has expired: sign in again, or set the clock of this machine")]
    Expired,
}

/// How far clocks may differ before a fresh certificate counts as "not valid yet".
pub const CLOCK_SKEW: core::time::Duration = core::time::Duration::from_secs(300);

impl IdentityCertificate {
    /// The node the certificate is for.
    pub fn node_id(&self) -> NodeId {
        NodeId::of(&self.identity)
    }

    /// The account's name: the device's without its first label.
    pub fn account(&self) -> Option<Fqdn> {
        self.fqdn.parent()
    }

    /// The one domain that may have signed it: the device's name without device and account (rule 12).
    pub fn domain(&self) -> Option<Fqdn> {
        self.account()?.parent()
    }

    /// Whether this AS signed it; nothing else is looked at.
    pub fn is_signed_by(&self, authority: &AuthorityKey) -> bool {
        holds(
            &authority.0,
            &self.authority_message(),
            &self.authority_signature,
        )
    }

    /// Checks both signatures, the domain and the time.
    pub fn verify(
        &self,
        authority: &AuthorityKey,
        domain: &Fqdn,
        now: Wall,
    ) -> Result<(), CertificateError> {
        if !self.fqdn.is_under(domain) || self.fqdn.labels().count() != domain.labels().count() + 2
        {
            return Err(CertificateError::WrongDomain);
        }
        if !self.is_signed_by(authority) {
            return Err(CertificateError::Authority);
        }
        if !holds(
            &self.root.0,
            &root_message(&self.fqdn, &self.identity),
            &self.root_signature,
        ) {
            return Err(CertificateError::Root);
        }
        self.verify_time(now)
    }

    fn verify_time(&self, now: Wall) -> Result<(), CertificateError> {
        if now + CLOCK_SKEW < self.not_before {
            return Err(CertificateError::NotYetValid);
        }
        if now > self.not_after {
            Err(CertificateError::Expired)
        } else {
            Ok(())
        }
    }

    /// Puts the AS's signature on.
    pub fn signed_by(mut self, authority: &SigningKey) -> Self {
        self.authority_signature = authority.sign(&self.authority_message()).to_bytes();
        self
    }

    fn authority_message(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.put(b"ntm identity certificate 1");
        self.write_unsigned(&mut w);
        w.into_bytes()
    }

    fn write_unsigned(&self, w: &mut Writer) {
        self.fqdn.write(w);
        self.identity.write(w);
        w.put(&self.virtual_v6.octets());
        w.u64(self.not_before.as_millis());
        w.u64(self.not_after.as_millis());
        self.root.write(w);
        w.put(&self.root_signature);
    }
}

/// The root key's signature over a device, made by a device that holds the root key.
pub fn sign_device(root: &SigningKey, fqdn: &Fqdn, identity: &IdentityKey) -> [u8; 64] {
    root.sign(&root_message(fqdn, identity)).to_bytes()
}

/// Whether `signature` is the root key's over this device.
pub fn root_signature_holds(
    root: &RootKey,
    fqdn: &Fqdn,
    identity: &IdentityKey,
    signature: &[u8; 64],
) -> bool {
    holds(&root.0, &root_message(fqdn, identity), signature)
}

fn root_message(fqdn: &Fqdn, identity: &IdentityKey) -> Vec<u8> {
    let mut w = Writer::new();
    w.put(b"ntm device of account 1");
    fqdn.write(&mut w);
    identity.write(&mut w);
    w.into_bytes()
}

pub(crate) fn holds(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(key).is_ok_and(|k| k.verify_strict(message, &signature).is_ok())
}

impl Codec for IdentityCertificate {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            fqdn: Codec::read(r)?,
            identity: Codec::read(r)?,
            virtual_v6: Ipv6Addr::from(r.array::<16>("virtual ipv6")?),
            not_before: Wall::from_millis(r.u64("not before")?),
            not_after: Wall::from_millis(r.u64("not after")?),
            root: Codec::read(r)?,
            root_signature: r.array("root signature")?,
            authority_signature: r.array("authority signature")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.write_unsigned(w);
        w.put(&self.authority_signature);
    }
}
