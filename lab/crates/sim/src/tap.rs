//! Taps: somebody on the path who sees, drops, alters and injects datagrams.

use core::net::SocketAddr;
use core::time::Duration;

use ntm_wire::time::Mono;

use crate::net::{HostId, Packet};

/// Sees each datagram as it leaves its host, before any link or NAT.
pub trait Tap {
    /// A datagram leaves `from`.
    fn on_send(&mut self, now: Mono, from: HostId, packet: &Packet) -> Verdict;

    /// A datagram reached `to`, with the source that `to` sees.
    fn on_arrive(&mut self, _now: Mono, _to: HostId, _packet: &Packet) {}
}

/// A datagram that appears at the Internet's core, whoever it says it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoof {
    /// How long from now.
    pub after: Duration,
    /// What it says it is from.
    pub src: SocketAddr,
    /// Where it goes.
    pub dst: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// What happens to a datagram that was tapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the datagram itself goes no further.
    pub is_dropped: bool,
    /// Payloads that leave in its name as well, each after a while.
    pub injected: Vec<(Duration, Vec<u8>)>,
    /// What appears at the core.
    pub spoofed: Vec<Spoof>,
}

impl Verdict {
    /// Goes on as it is.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Goes no further.
    pub fn drop() -> Self {
        Self {
            is_dropped: true,
            ..Self::default()
        }
    }

    /// Other bytes go in its place.
    pub fn replace(payload: Vec<u8>) -> Self {
        Self {
            is_dropped: true,
            injected: vec![(Duration::ZERO, payload)],
            ..Self::default()
        }
    }

    /// Goes on, and these bytes follow `after` it.
    pub fn add(after: Duration, payload: Vec<u8>) -> Self {
        Self {
            injected: vec![(after, payload)],
            ..Self::default()
        }
    }
}

impl<F: FnMut(Mono, HostId, &Packet) -> Verdict> Tap for F {
    fn on_send(&mut self, now: Mono, from: HostId, packet: &Packet) -> Verdict {
        self(now, from, packet)
    }
}
