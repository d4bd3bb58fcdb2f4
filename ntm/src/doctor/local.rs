//! What this machine says of its own network.

use std::net::IpAddr;

use netwatch::interfaces::State;

use super::judge::is_private;
use super::report::{Family, Interface};

/// The network cards that are up, the default route's first.
pub async fn interfaces() -> Vec<Interface> {
    let state = State::new().await;
    let mtus = mtus();
    let default = state.default_route_interface.as_deref();
    let up = state.interfaces.values().filter(|i| i.is_up());
    let mut out: Vec<Interface> = up
        .map(|i| Interface {
            name: i.name().to_owned(),
            default: Some(i.name()) == default,
            mtu: mtus.iter().find(|(n, _)| n == i.name()).and_then(|m| m.1),
            addrs: i.addrs().map(|n| n.addr()).filter(reaches_out).collect(),
        })
        .filter(|i| !i.addrs.is_empty())
        .collect();
    out.sort_by(|a, b| (!a.default, &a.name).cmp(&(!b.default, &b.name)));
    out
}

fn mtus() -> Vec<(String, Option<u32>)> {
    let all = netdev::get_interfaces().into_iter();
    all.map(|i| (i.name, i.mtu)).collect()
}

fn reaches_out(ip: &IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.is_unicast_link_local(),
    };
    !ip.is_loopback() && !link_local && !ip.is_unspecified() && !ip.is_multicast()
}

/// What a family is good for.
pub(super) fn family(interfaces: &[Interface], v4: bool) -> Family {
    let mut addrs = interfaces
        .iter()
        .flat_map(|i| &i.addrs)
        .filter(|a| a.is_ipv4() == v4)
        .peekable();
    Family {
        usable: addrs.peek().is_some(),
        global: addrs.any(|a| !is_private(*a)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_global_only_with_an_address_that_is_unique() {
        let card = |addrs: &[&str]| Interface {
            name: "eth0".into(),
            default: true,
            mtu: Some(1500),
            addrs: addrs.iter().map(|a| a.parse().unwrap()).collect(),
        };
        let home = [card(&["192.168.1.2", "fd00::2", "2001:db8::2"])];
        let v4 = family(&home, true);
        assert!(v4.usable && !v4.global);
        let v6 = family(&home, false);
        assert!(v6.usable && v6.global);
        assert!(!family(&[card(&["fd00::2"])], true).usable);
    }

    #[test]
    fn loopback_and_link_local_addresses_reach_nobody() {
        for (ip, reaches) in [
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("fe80::1", false),
            ("::1", false),
            ("10.0.0.1", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(reaches_out(&ip.parse().unwrap()), reaches, "{ip}");
        }
    }
}
