//! What the router offers.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::num::NonZeroU16;

use super::report::Router;
use crate::port_map;

/// `None`: there is no IPv4 router. `may_map`: a port may be asked for and given back, which shows the
/// address that the router has outside.
pub(super) async fn offers(may_map: bool) -> Option<Router> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok();
    let port = socket.as_ref().and_then(|s| s.local_addr().ok());
    let port = port.and_then(|a| NonZeroU16::new(a.port()));
    let (offers, external) = port_map::examine(port.filter(|_| may_map)).await?;
    Some(Router {
        upnp: offers.upnp,
        pcp: offers.pcp,
        nat_pmp: offers.nat_pmp,
        external: external.map(IpAddr::V4),
    })
}
