//! The Account Server of a world: it mints certificates and tickets directly, without HTTP and OPAQUE.

use core::net::Ipv6Addr;
use core::time::Duration;

use ed25519_dalek::SigningKey;
use ntm_wire::addr::VirtualPrefix;
use ntm_wire::certificate::{IdentityCertificate, sign_device};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use ntm_wire::key::{AuthorityKey, KeyPair, RootKey, SecretKey};
use ntm_wire::ticket::{SealedTicket, TICKET_LIFETIME, Ticket};
use ntm_wire::time::Wall;
use std::collections::BTreeMap;

use crate::rng::Rng;

/// Lifetime of a certificate.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// The accounts of one domain.
#[derive(Debug)]
pub struct AccountServer {
    /// The domain it speaks for.
    pub domain: Fqdn,
    /// The block of its DC.
    pub prefix: VirtualPrefix,
    /// What it shares with its DC.
    pub ticket_link: SecretKey,
    authority: SigningKey,
    roots: BTreeMap<Fqdn, SigningKey>,
    rng: Rng,
}

/// What a device has after it signed in.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Who it is.
    pub certificate: IdentityCertificate,
    /// The certificate's key pair.
    pub identity: KeyPair,
    /// Shared with the DC by way of the ticket.
    pub node_key: SecretKey,
    /// The ticket.
    pub ticket: SealedTicket,
    /// When the ticket ends.
    pub ticket_expires: Wall,
}

impl AccountServer {
    /// An AS with a key of its own.
    pub fn new(domain: Fqdn, prefix: VirtualPrefix, mut rng: Rng) -> Self {
        Self {
            domain,
            prefix,
            ticket_link: SecretKey::new(rng.seed()),
            authority: SigningKey::from_bytes(&rng.seed()),
            roots: BTreeMap::new(),
            rng,
        }
    }

    /// Its verification key.
    pub fn authority(&self) -> AuthorityKey {
        AuthorityKey(self.authority.verifying_key().to_bytes())
    }

    /// Signs a device in: `name` is `<device>.<account>.<domain>`.
    pub fn sign_in(&mut self, name: &Fqdn, now: Wall) -> Profile {
        let identity = KeyPair::from_private(SecretKey::new(self.rng.seed()));
        let node_key = SecretKey::new(self.rng.seed());
        self.renew(name, identity, node_key, now)
    }

    /// A device that its account's root key has not signed: a ghost that an operator adds.
    pub fn sign_in_without_root(&mut self, name: &Fqdn, now: Wall) -> Profile {
        let mut profile = self.sign_in(name, now);
        profile.certificate.root_signature = [0x55; 64];
        profile.certificate = profile.certificate.signed_by(&self.authority);
        self.issue(profile.certificate, profile.identity, profile.node_key, now)
    }

    /// A device under a root key that the operator made up.
    pub fn sign_in_with_another_root(&mut self, name: &Fqdn, now: Wall) -> Profile {
        self.roots
            .retain(|account, _| Some(account) != name.parent().as_ref());
        self.sign_in(name, now)
    }

    /// A new ticket and certificate for a device with these keys.
    pub fn renew(
        &mut self,
        name: &Fqdn,
        identity: KeyPair,
        node_key: SecretKey,
        now: Wall,
    ) -> Profile {
        let certificate = self.certify(name, &identity, now);
        self.issue(certificate, identity, node_key, now)
    }

    fn issue(
        &mut self,
        certificate: IdentityCertificate,
        identity: KeyPair,
        node_key: SecretKey,
        now: Wall,
    ) -> Profile {
        let ticket_expires = now + TICKET_LIFETIME;
        let ticket = Ticket {
            node_key: node_key.clone(),
            issued: now,
            expires: ticket_expires,
            certificate: certificate.clone(),
        };
        Profile {
            certificate,
            identity,
            node_key,
            ticket: ticket.seal(&self.ticket_link, self.rng.bytes()),
            ticket_expires,
        }
    }

    fn certify(&mut self, name: &Fqdn, identity: &KeyPair, now: Wall) -> IdentityCertificate {
        let virtual_v6: Ipv6Addr = self.prefix.address_of(&NodeId::of(&identity.identity()));
        let account = name.parent().unwrap_or_else(|| name.clone());
        let seed = self.rng.seed();
        let root = self.roots.entry(account);
        let root = root.or_insert_with(|| SigningKey::from_bytes(&seed));
        let unsigned = IdentityCertificate {
            fqdn: name.clone(),
            identity: identity.identity(),
            virtual_v6,
            not_before: now,
            not_after: now + CERTIFICATE_LIFETIME,
            root: RootKey(root.verifying_key().to_bytes()),
            root_signature: sign_device(root, name, &identity.identity()),
            authority_signature: [0; 64],
        };
        unsigned.signed_by(&self.authority)
    }
}
