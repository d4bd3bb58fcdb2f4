//! Virtual UDP sockets: ports and queues.

use core::net::IpAddr;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use super::udp::UdpDatagram;
use crate::event::{BindError, Received, UdpId};

/// Datagrams a socket holds before it drops, as the kernel would.
const QUEUE: usize = 1024;
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49152..=65535;

#[derive(Debug)]
struct Socket {
    addr: Option<IpAddr>,
    port: u16,
    queue: VecDeque<Received>,
}

/// All virtual UDP sockets of a node.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    next: u64,
    sockets: BTreeMap<UdpId, Socket>,
    ports: BTreeMap<u16, UdpId>,
}

/// What became of a datagram handed to the sockets.
pub(crate) enum Delivery {
    /// Queued on a socket that was empty: say so.
    Readable(UdpId),
    /// Queued behind others.
    Queued,
    /// Nobody listens, or the queue is full.
    Dropped,
}

impl Sockets {
    /// Binds a port; 0 picks one, beginning at `hint`.
    pub(crate) fn bind(
        &mut self,
        addr: Option<IpAddr>,
        port: u16,
        hint: u16,
    ) -> Result<UdpId, BindError> {
        let port = if port == 0 {
            self.free_port(hint).ok_or(BindError::PortInUse)?
        } else {
            port
        };
        if self.ports.contains_key(&port) {
            return Err(BindError::PortInUse);
        }
        self.next += 1;
        let id = UdpId(self.next);
        self.ports.insert(port, id);
        self.sockets.insert(
            id,
            Socket {
                addr,
                port,
                queue: VecDeque::new(),
            },
        );
        Ok(id)
    }

    fn free_port(&self, hint: u16) -> Option<u16> {
        let span = EPHEMERAL.end() - EPHEMERAL.start();
        let start = EPHEMERAL.start() + hint % span;
        (start..=*EPHEMERAL.end())
            .chain(*EPHEMERAL.start()..start)
            .find(|p| !self.ports.contains_key(p))
    }

    pub(crate) fn port(&self, id: UdpId) -> Option<u16> {
        self.sockets.get(&id).map(|s| s.port)
    }

    pub(crate) fn bound_addr(&self, id: UdpId) -> Option<IpAddr> {
        self.sockets.get(&id).and_then(|s| s.addr)
    }

    pub(crate) fn deliver(&mut self, d: &UdpDatagram<'_>) -> Delivery {
        let Some(id) = self.ports.get(&d.dst_port).copied() else {
            return Delivery::Dropped;
        };
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Delivery::Dropped;
        };
        if socket.addr.is_some_and(|a| a != d.dst) || socket.queue.len() >= QUEUE {
            return Delivery::Dropped;
        }
        let was_empty = socket.queue.is_empty();
        socket.queue.push_back(Received {
            from: SocketAddr::new(d.src, d.src_port),
            data: d.payload.to_vec(),
        });
        if was_empty {
            Delivery::Readable(id)
        } else {
            Delivery::Queued
        }
    }

    pub(crate) fn receive(&mut self, id: UdpId) -> Option<Received> {
        self.sockets.get_mut(&id)?.queue.pop_front()
    }

    pub(crate) fn close(&mut self, id: UdpId) {
        if let Some(socket) = self.sockets.remove(&id) {
            self.ports.remove(&socket.port);
        }
    }
}
