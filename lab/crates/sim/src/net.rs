//! The network: zones joined by gateways and links, hosts with interfaces in zones.
//!
//! A packet climbs from its zone through gateways (NATs, firewalls, routers) until a zone knows the
//! destination, and descends again. [`Net`] keeps no queue: each hop ends in [`Net::outbox`] with the
//! time of the next one.

mod link;
mod nat;
mod nat64;
mod packet;
mod zone;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

pub use link::{GilbertElliott, Link, LinkConfig, LinkStats, Loss, Rate};
pub use nat::{Firewall, Nat, NatConfig, NatDrop, Ports, Scope};
pub use nat64::{Nat64, WELL_KNOWN};
pub use packet::Packet;
pub use zone::{DropReason, Gateway};

use crate::rng::Rng;
use zone::{Outbound, Route, Zone};

/// A host of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// A network of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(usize);

/// The Internet's core: every other zone is below it.
pub const CORE: ZoneId = ZoneId(0);

/// A host's place in a zone.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where.
    pub zone: ZoneId,
    /// Its IPv4 address there.
    pub v4: Option<Ipv4Addr>,
    /// Its IPv6 address there.
    pub v6: Option<Ipv6Addr>,
    /// Each attachment has its own.
    pub number: u32,
    up: Link,
    down: Link,
}

impl Attachment {
    /// The address of the family of `like`.
    pub fn address_like(&self, like: SocketAddr) -> Option<IpAddr> {
        if like.is_ipv4() {
            self.v4.map(IpAddr::V4)
        } else {
            self.v6.map(IpAddr::V6)
        }
    }

    /// All its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.map(IpAddr::V4).into_iter();
        v4.chain(self.v6.map(IpAddr::V6))
    }
}

/// A packet and the place it reaches next.
#[derive(Clone, Debug)]
pub struct InTransit {
    place: Place,
    packet: Packet,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// Inside a zone, at the near side of it.
    Zone(ZoneId),
    /// Inside a zone, across it: to be routed.
    FarSide(ZoneId),
    /// Before the gateway of a zone, from above.
    Gateway(ZoneId),
    /// At a host.
    Host(HostId, InterfaceId),
}

/// What became of a packet on one hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// It is under way; see [`Net::outbox`].
    Forwarded,
    /// It reached a host.
    Arrived(HostId, InterfaceId, Packet),
    /// It did not get further.
    Dropped(DropReason, Packet),
}

/// All zones and attachments.
#[derive(Debug)]
pub struct Net {
    rng: Rng,
    zones: Vec<Zone>,
    attachments: BTreeMap<(HostId, InterfaceId), Attachment>,
    extra_delay: BTreeMap<(IpAddr, IpAddr), Duration>,
    attached: u32,
    /// Packets under way, each with the time of its next hop; the world moves them to its queue.
    pub outbox: Vec<(Mono, InTransit)>,
}

impl Net {
    /// Only the core.
    pub fn new(mut rng: Rng) -> Self {
        let link = LinkConfig::default;
        let core = Zone {
            parent: None,
            up: Link::new(link(), rng.split()),
            down: Link::new(link(), rng.split()),
            v4: Gateway::Closed,
            v6: Gateway::Closed,
            routes: BTreeMap::new(),
        };
        Self {
            rng,
            zones: vec![core],
            attachments: BTreeMap::new(),
            extra_delay: BTreeMap::new(),
            attached: 0,
            outbox: Vec::new(),
        }
    }

    /// A zone below `parent`, with the same link in both directions.
    pub fn add_zone(
        &mut self,
        parent: ZoneId,
        link: LinkConfig,
        v4: Gateway,
        v6: Gateway,
    ) -> ZoneId {
        let id = ZoneId(self.zones.len());
        let outside = match (&v4, &v6) {
            (Gateway::Nat(nat), _) => Some(nat.outside()),
            (_, Gateway::Nat64(nat64)) => Some(nat64.outside()),
            (Gateway::Closed | Gateway::Routed | Gateway::Firewall(_) | Gateway::Nat64(_), _) => {
                None
            }
        };
        if let Some(outside) = outside {
            self.announce(parent, outside, Route::Below(id));
        }
        self.zones.push(Zone {
            parent: Some(parent),
            up: Link::new(link, self.rng.split()),
            down: Link::new(link, self.rng.split()),
            v4,
            v6,
            routes: BTreeMap::new(),
        });
        id
    }

    /// A NAT64 with random numbers of its own.
    pub fn nat64(&mut self, config: NatConfig, outside: Ipv4Addr) -> Gateway {
        let nat = Nat::new(config, IpAddr::V4(outside), self.rng.split());
        Gateway::Nat64(Nat64::new(nat))
    }

    /// A NAT with random numbers of its own.
    pub fn nat(&mut self, config: NatConfig, outside: Ipv4Addr) -> Gateway {
        Gateway::Nat(Nat::new(config, IpAddr::V4(outside), self.rng.split()))
    }

    /// Plugs a host in; whatever the interface was plugged into before is unplugged.
    pub fn attach(
        &mut self,
        (host, interface): (HostId, InterfaceId),
        zone: ZoneId,
        (v4, v6): (Option<Ipv4Addr>, Option<Ipv6Addr>),
        link: LinkConfig,
    ) {
        self.detach(host, interface);
        self.attached += 1;
        let attachment = Attachment {
            zone,
            v4,
            v6,
            number: self.attached,
            up: Link::new(link, self.rng.split()),
            down: Link::new(link, self.rng.split()),
        };
        for addr in attachment.addresses() {
            self.announce(zone, addr, Route::Host(host, interface));
        }
        self.attachments.insert((host, interface), attachment);
    }

    /// Pulls the cable.
    pub fn detach(&mut self, host: HostId, interface: InterfaceId) {
        if let Some(old) = self.attachments.remove(&(host, interface)) {
            for addr in old.addresses() {
                self.withdraw(old.zone, addr);
            }
        }
    }

    /// Another treatment of a host's access link, both directions.
    pub fn configure_access(&mut self, host: HostId, interface: InterfaceId, config: LinkConfig) {
        if let Some(attachment) = self.attachments.get_mut(&(host, interface)) {
            attachment.up.configure(config);
            attachment.down.configure(config);
        }
    }

    /// Another treatment of a zone's uplink, both directions.
    pub fn configure_uplink(&mut self, zone: ZoneId, config: LinkConfig) {
        if let Some(zone) = self.zones.get_mut(zone.0) {
            zone.up.configure(config);
            zone.down.configure(config);
        }
    }

    /// A zone's NAT restarts: mappings are gone, and it may have another outside address.
    pub fn rebind_nat(&mut self, zone: ZoneId, outside: Option<Ipv4Addr>) {
        let Some((parent, old)) = self.nat_of(zone) else {
            return;
        };
        let new = outside.map_or(old, IpAddr::V4);
        self.withdraw(parent, old);
        self.announce(parent, new, Route::Below(zone));
        if let Some(Gateway::Nat(nat)) = self.zones.get_mut(zone.0).map(|z| &mut z.v4) {
            nat.rebind(new);
        }
    }

    /// Two addresses are this much further apart, one way, where their packets cross the core.
    pub fn set_extra_delay(&mut self, a: IpAddr, b: IpAddr, one_way: Duration) {
        self.extra_delay.insert((a, b), one_way);
        self.extra_delay.insert((b, a), one_way);
    }

    /// A host sends.
    pub fn send(&mut self, now: Mono, host: HostId, interface: InterfaceId, packet: Packet) -> Hop {
        let Some(attachment) = self.attachments.get_mut(&(host, interface)) else {
            return Hop::Dropped(DropReason::NoRoute, packet);
        };
        let place = Place::Zone(attachment.zone);
        let arrivals = attachment.up.carry(now, packet.ip_len());
        self.push(arrivals, place, packet)
    }

    /// A packet is at the core, and nobody knows whence.
    pub fn appear(&mut self, now: Mono, packet: Packet) -> Hop {
        self.push([Some(now), None], Place::Zone(CORE), packet)
    }

    /// One hop further.
    pub fn advance(&mut self, now: Mono, InTransit { place, packet }: InTransit) -> Hop {
        match place {
            Place::Zone(zone) => self.cross(now, zone, packet),
            Place::FarSide(zone) => self.route(now, zone, packet),
            Place::Gateway(zone) => self.enter(now, zone, packet),
            Place::Host(host, interface) => Hop::Arrived(host, interface, packet),
        }
    }

    /// Where a host is plugged in.
    pub fn attachments(&self, host: HostId) -> impl Iterator<Item = (InterfaceId, &Attachment)> {
        let range = (host, InterfaceId(0))..=(host, InterfaceId(u16::MAX));
        self.attachments.range(range).map(|((_, i), a)| (*i, a))
    }

    /// Whether a host has this address on this interface.
    pub fn has_address(&self, host: HostId, interface: InterfaceId, addr: IpAddr) -> bool {
        let attachment = self.attachments.get(&(host, interface));
        attachment.is_some_and(|a| a.addresses().any(|own| own == addr))
    }

    /// What the access link of a host did, up and down.
    pub fn access_stats(&self, host: HostId, interface: InterfaceId) -> Option<[LinkStats; 2]> {
        let attachment = self.attachments.get(&(host, interface))?;
        Some([attachment.up.stats(), attachment.down.stats()])
    }

    /// Takes a pair's extra delay before the next link, whose order must not depend on what is
    /// still far away.
    fn cross(&mut self, now: Mono, zone: ZoneId, packet: Packet) -> Hop {
        let extra = self.extra_delay_at(zone, &packet);
        if extra.is_zero() {
            return self.route(now, zone, packet);
        }
        self.push([Some(now + extra), None], Place::FarSide(zone), packet)
    }

    fn route(&mut self, now: Mono, zone_id: ZoneId, packet: Packet) -> Hop {
        let Some(zone) = self.zones.get_mut(zone_id.0) else {
            return Hop::Dropped(DropReason::NoRoute, packet);
        };
        match zone.routes.get(&packet.dst.ip()).copied() {
            Some(Route::Host(host, interface)) => {
                let Some(attachment) = self.attachments.get_mut(&(host, interface)) else {
                    return Hop::Dropped(DropReason::NoRoute, packet);
                };
                let arrivals = attachment.down.carry(now, packet.ip_len());
                self.push(arrivals, Place::Host(host, interface), packet)
            }
            Some(Route::Below(below)) => {
                let Some(child) = self.zones.get_mut(below.0) else {
                    return Hop::Dropped(DropReason::NoRoute, packet);
                };
                let arrivals = child.down.carry(now, packet.ip_len());
                self.push(arrivals, Place::Gateway(below), packet)
            }
            None => self.leave(now, zone_id, packet),
        }
    }

    fn leave(&mut self, now: Mono, zone_id: ZoneId, packet: Packet) -> Hop {
        let Some(zone) = self.zones.get_mut(zone_id.0) else {
            return Hop::Dropped(DropReason::NoRoute, packet);
        };
        let Some(parent) = zone.parent else {
            return Hop::Dropped(DropReason::NoRoute, packet);
        };
        match zone.outbound(now, packet) {
            Err((drop, packet)) => Hop::Dropped(drop, packet),
            Ok(Outbound::Hairpin(packet)) => {
                self.push([Some(now), None], Place::Zone(zone_id), packet)
            }
            Ok(Outbound::Up(packet)) => {
                let arrivals = zone.up.carry(now, packet.ip_len());
                self.push(arrivals, Place::Zone(parent), packet)
            }
        }
    }

    fn enter(&mut self, now: Mono, zone_id: ZoneId, packet: Packet) -> Hop {
        let Some(zone) = self.zones.get_mut(zone_id.0) else {
            return Hop::Dropped(DropReason::NoRoute, packet);
        };
        match zone.inbound(now, packet) {
            Err((drop, packet)) => Hop::Dropped(drop, packet),
            // A NAT whose inside host is gone must not send the packet up again.
            Ok(packet) if !zone.routes.contains_key(&packet.dst.ip()) => {
                Hop::Dropped(DropReason::NoRoute, packet)
            }
            Ok(packet) => self.route(now, zone_id, packet),
        }
    }

    fn push(&mut self, arrivals: [Option<Mono>; 2], place: Place, packet: Packet) -> Hop {
        match arrivals {
            [None, None] => Hop::Dropped(DropReason::Link, packet),
            [Some(at), None] | [None, Some(at)] => {
                self.outbox.push((at, InTransit { place, packet }));
                Hop::Forwarded
            }
            [Some(first), Some(second)] => {
                let copy = packet.clone();
                self.outbox.push((first, InTransit { place, packet }));
                let packet = copy;
                self.outbox.push((second, InTransit { place, packet }));
                Hop::Forwarded
            }
        }
    }

    fn extra_delay_at(&self, zone: ZoneId, packet: &Packet) -> Duration {
        let pair = (packet.src.ip(), packet.dst.ip());
        let extra = self.extra_delay.get(&pair).copied();
        extra.filter(|_| zone == CORE).unwrap_or_default()
    }

    /// Makes an address known in its zone and, while gateways are transparent, above it.
    fn announce(&mut self, zone: ZoneId, addr: IpAddr, route: Route) {
        let Some(here) = self.zones.get_mut(zone.0) else {
            return;
        };
        here.routes.insert(addr, route);
        if let Some(parent) = here.transparent_parent(addr) {
            self.announce(parent, addr, Route::Below(zone));
        }
    }

    fn withdraw(&mut self, zone: ZoneId, addr: IpAddr) {
        let Some(here) = self.zones.get_mut(zone.0) else {
            return;
        };
        here.routes.remove(&addr);
        if let Some(parent) = here.transparent_parent(addr) {
            self.withdraw(parent, addr);
        }
    }

    fn nat_of(&self, zone: ZoneId) -> Option<(ZoneId, IpAddr)> {
        let zone = self.zones.get(zone.0)?;
        match &zone.v4 {
            Gateway::Nat(nat) => Some((zone.parent?, nat.outside())),
            Gateway::Closed | Gateway::Routed | Gateway::Firewall(_) | Gateway::Nat64(_) => None,
        }
    }
}

impl Zone {
    fn transparent_parent(&mut self, addr: IpAddr) -> Option<ZoneId> {
        let parent = self.parent?;
        let gateway = self.gateway(SocketAddr::new(addr, 0));
        gateway.is_transparent().then_some(parent)
    }
}
