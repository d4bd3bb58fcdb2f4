//! A zone: one network in which addresses mean the same everywhere, and its way up.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use super::link::Link;
use super::nat::{Firewall, Nat, NatDrop};
use super::nat64::Nat64;
use super::packet::Packet;
use super::{HostId, ZoneId};

/// What joins a zone to the zone above, per address family.
#[derive(Clone, Debug, Default)]
pub enum Gateway {
    /// Nothing: this family ends here.
    #[default]
    Closed,
    /// A router: addresses inside are valid above.
    Routed,
    /// A NAT.
    Nat(Nat),
    /// A router with a stateful firewall.
    Firewall(Firewall),
    /// A router that translates to IPv4 what is sent below a prefix; of the IPv6 gateway only.
    Nat64(Nat64),
}

impl Gateway {
    /// Whether addresses inside are valid above.
    pub fn is_transparent(&self) -> bool {
        matches!(self, Self::Routed | Self::Firewall(_) | Self::Nat64(_))
    }
}

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// At a host in this zone.
    Host(HostId, InterfaceId),
    /// Behind the gateway of a zone below.
    Below(ZoneId),
}

/// A network and its way up.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    /// The zone above; none at the Internet's core.
    pub(super) parent: Option<ZoneId>,
    /// Towards the zone above.
    pub(super) up: Link,
    /// From the zone above.
    pub(super) down: Link,
    /// The IPv4 gateway.
    pub(super) v4: Gateway,
    /// The IPv6 gateway.
    pub(super) v6: Gateway,
    /// Where the addresses known here are.
    pub(super) routes: BTreeMap<IpAddr, Route>,
}

/// What became of a packet at a gateway, from inside.
#[derive(Clone, Debug)]
pub(super) enum Outbound {
    /// Goes up.
    Up(Packet),
    /// Comes back in.
    Hairpin(Packet),
}

impl Zone {
    /// The gateway of this family.
    pub(super) fn gateway(&mut self, of: SocketAddr) -> &mut Gateway {
        if of.is_ipv4() {
            &mut self.v4
        } else {
            &mut self.v6
        }
    }

    /// A packet from inside meets the gateway.
    pub(super) fn outbound(
        &mut self,
        now: Mono,
        mut packet: Packet,
    ) -> Result<Outbound, (DropReason, Packet)> {
        let (src, dst) = (packet.src, packet.dst);
        let hairpin = match self.gateway(dst) {
            Gateway::Closed => return Err((DropReason::NoRoute, packet)),
            Gateway::Routed => None,
            Gateway::Firewall(firewall) => {
                firewall.outbound(now, src, dst);
                None
            }
            Gateway::Nat64(nat64) => match nat64.outbound(now, src, dst) {
                Err(drop) => return Err((drop.into(), packet)),
                Ok((src, dst)) => {
                    (packet.src, packet.dst) = (src, dst);
                    None
                }
            },
            Gateway::Nat(nat) if nat.outside() == dst.ip() => Some(nat.hairpin(now, src, dst)),
            Gateway::Nat(nat) => match nat.outbound(now, src, dst) {
                Err(drop) => return Err((drop.into(), packet)),
                Ok(seen_as) => {
                    packet.src = seen_as;
                    None
                }
            },
        };
        match hairpin {
            None => Ok(Outbound::Up(packet)),
            Some(Err(drop)) => Err((drop.into(), packet)),
            Some(Ok((src, dst))) => Ok(Outbound::Hairpin(Packet { src, dst, ..packet })),
        }
    }

    /// A packet from above meets the gateway.
    pub(super) fn inbound(
        &mut self,
        now: Mono,
        packet: Packet,
    ) -> Result<Packet, (DropReason, Packet)> {
        let (src, dst) = (packet.src, packet.dst);
        if let (true, Gateway::Nat64(nat64)) = (dst.is_ipv4(), &mut self.v6) {
            return match nat64.inbound(now, src, dst) {
                Ok((src, dst)) => Ok(Packet { src, dst, ..packet }),
                Err(drop) => Err((drop.into(), packet)),
            };
        }
        let inside = match self.gateway(dst) {
            Gateway::Closed => Err(DropReason::NoRoute),
            Gateway::Routed | Gateway::Nat64(_) => Ok(dst),
            Gateway::Firewall(firewall) => firewall
                .inbound(now, src, dst)
                .map(|()| dst)
                .map_err(DropReason::Nat),
            Gateway::Nat(nat) => nat.inbound(now, src, dst).map_err(DropReason::Nat),
        };
        match inside {
            Ok(dst) => Ok(Packet { dst, ..packet }),
            Err(drop) => Err((drop, packet)),
        }
    }
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// Lost on a link, in a full queue, or larger than the MTU.
    Link,
    /// Nobody has the address.
    NoRoute,
    /// A NAT or firewall stopped it.
    Nat(NatDrop),
    /// The host has no such socket, or is switched off.
    NoSocket,
    /// An interceptor took it.
    Intercepted,
}

impl From<NatDrop> for DropReason {
    fn from(drop: NatDrop) -> Self {
        Self::Nat(drop)
    }
}
