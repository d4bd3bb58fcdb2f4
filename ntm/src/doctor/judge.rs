//! What the findings mean: the kind of NAT, and what to expect. Pure.

use std::net::{IpAddr, SocketAddr};

use ntm_wire::addr::RealAddr;
use serde::Serialize;

use super::report::{Door, DoorState, Report, Sight};

/// How a NAT maps (RFC 4787, 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mapping {
    /// No NAT: servers see the device's own address.
    None,
    /// One outside address for all destinations.
    EndpointIndependent,
    /// Another one for each destination address.
    AddressDependent,
    /// Another one for each destination address and port.
    AddressAndPortDependent,
    /// Not enough observers to say.
    #[default]
    Unknown,
}

/// Whether the carrier shares one address among customers (RFC 6598).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// Only a router that tells its own outside address would show it.
    #[default]
    Unknown,
}

/// How calls will go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Straight to most people.
    Direct,
    /// Straight to some, over a relay to others.
    Mixed,
    /// Over relays.
    Relay,
    /// Nothing works: UDP does not get out.
    UdpBlocked,
    /// Nothing works: UDP gets out, the coordinator is not there.
    CoordinatorDown,
    /// There is no network.
    Offline,
    /// Servers are unknown before a sign-in.
    #[default]
    Unknown,
}

/// Judges the mapping from the machine's `own` addresses and who sees it where, and counts the
/// observers at different addresses it was judged by.
pub fn mapping(own: &[IpAddr], seen: &[Sight]) -> (Mapping, usize) {
    let v4 = judge(own, &of_family(seen, true));
    if v4.0 == Mapping::Unknown && v4.1 == 0 {
        return judge(own, &of_family(seen, false));
    }
    v4
}

fn of_family(seen: &[Sight], v4: bool) -> Vec<&Sight> {
    seen.iter().filter(|s| s.addr.is_ipv4() == v4).collect()
}

fn judge(own: &[IpAddr], seen: &[&Sight]) -> (Mapping, usize) {
    // A server on this side of the NAT says nothing of it.
    let through: Vec<&Sight> = seen
        .iter()
        .copied()
        .filter(|s| !own.contains(&s.addr.ip()))
        .collect();
    if through.is_empty() {
        let verdict = if seen.is_empty() {
            Mapping::Unknown
        } else {
            Mapping::None
        };
        return (verdict, observers(seen));
    }
    (behind_nat(&through), observers(&through))
}

fn behind_nat(seen: &[&Sight]) -> Mapping {
    let pairs = || {
        seen.iter()
            .enumerate()
            .flat_map(|(n, a)| seen.iter().skip(n + 1).map(move |b| (*a, *b)))
    };
    let same_host = |(a, b): &(&Sight, &Sight)| a.observer.ip() == b.observer.ip();
    let differ = |(a, b): &(&Sight, &Sight)| a.addr != b.addr;
    if pairs().any(|p| same_host(&p) && p.0.observer != p.1.observer && differ(&p)) {
        Mapping::AddressAndPortDependent
    } else if pairs().any(|p| !same_host(&p) && differ(&p)) {
        Mapping::AddressDependent
    } else if pairs().any(|p| !same_host(&p)) {
        Mapping::EndpointIndependent
    } else {
        Mapping::Unknown
    }
}

fn observers(seen: &[&Sight]) -> usize {
    let mut ips: Vec<IpAddr> = seen.iter().map(|s| s.observer.ip()).collect();
    ips.sort();
    ips.dedup();
    ips.len()
}

/// Judges whether the carrier translates: from the local IPv4 address, the address that the router
/// calls its own outside, and the one that servers see.
pub fn carrier(local: Option<IpAddr>, router: Option<IpAddr>, seen: Option<IpAddr>) -> Carrier {
    if [local, router, seen].into_iter().flatten().any(is_shared) {
        return Carrier::Yes;
    }
    match (local, router, seen) {
        (Some(local), _, Some(seen)) if local == seen => Carrier::No,
        (_, Some(router), Some(seen)) if router == seen => Carrier::No,
        (_, Some(router), _) if is_private(router) => Carrier::Yes,
        (_, Some(_), Some(_)) => Carrier::Yes,
        (_, Some(_) | None, None) | (_, None, Some(_)) => Carrier::Unknown,
    }
}

/// 100.64.0.0/10, and the address of a phone's own translator (464XLAT, RFC 7335).
fn is_shared(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(a) => {
            let [x, y, z, w] = a.octets();
            (x == 100 && y & 0xc0 == 64) || (x == 192 && y == 0 && z == 0 && w < 8)
        }
        IpAddr::V6(_) => false,
    }
}

/// Whether an address means something only inside one network.
pub fn is_private(ip: IpAddr) -> bool {
    RealAddr(SocketAddr::new(ip, 0)).is_private()
}

/// What calls will be like.
pub fn expectation(report: &Report) -> Expectation {
    let doors = &report.coordinator;
    let any = |state| doors.iter().any(|d| d.state == state);
    if any(DoorState::Open) {
        connected(report)
    } else if !report.ipv4.usable && !report.ipv6.usable {
        Expectation::Offline
    } else if doors.is_empty() {
        Expectation::Unknown
    } else if doors
        .iter()
        .any(|d| d.known && d.state == DoorState::Refused)
    {
        Expectation::CoordinatorDown
    } else {
        Expectation::UdpBlocked
    }
}

fn connected(report: &Report) -> Expectation {
    let only_443 = !open_on(&report.coordinator, |p| p != 443);
    let opens = report.router.is_some_and(|r| r.opens_ports());
    if only_443 {
        return Expectation::Relay;
    }
    match report.nat.mapping {
        Mapping::None | Mapping::EndpointIndependent => Expectation::Direct,
        Mapping::AddressDependent | Mapping::AddressAndPortDependent | Mapping::Unknown
            if opens && report.nat.carrier != Carrier::Yes =>
        {
            Expectation::Direct
        }
        Mapping::AddressDependent | Mapping::AddressAndPortDependent | Mapping::Unknown => {
            Expectation::Mixed
        }
    }
}

/// Whether a door is open on a port of which `is` is true.
pub fn open_on(doors: &[Door], is: impl Fn(u16) -> bool) -> bool {
    doors
        .iter()
        .any(|d| d.state == DoorState::Open && is(d.addr.port()))
}

/// The middle one; of an even number the lower of the two.
pub fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::{Family, Nat, Router};

    fn sight(observer: &str, addr: &str) -> Sight {
        Sight {
            by: observer.into(),
            observer: observer.parse().unwrap(),
            addr: addr.parse().unwrap(),
        }
    }

    fn verdict(own: &str, seen: &[(&str, &str)]) -> Mapping {
        let own: SocketAddr = own.parse().unwrap();
        let seen: Vec<Sight> = seen.iter().map(|(o, a)| sight(o, a)).collect();
        mapping(&[own.ip()], &seen).0
    }

    const HOME: &str = "192.168.1.2:7000";

    #[test]
    fn servers_that_see_the_own_address_mean_no_nat() {
        let seen = [("203.0.113.1:7930", "198.51.100.7:7000")];
        assert_eq!(verdict("198.51.100.7:7000", &seen), Mapping::None);
    }

    #[test]
    fn one_outside_address_for_two_servers_is_endpoint_independent() {
        let seen = [
            ("203.0.113.1:7930", "198.51.100.7:40000"),
            ("203.0.113.2:7930", "198.51.100.7:40000"),
        ];
        assert_eq!(verdict(HOME, &seen), Mapping::EndpointIndependent);
    }

    #[test]
    fn another_port_for_another_server_is_address_dependent() {
        let seen = [
            ("203.0.113.1:7930", "198.51.100.7:40000"),
            ("203.0.113.2:7930", "198.51.100.7:40001"),
        ];
        assert_eq!(verdict(HOME, &seen), Mapping::AddressDependent);
    }

    #[test]
    fn another_port_for_another_port_of_one_server_is_address_and_port_dependent() {
        let seen = [
            ("203.0.113.1:7930", "198.51.100.7:40000"),
            ("203.0.113.1:7931", "198.51.100.7:40001"),
        ];
        assert_eq!(verdict(HOME, &seen), Mapping::AddressAndPortDependent);
    }

    #[test]
    fn one_server_address_is_too_few_to_tell() {
        let one = [("203.0.113.1:7930", "198.51.100.7:40000")];
        assert_eq!(verdict(HOME, &one), Mapping::Unknown);
        let two_ports = [
            ("203.0.113.1:7930", "198.51.100.7:40000"),
            ("203.0.113.1:7931", "198.51.100.7:40000"),
        ];
        assert_eq!(
            verdict(HOME, &two_ports),
            Mapping::Unknown,
            "the NAT may still map by address"
        );
        assert_eq!(verdict(HOME, &[]), Mapping::Unknown);
    }

    #[test]
    fn a_server_on_this_side_of_the_nat_is_no_witness() {
        let seen = [
            ("192.168.1.9:7930", HOME),
            ("203.0.113.1:7930", "198.51.100.7:40000"),
        ];
        assert_eq!(verdict(HOME, &seen), Mapping::Unknown);
    }

    #[test]
    fn ipv6_is_judged_where_no_ipv4_was_seen() {
        let seen = [("[2001:db8::1]:7930", "[2001:db8:7::2]:7000")];
        assert_eq!(verdict("[2001:db8:7::2]:7000", &seen), Mapping::None);
    }

    #[test]
    fn a_carrier_s_nat_shows_in_three_ways() {
        let ip = |s: &str| Some(s.parse().unwrap());
        for (local, router, seen, expected) in [
            (ip("100.72.1.2"), None, ip("198.51.100.7"), Carrier::Yes),
            (ip("192.0.0.4"), None, ip("198.51.100.7"), Carrier::Yes),
            (ip("192.168.1.2"), None, ip("100.65.0.3"), Carrier::Yes),
            (
                ip("192.168.1.2"),
                ip("100.70.0.9"),
                ip("198.51.100.7"),
                Carrier::Yes,
            ),
            (
                ip("192.168.1.2"),
                ip("10.0.0.9"),
                ip("198.51.100.7"),
                Carrier::Yes,
            ),
            (
                ip("192.168.1.2"),
                ip("198.51.100.9"),
                ip("198.51.100.7"),
                Carrier::Yes,
            ),
            (
                ip("192.168.1.2"),
                ip("198.51.100.7"),
                ip("198.51.100.7"),
                Carrier::No,
            ),
            (ip("198.51.100.7"), None, ip("198.51.100.7"), Carrier::No),
            (
                ip("192.168.1.2"),
                None,
                ip("198.51.100.7"),
                Carrier::Unknown,
            ),
            (ip("192.168.1.2"), None, None, Carrier::Unknown),
        ] {
            assert_eq!(
                carrier(local, router, seen),
                expected,
                "{local:?} {router:?} {seen:?}"
            );
        }
    }

    fn door(port: u16, state: DoorState) -> Door {
        Door {
            addr: SocketAddr::new("203.0.113.1".parse().unwrap(), port),
            known: port == 7930,
            state,
            rtt_ms: None,
            clock_ahead_ms: None,
            largest_packet: None,
            local: None,
        }
    }

    fn report(doors: &[(u16, DoorState)], mapping: Mapping) -> Report {
        Report {
            ipv4: Family {
                usable: true,
                global: false,
            },
            coordinator: doors.iter().map(|(p, s)| door(*p, *s)).collect(),
            nat: Nat {
                mapping,
                ..Nat::default()
            },
            ..Report::default()
        }
    }

    #[test]
    fn calls_are_expected_as_nat_and_doors_let_them() {
        use DoorState::{Open, Refused, Silent};
        use Mapping::{AddressDependent, EndpointIndependent, Unknown};
        for (doors, mapping, expected) in [
            (
                &[(7930, Open)][..],
                EndpointIndependent,
                Expectation::Direct,
            ),
            (&[(7930, Open)], AddressDependent, Expectation::Mixed),
            (&[(7930, Open)], Unknown, Expectation::Mixed),
            (
                &[(7930, Silent), (443, Open)],
                EndpointIndependent,
                Expectation::Relay,
            ),
            (
                &[(7930, Silent), (443, Silent)],
                Unknown,
                Expectation::UdpBlocked,
            ),
            (
                &[(7930, Refused), (443, Silent)],
                Unknown,
                Expectation::CoordinatorDown,
            ),
            (&[], Unknown, Expectation::Unknown),
        ] {
            assert_eq!(
                expectation(&report(doors, mapping)),
                expected,
                "{doors:?} {mapping:?}"
            );
        }
        assert_eq!(expectation(&Report::default()), Expectation::Offline);
    }

    #[test]
    fn a_router_that_opens_ports_makes_up_for_its_mapping_unless_the_carrier_translates_too() {
        let mut r = report(&[(7930, DoorState::Open)], Mapping::AddressDependent);
        r.router = Some(Router {
            upnp: true,
            ..Router::default()
        });
        assert_eq!(expectation(&r), Expectation::Direct);
        r.nat.carrier = Carrier::Yes;
        assert_eq!(expectation(&r), Expectation::Mixed);
    }

    #[test]
    fn the_median_is_one_of_the_samples() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(vec![9.0, 1.0]), Some(1.0));
        assert_eq!(median(vec![]), None);
    }
}
