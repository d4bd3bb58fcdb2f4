//! [`SplitHome`]: two LANs behind one NAT that reach each other, if at all, by its outside address.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{Ground, Lan, router};
use crate::address::{Site, segment_v4};
use crate::netns::Namespace;
use crate::network::Network;
use crate::rules;
use crate::wire::Wire;

/// Whether a NAT lets its own hosts meet by their outside addresses (RFC 4787, 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hairpin {
    /// As Linux is by itself.
    No,
    /// With rules for it.
    Yes,
}

/// A home with a guests' network, say.
#[derive(Debug)]
pub struct SplitHome {
    lans: [Arc<Lan>; 2],
    outside: Ipv4Addr,
    _wire: Wire,
    _router: Namespace,
}

impl SplitHome {
    pub(crate) fn build(
        ground: &Ground<'_>,
        name: &str,
        hairpin: Hairpin,
        site: Site,
    ) -> anyhow::Result<Self> {
        let network = Network::HomeNat;
        let lan = |segment| Lan::segment(ground.air, network, site, segment).map(Arc::new);
        let lans = [lan(0)?, lan(1)?];
        let router = ground.lease.namespace(&format!("r-{name}"))?;
        let wire = router::uplink(ground, &router, network, site)?;
        for (segment, lan) in (0..).zip(&lans) {
            join(ground, &router, lan, site, segment)?;
        }
        let outside = site.wan_v4(2);
        router.nft(&rules::split(outside, hairpin == Hairpin::Yes))?;
        Ok(Self {
            lans,
            outside,
            _wire: wire,
            _router: router,
        })
    }

    /// The LANs that hosts join.
    pub fn lans(&self) -> &[Arc<Lan>; 2] {
        &self.lans
    }

    /// What both of them are seen as.
    pub fn outside(&self) -> Ipv4Addr {
        self.outside
    }
}

/// The router's port in a LAN's bridge.
fn join(
    ground: &Ground<'_>,
    router: &Namespace,
    lan: &Lan,
    site: Site,
    segment: u8,
) -> anyhow::Result<()> {
    let port = format!("r{}s{segment}", site.number());
    router.ip(&format!(
        "link add lan{segment} type veth peer name {port} netns {}\nlink set lan{segment} up\naddr add {}/24 dev lan{segment}\n",
        ground.air.name(),
        segment_v4(segment, 1)
    ))?;
    let bridge = lan.bridge();
    ground
        .air
        .ip(&format!("link set {port} master {bridge} up\n"))
}
