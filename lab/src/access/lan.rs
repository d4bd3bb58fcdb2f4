//! [`Lan`]: a bridge in the air, and the seats it gives to hosts.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::address::{Net, Site, segment_v4};
use crate::netns::Namespace;
use crate::network::Network;

/// Hosts begin here; in a /29 as well as in a /24.
const FIRST: u8 = 2;
/// As many addresses a LAN has for hosts, by its size.
const HOSTS: (u8, u8) = (5, 250);

/// What a host needs to take part: as DHCP and router advertisements would tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The bridge.
    pub(crate) bridge: String,
    /// Addresses.
    pub addresses: Vec<Net>,
    /// The router, by family.
    pub gateways: Vec<IpAddr>,
    /// A name server, where names matter.
    pub name_server: Option<IpAddr>,
}

/// A LAN.
#[derive(Debug)]
pub struct Lan {
    network: Network,
    site: Site,
    segment: u8,
    next: AtomicU8,
}

impl Lan {
    pub(super) fn build(air: &Namespace, network: Network, site: Site) -> anyhow::Result<Self> {
        Self::segment(air, network, site, 0)
    }

    /// One of several LANs of a home.
    pub(super) fn segment(
        air: &Namespace,
        network: Network,
        site: Site,
        segment: u8,
    ) -> anyhow::Result<Self> {
        let this = Self {
            network,
            site,
            segment,
            next: AtomicU8::new(0),
        };
        let bridge = this.bridge();
        air.ip(&format!(
            "link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0\nlink set {bridge} up\n"
        ))?;
        Ok(this)
    }

    /// What it is called in the air.
    pub(crate) fn bridge(&self) -> String {
        let number = self.site.number();
        match self.segment {
            0 => format!("b{number}"),
            segment => format!("b{number}s{segment}"),
        }
    }

    /// Addresses that nobody had yet, or not for a long time.
    pub fn seat(&self) -> Seat {
        let host = self.next_host();
        let facts = self.network.facts();
        let (mut addresses, mut gateways) = (Vec::new(), Vec::new());
        if self.network == Network::PublicV4 {
            addresses.push(Net::new(self.site.public_v4(host), 29));
            gateways.push(self.site.public_v4(1).into());
        } else if facts.v4.is_some() {
            addresses.push(Net::new(segment_v4(self.segment, host), 24));
            gateways.push(segment_v4(self.segment, 1).into());
        }
        if facts.v6 {
            addresses.push(Net::new(self.site.lan_v6(host), 64));
            gateways.push(self.site.lan_v6(1).into());
        }
        Seat {
            bridge: self.bridge(),
            addresses,
            gateways,
            name_server: facts.nat64.then(|| self.site.lan_v6(1).into()),
        }
    }

    fn next_host(&self) -> u8 {
        let (small, large) = HOSTS;
        let is_small = self.network == Network::PublicV4;
        let count = if is_small { small } else { large };
        let next = |n: u8| Some((n + 1) % count);
        let got = (self.next).fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        FIRST + got.unwrap_or_default()
    }
}
