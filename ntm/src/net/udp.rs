//! [`UdpSocket`]: a virtual UDP socket in the manner of tokio's.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use ntm_proto::{BindError, Received, SendError, UdpId};
use ntm_wire::addr::VirtualAddr;
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError};

use super::{ToSocketAddrs, default_node};
use crate::Node;
use crate::driver::{Command, Inbox, Look};
use crate::error::{bind_io, send_io, stopped_io};

/// A UDP socket of the virtual network. What it is bound to and connected with stays valid over every
/// change of the real network.
///
/// Bound to `0.0.0.0` it speaks IPv4 only; bound to `[::]` it speaks both families, and IPv4 peers show
/// as IPv4 addresses, not as mapped ones. A datagram longer than the virtual MTU leaves (1,232 bytes over
/// IPv6, 1,252 over IPv4) is refused with `InvalidInput`: the virtual network does not fragment IP.
#[derive(Debug)]
pub struct UdpSocket {
    node: Node,
    id: UdpId,
    local: SocketAddr,
    inbox: Arc<Inbox>,
    peer: Mutex<Option<SocketAddr>>,
}

impl UdpSocket {
    /// Binds a virtual socket of the default node; port 0 picks one.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::bind_on(&default_node()?, addr).await
    }

    /// Binds a virtual socket of this node. The first address that can be bound is.
    pub async fn bind_on<A: ToSocketAddrs>(node: &Node, addr: A) -> io::Result<Self> {
        let mut last = io::Error::new(
            io::ErrorKind::InvalidInput,
            "could not resolve to any address",
        );
        for addr in addr.resolve(node).await? {
            match Self::bind_addr(node, addr).await {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn bind_addr(node: &Node, local: SocketAddr) -> io::Result<Self> {
        let addr = (!local.ip().is_unspecified()).then_some(VirtualAddr(local.ip()));
        let port = local.port();
        let bound = node.ask(|done| Command::Bind { addr, port, done }).await;
        let bound = bound.ok_or_else(stopped_io)?.map_err(bind_io)?;
        let local = SocketAddr::new(local.ip(), bound.port);
        Ok(Self {
            node: node.clone(),
            id: bound.id,
            local,
            inbox: bound.inbox,
            peer: Mutex::new(None),
        })
    }

    /// Sets the peer of [`UdpSocket::send`] and lets only its datagrams through.
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let addrs = addr.resolve(&self.node).await?;
        let fits = addrs.into_iter().find(|a| self.speaks(a));
        let nothing = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "could not resolve to any address",
            )
        };
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(fits.ok_or_else(nothing)?);
        Ok(())
    }

    /// Sends to the connected peer.
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.send_one(buf, self.peer_addr()?).await
    }

    /// Sends to the connected peer, or fails with `WouldBlock`.
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_send_to(buf, self.peer_addr()?)
    }

    /// Receives from the connected peer. What does not fit into `buf` is cut off.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.peer_addr()?;
        Ok(self.recv_from(buf).await?.0)
    }

    /// Receives from the connected peer, or fails with `WouldBlock`.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.peer_addr()?;
        Ok(self.try_recv_from(buf)?.0)
    }

    /// Sends to an address, or to a name and port: then to the first of its devices. Waits while the
    /// node has no room.
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let addrs = target.resolve(&self.node).await?;
        let fits = addrs.into_iter().find(|a| self.speaks(a));
        self.send_one(buf, fits.ok_or_else(|| send_io(SendError::FamilyMismatch))?)
            .await
    }

    /// Sends to an address, or fails with `WouldBlock`.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.check(buf, target)?;
        match Arc::clone(&self.node.shared().room).try_acquire_owned() {
            Ok(room) => self.hand_over(buf, target, room),
            Err(TryAcquireError::NoPermits) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryAcquireError::Closed) => Err(stopped_io()),
        }
    }

    /// Receives a datagram and its sender. What does not fit into `buf` is cut off.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.inbox.wait(|i| i.take(|r| self.wants(r))).await;
        received.map(|r| copy(&r, buf)).ok_or_else(stopped_io)
    }

    /// Receives a datagram and its sender, or fails with `WouldBlock`.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self.inbox.take(|r| self.wants(r)) {
            Look::Datagram(received) => Ok(copy(&received, buf)),
            Look::Empty => Err(io::ErrorKind::WouldBlock.into()),
            Look::Closed => Err(stopped_io()),
        }
    }

    /// As [`UdpSocket::recv_from`], leaving the datagram in the queue.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.inbox.wait(|i| i.peek(|r| self.wants(r))).await;
        received.map(|r| copy(&r, buf)).ok_or_else(stopped_io)
    }

    /// Ends when there is something to receive.
    pub async fn readable(&self) -> io::Result<()> {
        self.inbox
            .wait(|i| i.peek(|r| self.wants(r)))
            .await
            .map(drop)
            .ok_or_else(stopped_io)
    }

    /// Ends when there is room to send.
    pub async fn writable(&self) -> io::Result<()> {
        self.node
            .shared()
            .room
            .acquire()
            .await
            .map(drop)
            .map_err(|_| stopped_io())
    }

    /// The address it is bound to: as asked for, with the port it got.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        // A connected socket shows the address it sends from, as the kernel's do.
        let connected = self
            .peer_addr()
            .ok()
            .filter(|_| self.local.ip().is_unspecified());
        let own = connected.and_then(|p| self.node.reach().own_ip(p.is_ipv4()));
        Ok(own.map_or(self.local, |ip| SocketAddr::new(ip, self.local.port())))
    }

    /// The address it is connected with.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let peer = *self.peer.lock().unwrap_or_else(PoisonError::into_inner);
        peer.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotConnected, "the socket is not connected")
        })
    }

    pub(crate) fn id(&self) -> UdpId {
        self.id
    }

    async fn send_one(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.check(buf, target)?;
        let room = Arc::clone(&self.node.shared().room).acquire_owned().await;
        self.hand_over(buf, target, room.map_err(|_| stopped_io())?)
    }

    fn check(&self, buf: &[u8], target: SocketAddr) -> io::Result<()> {
        if !self.speaks(&target) {
            return Err(send_io(SendError::FamilyMismatch));
        }
        let own_ip = self.node.reach().own_ip(target.is_ipv4());
        let is_bound_elsewhere =
            !self.local.ip().is_unspecified() && Some(self.local.ip()) != own_ip;
        if is_bound_elsewhere {
            return Err(bind_io(BindError::NotLocal));
        }
        self.node.reach().check(target, buf.len()).map_err(send_io)
    }

    fn hand_over(
        &self,
        buf: &[u8],
        to: SocketAddr,
        room: OwnedSemaphorePermit,
    ) -> io::Result<usize> {
        let command = Command::Send {
            id: self.id,
            to,
            data: buf.to_vec(),
            room,
        };
        self.node
            .shared()
            .commands
            .send(command)
            .map_err(|_| stopped_io())?;
        Ok(buf.len())
    }

    /// Whether the socket's family goes with the address.
    fn speaks(&self, addr: &SocketAddr) -> bool {
        let any_v6 = self.local.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        any_v6 || self.local.is_ipv4() == addr.is_ipv4()
    }

    fn wants(&self, received: &Received) -> bool {
        self.speaks(&received.from) && self.peer_addr().map_or(true, |p| p == received.from)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        // In the queue behind what was sent, so that nothing sent is lost.
        let _ = self.node.shared().commands.send(Command::Close(self.id));
    }
}

fn copy(received: &Received, buf: &mut [u8]) -> (usize, SocketAddr) {
    let len = received.data.len().min(buf.len());
    let (head, _) = buf.split_at_mut(len);
    head.copy_from_slice(received.data.get(..len).unwrap_or_default());
    (len, received.from)
}
