//! Everything that was sent and received, with its bytes: what an attacker on the path has.

use core::net::SocketAddr;

use ntm_wire::time::Mono;

use crate::net::{HostId, Packet};

/// Whether a host sent a datagram or received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Left the host.
    Sent,
    /// Reached the host.
    Received,
}

/// A datagram at a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When.
    pub at: Mono,
    /// Where.
    pub host: HostId,
    /// Left or came.
    pub way: Way,
    /// The datagram's number; the same where it was sent and where it was received.
    pub id: u64,
    /// Source as seen at the host.
    pub src: SocketAddr,
    /// Destination as seen at the host.
    pub dst: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// All of them, in order.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// In the order of time.
    pub datagrams: Vec<Captured>,
}

impl Capture {
    pub(crate) fn sent(&mut self, at: Mono, host: HostId, packet: &Packet) {
        self.push(at, host, Way::Sent, packet);
    }

    pub(crate) fn received(&mut self, at: Mono, host: HostId, packet: &Packet) {
        self.push(at, host, Way::Received, packet);
    }

    fn push(&mut self, at: Mono, host: HostId, way: Way, packet: &Packet) {
        self.datagrams.push(Captured {
            at,
            host,
            way,
            id: packet.id,
            src: packet.src,
            dst: packet.dst,
            payload: packet.payload.clone(),
        });
    }
}
