//! UDP sockets: many datagrams per system call in, no copy between in and out.

use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::config::{Endpoint, QUIC_PORT};
use crate::failure::Failure;

/// What the kernel may hold for a socket; it may grant less. A quarter of a second of voice packets
/// of a full relay.
const KERNEL_BUFFER: usize = 4 << 20;
/// The most that one receive slot can bring: what the kernel joins into one (GRO).
const SLOT: usize = 1 << 16;

/// A socket with what the kernel can do for it.
pub(crate) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl Socket {
    fn bind(addr: SocketAddr) -> io::Result<std::net::UdpSocket> {
        let raw = RawSocket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            raw.set_only_v6(true)?;
        }
        raw.set_nonblocking(true)?;
        // The kernel grants what it likes; less only means loss at a higher peak.
        drop(raw.set_recv_buffer_size(KERNEL_BUFFER));
        drop(raw.set_send_buffer_size(KERNEL_BUFFER));
        raw.bind(&addr.into())?;
        Ok(raw.into())
    }

    fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let io = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        Ok(Self { io, state, local })
    }

    /// Receives what is there, at most a batch; `None` when nothing is.
    fn receive(&self, slots: &mut Slots) -> Option<usize> {
        let Slots { bytes, meta } = slots;
        let mut slices = bytes.chunks_exact_mut(SLOT).map(IoSliceMut::new);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let received = self.io.try_io(Interest::READABLE, || {
            self.state
                .recv(UdpSockRef::from(&self.io), &mut slices, meta)
        });
        received.ok()
    }

    /// Sends, or lets it go: a full buffer is loss like any other, and everything that matters is
    /// sent again by whoever waits for its answer.
    fn send(&self, to: SocketAddr, contents: &[u8], segment: usize) {
        let most = segment.max(1) * self.state.max_gso_segments().max(1);
        for contents in contents.chunks(most) {
            let transmit = Transmit {
                destination: to,
                ecn: None,
                contents,
                segment_size: (contents.len() > segment).then_some(segment),
                src_ip: None,
            };
            if let Err(error) = self.state.try_send(UdpSockRef::from(&self.io), &transmit) {
                tracing::trace!(%error, "a datagram was not sent");
            }
        }
    }
}

/// Receive slots, one set for all sockets of a driver.
pub(crate) struct Slots {
    bytes: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; SLOT * BATCH_SIZE],
            meta: std::array::from_fn(|_| RecvMeta::default()),
        }
    }

    /// What a slot holds: the sender, the datagrams joined, and the size of each but the last.
    pub(crate) fn slot(&mut self, i: usize) -> Option<(SocketAddr, usize, &mut [u8])> {
        let meta = self.meta.get(i)?;
        let bytes = self.bytes.get_mut(i * SLOT..i * SLOT + meta.len)?;
        Some((meta.addr, meta.stride.max(1), bytes))
    }
}

/// Sockets bound but not yet driven: taken into a runtime by [`Doors::open`].
#[derive(Default)]
pub(crate) struct Bound(Vec<std::net::UdpSocket>);

impl Bound {
    /// Binds every address; `key` is the configuration's, for the error.
    pub(crate) fn bind(key: &'static str, listen: &[Endpoint]) -> Result<Self, Failure> {
        let mut bound = Vec::new();
        for endpoint in listen {
            match Socket::bind(endpoint.0) {
                Ok(socket) => bound.push(socket),
                Err(error) if no_such_family(endpoint.0, &error) && listen.len() > 1 => {
                    tracing::warn!(key, "this machine has no IPv6: listening over IPv4 only");
                }
                Err(error) if is_spare(endpoint, listen) => tracing::warn!(
                    key,
                    %error,
                    "no listening on {}/udp: networks that let UDP out to that port only can't reach this server",
                    endpoint.0.port()
                ),
                Err(error) => return Err(Failure::bind(key, "udp", endpoint.0, error)),
            }
        }
        Ok(Self(bound))
    }

    /// The addresses bound, with the ports the system chose where 0 was asked.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|s| s.local_addr().ok()).collect()
    }
}

/// Whether the server does most of its work without this one.
fn is_spare(endpoint: &Endpoint, listen: &[Endpoint]) -> bool {
    endpoint.0.port() == QUIC_PORT && listen.iter().any(|e| e.0.port() != QUIC_PORT)
}

/// EAFNOSUPPORT has no stable [`io::ErrorKind`].
const NO_FAMILY: i32 = 97;

fn no_such_family(addr: SocketAddr, error: &io::Error) -> bool {
    let absent =
        error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_FAMILY);
    addr.is_ipv6() && addr.ip().is_unspecified() && absent
}

/// The sockets of a driver, and through which of them each sender came in last.
#[derive(Clone)]
pub(crate) struct Doors {
    sockets: Arc<[Socket]>,
    seen: Seen,
}

impl Doors {
    /// Takes the sockets into the current runtime.
    pub(crate) fn open(bound: Bound) -> io::Result<Self> {
        let sockets: Vec<_> = bound
            .0
            .into_iter()
            .map(Socket::new)
            .collect::<Result<_, _>>()?;
        let seen = Seen::default();
        Ok(Self {
            sockets: sockets.into(),
            seen,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn receive(&self, door: usize, slots: &mut Slots) -> Option<usize> {
        self.sockets.get(door)?.receive(slots)
    }

    /// Remembers through which door `from` came, unless it is the one it would be answered by anyway.
    pub(crate) fn saw(&mut self, from: SocketAddr, door: usize) {
        if self.sockets.len() > 1 {
            let usual = self.first_of_family(from) == Some(door);
            self.seen.put(from, door, usual);
        }
    }

    /// Sends `contents`, one datagram or several of `segment` bytes each, to `to`.
    pub(crate) fn send(&self, to: SocketAddr, contents: &[u8], segment: usize) {
        let door = self.seen.get(&to).or_else(|| self.first_of_family(to));
        if let Some(socket) = door.and_then(|d| self.sockets.get(d)) {
            socket.send(to, contents, segment);
        }
    }

    /// Ready when any socket has something.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = |s: &Socket| s.io.poll_recv_ready(cx).is_ready();
        // All are asked, so that each can wake.
        if self.sockets.iter().map(ready).fold(false, |a, b| a | b) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn first_of_family(&self, addr: SocketAddr) -> Option<usize> {
        let same = |s: &Socket| s.local.is_ipv4() == addr.is_ipv4();
        self.sockets.iter().position(same)
    }
}

/// Which door each sender used: two generations, so that memory is bounded and what is in use stays.
#[derive(Clone, Default)]
struct Seen {
    young: HashMap<SocketAddr, usize>,
    old: HashMap<SocketAddr, usize>,
}

/// Senders per generation; two generations of these take some 4 MB.
const GENERATION: usize = 1 << 15;

impl Seen {
    fn put(&mut self, from: SocketAddr, door: usize, usual: bool) {
        match self.young.get(&from) {
            Some(known) if *known == door => return,
            None if usual && !self.old.contains_key(&from) => return,
            Some(_) | None => {}
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(from, door);
    }

    fn get(&self, to: &SocketAddr) -> Option<usize> {
        self.young.get(to).or_else(|| self.old.get(to)).copied()
    }
}
