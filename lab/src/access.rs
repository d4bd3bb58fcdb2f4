//! [`Access`]: one access network as it stands, with its routers, its LAN and its wire to the core.

mod advertisement;
mod announcer;
mod lan;
mod nat64;
mod router;
mod split;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::address::Site;
use crate::lease::Lease;
use crate::netns::Namespace;
use crate::network::Network;
use crate::rules;
use crate::wire::{Quality, Wire};

pub use announcer::Announcer;
pub use lan::{Lan, Seat};
use nat64::Nat64;
pub use split::{Hairpin, SplitHome};

/// What every access network is built upon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) lease: &'a Lease,
    /// The router in the middle.
    pub(crate) core: &'a Namespace,
    /// Where LANs are bridges, and hosts' radios end.
    pub(crate) air: &'a Namespace,
    pub(crate) quality: Quality,
    pub(crate) seed: u64,
}

/// An access network.
#[derive(Debug)]
pub struct Access {
    network: Network,
    site: Site,
    routers: Vec<Namespace>,
    lan: Arc<Lan>,
    name: String,
    wire: Arc<Wire>,
    _nat64: Option<Nat64>,
}

impl Access {
    pub(crate) fn build(
        ground: &Ground<'_>,
        name: &str,
        network: Network,
        site: Site,
    ) -> anyhow::Result<Self> {
        let lan = Arc::new(Lan::build(ground.air, network, site)?);
        let edge = ground.lease.namespace(&format!("r-{name}"))?;
        let wire = router::uplink(ground, &edge, network, site)?;
        let routers = router::build(ground, name, edge, network, site)?;
        let nat64 = routers
            .first()
            .filter(|_| network.facts().nat64)
            .map(|r| Nat64::start(ground.lease, r, site))
            .transpose()?;
        Ok(Self {
            network,
            site,
            routers,
            lan,
            name: name.to_owned(),
            wire: Arc::new(wire),
            _nat64: nat64,
        })
    }

    /// Lets the edge router and the core find each other.
    pub(crate) fn warm(&self) -> anyhow::Result<()> {
        let edge = self.routers.first().context("a network has a router")?;
        let (v4, v6) = router::families(self.network);
        let core = [
            v4.then(|| IpAddr::from(self.site.wan_v4(1))),
            v6.then(|| IpAddr::from(self.site.wan_v6(1))),
        ];
        edge.greet(&core.into_iter().flatten().collect::<Vec<_>>())
    }

    /// What it is called in this world.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind.
    pub fn network(&self) -> Network {
        self.network
    }

    /// The LAN that hosts join.
    pub fn lan(&self) -> &Arc<Lan> {
        &self.lan
    }

    /// The wire to the core: its quality may change at any time.
    pub fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Its routers, the one towards the core first.
    pub fn routers(&self) -> &[Namespace] {
        &self.routers
    }

    /// The device of the core at which everything of this network passes.
    pub fn core_device(&self) -> String {
        router::core_device(self.site)
    }

    /// The router advertises the network's NAT64 prefix (RFC 8781), once.
    pub fn advertise_nat64(&self, lifetime: Duration) -> anyhow::Result<()> {
        let router = self.routers.first().context("a network has a router")?;
        advertisement::send(router, "lan", self.site.nat64_prefix(), lifetime)
    }

    /// The router tells hosts that ask of which prefix to make addresses, as long as this is held.
    pub fn announce(&self) -> anyhow::Result<Announcer> {
        let router = self.routers.first().context("a network has a router")?;
        Announcer::start(router, "lan", self.site.lan_v6(0))
    }

    /// The router answers no questions for names any more.
    pub fn silence_names(&self) -> anyhow::Result<()> {
        let router = self.routers.first().context("a network has a router")?;
        router.nft(rules::SILENT_NAMES)
    }

    /// Every NAT forgets its mappings, as after a restart of the router.
    pub fn forget_mappings(&self) -> anyhow::Result<()> {
        for router in &self.routers {
            let flushed = router.command("conntrack").arg("-F").output()?;
            crate::netns::succeed("conntrack (package conntrack)", &flushed)?;
        }
        Ok(())
    }
}
