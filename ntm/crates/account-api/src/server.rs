//! What DCs and RSs ask of the AS.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::str::FromStr;

use ntm_wire::addr::VirtualPrefix;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId, RsId};
use ntm_wire::key::{AuthorityKey, SecretKey, ServerKey};
use serde::{Deserialize, Serialize};

use crate::node::AuthorityInfo;
use crate::text::{Bytes, Text, Wire};

/// `POST`: [`EnrolDc`] -> [`DcEnrolled`].
pub const ENROL_DC: &str = "/v1/enrol/dc";
/// `POST`: [`EnrolRs`] -> [`RsEnrolled`].
pub const ENROL_RS: &str = "/v1/enrol/rs";
/// `GET ?since=N&wait=S`, with a server secret: [`DcUpdate`].
pub const DC_UPDATES: &str = "/v1/dc/updates";
/// `POST`, with a server secret, empty body: a list of [`V4Block`], with a further one when those
/// there were are nearly full.
pub const DC_BLOCK: &str = "/v1/dc/block";
/// `POST`, with a server secret: [`DcAddrs`] -> nothing.
pub const DC_ADDRS: &str = "/v1/dc/addrs";
/// `GET`, with a server secret: [`RsSetup`].
pub const RS_SETUP: &str = "/v1/rs/setup";
/// `POST`, with a device secret of an administrator: [`NewEnrolment`] -> [`EnrolmentToken`].
pub const ENROLMENTS: &str = "/v1/enrolments";

/// What a server is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum ServerRole {
    /// A coordinator for these domains; for all the AS's when empty.
    Dc {
        /// The domains.
        domains: Vec<Text<Fqdn>>,
    },
    /// A relay for these coordinators; for all when empty.
    Rs {
        /// The coordinators.
        dcs: Vec<u32>,
    },
}

/// Asks for an enrolment token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewEnrolment {
    /// For what.
    pub role: ServerRole,
    /// For how long.
    pub lifetime_s: u64,
}

/// `ntm-enrol-...`: good for one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolmentToken {
    /// Holds the AS's address and pin, so that a server needs nothing else.
    pub token: String,
}

/// A DC introduces itself. Asking again with the same key gives the same answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolDc {
    /// The one-time secret of the enrolment token.
    pub code: Bytes,
    /// The DC's X25519 key.
    pub key: Wire<ServerKey>,
    /// Where nodes reach it, best first.
    pub addrs: Vec<SocketAddr>,
}

/// A DC stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DcEnrolled {
    /// Its number.
    pub dc: u32,
    /// Shown to the AS as `Authorization: Bearer <base64url>` from now on.
    pub secret: Wire<SecretKey>,
    /// What it needs to work.
    pub setup: DcSetup,
}

/// What a DC needs to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DcSetup {
    /// Its domains.
    pub domains: Vec<Text<Fqdn>>,
    /// Its /64.
    pub prefix: Text<Prefix>,
    /// Its IPv4 blocks.
    pub v4_blocks: Vec<V4Block>,
    /// Opens tickets.
    pub ticket_link: Wire<SecretKey>,
    /// Whose certificates to believe for its own domains.
    pub authorities: Vec<AuthorityInfo>,
    /// Its relays.
    pub relays: Vec<RelayLink>,
    /// The other coordinators of this AS.
    pub peers: Vec<PeerLink>,
}

/// A /64, written `fd..:/64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(pub VirtualPrefix);

/// A block of virtual IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct V4Block {
    /// The first address.
    pub base: Ipv4Addr,
    /// How many bits are fixed.
    pub prefix_len: u8,
}

/// An RS as its DC sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayLink {
    /// Its number.
    pub rs: u32,
    /// Its X25519 key.
    pub key: Wire<ServerKey>,
    /// Seals leg tokens for it.
    pub link: Wire<SecretKey>,
    /// Names the link key in a token.
    pub key_id: u32,
    /// Its IPv4 address.
    pub v4: Option<SocketAddrV4>,
    /// Its IPv6 address.
    pub v6: Option<SocketAddrV6>,
}

/// Another coordinator of the same AS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLink {
    /// Its number.
    pub dc: u32,
    /// Its domains.
    pub domains: Vec<Text<Fqdn>>,
    /// Its X25519 key.
    pub key: Wire<ServerKey>,
    /// Its addresses, best first.
    pub addrs: Vec<SocketAddr>,
    /// The AS's verification key.
    pub authority: Wire<AuthorityKey>,
}

/// An RS introduces itself. Asking again with the same key gives the same answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolRs {
    /// The one-time secret of the enrolment token.
    pub code: Bytes,
    /// The RS's X25519 key.
    pub key: Wire<ServerKey>,
    /// Its IPv4 address.
    pub v4: Option<SocketAddrV4>,
    /// Its IPv6 address.
    pub v6: Option<SocketAddrV6>,
}

/// An RS stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RsEnrolled {
    /// Its number.
    pub rs: u32,
    /// Shown to the AS as `Authorization: Bearer <base64url>` from now on.
    pub secret: Wire<SecretKey>,
    /// What it needs to work.
    pub setup: RsSetup,
}

/// What an RS needs to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsSetup {
    /// Its coordinators.
    pub dcs: Vec<DcLinkInfo>,
}

/// A DC as its RS sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DcLinkInfo {
    /// Its number.
    pub dc: u32,
    /// Names the link key in a token.
    pub key_id: u32,
    /// Opens its leg tokens.
    pub link: Wire<SecretKey>,
    /// Its X25519 key.
    pub key: Wire<ServerKey>,
    /// Its addresses, best first.
    pub addrs: Vec<SocketAddr>,
}

/// Where a DC is now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DcAddrs {
    /// Best first.
    pub addrs: Vec<SocketAddr>,
}

/// What changed for a DC since the number it named.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DcUpdate {
    /// The number to name next.
    pub seq: u64,
    /// Whether `names` and `revoked` are everything there is, and what is known is to be forgotten.
    pub whole: bool,
    /// Accounts and devices added.
    pub names: Vec<Text<Fqdn>>,
    /// Accounts and devices gone.
    pub gone: Vec<Text<Fqdn>>,
    /// Nodes whose tickets are to be refused from now on.
    pub revoked: Vec<Wire<NodeId>>,
    /// The DC's set-up as it is now.
    pub setup: DcSetup,
}

impl DcEnrolled {
    /// The DC's number as a type.
    pub fn id(&self) -> DcId {
        DcId(self.dc)
    }
}

impl RsEnrolled {
    /// The RS's number as a type.
    pub fn id(&self) -> RsId {
        RsId(self.rs)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&self.0.0);
        write!(f, "{}/64", Ipv6Addr::from(octets))
    }
}

/// A text that is no /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IPv6 prefix of 64 bits")]
pub struct BadPrefix;

impl FromStr for Prefix {
    type Err = BadPrefix;
    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let address = text.strip_suffix("/64").ok_or(BadPrefix)?;
        let octets = address.parse::<Ipv6Addr>().map_err(|_| BadPrefix)?.octets();
        let (head, tail) = octets.split_first_chunk::<8>().ok_or(BadPrefix)?;
        if tail.iter().any(|b| *b != 0) {
            return Err(BadPrefix);
        }
        Ok(Self(VirtualPrefix(*head)))
    }
}
