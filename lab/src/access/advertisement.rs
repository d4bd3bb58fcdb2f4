//! A router advertisement that tells a NAT64 prefix (RFC 8781) and nothing else.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use anyhow::Context as _;
use nix::net::if_::if_nametoindex;
use socket2::{Domain, Protocol, Socket, Type};

use crate::netns::Namespace;

pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ROUTER_ADVERTISEMENT: u8 = 134;
/// What comes from farther away than this link has less.
pub(super) const HOPS: u32 = 255;
const PREF64: u8 = 38;
/// In units of eight octets.
const PREF64_UNITS: u8 = 2;

/// Sends it once to all hosts at the router's device.
pub(super) fn send(
    router: &Namespace,
    device: &str,
    prefix: Ipv6Addr,
    lifetime: Duration,
) -> anyhow::Result<()> {
    let message = message(prefix, lifetime)?;
    router.enter(|| {
        let number = if_nametoindex(device).with_context(|| device.to_owned())?;
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
        socket.set_multicast_hops_v6(HOPS)?;
        socket.set_multicast_if_v6(number)?;
        let to = SocketAddr::from(SocketAddrV6::new(ALL_NODES, 0, 0, number));
        socket.send_to(&message, &to.into())?;
        Ok(())
    })
}

/// The sender is no default router; the kernel fills in the checksum.
fn message(prefix: Ipv6Addr, lifetime: Duration) -> anyhow::Result<Vec<u8>> {
    // The lowest three bits stand for a prefix of 96 bits.
    let lifetime = u16::try_from(lifetime.as_secs())? & !7;
    let mut out = vec![ROUTER_ADVERTISEMENT];
    out.resize(16, 0);
    out.extend([PREF64, PREF64_UNITS]);
    out.extend(lifetime.to_be_bytes());
    out.extend(prefix.octets().iter().take(12));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_stands_where_rfc_8781_wants_it() {
        let prefix = "64:ff9b::".parse().unwrap();
        let message = message(prefix, Duration::from_secs(600)).unwrap();
        assert_eq!(message.len(), 32);
        assert_eq!(message[16..24], [38, 2, 0x02, 0x58, 0, 0x64, 0xff, 0x9b]);
    }
}
