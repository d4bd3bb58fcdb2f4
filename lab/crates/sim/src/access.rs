//! How nodes reach the Internet: public addresses, home routers, carriers, IPv6.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use ntm_wire::id::InterfaceId;

use crate::net::{
    CORE, Firewall, Gateway, HostId, LinkConfig, NatConfig, Scope, WELL_KNOWN, ZoneId,
};
use crate::world::World;

/// How long a home router's IPv6 firewall remembers a flow.
const FIREWALL_EXPIRY: Duration = Duration::from_secs(60);

/// A kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A public IPv4 address.
    PublicV4,
    /// IPv4 behind a home router.
    Nat(NatConfig),
    /// IPv4 behind a home router behind a carrier's NAT.
    Carrier {
        /// The home router.
        home: NatConfig,
        /// The carrier.
        carrier: NatConfig,
    },
    /// IPv6 only.
    V6 {
        /// Whether a stateful firewall stands before it.
        is_firewalled: bool,
    },
    /// IPv6 behind a firewall, and IPv4 behind a home router.
    Dual(NatConfig),
    /// IPv6 only, and IPv4 through a NAT64 that translates like this.
    Nat64(NatConfig),
}

impl Access {
    /// Whether the node has an IPv4 address.
    pub fn has_v4(self) -> bool {
        !matches!(self, Self::V6 { .. } | Self::Nat64(_))
    }

    /// Whether the node has an IPv6 address.
    pub fn has_v6(self) -> bool {
        matches!(self, Self::V6 { .. } | Self::Dual(_) | Self::Nat64(_))
    }

    /// Whether RFC 4787 says that two such ends meet by punching over IPv4: every mapping on the way
    /// is endpoint-independent.
    pub fn is_easy_v4(self) -> bool {
        let easy = |nat: NatConfig| nat.mapping == Scope::EndpointIndependent;
        match self {
            Self::PublicV4 => true,
            Self::Nat(nat) | Self::Dual(nat) => easy(nat),
            Self::Carrier { home, carrier } => easy(home) && easy(carrier),
            Self::V6 { .. } | Self::Nat64(_) => false,
        }
    }

    /// Whether two nodes with these accesses, in different networks, must find a direct path.
    pub fn must_meet(self, other: Self) -> bool {
        let v4 = self.is_easy_v4() && other.is_easy_v4();
        v4 || self.has_v6() && other.has_v6()
    }
}

/// A network that somebody may be in.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Where it is.
    pub zone: ZoneId,
    /// What kind of network it is.
    pub access: Access,
    /// The addresses of its first host, and of that host's other interface if it is there as well.
    pub addrs: [(Option<Ipv4Addr>, Option<Ipv6Addr>); 2],
}

/// Hands out networks and addresses.
#[derive(Debug, Default)]
pub struct Neighbourhood {
    homes: u16,
}

impl Neighbourhood {
    /// Connects an interface; the zone returned is the network it is in.
    pub fn connect(
        &mut self,
        world: &mut World,
        (host, interface): (HostId, InterfaceId),
        access: Access,
        link: LinkConfig,
    ) -> ZoneId {
        let site = self.site(world, access);
        if let Access::Nat64(_) = access {
            let prefix = Some(WELL_KNOWN);
            world.with_node(host, |n, now| n.node.set_nat64(now, prefix));
        }
        world.plug(host, interface, site.zone, site.addrs[0], link);
        site.zone
    }

    /// A network that nobody is in.
    pub fn site(&mut self, world: &mut World, access: Access) -> Site {
        self.homes += 1;
        let home = self.homes;
        let (zone, v4) = match access {
            Access::PublicV4 => (CORE, Some(public_v4(home))),
            Access::Nat(nat) => (behind_nat(world, CORE, nat, public_v4(home)), Some(LAN)),
            Access::Carrier { home: nat, carrier } => {
                let carrier = behind_nat(world, CORE, carrier, public_v4(home));
                let shared = Ipv4Addr::new(100, 100, 0, 2);
                (behind_nat(world, carrier, nat, shared), Some(LAN))
            }
            Access::V6 { is_firewalled } => {
                let gateway = v6_gateway(is_firewalled);
                (below_core(world, Gateway::Closed, gateway), None)
            }
            Access::Nat64(nat) => {
                let gateway = world.net.nat64(nat, public_v4(home));
                (below_core(world, Gateway::Closed, gateway), None)
            }
            Access::Dual(nat) => {
                let nat = world.net.nat(nat, public_v4(home));
                (below_core(world, nat, v6_gateway(true)), Some(LAN))
            }
        };
        let v6 = |host| access.has_v6().then(|| public_v6(home, host));
        let other_v4 = v4.map(|v4| {
            if v4 == LAN {
                neighbour(1)
            } else {
                self.fresh_v4()
            }
        });
        Site {
            zone,
            access,
            addrs: [(v4, v6(2)), (other_v4, v6(3))],
        }
    }

    /// Connects another host to a network that is there: the `number`th, from 1.
    pub fn join(
        &mut self,
        world: &mut World,
        (host, interface): (HostId, InterfaceId),
        (zone, access): (ZoneId, Access),
        number: u8,
        link: LinkConfig,
    ) {
        let v4 = access.has_v4().then(|| neighbour(number));
        world.plug(host, interface, zone, (v4, None), link);
    }

    /// An outside address that nobody had yet.
    pub fn fresh_v4(&mut self) -> Ipv4Addr {
        self.homes += 1;
        public_v4(self.homes)
    }
}

/// The first host behind every home router: the same address everywhere, as in life.
const LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);

/// The `number`th host beside it.
fn neighbour(number: u8) -> Ipv4Addr {
    let [a, b, c, d] = LAN.octets();
    Ipv4Addr::new(a, b, c, d + number)
}

fn behind_nat(world: &mut World, parent: ZoneId, nat: NatConfig, outside: Ipv4Addr) -> ZoneId {
    let gateway = world.net.nat(nat, outside);
    let link = LinkConfig::default();
    world.net.add_zone(parent, link, gateway, Gateway::Closed)
}

fn below_core(world: &mut World, v4: Gateway, v6: Gateway) -> ZoneId {
    world.net.add_zone(CORE, LinkConfig::default(), v4, v6)
}

fn v6_gateway(is_firewalled: bool) -> Gateway {
    if is_firewalled {
        let filtering = Scope::AddressAndPortDependent;
        Gateway::Firewall(Firewall::new(filtering, FIREWALL_EXPIRY))
    } else {
        Gateway::Routed
    }
}

/// Benchmarking addresses (RFC 2544): there are enough of them.
fn public_v4(home: u16) -> Ipv4Addr {
    let [high, low] = home.to_be_bytes();
    Ipv4Addr::new(198, 18 + (high & 1), high, low)
}

fn public_v6(home: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x4000, home, 0, 0, 0, host)
}
