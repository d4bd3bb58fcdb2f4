//! Who has which address: documentation ranges, and homes that are all alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::ensure;

/// A machine at the core: its addresses, and the core's on the link to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// Of its namespace, and of the core's end of its link.
    pub(crate) name: &'static str,
    pub(crate) own: (Ipv4Addr, Ipv6Addr),
    pub(crate) core: (Ipv4Addr, Ipv6Addr),
}

/// The machine of the servers.
pub(crate) const SERVERS: Machine = machine("servers", [203, 0, 113], 0xf);
/// That of another operator's.
pub(crate) const ABROAD: Machine = machine("abroad", [198, 18, 6], 0x11);
/// A relay's own.
pub(crate) const RELAY: Machine = machine("relay", [198, 18, 5], 0x10);

const fn machine(name: &'static str, v4: [u8; 3], v6: u16) -> Machine {
    Machine {
        name,
        own: at_core(v4, v6, 10),
        core: at_core(v4, v6, 1),
    }
}

const fn at_core([a, b, c]: [u8; 3], net: u16, host: u8) -> (Ipv4Addr, Ipv6Addr) {
    let v4 = Ipv4Addr::new(a, b, c, host);
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, host as u16);
    (v4, v6)
}

/// The most access networks of a world: what fits into 192.0.2.0/24.
const MOST: u8 = 32;

/// The number of an access network; its addresses follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site(u8);

impl Site {
    pub(crate) fn new(number: usize) -> anyhow::Result<Self> {
        ensure!(
            number < usize::from(MOST),
            "a world has {MOST} networks at most"
        );
        Ok(Self(u8::try_from(number)?))
    }

    /// What its devices in shared namespaces end with.
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// Of the link to the core, a /30: the core's end is 1, the router's 2.
    pub(crate) fn wan_v4(self, end: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 51, 100, self.0 * 4 + end)
    }

    /// The same, a /64.
    pub(crate) fn wan_v6(self, end: u8) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 1, self.0.into(), 0, 0, 0, end.into())
    }

    /// Of a LAN with public addresses, a /29: the router is 1.
    pub(crate) fn public_v4(self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, self.0 * 8 + host)
    }

    /// Of the LAN, a /64: the router is 1.
    pub(crate) fn lan_v6(self, host: u8) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 2, self.0.into(), 0, 0, 0, host.into())
    }

    /// The /96 under which a NAT64 shows IPv4.
    pub(crate) fn nat64_prefix(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0x64, self.0.into(), 0, 0, 0, 0)
    }
}

/// Of a home's LAN, a /24 that is the same everywhere: the router is 1.
pub(crate) fn home_v4(host: u8) -> Ipv4Addr {
    segment_v4(0, host)
}

/// The same for one of several LANs of a home, by its number.
pub(crate) fn segment_v4(segment: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 1 + segment, host)
}

/// Of the link between a carrier's NAT (1) and a home router (2), a /30.
pub(crate) fn carrier_v4(end: u8) -> Ipv4Addr {
    Ipv4Addr::new(100, 64, 0, end)
}

/// An address with the length of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// The address.
    pub ip: IpAddr,
    /// How many bits of it are the network's.
    pub bits: u8,
}

impl Net {
    pub(crate) fn new(ip: impl Into<IpAddr>, bits: u8) -> Self {
        Self {
            ip: ip.into(),
            bits,
        }
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}
