//! [`RtpSocket`]: where the sound of one call goes and comes from.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

use crate::overlay::Datagrams;

/// The virtual socket of one call: RTP and RTCP on one port (RFC 5761). It hears the other side of the call
/// and nobody else, whoever finds the port. Clones are the same socket; it is closed when the call ends and
/// the last clone is gone.
#[derive(Clone)]
pub struct RtpSocket {
    socket: Arc<dyn Datagrams>,
    remote: SocketAddr,
    shared: Arc<Shared>,
    open: watch::Receiver<bool>,
}

/// What the telephone learns from the socket.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    heard: AtomicBool,
    foreign: AtomicU64,
}

impl Shared {
    /// Whether something came from the other side since this was asked last.
    pub(crate) fn take_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }
}

impl RtpSocket {
    pub(crate) fn new(
        socket: Arc<dyn Datagrams>,
        remote: SocketAddr,
        shared: Arc<Shared>,
        open: watch::Receiver<bool>,
    ) -> Self {
        Self {
            socket,
            remote,
            shared,
            open,
        }
    }

    /// The other side's virtual address: the same for as long as the call lasts.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Datagrams from elsewhere that were dropped.
    pub fn foreign(&self) -> u64 {
        self.shared.foreign.load(Ordering::Relaxed)
    }

    /// Sends to the other side; waits while the node has no room. `HostUnreachable` while there is no
    /// way: go on sending, there will be one.
    pub async fn send(&self, packet: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.socket.send_to(packet, self.remote).await
    }

    /// Sends to the other side, or fails with `WouldBlock`.
    pub fn try_send(&self, packet: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.socket.try_send_to(packet, self.remote)
    }

    /// Receives from the other side. `NotConnected` once the call is over.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut open = self.open.clone();
        loop {
            let received = tokio::select! {
                // An error means that the telephone is gone, and the call with it.
                _ = open.wait_for(|open| !open) => return Err(io::ErrorKind::NotConnected.into()),
                received = self.socket.recv_from(buf) => received?,
            };
            if let Some(len) = self.own(received) {
                return Ok(len);
            }
        }
    }

    /// Receives from the other side, or fails with `WouldBlock`.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        loop {
            let received = self.socket.try_recv_from(buf)?;
            if let Some(len) = self.own(received) {
                return Ok(len);
            }
        }
    }

    fn own(&self, (len, from): (usize, SocketAddr)) -> Option<usize> {
        if from != self.remote {
            self.shared.foreign.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.shared.heard.store(true, Ordering::Relaxed);
        Some(len)
    }

    fn check(&self) -> io::Result<()> {
        if *self.open.borrow() && self.open.has_changed().is_ok() {
            return Ok(());
        }
        Err(io::ErrorKind::NotConnected.into())
    }
}

impl std::fmt::Debug for RtpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RtpSocket({})", self.remote)
    }
}
