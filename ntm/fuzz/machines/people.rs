//! Keys, names and certificates of those who play.

use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use ntm_wire::addr::{RealAddr, VirtualPrefix};
use ntm_wire::certificate::{IdentityCertificate, sign_device};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use ntm_wire::key::{AuthorityKey, KeyPair, RootKey, SecretKey};
use ntm_wire::ticket::{TICKET_LIFETIME, Ticket};
use ntm_wire::time::{Mono, Now, Wall};

pub const PREFIX: VirtualPrefix = VirtualPrefix([0xfd, 1, 2, 3, 4, 5, 0, 6]);
const START: Wall = Wall::from_secs(1_767_225_600);

pub fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

pub fn pair(n: u8) -> KeyPair {
    KeyPair::from_private(secret(n))
}

pub fn name(text: &str) -> Fqdn {
    Fqdn::parse(text).expect("a good name")
}

pub fn addr(host: u8) -> RealAddr {
    RealAddr(SocketAddr::from(([192, 0, 2, host], 40_000)))
}

pub fn now(ms: u64) -> Now {
    Now {
        mono: Mono::from_micros(1_000_000 + ms * 1000),
        wall: Wall::from_millis(START.as_millis() + ms),
    }
}

pub fn authority() -> AuthorityKey {
    AuthorityKey(
        SigningKey::from_bytes(&[0x41; 32])
            .verifying_key()
            .to_bytes(),
    )
}

/// The certificate of the device with identity key `n`.
pub fn certificate(n: u8, fqdn: &str) -> IdentityCertificate {
    let (fqdn, identity) = (name(fqdn), pair(n).identity());
    let root = SigningKey::from_bytes(&[0x31; 32]);
    IdentityCertificate {
        root_signature: sign_device(&root, &fqdn, &identity),
        fqdn,
        identity,
        virtual_v6: PREFIX.address_of(&NodeId::of(&identity)),
        not_before: START,
        not_after: START + TICKET_LIFETIME,
        root: RootKey(root.verifying_key().to_bytes()),
        authority_signature: [0; 64],
    }
    .signed_by(&SigningKey::from_bytes(&[0x41; 32]))
}

pub fn ticket(n: u8, fqdn: &str) -> Ticket {
    Ticket {
        node_key: secret(0x51),
        issued: START,
        expires: START + TICKET_LIFETIME,
        certificate: certificate(n, fqdn),
    }
}
