//! The eleven networks as the simulator builds them.

use core::time::Duration;

use ntm_networks::Network;

use crate::access::Access;
use crate::net::{NatConfig, Ports, Scope};

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

/// How it is joined to the Internet.
pub(crate) fn access(network: Network) -> Access {
    let v6 = |is_firewalled| Access::V6 { is_firewalled };
    match network {
        Network::PublicV4 => Access::PublicV4,
        Network::HomeNat | Network::SameLan | Network::SmallMtu => Access::Nat(HOME),
        Network::SymmetricNat => Access::Nat(SYMMETRIC),
        Network::Cgnat => Access::Carrier {
            home: HOME,
            carrier: HOME,
        },
        Network::V6Only => v6(false),
        Network::DualStack => Access::Dual(HOME),
        Network::V6Firewall => v6(true),
        Network::Udp443Only => Access::Nat(ONLY_443),
        Network::Nat64 => Access::Nat64(HOME),
    }
}

/// The largest IP packet, where it is not Ethernet's.
pub(crate) fn mtu(network: Network) -> Option<usize> {
    (network == Network::SmallMtu).then_some(1280)
}

#[cfg(test)]
mod tests {
    use ntm_networks::{Filtering, Mapping, V4};

    use super::*;

    fn theory(nat: NatConfig) -> V4 {
        V4 {
            mapping: match nat.mapping {
                Scope::EndpointIndependent => Mapping::EndpointIndependent,
                Scope::AddressDependent | Scope::AddressAndPortDependent => {
                    Mapping::EndpointDependent
                }
            },
            filtering: match nat.filtering {
                Scope::EndpointIndependent => Filtering::EndpointIndependent,
                Scope::AddressDependent | Scope::AddressAndPortDependent => {
                    Filtering::AddressAndPortDependent
                }
            },
        }
    }

    #[test]
    fn what_is_built_is_what_theory_speaks_of() {
        for network in Network::ALL {
            let (facts, access) = (network.facts(), access(network));
            assert_eq!(facts.v6, access.has_v6(), "{network}");
            assert_eq!(facts.v4.is_some(), access.has_v4(), "{network}");
            if let Access::Nat(nat) | Access::Dual(nat) = access {
                assert_eq!(facts.v4, Some(theory(nat)), "{network}");
                assert_eq!(facts.only_443, nat.only_port == Some(443), "{network}");
            }
        }
    }
}
