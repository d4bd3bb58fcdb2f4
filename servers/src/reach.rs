//! Under which addresses others reach this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// What nodes are told: `public` as it is, or the machine's addresses with the ports of `bound`.
pub(crate) fn public(
    public: &[SocketAddr],
    machine: &[IpAddr],
    bound: &[SocketAddr],
) -> Vec<SocketAddr> {
    if !public.is_empty() {
        return public.to_vec();
    }
    let mut out = Vec::new();
    for socket in bound {
        for ip in ips_of(socket.ip(), machine) {
            let addr = SocketAddr::new(ip, socket.port());
            if !out.contains(&addr) {
                out.push(addr);
            }
        }
    }
    out
}

fn ips_of(listen: IpAddr, machine: &[IpAddr]) -> Vec<IpAddr> {
    let same_family = |ip: &&IpAddr| ip.is_ipv4() == listen.is_ipv4();
    if !machine.is_empty() {
        return machine.iter().filter(same_family).copied().collect();
    }
    if listen.is_unspecified() {
        outward(listen.is_ipv4()).into_iter().collect()
    } else {
        vec![listen]
    }
}

/// The machine's own address towards the Internet; over IPv4 at least the loopback. Asks the
/// routing table: nothing is sent. The targets are documentation addresses (RFC 5737, RFC 3849).
fn outward(ipv4: bool) -> Option<IpAddr> {
    let (from, to) = if ipv4 {
        let to = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        (IpAddr::from(Ipv4Addr::UNSPECIFIED), to)
    } else {
        let to = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        (IpAddr::from(Ipv6Addr::UNSPECIFIED), to)
    };
    let routed = UdpSocket::bind((from, 0)).and_then(|socket| {
        socket.connect((to, 9))?;
        socket.local_addr()
    });
    let loopback = ipv4.then_some(IpAddr::from(Ipv4Addr::LOCALHOST));
    routed.map(|a| a.ip()).ok().or(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_set_is_told_as_it_is() {
        let set = addrs(&["203.0.113.7:7930"]);
        assert_eq!(public(&set, &[], &addrs(&["0.0.0.0:1"])), set);
    }

    #[test]
    fn the_machines_addresses_take_the_ports_of_their_family() {
        let machine = [
            "203.0.113.7".parse().unwrap(),
            "2001:db8::7".parse().unwrap(),
        ];
        let told = public(&[], &machine, &addrs(&["0.0.0.0:7930", "[::]:443"]));
        assert_eq!(told, addrs(&["203.0.113.7:7930", "[2001:db8::7]:443"]));
    }

    #[test]
    fn an_address_that_is_listened_on_is_told() {
        let bound = addrs(&["127.0.0.1:4000"]);
        assert_eq!(public(&[], &[], &bound), bound);
    }
}
