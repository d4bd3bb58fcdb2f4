//! [`Overlay`]: what is asked of the network. A node of `ntm` is one; tests have one in memory.

mod node;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ntm::wire::fqdn::Fqdn;
use tokio::sync::mpsc;

pub use node::NodeOverlay;

use crate::core::{Device, EndReason};

/// The network that calls go over: certified names, virtual addresses, virtual sockets.
#[async_trait]
pub trait Overlay: Send + Sync + 'static {
    /// Who this device is, once the network knows it.
    async fn own(&self) -> io::Result<Device>;

    /// The devices of a name, each with a way to it; or why there are none.
    async fn find(&self, name: &Fqdn) -> Result<Vec<Device>, EndReason>;

    /// Whose a virtual address is, as certified. Only for addresses that datagrams come from.
    async fn who(&self, ip: IpAddr) -> Option<Device>;

    /// A socket at this port of both families; `AddrInUse` when it is taken.
    async fn bind(&self, port: u16) -> io::Result<Arc<dyn Datagrams>>;

    /// What changes from now on.
    fn news(&self) -> mpsc::UnboundedReceiver<News>;
}

/// What changed in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A way to this device is there, or there again.
    Restored(Device),
    /// A device is gone: its addresses may mean another one now.
    Gone {
        /// Its name.
        device: Fqdn,
        /// It said so, and did not merely fall silent.
        has_left: bool,
    },
    /// There was more news than could be kept: anything may have changed.
    Missed,
}

/// A socket of the network.
#[async_trait]
pub trait Datagrams: Send + Sync + 'static {
    /// Receives a datagram and its sender. What does not fit is cut off.
    async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// Sends a datagram; waits while there is no room.
    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize>;

    /// Sends a datagram, or fails with `WouldBlock`: for threads that must not wait.
    fn try_send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize>;

    /// Receives a datagram, or fails with `WouldBlock`.
    fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
}
