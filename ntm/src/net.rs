//! Virtual sockets with the names, signatures and errors of `tokio::net`: a program is ported by
//! changing its import and starting a [`Node`] first.
//!
//! The first node that a process starts is the default of everything here; [`UdpSocket::bind_on`] and
//! [`lookup_host_on`] name another. Kinds of errors are tokio's where the system has the case at all
//! (`AddrInUse`, `AddrNotAvailable`, `WouldBlock`, `NotConnected`); see [`crate::LookupError`] for what
//! a name can meet.

mod addrs;
mod lookup;
mod udp;

use std::io;
use std::sync::{PoisonError, RwLock};

pub use addrs::ToSocketAddrs;
pub use lookup::{lookup_host, lookup_host_on};
pub use udp::UdpSocket;

use crate::Node;

static DEFAULT: RwLock<Option<Node>> = RwLock::new(None);

/// The node behind sockets that name none.
pub fn default_node() -> io::Result<Node> {
    let node = DEFAULT
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    node.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotConnected,
            "no node runs in this process: call ntm::Node::start first",
        )
    })
}

/// Makes `node` the default from now on.
pub fn set_default_node(node: &Node) {
    *DEFAULT.write().unwrap_or_else(PoisonError::into_inner) = Some(node.clone());
}

/// The first one becomes the default.
pub(crate) fn offer_default(node: &Node) {
    DEFAULT
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_with(|| node.clone());
}

pub(crate) fn withdraw_default(node: &Node) {
    let mut default = DEFAULT.write().unwrap_or_else(PoisonError::into_inner);
    if default.as_ref().is_some_and(|d| d.is_same(node)) {
        *default = None;
    }
}
