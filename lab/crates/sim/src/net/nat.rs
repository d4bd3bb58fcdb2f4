//! NATs in the terms of RFC 4787, and stateful firewalls, which filter alike but translate nothing.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::time::Mono;

use crate::rng::Rng;

/// How much of the peer's address a mapping or a filter looks at (RFC 4787, 4.1 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nothing of it.
    EndpointIndependent,
    /// Its IP address.
    AddressDependent,
    /// IP address and port.
    AddressAndPortDependent,
}

impl Scope {
    /// All three.
    pub const ALL: [Self; 3] = [
        Self::EndpointIndependent,
        Self::AddressDependent,
        Self::AddressAndPortDependent,
    ];

    fn of(self, peer: SocketAddr) -> PeerKey {
        match self {
            Self::EndpointIndependent => PeerKey(None, 0),
            Self::AddressDependent => PeerKey(Some(peer.ip()), 0),
            Self::AddressAndPortDependent => PeerKey(Some(peer.ip()), peer.port()),
        }
    }
}

/// What a scope leaves of a peer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PeerKey(Option<IpAddr>, u16);

/// How a NAT picks the outside port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// The inside port while it is free.
    Preserved,
    /// The one after the last that was given.
    Sequential,
    /// Any.
    Random,
}

/// How a NAT behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatConfig {
    /// Which packets share an outside port.
    pub mapping: Scope,
    /// Which packets from outside pass.
    pub filtering: Scope,
    /// A mapping without outbound traffic ends after this (REQ-5: not under two minutes; many are).
    pub expiry: Duration,
    /// Whether inbound traffic keeps a mapping alive as well (REQ-6 allows it).
    pub inbound_refreshes: bool,
    /// Whether inside hosts reach each other by outside addresses (REQ-9).
    pub hairpin: bool,
    /// The outside port.
    pub ports: Ports,
    /// The only port outside that may be sent to; none: any.
    pub only_port: Option<u16>,
}

impl NatConfig {
    /// A NAT of this mapping and filtering, as home routers are otherwise.
    pub const fn new(mapping: Scope, filtering: Scope) -> Self {
        Self {
            mapping,
            filtering,
            expiry: Duration::from_secs(120),
            inbound_refreshes: false,
            hairpin: false,
            ports: Ports::Preserved,
            only_port: None,
        }
    }
}

/// Why a NAT or firewall lets a packet not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NatDrop {
    /// No mapping has this outside port.
    NoMapping,
    /// The filter knows nothing of this peer.
    Filtered,
    /// From inside to the outside address, without hairpinning.
    NoHairpin,
    /// No outside port is free.
    NoPort,
    /// To a port that is not let out.
    Blocked,
}

/// A network address and port translator.
#[derive(Clone, Debug)]
pub struct Nat {
    config: NatConfig,
    outside: IpAddr,
    rng: Rng,
    mappings: BTreeMap<(SocketAddr, PeerKey), Mapping>,
    by_port: BTreeMap<u16, (SocketAddr, PeerKey)>,
    last_port: Option<u16>,
}

#[derive(Clone, Debug)]
struct Mapping {
    port: u16,
    last: Mono,
    allowed: BTreeMap<PeerKey, Mono>,
}

impl Nat {
    /// A NAT with one outside address.
    pub fn new(config: NatConfig, outside: IpAddr, rng: Rng) -> Self {
        Self {
            config,
            outside,
            rng,
            mappings: BTreeMap::new(),
            by_port: BTreeMap::new(),
            last_port: None,
        }
    }

    /// A packet leaves: the source it has outside.
    pub fn outbound(
        &mut self,
        now: Mono,
        src: SocketAddr,
        dst: SocketAddr,
    ) -> Result<SocketAddr, NatDrop> {
        if self.config.only_port.is_some_and(|p| p != dst.port()) {
            return Err(NatDrop::Blocked);
        }
        self.expire(now);
        let key = (src, self.config.mapping.of(dst));
        if !self.mappings.contains_key(&key) {
            self.map(key)?;
        }
        let mapping = self.mappings.get_mut(&key).ok_or(NatDrop::NoMapping)?;
        mapping.last = now;
        mapping.allowed.insert(self.config.filtering.of(dst), now);
        Ok(SocketAddr::new(self.outside, mapping.port))
    }

    /// A packet comes to the outside address: the destination it has inside.
    pub fn inbound(
        &mut self,
        now: Mono,
        src: SocketAddr,
        dst: SocketAddr,
    ) -> Result<SocketAddr, NatDrop> {
        self.expire(now);
        let key = *self.by_port.get(&dst.port()).ok_or(NatDrop::NoMapping)?;
        let mapping = self.mappings.get_mut(&key).ok_or(NatDrop::NoMapping)?;
        let open = self.config.filtering == Scope::EndpointIndependent;
        if !open && !mapping.allowed.contains_key(&self.config.filtering.of(src)) {
            return Err(NatDrop::Filtered);
        }
        if self.config.inbound_refreshes {
            mapping.last = now;
            mapping.allowed.insert(self.config.filtering.of(src), now);
        }
        Ok(key.0)
    }

    /// From inside to the outside address: source and destination inside.
    pub fn hairpin(
        &mut self,
        now: Mono,
        src: SocketAddr,
        dst: SocketAddr,
    ) -> Result<(SocketAddr, SocketAddr), NatDrop> {
        if !self.config.hairpin {
            return Err(NatDrop::NoHairpin);
        }
        let seen_as = self.outbound(now, src, dst)?;
        Ok((seen_as, self.inbound(now, seen_as, dst)?))
    }

    /// Forgets every mapping, as a restarted router does: the next packet gets another port.
    pub fn rebind(&mut self, outside: IpAddr) {
        self.mappings.clear();
        self.by_port.clear();
        self.outside = outside;
        self.config.ports = Ports::Random;
    }

    /// The outside address.
    pub fn outside(&self) -> IpAddr {
        self.outside
    }

    /// How many mappings there are.
    pub fn mappings(&self) -> usize {
        self.mappings.len()
    }

    fn map(&mut self, key: (SocketAddr, PeerKey)) -> Result<(), NatDrop> {
        let port = self.free_port(key.0.port()).ok_or(NatDrop::NoPort)?;
        self.by_port.insert(port, key);
        let mapping = Mapping {
            port,
            last: Mono::default(),
            allowed: BTreeMap::new(),
        };
        self.mappings.insert(key, mapping);
        Ok(())
    }

    fn free_port(&mut self, wanted: u16) -> Option<u16> {
        if self.config.ports == Ports::Preserved && !self.by_port.contains_key(&wanted) {
            return Some(wanted);
        }
        for _ in 0..1000 {
            let port = self.next_port();
            if !self.by_port.contains_key(&port) {
                return Some(port);
            }
        }
        None
    }

    fn next_port(&mut self) -> u16 {
        let last = self.last_port.filter(|p| *p < u16::MAX);
        let counted = last.filter(|_| self.config.ports == Ports::Sequential);
        let drawn = || u16::try_from(self.rng.range(1024, 65_536)).unwrap_or(1024);
        let port = counted.map_or_else(drawn, |p| p + 1);
        self.last_port = Some(port);
        port
    }

    fn expire(&mut self, now: Mono) {
        let (expiry, by_port) = (self.config.expiry, &mut self.by_port);
        self.mappings.retain(|_, mapping| {
            let alive = now.since(mapping.last) < expiry;
            if alive {
                mapping.allowed.retain(|_, last| now.since(*last) < expiry);
            } else {
                by_port.remove(&mapping.port);
            }
            alive
        });
    }
}

/// A stateful firewall: lets in what answers.
#[derive(Clone, Debug)]
pub struct Firewall {
    filtering: Scope,
    expiry: Duration,
    flows: BTreeMap<(SocketAddr, PeerKey), Mono>,
}

impl Firewall {
    /// A firewall that forgets a flow after `expiry` without outbound traffic.
    pub fn new(filtering: Scope, expiry: Duration) -> Self {
        Self {
            filtering,
            expiry,
            flows: BTreeMap::new(),
        }
    }

    /// A packet leaves.
    pub fn outbound(&mut self, now: Mono, src: SocketAddr, dst: SocketAddr) {
        self.flows.insert((src, self.filtering.of(dst)), now);
    }

    /// Whether a packet from outside passes.
    pub fn inbound(&mut self, now: Mono, src: SocketAddr, dst: SocketAddr) -> Result<(), NatDrop> {
        let expiry = self.expiry;
        self.flows.retain(|_, last| now.since(*last) < expiry);
        let key = (dst, self.filtering.of(src));
        let known = self.flows.contains_key(&key);
        known.then_some(()).ok_or(NatDrop::Filtered)
    }
}
