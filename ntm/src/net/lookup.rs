//! Names to virtual addresses.

use std::io;
use std::net::SocketAddr;

use super::{ToSocketAddrs, default_node};
use crate::Node;

/// The virtual addresses of a name, once a tunnel to each of its reachable devices stands; IPv6 first
/// of each device. As `tokio::net::lookup_host`, on the default node.
pub async fn lookup_host<T: ToSocketAddrs>(
    host: T,
) -> io::Result<impl Iterator<Item = SocketAddr>> {
    lookup_host_on(&default_node()?, host).await
}

/// The same on this node.
pub async fn lookup_host_on<T: ToSocketAddrs>(
    node: &Node,
    host: T,
) -> io::Result<impl Iterator<Item = SocketAddr> + use<T>> {
    Ok(host.resolve(node).await?.into_iter())
}
