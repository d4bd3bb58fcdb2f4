//! The eleven networks, and what RFC 4787 says of each pair.

use core::time::Duration;

use crate::access::Access;
use crate::net::{NatConfig, Ports, Scope};

/// A kind of network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// For tables and commands.
    pub name: &'static str,
    /// How it is joined to the Internet.
    pub access: Access,
    /// The largest IP packet, where it is not Ethernet's.
    pub mtu: Option<usize>,
    /// Whether two of it are one LAN.
    pub is_shared: bool,
}

const HOME: NatConfig = NatConfig::new(Scope::EndpointIndependent, Scope::AddressAndPortDependent);

const SYMMETRIC: NatConfig = NatConfig {
    ports: Ports::Random,
    ..NatConfig::new(
        Scope::AddressAndPortDependent,
        Scope::AddressAndPortDependent,
    )
};

const ONLY_443: NatConfig = NatConfig {
    only_port: Some(443),
    expiry: Duration::from_secs(120),
    ..HOME
};

const fn network(name: &'static str, access: Access) -> Network {
    Network {
        name,
        access,
        mtu: None,
        is_shared: false,
    }
}

/// All of them.
pub const NETWORKS: [Network; 11] = [
    network("public-v4", Access::PublicV4),
    network("home-nat", Access::Nat(HOME)),
    network("symmetric-nat", Access::Nat(SYMMETRIC)),
    network(
        "cgnat",
        Access::Carrier {
            home: HOME,
            carrier: HOME,
        },
    ),
    network(
        "v6-only",
        Access::V6 {
            is_firewalled: false,
        },
    ),
    network("dual-stack", Access::Dual(HOME)),
    network(
        "v6-firewall",
        Access::V6 {
            is_firewalled: true,
        },
    ),
    Network {
        is_shared: true,
        ..network("same-lan", Access::Nat(HOME))
    },
    Network {
        mtu: Some(1280),
        ..network("small-mtu", Access::Nat(HOME))
    },
    network("udp-443-only", Access::Nat(ONLY_443)),
    network("nat64", Access::Nat64(HOME)),
];

/// By which way a pair must talk in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Directly.
    Direct,
    /// Over a relay: nothing else is possible.
    Relay,
    /// Either is right: a direct path is possible, and nothing promises it.
    Either,
}

impl Expectation {
    /// Whether this end is as expected.
    pub fn allows(self, is_direct: bool) -> bool {
        match self {
            Self::Direct => is_direct,
            Self::Relay => !is_direct,
            Self::Either => true,
        }
    }
}

/// What one end is to the other over IPv4, as far as punching goes (RFC 4787, RFC 5128).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Takes packets from everybody.
    Open,
    /// One outside port for all; lets in whom it sent to.
    Cone,
    /// An outside port for each peer; lets in whom it sent to.
    Symmetric,
    /// Nobody is reached but servers.
    Shut,
}

impl Network {
    fn v4(&self) -> Side {
        let of = |nat: NatConfig| match nat {
            NatConfig {
                only_port: Some(_), ..
            } => Side::Shut,
            nat if nat.mapping == Scope::EndpointIndependent => Side::Cone,
            _ => Side::Symmetric,
        };
        match self.access {
            Access::PublicV4 => Side::Open,
            Access::Nat(nat) | Access::Dual(nat) => of(nat),
            Access::Carrier { home, carrier } => match (of(home), of(carrier)) {
                (Side::Cone, Side::Cone) => Side::Cone,
                _ => Side::Symmetric,
            },
            Access::V6 { .. } | Access::Nat64(_) => Side::Shut,
        }
    }
}

/// What theory says of a pair.
pub fn expected(from: &Network, to: &Network) -> Expectation {
    if from.is_shared && to.is_shared {
        return Expectation::Direct;
    }
    if from.access.has_v6() && to.access.has_v6() {
        return Expectation::Direct;
    }
    let translates = |n: &Network| matches!(n.access, Access::Nat64(_));
    match (from.v4(), to.v4()) {
        // Its own network's translator is a cone, if the servers are reached through it as well.
        (Side::Open | Side::Cone, _) if translates(to) => Expectation::Either,
        (_, Side::Open | Side::Cone) if translates(from) => Expectation::Either,
        (Side::Shut, _) | (_, Side::Shut) => Expectation::Relay,
        (Side::Open, _) | (_, Side::Open) | (Side::Cone, Side::Cone) => Expectation::Direct,
        (Side::Symmetric, _) | (_, Side::Symmetric) => Expectation::Relay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: &str, to: &str) -> Expectation {
        let find = |name| NETWORKS.iter().find(|n| n.name == name).unwrap();
        expected(find(from), find(to))
    }

    #[test]
    fn only_what_theory_rules_out_stays_on_the_relay() {
        assert_eq!(of("home-nat", "home-nat"), Expectation::Direct);
        assert_eq!(of("home-nat", "symmetric-nat"), Expectation::Relay);
        assert_eq!(of("symmetric-nat", "symmetric-nat"), Expectation::Relay);
        assert_eq!(of("symmetric-nat", "public-v4"), Expectation::Direct);
        assert_eq!(of("cgnat", "small-mtu"), Expectation::Direct);
        assert_eq!(of("v6-only", "home-nat"), Expectation::Relay);
        assert_eq!(of("dual-stack", "v6-firewall"), Expectation::Direct);
        assert_eq!(of("udp-443-only", "public-v4"), Expectation::Relay);
        assert_eq!(of("nat64", "home-nat"), Expectation::Either);
        assert_eq!(of("nat64", "symmetric-nat"), Expectation::Relay);
        assert_eq!(of("nat64", "public-v4"), Expectation::Either);
    }

    #[test]
    fn who_calls_does_not_matter() {
        for from in &NETWORKS {
            for to in &NETWORKS {
                assert_eq!(expected(from, to), expected(to, from));
            }
        }
    }
}
