//! The real UDP sockets: one per family, bound to the wildcard address and never connected, so that
//! one socket outlives every change of network.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ntm_wire::addr::RealAddr;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Kernel buffers: a tenth of a second at 150 Mbit/s. The kernel caps the wish as it likes.
const KERNEL_BUFFER: usize = 2 << 20;
/// System calls of one reading take at most this many datagrams (or coalesced runs of them).
const BATCH: usize = 8;
/// The longest run the kernel coalesces.
const BUFFER: usize = 65_535;

/// The sockets of both families; one may be missing.
#[derive(Debug)]
pub(crate) struct Sockets {
    v4: Option<Socket>,
    v6: Option<Socket>,
    buffers: Vec<Vec<u8>>,
}

/// A datagram as it came in.
pub(crate) struct Incoming<'a> {
    pub(crate) from: RealAddr,
    /// The local address it was sent to, where the system tells.
    pub(crate) to: Option<IpAddr>,
    pub(crate) datagram: &'a mut [u8],
}

impl Sockets {
    /// Binds both families on `port` (0: any, another one each). One family is enough.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        let v4 = Socket::bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
        let v6 = Socket::bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port));
        let buffers = vec![vec![0; BUFFER]; BATCH];
        match (v4, v6) {
            (Err(e), _) if e.kind() == io::ErrorKind::AddrInUse => Err(e),
            (_, Err(e)) if e.kind() == io::ErrorKind::AddrInUse => Err(e),
            (Err(e), Err(_)) => Err(e),
            (v4, v6) => Ok(Self {
                v4: v4.ok(),
                v6: v6.ok(),
                buffers,
            }),
        }
    }

    /// The port of the family's socket.
    pub(crate) fn port(&self, is_ipv4: bool) -> Option<u16> {
        self.of(is_ipv4).map(|s| s.port)
    }

    fn of(&self, is_ipv4: bool) -> Option<&Socket> {
        if is_ipv4 {
            self.v4.as_ref()
        } else {
            self.v6.as_ref()
        }
    }

    /// Sends datagrams of `segment` bytes each (the last may be shorter) in one system call.
    /// `WouldBlock`: try again once [`Sockets::writable`] is through.
    pub(crate) fn try_send(
        &self,
        to: RealAddr,
        from: Option<IpAddr>,
        run: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let socket = self
            .of(to.is_ipv4())
            .ok_or(io::ErrorKind::NetworkUnreachable)?;
        socket.try_send(to.0, from, run, segment)
    }

    /// How many datagrams one system call may carry.
    pub(crate) fn segments(&self, is_ipv4: bool) -> usize {
        self.of(is_ipv4).map_or(1, |s| s.state.max_gso_segments())
    }

    /// Reads what one system call per family gives and hands each datagram to `take`. Whether
    /// anything came.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Incoming<'_>)) -> bool {
        let Self { v4, v6, buffers } = self;
        let mut any = false;
        for socket in [v4, v6].into_iter().flatten() {
            any |= socket.receive(buffers, &mut take);
        }
        any
    }

    /// Ends when one of the sockets has something to read.
    pub(crate) async fn readable(&self) {
        tokio::select! {
            () = Socket::readable(self.v4.as_ref()) => {}
            () = Socket::readable(self.v6.as_ref()) => {}
        }
    }

    /// Ends when the family's socket takes datagrams again.
    pub(crate) async fn writable(&self, is_ipv4: bool) {
        if let Some(socket) = self.of(is_ipv4) {
            let _ = socket.io.writable().await;
        }
    }
}

#[derive(Debug)]
struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    port: u16,
    /// The socket is beyond repair (a phone took it away in its sleep): bind another.
    broken: bool,
}

impl Socket {
    fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket =
            socket2::Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Wishes only: a small buffer is slower, not wrong.
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
        socket.bind(&addr.into())?;
        let io = UdpSocket::from_std(socket.into())?;
        // Sets DF where the system can (rule 16), asks for the local address of what comes in.
        let state = UdpSocketState::new((&io).into())?;
        let port = io.local_addr()?.port();
        Ok(Self {
            io,
            state,
            port,
            broken: false,
        })
    }

    fn try_send(
        &self,
        to: SocketAddr,
        src_ip: Option<IpAddr>,
        contents: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let segment_size = (segment < contents.len()).then_some(segment);
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size,
            src_ip,
        };
        self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.io).into(), &transmit)
        })
    }

    fn receive(&mut self, buffers: &mut [Vec<u8>], take: &mut impl FnMut(Incoming<'_>)) -> bool {
        let mut meta = [RecvMeta::default(); BATCH];
        let result = {
            let mut slices: Vec<IoSliceMut<'_>> =
                buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
            let Self { io, state, .. } = &*self;
            io.try_io(Interest::READABLE, || {
                state.recv(io.into(), &mut slices, &mut meta)
            })
        };
        match result {
            Ok(count) => {
                for (meta, buffer) in meta.iter().zip(buffers.iter_mut()).take(count) {
                    split(meta, buffer, take);
                }
                count > 0
            }
            Err(error) => {
                self.look_at(&error);
                false
            }
        }
    }

    /// An error of a socket that was never connected is news about a path, or about the socket.
    fn look_at(&mut self, error: &io::Error) {
        let passing = [
            io::ErrorKind::WouldBlock,
            io::ErrorKind::Interrupted,
            io::ErrorKind::ConnectionReset,
        ];
        let path = [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::NetworkDown,
        ];
        if passing.contains(&error.kind()) || path.contains(&error.kind()) {
            return;
        }
        tracing::debug!(%error, port = self.port, "the socket is broken; binding another");
        self.broken = true;
        self.rebind();
    }

    fn rebind(&mut self) {
        let wildcard: IpAddr = match self.io.local_addr() {
            Ok(a) if a.is_ipv4() => Ipv4Addr::UNSPECIFIED.into(),
            Ok(_) | Err(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // Another port is as good: the peers follow, as after any move.
        if let Ok(fresh) = Self::bind(SocketAddr::new(wildcard, 0)) {
            *self = fresh;
        }
    }

    async fn readable(socket: Option<&Self>) {
        match socket {
            Some(s) if !s.broken && s.io.readable().await.is_ok() => {}
            Some(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
            None => std::future::pending().await,
        }
    }
}

/// The kernel may hand over a run of datagrams of one sender as one.
fn split(meta: &RecvMeta, buffer: &mut [u8], take: &mut impl FnMut(Incoming<'_>)) {
    let run = buffer.get_mut(..meta.len).unwrap_or_default();
    for datagram in run.chunks_mut(meta.stride.max(1)) {
        take(Incoming {
            from: RealAddr(meta.addr),
            to: meta.dst_ip,
            datagram,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn receive_one(sockets: &mut Sockets) -> (RealAddr, Option<IpAddr>, Vec<u8>) {
        for _ in 0..100 {
            let mut got = None;
            sockets.readable().await;
            sockets.receive(|i| got = Some((i.from, i.to, i.datagram.to_vec())));
            if let Some(got) = got {
                return got;
            }
        }
        panic!("nothing came");
    }

    #[tokio::test]
    async fn a_datagram_arrives_with_both_its_addresses() {
        let a = Sockets::bind(0).unwrap();
        let mut b = Sockets::bind(0).unwrap();
        a.writable(true).await;
        let to = RealAddr(SocketAddr::new(
            Ipv4Addr::LOCALHOST.into(),
            b.port(true).unwrap(),
        ));
        a.try_send(to, None, b"hello", 5).unwrap();
        let (from, local, data) = receive_one(&mut b).await;
        assert_eq!(from.0.port(), a.port(true).unwrap());
        assert_eq!(local, Some(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(data, b"hello");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_as_such() {
        let taken = Sockets::bind(0).unwrap();
        let error = Sockets::bind(taken.port(true).unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn an_unreachable_destination_is_an_error_of_that_send_only() {
        let a = Sockets::bind(0).unwrap();
        let mut b = Sockets::bind(0).unwrap();
        a.writable(true).await;
        let nowhere = RealAddr("255.255.255.255:9".parse().unwrap());
        assert!(
            a.try_send(nowhere, None, b"x", 1).is_err(),
            "broadcast needs a permission we never ask"
        );
        let to = RealAddr(SocketAddr::new(
            Ipv4Addr::LOCALHOST.into(),
            b.port(true).unwrap(),
        ));
        a.try_send(to, None, b"still here", 10).unwrap();
        assert_eq!(receive_one(&mut b).await.2, b"still here");
    }
}
