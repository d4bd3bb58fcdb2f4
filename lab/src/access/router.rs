//! The routers of an access network: addresses, routes, rules.

use super::Ground;
use crate::address::{Site, carrier_v4, home_v4};
use crate::netns::Namespace;
use crate::network::Network;
use crate::rules::{self, Forward, Nat};
use crate::wire::Wire;

const MTU: u16 = 1500;
const SMALL_MTU: u16 = 1280;

/// The core's device of a site's link.
pub(super) fn core_device(site: Site) -> String {
    format!("w{}", site.number())
}

/// Whether the network has this family towards the core.
pub(super) fn families(network: Network) -> (bool, bool) {
    let facts = network.facts();
    (facts.v4.is_some() || facts.nat64, facts.v6)
}

/// The wire between the core and the edge router, with addresses and routes on both sides.
pub(super) fn uplink(
    ground: &Ground<'_>,
    edge: &Namespace,
    network: Network,
    site: Site,
) -> anyhow::Result<Wire> {
    let device = core_device(site);
    let ends = [(edge, "wan"), (ground.core, device.as_str())];
    let seed = ground.seed ^ (u64::from(site.number()) << 8);
    let wire = Wire::connect(ends, ground.quality, seed)?;
    let mtu = if network == Network::SmallMtu {
        SMALL_MTU
    } else {
        MTU
    };
    ground.core.ip(&core_side(network, site, &device, mtu))?;
    edge.forward()?;
    edge.ip(&edge_side(network, site, mtu))?;
    Ok(wire)
}

fn core_side(network: Network, site: Site, device: &str, mtu: u16) -> String {
    let (v4, v6) = families(network);
    let mut lines = format!("link set {device} mtu {mtu} up\n");
    if v4 {
        lines += &format!("addr add {}/30 dev {device}\n", site.wan_v4(1));
    }
    if network == Network::PublicV4 {
        let (net, via) = (site.public_v4(0), site.wan_v4(2));
        lines += &format!("route add {net}/29 via {via}\n");
    }
    if v6 {
        let (net, via) = (site.lan_v6(0), site.wan_v6(2));
        lines += &format!("addr add {}/64 dev {device} nodad\n", site.wan_v6(1));
        lines += &format!("route add {net}/64 via {via}\n");
    }
    lines
}

fn edge_side(network: Network, site: Site, mtu: u16) -> String {
    let (v4, v6) = families(network);
    let mut lines = format!("link set wan mtu {mtu} up\n");
    if v4 {
        lines += &format!("addr add {}/30 dev wan\n", site.wan_v4(2));
        lines += &format!("route add default via {}\n", site.wan_v4(1));
    }
    if v6 {
        lines += &format!("addr add {}/64 dev wan nodad\n", site.wan_v6(2));
        lines += &format!("route add default via {}\n", site.wan_v6(1));
    }
    lines
}

/// Everything inside of the edge; the edge router comes first.
pub(super) fn build(
    ground: &Ground<'_>,
    name: &str,
    edge: Namespace,
    network: Network,
    site: Site,
) -> anyhow::Result<Vec<Namespace>> {
    if network == Network::Cgnat {
        let home = behind_carrier(ground, name, &edge)?;
        join_lan(ground, &home, network, site)?;
        return Ok(vec![edge, home]);
    }
    join_lan(ground, &edge, network, site)?;
    for rules in rules_of(network) {
        edge.nft(&rules)?;
    }
    Ok(vec![edge])
}

/// A home router in the carrier's network; both translate.
fn behind_carrier(
    ground: &Ground<'_>,
    name: &str,
    carrier: &Namespace,
) -> anyhow::Result<Namespace> {
    let home = ground.lease.namespace(&format!("h-{name}"))?;
    home.forward()?;
    carrier.ip(&format!(
        "link add lan type veth peer name wan netns {}\nlink set lan up\naddr add {}/30 dev lan\n",
        home.name(),
        carrier_v4(1)
    ))?;
    home.ip(&format!(
        "link set wan up\naddr add {}/30 dev wan\nroute add default via {}\n",
        carrier_v4(2),
        carrier_v4(1)
    ))?;
    for router in [carrier, &home] {
        router.nft(&rules::nat(Nat::Home))?;
        router.nft(&rules::filter(Forward::Stateful))?;
    }
    Ok(home)
}

/// The router's port in the LAN's bridge.
fn join_lan(
    ground: &Ground<'_>,
    router: &Namespace,
    network: Network,
    site: Site,
) -> anyhow::Result<()> {
    let number = site.number();
    router.ip(&format!(
        "link add lan type veth peer name r{number} netns {}\nlink set lan up\n{}",
        ground.air.name(),
        lan_addresses(network, site)
    ))?;
    ground
        .air
        .ip(&format!("link set r{number} master b{number} up\n"))
}

fn lan_addresses(network: Network, site: Site) -> String {
    let mut lines = String::new();
    if network == Network::PublicV4 {
        lines += &format!("addr add {}/29 dev lan\n", site.public_v4(1));
    } else if network.facts().v4.is_some() {
        lines += &format!("addr add {}/24 dev lan\n", home_v4(1));
    }
    if network.facts().v6 {
        lines += &format!("addr add {}/64 dev lan nodad\n", site.lan_v6(1));
    }
    lines
}

fn rules_of(network: Network) -> Vec<String> {
    let (nat, forward) = match network {
        Network::PublicV4 | Network::V6Only => return Vec::new(),
        Network::HomeNat | Network::SameLan | Network::SmallMtu | Network::Cgnat => {
            (Some(Nat::Home), Forward::Stateful)
        }
        Network::SymmetricNat => (Some(Nat::Symmetric), Forward::Stateful),
        Network::DualStack | Network::Nat64 => (Some(Nat::Home), Forward::OpenV6),
        Network::V6Firewall => (None, Forward::Stateful),
        Network::Udp443Only => (Some(Nat::Home), Forward::Udp443),
    };
    let mut rules = vec![rules::filter(forward)];
    rules.extend(nat.map(rules::nat));
    rules
}
