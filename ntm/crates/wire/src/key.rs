//! Keys as types. Secrets are wiped on drop, compare in constant time and never print.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::{Codec, Malformed, Reader, Writer};

/// 32 secret bytes: a node key, path key, leg key, link key or a key derived from one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// Takes the bytes over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a primitive that needs them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl Codec for SecretKey {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.array("secret key").map(Self)
    }
    fn write(&self, w: &mut Writer) {
        w.put(&self.0);
    }
}

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}:{self}", $what)
            }
        }

        impl fmt::Display for $name {
            /// Hexadecimal.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl Codec for $name {
            fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                r.array($what).map(Self)
            }
            fn write(&self, w: &mut Writer) {
                w.put(&self.0);
            }
        }
    };
}

public_key!(
    /// A device's X25519 identity key.
    IdentityKey, "identity key"
);
public_key!(
    /// The X25519 key of a DC or RS.
    ServerKey, "server key"
);
public_key!(
    /// An account's Ed25519 root key; its fingerprint is the safety number.
    RootKey, "root key"
);
public_key!(
    /// An Account Server's Ed25519 verification key.
    AuthorityKey, "authority key"
);

impl ServerKey {
    /// What a header's selector says to name this key.
    pub fn selector(&self) -> u64 {
        let hash = crate::kdf::sha256(&[b"ntm key selector", &self.0]);
        hash.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
    }
}

/// An X25519 key pair of a device or a server.
#[derive(Clone)]
pub struct KeyPair {
    private: SecretKey,
    public: [u8; 32],
}

impl KeyPair {
    /// The pair that belongs to this private key.
    pub fn from_private(private: SecretKey) -> Self {
        let secret = x25519_dalek::StaticSecret::from(*private.expose());
        let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
        Self { private, public }
    }

    /// The private half.
    pub fn private(&self) -> &SecretKey {
        &self.private
    }

    /// The public half as a device's identity key.
    pub fn identity(&self) -> IdentityKey {
        IdentityKey(self.public)
    }

    /// The public half as a server's key.
    pub fn server(&self) -> ServerKey {
        ServerKey(self.public)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.identity())
    }
}
