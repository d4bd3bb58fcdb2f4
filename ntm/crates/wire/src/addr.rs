//! Addresses: real and virtual are told apart by type, never by range.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::{InterfaceId, NodeId};

/// An address and port of the real network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealAddr(pub SocketAddr);

impl RealAddr {
    /// Whether the address is IPv4, be it as a dual-stack socket shows it (`::ffff:192.0.2.1`).
    pub fn is_ipv4(&self) -> bool {
        self.0.ip().to_canonical().is_ipv4()
    }

    /// Rule 10: whether a node may be directed to send to this address. No loopback (unless the
    /// sender's own network is loopback, which the caller decides), multicast, broadcast or
    /// unspecified address, and no port below 1024 except 443.
    pub fn is_sendable(&self) -> bool {
        let ip_ok = match self.0.ip().to_canonical() {
            IpAddr::V4(a) => !(a.is_multicast() || a.is_broadcast() || a.is_unspecified()),
            IpAddr::V6(a) => !(a.is_multicast() || a.is_unspecified()),
        };
        ip_ok && (self.0.port() >= 1024 || self.0.port() == 443)
    }

    /// Whether the address is the machine's own.
    pub fn is_loopback(&self) -> bool {
        self.0.ip().to_canonical().is_loopback()
    }

    /// Whether the address is private (RFC 1918), shared (RFC 6598), link-local or unique local,
    /// so that it means nothing outside its own network.
    pub fn is_private(&self) -> bool {
        match self.0.ip().to_canonical() {
            IpAddr::V4(a) => {
                let [x, y, ..] = a.octets();
                a.is_private()
                    || a.is_link_local()
                    || a.is_loopback()
                    || (x == 100 && y & 0xc0 == 64)
            }
            IpAddr::V6(a) => a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local(),
        }
    }
}

impl Codec for RealAddr {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let addr = r.socket_addr("real address")?;
        // One form only: a mapped address would slip an IPv4 one past whoever asks for the family.
        if addr.ip().to_canonical() == addr.ip() {
            Ok(Self(addr))
        } else {
            Err(Malformed::Invalid("real address"))
        }
    }
    fn write(&self, w: &mut Writer) {
        w.ip(self.0.ip().to_canonical());
        w.u16(self.0.port());
    }
}

/// A permanent address inside the overlay; applications see only these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualAddr(pub IpAddr);

/// The /64 of a DC under its deployment's unique local /48; virtual IPv6 addresses lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPrefix(pub [u8; 8]);

impl VirtualPrefix {
    /// The permanent virtual IPv6 address of a node in this prefix: the prefix, then 64 bits of a
    /// hash over the node id, so that it needs no table and a certificate can cover it (rule 7).
    pub fn address_of(&self, node: &NodeId) -> Ipv6Addr {
        let hash = crate::kdf::sha256(&[b"ntm virtual ipv6", &node.0]);
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&self.0);
        octets[8..].copy_from_slice(&hash[..8]);
        Ipv6Addr::from(octets)
    }

    /// Whether `addr` lies in the prefix.
    pub fn contains(&self, addr: &Ipv6Addr) -> bool {
        addr.octets()[..8] == self.0
    }
}

/// Both permanent addresses of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualAddrs {
    /// Valid everywhere in the overlay.
    pub v6: Ipv6Addr,
    /// Valid inside the operator's own deployment.
    pub v4: Ipv4Addr,
}

impl Codec for VirtualAddrs {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            v6: Ipv6Addr::from(r.array::<16>("virtual ipv6")?),
            v4: Ipv4Addr::from(r.array::<4>("virtual ipv4")?),
        })
    }
    fn write(&self, w: &mut Writer) {
        w.put(&self.v6.octets());
        w.put(&self.v4.octets());
    }
}

/// How a node came to know a candidate address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CandidateKind {
    /// An address of a local interface.
    Host = 0,
    /// The address a server saw.
    Observed = 1,
    /// A mapping asked of the router (UPnP, PCP, NAT-PMP).
    Mapped = 2,
}

/// A real address at which a node may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Candidate {
    /// Where the address comes from.
    pub kind: CandidateKind,
    /// The interface it belongs to.
    pub interface: InterfaceId,
    /// The address.
    pub addr: RealAddr,
}

/// At most this many candidates per end (rule 10).
pub const MAX_CANDIDATES: usize = 8;

impl Codec for Candidate {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = match r.u8("candidate kind")? {
            0 => CandidateKind::Host,
            1 => CandidateKind::Observed,
            2 => CandidateKind::Mapped,
            _ => return Err(Malformed::Invalid("candidate kind")),
        };
        Ok(Self {
            kind,
            interface: Codec::read(r)?,
            addr: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(self.kind as u8);
        self.interface.write(w);
        self.addr.write(w);
    }
}

/// What is known of the NAT in front of a node (RFC 4787 terms).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NatVerdict {
    /// Not enough seen to say; RS and probing then (rule 17).
    #[default]
    Unknown = 0,
    /// The address seen from outside is the node's own.
    None = 1,
    /// A NAT that maps independently of the endpoint.
    EndpointIndependent = 2,
    /// A NAT that maps by destination ("symmetric").
    EndpointDependent = 3,
}

impl Codec for NatVerdict {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        match r.u8("nat verdict")? {
            0 => Ok(Self::Unknown),
            1 => Ok(Self::None),
            2 => Ok(Self::EndpointIndependent),
            3 => Ok(Self::EndpointDependent),
            _ => Err(Malformed::Invalid("nat verdict")),
        }
    }
    fn write(&self, w: &mut Writer) {
        w.u8(*self as u8);
    }
}
