//! What a Relay Server is told at start.

use core::net::{SocketAddrV4, SocketAddrV6};

use ntm_wire::addr::RealAddr;
use ntm_wire::id::RsId;
use ntm_wire::key::{KeyPair, SecretKey, ServerKey};

/// What a Relay Server is told at start.
#[derive(Clone, Debug)]
pub struct Config {
    /// This server's number in its deployment.
    pub rs: RsId,
    /// Opens Bind packets and authenticates the links to the DCs.
    pub key: KeyPair,
    /// The DCs whose tokens are honoured; two entries with one key are one DC whose link key rotates.
    pub dcs: Vec<DcLink>,
    /// Where nodes reach this server over IPv4.
    pub v4: Option<SocketAddrV4>,
    /// Where nodes reach this server over IPv6.
    pub v6: Option<SocketAddrV6>,
    /// At most this many legs are bound at a time; two make a path.
    pub max_legs: usize,
}

/// What is shared with one DC.
#[derive(Clone, Debug)]
pub struct DcLink {
    /// Says in a token's head which link key sealed it.
    pub key_id: u32,
    /// Opens the tokens that the DC makes for this server.
    pub link: SecretKey,
    /// The DC's own key.
    pub key: ServerKey,
    /// Where reports go; without it the tokens are honoured, but nothing is reported.
    pub addr: Option<RealAddr>,
}
