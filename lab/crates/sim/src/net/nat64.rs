//! A NAT64 (RFC 6146): IPv6 hosts reach IPv4 ones below a prefix.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ntm_wire::time::Mono;

use super::nat::{Nat, NatDrop};

/// The well-known prefix (RFC 6052), /96.
pub const WELL_KNOWN: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// A translator with the well-known prefix.
#[derive(Clone, Debug)]
pub struct Nat64 {
    nat: Nat,
}

impl Nat64 {
    /// A translator that shows IPv4 hosts the outside address of `nat`.
    pub fn new(nat: Nat) -> Self {
        Self { nat }
    }

    /// The IPv4 address that inside hosts have outside.
    pub fn outside(&self) -> IpAddr {
        self.nat.outside()
    }

    /// Source and destination above; what is not below the prefix is left as it is.
    pub(super) fn outbound(
        &mut self,
        now: Mono,
        src: SocketAddr,
        dst: SocketAddr,
    ) -> Result<(SocketAddr, SocketAddr), NatDrop> {
        match extract(dst.ip()) {
            None => Ok((src, dst)),
            Some(ip) => {
                let dst = SocketAddr::new(ip.into(), dst.port());
                Ok((self.nat.outbound(now, src, dst)?, dst))
            }
        }
    }

    /// Source and destination inside of an IPv4 packet.
    pub(super) fn inbound(
        &mut self,
        now: Mono,
        src: SocketAddr,
        dst: SocketAddr,
    ) -> Result<(SocketAddr, SocketAddr), NatDrop> {
        let inside = self.nat.inbound(now, src, dst)?;
        Ok((SocketAddr::new(synthesize(src.ip()), src.port()), inside))
    }
}

fn extract(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = ip else { return None };
    let (octets, prefix) = (v6.octets(), WELL_KNOWN.octets());
    let [.., a, b, c, d] = octets;
    (octets[..12] == prefix[..12]).then_some(Ipv4Addr::new(a, b, c, d))
}

fn synthesize(ip: IpAddr) -> IpAddr {
    let IpAddr::V4(v4) = ip else { return ip };
    let mut octets = WELL_KNOWN.octets();
    octets[12..].copy_from_slice(&v4.octets());
    IpAddr::V6(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{NatConfig, Scope};
    use crate::rng::Rng;

    #[test]
    fn what_goes_out_below_the_prefix_comes_back_and_the_rest_is_left_alone() {
        let scope = Scope::EndpointIndependent;
        let outside: IpAddr = Ipv4Addr::new(198, 18, 0, 1).into();
        let nat = Nat::new(NatConfig::new(scope, scope), outside, Rng::new(1));
        let mut nat64 = Nat64::new(nat);
        let now = Mono::default();
        let inside: SocketAddr = "[2001:db8::2]:4000".parse().unwrap();
        let (src, dst) = nat64
            .outbound(now, inside, "[64:ff9b::203.0.113.7]:7930".parse().unwrap())
            .unwrap();
        assert_eq!(dst, "203.0.113.7:7930".parse().unwrap());
        assert_eq!(src.ip(), outside);
        let (from, to) = nat64.inbound(now, dst, src).unwrap();
        assert_eq!(from, "[64:ff9b::203.0.113.7]:7930".parse().unwrap());
        assert_eq!(to, inside);
        let v6: SocketAddr = "[2001:db8::9]:1".parse().unwrap();
        assert_eq!(nat64.outbound(now, inside, v6), Ok((inside, v6)));
    }
}
