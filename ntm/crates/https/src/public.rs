//! Which addresses are of the public Internet, and mean the same wherever one is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Neither private, nor of this machine or link, nor for documents, tests or groups (RFC 6890 and its
/// registries); an IPv6 address that stands for an IPv4 one is as public as that.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => stands_for(v6).map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation();
    let is_shared = a == 100 && b & 0xc0 == 64;
    let is_benchmark = a == 198 && b & 0xfe == 18;
    let is_protocol = a == 192 && b == 0 && c == 0;
    !(is_special || is_shared || is_benchmark || is_protocol || a == 0 || a >= 240)
}

/// What IANA has given out is 2000::/3.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let is_documentation = (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000);
    // Teredo, benchmarks, ORCHID and other protocols (RFC 2928).
    let is_protocol = a == 0x2001 && b < 0x200;
    a & 0xe000 == 0x2000 && !is_documentation && !is_protocol
}

/// The IPv4 address in a mapped one, in one of a NAT64 (RFC 6052) and in one of 6to4.
fn stands_for(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => Some(v4(g, h)),
        (0x2002, _) => Some(v4(b, c)),
        _ => ip.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for ip in [
            "9.9.9.9",
            "192.0.1.1",
            "100.128.0.1",
            "2620:fe::fe",
            "64:ff9b::909:909",
        ] {
            assert!(public(ip), "{ip}");
        }
    }

    #[test]
    fn addresses_that_mean_another_machine_elsewhere_are_not() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "203.0.113.10",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "2002:a01:203::1",
        ] {
            assert!(!public(ip), "{ip}");
        }
    }
}
