//! Candidates: which of the addresses that a node names are handed on (rule 10).

use ntm_wire::addr::{Candidate, CandidateKind, MAX_CANDIDATES, NatVerdict, RealAddr};
use ntm_wire::id::InterfaceId;
use std::net::SocketAddr;

/// The candidates a peer is given: the address seen from outside and the node's own, those that a
/// node may be directed to send to, at most eight.
pub(crate) fn handed_on(own: &[Candidate], observed: RealAddr) -> Vec<Candidate> {
    let observed = canonical(observed);
    let mut out: Vec<Candidate> = Vec::with_capacity(own.len() + 1);
    let seen = Candidate {
        kind: CandidateKind::Observed,
        interface: interface_of(own, observed),
        addr: observed,
    };
    // Mapped and host addresses first: a host candidate equal to the observed one says more.
    for candidate in own.iter().copied().chain([seen]) {
        let candidate = Candidate {
            addr: canonical(candidate.addr),
            ..candidate
        };
        let is_new = out.iter().all(|c| c.addr != candidate.addr);
        if is_new && is_allowed(candidate.addr, observed.is_loopback()) {
            out.push(candidate);
        }
    }
    if out.len() > MAX_CANDIDATES {
        // The last is the observed one, without which nobody outside finds the node.
        out.drain(MAX_CANDIDATES - 1..out.len() - 1);
    }
    out
}

/// Of candidates that another DC names, keeps those that a node may be directed to send to.
pub(crate) fn retain_sendable(candidates: &mut Vec<Candidate>, from_loopback: bool) {
    for candidate in candidates.iter_mut() {
        candidate.addr = canonical(candidate.addr);
    }
    candidates.retain(|c| is_allowed(c.addr, from_loopback));
}

/// What the DC concludes of a node's NAT: none if the address seen is the node's own; else what the
/// node found out itself, if it found a NAT.
pub(crate) fn nat_verdict(own: &[Candidate], observed: RealAddr, told: NatVerdict) -> NatVerdict {
    let observed = canonical(observed);
    let is_own = own
        .iter()
        .any(|c| c.kind == CandidateKind::Host && canonical(c.addr) == observed);
    match told {
        _ if is_own => NatVerdict::None,
        NatVerdict::EndpointIndependent | NatVerdict::EndpointDependent => told,
        NatVerdict::None | NatVerdict::Unknown => NatVerdict::Unknown,
    }
}

/// An IPv4 address in IPv6's clothes is IPv4: its rules hold.
pub(crate) fn canonical(addr: RealAddr) -> RealAddr {
    RealAddr(SocketAddr::new(addr.0.ip().to_canonical(), addr.0.port()))
}

fn is_allowed(addr: RealAddr, from_loopback: bool) -> bool {
    let is_link_local = match addr.0 {
        // Means nothing without its scope, which does not travel.
        SocketAddr::V6(a) => a.ip().is_unicast_link_local(),
        SocketAddr::V4(a) => a.ip().is_link_local() || a.ip().octets()[0] == 0,
    };
    addr.is_sendable() && !is_link_local && (!addr.is_loopback() || from_loopback)
}

fn interface_of(own: &[Candidate], observed: RealAddr) -> InterfaceId {
    let same_family = |c: &&Candidate| c.addr.is_ipv4() == observed.is_ipv4();
    own.iter()
        .find(same_family)
        .map(|c| c.interface)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(text: &str) -> RealAddr {
        RealAddr(text.parse().unwrap())
    }

    fn host(text: &str) -> Candidate {
        Candidate {
            kind: CandidateKind::Host,
            interface: InterfaceId(3),
            addr: real(text),
        }
    }

    #[test]
    fn addresses_nobody_may_be_sent_to_are_left_out() {
        let bad = [
            "127.0.0.1:5000",
            "[::1]:5000",
            "[::ffff:127.0.0.1]:5000",
            "224.0.0.1:5000",
            "[ff02::1]:5000",
            "255.255.255.255:5000",
            "0.0.0.0:5000",
            "[::]:5000",
            "192.0.2.1:53",
            "169.254.1.1:5000",
            "[fe80::1]:5000",
        ];
        for text in bad {
            let out = handed_on(&[host(text)], real("198.51.100.1:5000"));
            assert_eq!(out.len(), 1, "{text} is not handed on");
        }
        let out = handed_on(&[host("192.0.2.1:443")], real("198.51.100.1:5000"));
        assert_eq!(out.len(), 2, "443 is the one low port");
    }

    #[test]
    fn loopback_is_for_those_who_come_from_loopback() {
        let out = handed_on(&[host("127.0.0.1:5000")], real("127.0.0.1:5000"));
        assert_eq!(out, [host("127.0.0.1:5000")]);
    }

    #[test]
    fn of_many_the_observed_one_stays() {
        let own: Vec<_> = (1..=8).map(|i| host(&format!("10.0.0.{i}:5000"))).collect();
        let out = handed_on(&own, real("198.51.100.1:6000"));
        assert_eq!(out.len(), MAX_CANDIDATES);
        assert_eq!(out.last().map(|c| c.kind), Some(CandidateKind::Observed));
    }

    #[test]
    fn the_verdict_is_none_only_for_an_address_of_its_own() {
        let seen = real("198.51.100.1:5000");
        let own = [host("198.51.100.1:5000")];
        assert_eq!(
            nat_verdict(&own, seen, NatVerdict::Unknown),
            NatVerdict::None
        );
        let behind = [host("192.168.1.2:5000")];
        assert_eq!(
            nat_verdict(&behind, seen, NatVerdict::None),
            NatVerdict::Unknown,
            "its word is not enough"
        );
        let told = NatVerdict::EndpointDependent;
        assert_eq!(nat_verdict(&behind, seen, told), told);
    }
}
