//! What the store holds.

use core::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use ntm_account_api::server::ServerRole;
use ntm_wire::addr::VirtualPrefix;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId, RsId};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{IdentityKey, RootKey, SecretKey, ServerKey};
use ntm_wire::time::Wall;

/// SHA-256 of a code or secret: what the store knows of it.
pub type Hash = [u8; 32];

/// The hash of a code or secret. They are random and long, so that no slow hash is needed.
pub fn hash_of(secret: &[u8]) -> Hash {
    sha256(&[b"ntm account secret", secret])
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The whole name.
    pub name: Fqdn,
    /// OPAQUE record.
    pub opaque: Vec<u8>,
    /// The root key.
    pub root: RootKey,
    /// Its private half, sealed so that only the password opens it.
    pub sealed_root: Vec<u8>,
    /// The coordinator of all its devices: a name is looked up at one.
    pub dc: DcId,
    /// Whether it may enrol servers.
    pub is_admin: bool,
    /// When it signed up.
    pub created: Wall,
}

/// A person's device, that is a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The node.
    pub node: NodeId,
    /// Whose.
    pub account: Fqdn,
    /// The label in front of the account's name.
    pub name: String,
    /// The key.
    pub identity: IdentityKey,
    /// Its address for good.
    pub virtual_v6: core::net::Ipv6Addr,
    /// The root key's signature over name and key.
    pub root_signature: [u8; 64],
    /// The node key.
    pub node_key: SecretKey,
    /// What it is known by.
    pub secret: Hash,
    /// When it signed in.
    pub created: Wall,
    /// When it last renewed its ticket.
    pub renewed: Wall,
    /// When it was revoked.
    pub revoked: Option<Wall>,
}

/// The right to sign up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Of its code.
    pub hash: Hash,
    /// How often it may be used.
    pub uses: u32,
    /// How often it was.
    pub used: u32,
    /// Until when.
    pub expires: Wall,
    /// Whether who uses it becomes an administrator.
    pub makes_admin: bool,
    /// Who made it; `None`: the server.
    pub made_by: Option<Fqdn>,
}

/// The right to be a DC or RS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Of its code.
    pub hash: Hash,
    /// As what.
    pub role: ServerRole,
    /// Until when.
    pub expires: Wall,
    /// Who used it, and when.
    pub used: Option<(ServerKey, Wall)>,
}

/// A coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dc {
    /// Its number.
    pub id: DcId,
    /// Its key.
    pub key: ServerKey,
    /// Its domains.
    pub domains: Vec<Fqdn>,
    /// Its addresses.
    pub addrs: Vec<SocketAddr>,
    /// Its /64.
    pub prefix: VirtualPrefix,
    /// Its IPv4 blocks, by number.
    pub v4_blocks: Vec<u8>,
    /// Seals tickets for it.
    pub ticket_link: SecretKey,
    /// What it is known by.
    pub secret: Hash,
}

/// A relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rs {
    /// Its number.
    pub id: RsId,
    /// Its key.
    pub key: ServerKey,
    /// Its IPv4 address.
    pub v4: Option<SocketAddrV4>,
    /// Its IPv6 address.
    pub v6: Option<SocketAddrV6>,
    /// What it is known by.
    pub secret: Hash,
    /// The coordinators it was enrolled for; all when empty.
    pub dcs: Vec<DcId>,
}

/// What a DC and an RS share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Names the key in a token.
    pub key_id: u32,
    /// The DC.
    pub dc: DcId,
    /// The RS.
    pub rs: RsId,
    /// The key.
    pub link: SecretKey,
}

/// All servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// The coordinators.
    pub dcs: Vec<Dc>,
    /// The relays.
    pub relays: Vec<Rs>,
    /// What they share.
    pub links: Vec<Link>,
}

impl Fleet {
    /// The coordinator with this number.
    pub fn dc(&self, id: DcId) -> Option<&Dc> {
        self.dcs.iter().find(|d| d.id == id)
    }

    /// The relay with this number.
    pub fn rs(&self, id: RsId) -> Option<&Rs> {
        self.relays.iter().find(|r| r.id == id)
    }
}
