//! What an operator decides about a DC.

use core::net::{Ipv4Addr, SocketAddrV4, SocketAddrV6};
use core::time::Duration;

use ntm_wire::addr::{RealAddr, VirtualPrefix};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, RsId};
use ntm_wire::key::{AuthorityKey, KeyPair, SecretKey, ServerKey};

/// Everything a [`Coordinator`](crate::Coordinator) is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which DC of its deployment this is.
    pub dc: DcId,
    /// Its key: nodes and other servers know the public half.
    pub key: KeyPair,
    /// The domains it is the authority for.
    pub domains: Vec<Fqdn>,
    /// Its /64 of virtual IPv6 addresses.
    pub prefix: VirtualPrefix,
    /// Its blocks of virtual IPv4 addresses, filled in this order.
    pub v4_blocks: Vec<Ipv4Block>,
    /// Opens the tickets of the AS.
    pub ticket_link: SecretKey,
    /// Its relays.
    pub relays: Vec<RelayConfig>,
    /// Other DCs it talks to.
    pub peers: Vec<PeerDc>,
    /// How much it takes.
    pub limits: Limits,
}

/// A block of virtual IPv4 addresses inside 100.64.0.0/10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Block {
    /// The first address; its host bits are zero.
    pub base: Ipv4Addr,
    /// 10 to 24; the AS allocates /18.
    pub prefix_len: u8,
}

/// A relay of this DC's deployment.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Which.
    pub rs: RsId,
    /// Its X25519 key.
    pub key: ServerKey,
    /// Seals the tokens that this DC makes for it.
    pub link: SecretKey,
    /// By which the relay finds that key.
    pub key_id: u32,
    /// Where nodes reach it over IPv4, until it reports otherwise.
    pub v4: Option<SocketAddrV4>,
    /// Where nodes reach it over IPv6, until it reports otherwise.
    pub v6: Option<SocketAddrV6>,
}

/// Another DC.
#[derive(Clone, Debug)]
pub struct PeerDc {
    /// The domains it is the authority for.
    pub domains: Vec<Fqdn>,
    /// Its pinned key.
    pub key: ServerKey,
    /// Its address in a closed network; `None`: asked of DNS.
    pub addr: Option<RealAddr>,
    /// Whether virtual IPv4 addresses mean the same at both.
    pub same_operator: bool,
    /// Verifies the certificates of its domains (rule 12).
    pub authority: AuthorityKey,
}

/// How much a DC takes before it says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes held at once.
    pub max_nodes: usize,
    /// New sessions a second from one address (an IPv6 /64 is one address).
    pub hellos_per_source: u32,
    /// How many of those may come in one burst: an office behind one NAT after a power cut.
    pub hello_burst: u32,
    /// Direction requests a second from one node.
    pub directions_per_node: u32,
    /// Directions under way at once.
    pub max_directions: usize,
    /// The least time between two wake-ups of one node by one caller (rule 11).
    pub wake_interval: Duration,
    /// What one leg may relay, in kbit/s; 0: no limit.
    pub leg_kbps: u32,
    /// Seconds until a node's next keep-alive, at the latest.
    pub keep_alive_s: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_nodes: 1_000_000,
            hellos_per_source: 20,
            hello_burst: 200,
            directions_per_node: 10,
            max_directions: 100_000,
            wake_interval: Duration::from_secs(30),
            leg_kbps: 0,
            keep_alive_s: 20,
        }
    }
}

/// Why a configuration can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No domain.
    #[error("the coordinator has no domain: name at least one")]
    NoDomain,
    /// A block outside 100.64.0.0/10, or of a size that makes no sense.
    #[error("{0}/{1} is no block of virtual addresses: take one of /10 to /24 under 100.64.0.0/10")]
    BadBlock(Ipv4Addr, u8),
    /// Two blocks share addresses.
    #[error("the block at {0} overlaps another: remove one")]
    OverlappingBlocks(Ipv4Addr),
    /// Two saved nodes have one address.
    #[error(
        "two stored assignments share the address {0}: the store is damaged, restore it from a backup"
    )]
    DuplicateAssignment(core::net::IpAddr),
    /// A relay twice.
    #[error("relay {0} is named twice")]
    DuplicateRelay(RsId),
    /// A key twice among peers and relays.
    #[error("the key {0} belongs to two servers")]
    DuplicateKey(ServerKey),
}
