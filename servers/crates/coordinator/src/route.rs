//! The route decision: which way two ends are directed to each other. A pure function.
//!
//! | MN \ CN | global v4 | private v4 | v6 | general node |
//! | --- | --- | --- | --- | --- |
//! | global v4 | direct | direct, CN opens its NAT first | RS | RS |
//! | private v4 | direct | RS at once, then direct; same NAT: LAN addresses | RS | RS |
//! | v6 | RS | RS | direct (a stateful firewall counts as a NAT) | RS |
//!
//! Of a dual-stack pair every common family is looked at and the better route is taken. A port that a
//! firewall lets through is the port it came from, so two firewalled IPv6 ends need no relay.

use core::net::IpAddr;

use ntm_wire::addr::{Candidate, CandidateKind, NatVerdict};
use ntm_wire::message::{Consent, RouteOrder};

/// What the decision knows of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    v4: Family,
    v6: Family,
    /// The IPv4 address seen from outside, by which two ends behind one NAT know each other.
    outside_v4: Option<IpAddr>,
}

/// How an end is reached over one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Not at all.
    Absent,
    /// At an address of its own.
    Global,
    /// Through a NAT or a firewall.
    Private,
}

impl End {
    /// What candidates and verdict say.
    pub(crate) fn of(candidates: &[Candidate], nat: NatVerdict) -> Self {
        let outside_v4 = candidates
            .iter()
            .find(|c| {
                c.addr.is_ipv4() && (c.kind == CandidateKind::Observed || !c.addr.is_private())
            })
            .map(|c| c.addr.0.ip());
        Self {
            v4: family(candidates.iter().filter(|c| c.addr.is_ipv4()), nat),
            v6: family(candidates.iter().filter(|c| !c.addr.is_ipv4()), nat),
            outside_v4,
        }
    }

    /// A general node: no NTM, no candidates; only a relay reaches it.
    #[cfg(test)]
    const GENERAL: Self = Self {
        v4: Family::Absent,
        v6: Family::Absent,
        outside_v4: None,
    };
}

fn family<'a>(mut candidates: impl Iterator<Item = &'a Candidate>, nat: NatVerdict) -> Family {
    let Some(first) = candidates.next() else {
        return Family::Absent;
    };
    let is_own = |c: &Candidate| c.kind == CandidateKind::Host && !c.addr.is_private();
    if nat == NatVerdict::None && (is_own(first) || candidates.any(is_own)) {
        Family::Global
    } else {
        Family::Private
    }
}

/// Decides.
pub(crate) fn decide(caller: End, callee: End, consent: Consent) -> RouteOrder {
    if consent != Consent::All {
        return RouteOrder::RelayOnly;
    }
    let v4 = over_v4(caller, callee);
    let v6 = over_v6(caller.v6, callee.v6);
    if preference(v4) <= preference(v6) {
        v4
    } else {
        v6
    }
}

fn over_v4(caller: End, callee: End) -> RouteOrder {
    match (caller.v4, callee.v4) {
        (Family::Absent, _) | (_, Family::Absent) => RouteOrder::RelayOnly,
        (Family::Global | Family::Private, Family::Global) => RouteOrder::Direct,
        (Family::Global, Family::Private) => RouteOrder::DirectCalleeOpens,
        (Family::Private, Family::Private)
            if caller.outside_v4.is_some() && caller.outside_v4 == callee.outside_v4 =>
        {
            RouteOrder::SameNat
        }
        (Family::Private, Family::Private) => RouteOrder::RelayThenDirect,
    }
}

fn over_v6(caller: Family, callee: Family) -> RouteOrder {
    match (caller, callee) {
        (Family::Absent, _) | (_, Family::Absent) => RouteOrder::RelayOnly,
        (Family::Global | Family::Private, Family::Global) => RouteOrder::Direct,
        (Family::Global | Family::Private, Family::Private) => RouteOrder::DirectCalleeOpens,
    }
}

/// Lower is better: the LAN, then the fewest things that must go well.
fn preference(order: RouteOrder) -> u8 {
    match order {
        RouteOrder::SameNat => 0,
        RouteOrder::Direct => 1,
        RouteOrder::DirectCalleeOpens | RouteOrder::DirectCallerOpens => 2,
        RouteOrder::RelayThenDirect => 3,
        RouteOrder::RelayOnly => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntm_wire::addr::RealAddr;
    use ntm_wire::id::InterfaceId;

    fn candidate(kind: CandidateKind, addr: &str) -> Candidate {
        Candidate {
            kind,
            interface: InterfaceId(1),
            addr: RealAddr(addr.parse().unwrap()),
        }
    }

    fn global4(n: u8) -> End {
        End::of(
            &[candidate(
                CandidateKind::Host,
                &format!("203.0.113.{n}:5000"),
            )],
            NatVerdict::None,
        )
    }

    fn private4(n: u8) -> End {
        let inside = candidate(CandidateKind::Host, "192.168.1.2:5000");
        let outside = candidate(CandidateKind::Observed, &format!("198.51.100.{n}:6000"));
        End::of(&[inside, outside], NatVerdict::Unknown)
    }

    fn v6(n: u8) -> End {
        End::of(
            &[candidate(
                CandidateKind::Host,
                &format!("[2001:db8::{n}]:5000"),
            )],
            NatVerdict::None,
        )
    }

    fn firewalled6(n: u8) -> End {
        End {
            v6: Family::Private,
            ..v6(n)
        }
    }

    fn dual(v4: End, v6: End) -> End {
        End { v6: v6.v6, ..v4 }
    }

    #[test]
    fn the_table_of_the_protocol_holds_in_every_cell() {
        use RouteOrder::{Direct, DirectCalleeOpens, RelayOnly, RelayThenDirect, SameNat};
        let (g, p, s, n) = (global4, private4, v6, End::GENERAL);
        let table = [
            ("global, global", g(1), g(2), Direct),
            ("global, private", g(1), p(2), DirectCalleeOpens),
            ("global, v6", g(1), s(2), RelayOnly),
            ("global, general", g(1), n, RelayOnly),
            ("private, global", p(1), g(2), Direct),
            ("private, private", p(1), p(2), RelayThenDirect),
            ("private, private behind the same NAT", p(1), p(1), SameNat),
            ("private, v6", p(1), s(2), RelayOnly),
            ("private, general", p(1), n, RelayOnly),
            ("v6, global", s(1), g(2), RelayOnly),
            ("v6, private", s(1), p(2), RelayOnly),
            ("v6, v6", s(1), s(2), Direct),
            (
                "v6, v6 behind a firewall",
                s(1),
                firewalled6(2),
                DirectCalleeOpens,
            ),
            ("v6 behind a firewall, v6", firewalled6(1), s(2), Direct),
            (
                "both behind firewalls",
                firewalled6(1),
                firewalled6(2),
                DirectCalleeOpens,
            ),
            ("v6, general", s(1), n, RelayOnly),
            ("dual, global", dual(p(1), s(1)), g(2), Direct),
            ("dual, private", dual(p(1), s(1)), p(2), RelayThenDirect),
            ("dual, v6", dual(p(1), s(1)), s(2), Direct),
            (
                "dual, dual: v6 spares the NATs",
                dual(p(1), s(1)),
                dual(p(2), s(2)),
                Direct,
            ),
            (
                "dual, dual behind the same NAT",
                dual(p(1), s(1)),
                dual(p(1), s(2)),
                SameNat,
            ),
            ("global, dual", g(1), dual(p(2), s(2)), DirectCalleeOpens),
            ("dual, general", dual(g(1), s(1)), n, RelayOnly),
        ];
        for (name, caller, callee, order) in table {
            assert_eq!(decide(caller, callee, Consent::All), order, "{name}");
            assert_eq!(
                decide(caller, callee, Consent::RelayOnly),
                RelayOnly,
                "{name} without consent"
            );
        }
    }

    #[test]
    fn a_public_host_address_behind_an_unknown_nat_is_not_taken_for_global() {
        let own = candidate(CandidateKind::Host, "203.0.113.1:5000");
        let seen = candidate(CandidateKind::Observed, "198.51.100.9:5000");
        let end = End::of(&[own, seen], NatVerdict::Unknown);
        assert_eq!(
            decide(global4(1), end, Consent::All),
            RouteOrder::DirectCalleeOpens
        );
    }
}
