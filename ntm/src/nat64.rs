//! The prefix of a network's NAT64, found by asking its resolver for a name that has IPv4 addresses
//! only (RFC 7050): what comes back in IPv6 was synthesised. On Linux a running node also hears it from
//! routers (RFC 8781).

#[cfg(target_os = "linux")]
pub(crate) mod advertised;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::Serialize;

use crate::interfaces::LocalIp;

/// Has the two addresses below and none in IPv6 (RFC 7050, 8.2).
const NAME: &str = "ipv4only.arpa";
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];
/// Longest first: a short prefix may hold the pattern by chance, hardly ever the whole address.
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];
const PATIENCE: Duration = Duration::from_secs(2);

/// A prefix behind which IPv4 addresses are written as RFC 6052 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Prefix {
    /// The prefix, zeros behind it.
    pub addr: Ipv6Addr,
    /// 32, 40, 48, 56, 64 or 96 bits.
    pub len: u8,
}

impl Prefix {
    /// The IPv6 address by which `ip` is reached.
    pub fn synthesize(&self, ip: Ipv4Addr) -> Ipv6Addr {
        let mut octets = self.addr.octets();
        for (at, octet) in positions(self.len).into_iter().zip(ip.octets()) {
            octets[at] = octet;
        }
        octets.into()
    }

    /// The prefix, if it is one of 96 bits: the only length the node synthesises with.
    pub(crate) fn of_96_bits(&self) -> Option<Ipv6Addr> {
        (self.len == 96).then_some(self.addr)
    }
}

/// The octets that hold the IPv4 address (RFC 6052, 2.2); the ninth is always skipped.
fn positions(len: u8) -> [usize; 4] {
    match len {
        32 => [4, 5, 6, 7],
        40 => [5, 6, 7, 9],
        48 => [6, 7, 9, 10],
        56 => [7, 9, 10, 11],
        64 => [9, 10, 11, 12],
        _ => [12, 13, 14, 15],
    }
}

/// The prefix that the answers for `ipv4only.arpa` show. Of several, the one that both well-known addresses
/// came under, then the one that came first.
pub fn prefix_of(answers: &[Ipv6Addr]) -> Option<Prefix> {
    let found: Vec<(Prefix, Ipv4Addr)> = answers.iter().flat_map(|a| readings(*a)).collect();
    let has_both = |p: &Prefix| {
        let under = |ip| found.iter().any(|(q, i)| q == p && *i == ip);
        WELL_KNOWN.into_iter().all(under)
    };
    let prefixes = || found.iter().map(|(p, _)| *p);
    prefixes().find(has_both).or_else(|| prefixes().next())
}

/// The ways in which an address can be one of the well-known ones under a prefix.
fn readings(addr: Ipv6Addr) -> Vec<(Prefix, Ipv4Addr)> {
    let read = |len: u8| {
        let octets = addr.octets();
        let ip: Ipv4Addr = positions(len).map(|at| octets[at]).into();
        let prefix = cut(addr, len);
        // Only zeros beside prefix and IPv4 address, or it is no RFC 6052 address of this length.
        let is_whole = Prefix { addr: prefix, len }.synthesize(ip) == addr;
        (WELL_KNOWN.contains(&ip) && is_whole).then_some((Prefix { addr: prefix, len }, ip))
    };
    LENGTHS.into_iter().filter_map(read).collect()
}

fn cut(addr: Ipv6Addr, len: u8) -> Ipv6Addr {
    let mask = u128::MAX << (128 - u32::from(len));
    Ipv6Addr::from_bits(addr.to_bits() & mask)
}

/// Whether a network with these addresses may have a NAT64: IPv6, and no IPv4 of use.
pub(crate) fn is_wanted(locals: &[LocalIp]) -> bool {
    let has = |v4: bool| {
        let mut ips = locals.iter().map(|l| l.ip).filter(|ip| !ip.is_loopback());
        ips.any(|ip| ip.is_ipv4() == v4)
    };
    has(false) && !has(true)
}

/// Asks the system's resolver; `None` where there is no NAT64, or no answer in two seconds.
pub async fn discover() -> Option<Prefix> {
    let asked = tokio::net::lookup_host((NAME, 0));
    let answers = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let v6: Vec<Ipv6Addr> = answers
        .filter_map(|a| match a.ip() {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        })
        .collect();
    let prefix = prefix_of(&v6);
    tracing::debug!(found = prefix.is_some(), "asked for the NAT64 prefix");
    prefix
}

#[cfg(test)]
mod tests {
    use ntm_wire::id::InterfaceId;

    use super::*;

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    /// The table of RFC 6052, 2.4, with its address 192.0.2.33.
    #[test]
    fn addresses_are_synthesized_as_in_the_table_of_rfc_6052() {
        for (prefix, len, expected) in [
            ("2001:db8::", 32, "2001:db8:c000:221::"),
            ("2001:db8:100::", 40, "2001:db8:1c0:2:21::"),
            ("2001:db8:122::", 48, "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::", 96, "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::", 96, "64:ff9b::192.0.2.33"),
        ] {
            let prefix = Prefix {
                addr: v6(prefix),
                len,
            };
            let made = prefix.synthesize(Ipv4Addr::new(192, 0, 2, 33));
            assert_eq!(made, v6(expected), "/{len}");
        }
    }

    #[test]
    fn a_prefix_of_every_length_is_found_from_either_well_known_address() {
        for len in LENGTHS {
            let prefix = Prefix {
                addr: cut(v6("2001:db8:122:344::"), len),
                len,
            };
            for known in WELL_KNOWN {
                assert_eq!(
                    prefix_of(&[prefix.synthesize(known)]),
                    Some(prefix),
                    "/{len} {known}"
                );
            }
        }
    }

    #[test]
    fn the_well_known_prefix_is_found_among_other_answers() {
        let answers = [
            v6("2001:db8::1"),
            v6("64:ff9b::c000:aa"),
            v6("64:ff9b::c000:ab"),
        ];
        let found = prefix_of(&answers).unwrap();
        assert_eq!((found.addr, found.len), (v6("64:ff9b::"), 96));
    }

    #[test]
    fn what_both_addresses_came_under_wins_over_what_came_first() {
        let answers = [
            v6("2001:db8:1::192.0.0.170"),
            v6("64:ff9b::192.0.0.170"),
            v6("64:ff9b::192.0.0.171"),
        ];
        assert_eq!(prefix_of(&answers).unwrap().addr, v6("64:ff9b::"));
    }

    #[test]
    fn a_pattern_in_the_prefix_itself_does_not_mislead() {
        // 192.0.0.170 stands at the place of a /32 as well as at that of a /96.
        let prefix = v6("2001:db8:c000:aa::");
        let answers = [
            v6("2001:db8:c000:aa::192.0.0.170"),
            v6("2001:db8:c000:aa::192.0.0.171"),
        ];
        assert_eq!(
            prefix_of(&answers),
            Some(Prefix {
                addr: prefix,
                len: 96
            })
        );
    }

    #[test]
    fn answers_that_were_not_synthesized_show_no_prefix() {
        assert_eq!(prefix_of(&[]), None);
        assert_eq!(prefix_of(&[v6("2001:db8::192.0.2.1"), v6("::1")]), None);
    }

    #[test]
    fn a_nat64_is_looked_for_only_where_ipv4_is_missing() {
        let wanted = |ips: &[&str]| {
            let local = |ip: &&str| LocalIp {
                interface: InterfaceId(1),
                ip: ip.parse().unwrap(),
                attachment: 0,
                index: 0,
            };
            is_wanted(&ips.iter().map(local).collect::<Vec<_>>())
        };
        assert!(wanted(&["2001:db8::2"]));
        assert!(
            wanted(&["2001:db8::2", "127.0.0.1"]),
            "loopback leads nowhere"
        );
        assert!(!wanted(&["2001:db8::2", "192.168.1.2"]));
        assert!(!wanted(&["192.168.1.2"]));
        assert!(!wanted(&[]));
        assert!(!wanted(&["::1"]));
    }
}
