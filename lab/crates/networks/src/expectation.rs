//! Which way a tunnel between two networks must end: RFC 4787 as a pure function.

use crate::network::{Facts, Filtering, Mapping, Network, V4};

/// Where a pair must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// On a direct path.
    Direct,
    /// On the relay.
    Relay,
    /// Either is right: translated addresses can be punched, and need not be.
    Either,
}

impl Expectation {
    /// What a tunnel between these networks must end as.
    pub fn of(from: Network, to: Network) -> Self {
        if from == to && from == Network::SameLan {
            return Self::Direct;
        }
        let (a, b) = (from.facts(), to.facts());
        if a.only_443 || b.only_443 {
            return Self::Relay;
        }
        if a.v6 && b.v6 || punches(a.v4, b.v4) {
            return Self::Direct;
        }
        if is_translated(&a, &b) || is_translated(&b, &a) {
            return Self::Either;
        }
        Self::Relay
    }

    /// Whether a tunnel that ended so is as it should be.
    pub fn is_met(self, direct: bool) -> bool {
        match self {
            Self::Direct => direct,
            Self::Relay => !direct,
            Self::Either => true,
        }
    }
}

/// Both have IPv4, and no port that changes per destination meets a filter that asks for the port.
fn punches(a: Option<V4>, b: Option<V4>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    let misses = |one: V4, other: V4| {
        one.mapping == Mapping::EndpointDependent
            && other.filtering == Filtering::AddressAndPortDependent
    };
    !misses(a, b) && !misses(b, a)
}

/// One could reach the other's IPv4 through its translator, which maps as a home router does.
fn is_translated(one: &Facts, other: &Facts) -> bool {
    let like_home = Network::HomeNat.facts().v4;
    one.nat64 && punches(like_home, other.v4)
}

#[cfg(test)]
mod tests {
    use super::Expectation::{Direct, Either, Relay};
    use super::*;
    use Network as N;

    #[track_caller]
    fn both_ways(a: Network, b: Network, expected: Expectation) {
        assert_eq!(Expectation::of(a, b), expected, "{a} to {b}");
        assert_eq!(Expectation::of(b, a), expected, "{b} to {a}");
    }

    #[test]
    fn every_home_router_meets_every_other_and_the_public() {
        let homes = [
            N::PublicV4,
            N::HomeNat,
            N::Cgnat,
            N::DualStack,
            N::SameLan,
            N::SmallMtu,
        ];
        for a in homes {
            homes.into_iter().for_each(|b| both_ways(a, b, Direct));
        }
    }

    #[test]
    fn a_symmetric_side_meets_only_those_without_a_filter_for_ports() {
        both_ways(N::SymmetricNat, N::PublicV4, Direct);
        for other in [
            N::HomeNat,
            N::SymmetricNat,
            N::Cgnat,
            N::DualStack,
            N::SameLan,
            N::SmallMtu,
        ] {
            both_ways(N::SymmetricNat, other, Relay);
        }
    }

    #[test]
    fn whoever_has_ipv6_meets_whoever_has_it_firewalled_or_not() {
        let all = [N::V6Only, N::DualStack, N::V6Firewall, N::Nat64];
        for a in all {
            all.into_iter().for_each(|b| both_ways(a, b, Direct));
        }
    }

    #[test]
    fn mixed_families_stay_on_the_relay_unless_one_is_translated() {
        for v4 in [N::PublicV4, N::HomeNat, N::Cgnat, N::SameLan, N::SmallMtu] {
            both_ways(N::V6Only, v4, Relay);
            both_ways(N::V6Firewall, v4, Relay);
            both_ways(N::Nat64, v4, Either);
        }
        both_ways(N::Nat64, N::SymmetricNat, Relay);
        both_ways(N::V6Only, N::SymmetricNat, Relay);
    }

    #[test]
    fn where_only_port_443_is_let_out_nothing_is_direct() {
        for other in N::ALL {
            both_ways(N::Udp443Only, other, Relay);
        }
    }

    #[test]
    fn only_a_direct_expectation_forbids_the_relay() {
        assert!(Direct.is_met(true) && !Direct.is_met(false));
        assert!(Relay.is_met(false) && !Relay.is_met(true));
        assert!(Either.is_met(false) && Either.is_met(true));
    }
}
