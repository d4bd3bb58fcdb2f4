//! How this node's network reaches servers and peers: address families, NAT64, and the port that is
//! let out when others are not.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ntm_wire::addr::RealAddr;

/// The port servers answer on as well, for networks that let UDP out to it only (QUIC's).
pub(super) const QUIC_PORT: u16 = 443;

/// What is known of this node's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) v4: bool,
    pub(crate) v6: bool,
    /// The prefix under which a NAT64 translates (RFC 6052, /96).
    pub(crate) nat64: Option<Ipv6Addr>,
    /// The DC answers on port 443 and did not on its own.
    pub(crate) prefers_443: bool,
}

impl Reach {
    /// Where to send for this address to be reached; `None`: this network has no way there.
    pub(crate) fn real(&self, addr: RealAddr) -> Option<RealAddr> {
        match addr.0 {
            SocketAddr::V6(_) => self.v6.then_some(addr),
            SocketAddr::V4(_) if self.v4 => Some(addr),
            SocketAddr::V4(a) => {
                let prefix = self.nat64.filter(|_| self.v6 && is_public(*a.ip()))?;
                Some(RealAddr((synthesize(prefix, *a.ip()), a.port()).into()))
            }
        }
    }

    fn is_translated(&self, addr: RealAddr) -> bool {
        match (addr.0, self.nat64) {
            (SocketAddr::V6(a), Some(prefix)) => a.ip().octets()[..12] == prefix.octets()[..12],
            (SocketAddr::V6(_) | SocketAddr::V4(_), _) => false,
        }
    }

    /// The ways to a server with these addresses, in the order in which to try them: the addresses as
    /// they are, then their port 443; or the other way round where that was needed for the DC.
    pub(crate) fn server(&self, addrs: impl IntoIterator<Item = RealAddr>) -> Vec<RealAddr> {
        let mut out: Vec<RealAddr> = Vec::new();
        let mut as_told: Vec<RealAddr> = addrs.into_iter().filter_map(|a| self.real(a)).collect();
        // Without a translator between, if that can be.
        as_told.sort_by_key(|a| self.is_translated(*a));
        let on_443 = as_told
            .iter()
            .map(|a| RealAddr((a.0.ip(), QUIC_PORT).into()));
        for addr in as_told.iter().copied().chain(on_443) {
            // Nothing stands between a node and its own machine.
            let is_needless = addr.is_loopback() && !as_told.contains(&addr);
            if !out.contains(&addr) && !is_needless {
                out.push(addr);
            }
        }
        if self.prefers_443 {
            out.sort_by_key(|a| a.0.port() != QUIC_PORT);
        }
        out
    }
}

/// Whether a NAT64 translates to it: what is private means another host there (RFC 6052, 3.1).
fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || is_shared)
}

fn synthesize(prefix: Ipv6Addr, ip: Ipv4Addr) -> Ipv6Addr {
    let mut octets = prefix.octets();
    octets[12..].copy_from_slice(&ip.octets());
    octets.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> RealAddr {
        RealAddr(text.parse().unwrap())
    }

    fn addrs(texts: &[&str]) -> Vec<RealAddr> {
        texts.iter().map(|t| addr(t)).collect()
    }

    const DUAL: Reach = Reach {
        v4: true,
        v6: true,
        nat64: None,
        prefers_443: false,
    };

    const BEHIND_NAT64: Reach = Reach {
        v4: false,
        v6: true,
        nat64: Some(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0)),
        prefers_443: false,
    };

    #[test]
    fn a_server_is_tried_as_told_and_then_on_443() {
        let ways = DUAL.server(addrs(&["203.0.113.7:7930", "[2001:db8::7]:7930"]));
        let expected = [
            "203.0.113.7:7930",
            "[2001:db8::7]:7930",
            "203.0.113.7:443",
            "[2001:db8::7]:443",
        ];
        assert_eq!(ways, addrs(&expected));
    }

    #[test]
    fn where_only_443_gets_out_it_is_tried_first() {
        let reach = Reach {
            prefers_443: true,
            ..DUAL
        };
        let ways = reach.server(addrs(&["203.0.113.7:7930"]));
        assert_eq!(ways, addrs(&["203.0.113.7:443", "203.0.113.7:7930"]));
    }

    #[test]
    fn a_family_that_is_not_there_is_not_tried() {
        let reach = Reach { v4: false, ..DUAL };
        assert_eq!(reach.server(addrs(&["203.0.113.7:7930"])), []);
    }

    #[test]
    fn behind_a_nat64_public_ipv4_is_reached_by_a_synthesized_address() {
        let real = |text| BEHIND_NAT64.real(addr(text));
        let synthesized = addr("[64:ff9b::203.0.113.7]:7930");
        assert_eq!(real("203.0.113.7:7930"), Some(synthesized));
        assert_eq!(real("192.168.1.7:7930"), None, "somebody's LAN");
        assert_eq!(real("[2001:db8::7]:1"), Some(addr("[2001:db8::7]:1")));
    }

    #[test]
    fn behind_a_nat64_a_server_with_ipv6_is_reached_without_it() {
        let ways = BEHIND_NAT64.server(addrs(&["203.0.113.7:7930", "[2001:db8::7]:7930"]));
        let expected = ["[2001:db8::7]:7930", "[64:ff9b::203.0.113.7]:7930"];
        assert_eq!(ways[..2], addrs(&expected));
    }

    #[test]
    fn nothing_stands_between_a_node_and_its_own_machine() {
        let own = addrs(&["127.0.0.1:7930"]);
        assert_eq!(DUAL.server(own.clone()), own);
    }
}
