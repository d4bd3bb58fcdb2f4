//! One real UDP socket, bound to one address of one interface and never connected.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use ntm_wire::addr::RealAddr;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Kernel buffers: a tenth of a second at 150 Mbit/s. The kernel caps the wish as it likes.
const KERNEL_BUFFER: usize = 2 << 20;
/// System calls of one reading take at most this many datagrams (or coalesced runs of them).
pub(super) const BATCH: usize = 8;
/// The longest run the kernel coalesces.
pub(super) const BUFFER: usize = 65_535;

#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    port: u16,
    /// It is beyond repair (a phone took it away in its sleep).
    broken: bool,
}

impl Socket {
    /// `index`: the system's number of the interface that it sends by; 0: the system chooses.
    pub(super) fn bind(addr: SocketAddr, index: u32) -> io::Result<Self> {
        let socket = open(addr)?;
        send_by(&socket, addr.ip(), index)?;
        socket.bind(&addr.into())?;
        let io = UdpSocket::from_std(socket.into())?;
        // Sets DF where the system can (rule 16).
        let state = UdpSocketState::new((&io).into())?;
        let port = io.local_addr()?.port();
        Ok(Self {
            io,
            state,
            port,
            broken: false,
        })
    }

    /// A port that is free at this address, or this one if it is.
    pub(super) fn port_of(ip: IpAddr, port: u16) -> io::Result<u16> {
        let addr = SocketAddr::new(ip, port);
        let socket = open(addr)?;
        socket.bind(&addr.into())?;
        let local = socket.local_addr()?.as_socket();
        Ok(local.map_or(port, |a| a.port()))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    pub(super) fn try_send(
        &self,
        to: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: (segment < contents.len()).then_some(segment),
            src_ip: None,
        };
        self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.io).into(), &transmit)
        })
    }

    pub(super) fn receive(
        &mut self,
        buffers: &mut [Vec<u8>],
        take: &mut impl FnMut(RealAddr, &mut [u8]),
    ) -> bool {
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
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::NetworkDown,
        ];
        if !passing.contains(&error.kind()) {
            tracing::debug!(%error, port = self.port, "the socket is broken");
            self.broken = true;
        }
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.broken {
            return Poll::Pending;
        }
        self.io.poll_recv_ready(cx).map(drop)
    }

    pub(super) async fn writable(&self) {
        let _ = self.io.writable().await;
    }
}

fn open(addr: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Wishes only: a small buffer is slower, not wrong.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    Ok(socket)
}

/// Without this the route of the destination decides, whatever address the socket is bound to. It is not
/// bound to the device: what this machine sends to itself comes in by loopback.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn send_by(socket: &socket2::Socket, ip: IpAddr, index: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    if index == 0 || ip.is_loopback() {
        return Ok(());
    }
    let (level, name) = match ip {
        IpAddr::V4(_) => (libc::IPPROTO_IP, IP_UNICAST_IF),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, IPV6_UNICAST_IF),
    };
    let value = index.to_be();
    #[expect(
        unsafe_code,
        reason = "no crate has this option; a pointer to a live u32 and its length"
    )]
    let done = unsafe {
        let size = libc::socklen_t::try_from(size_of::<u32>()).unwrap_or(4);
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// linux/in.h and linux/in6.h.
#[cfg(any(target_os = "linux", target_os = "android"))]
const IP_UNICAST_IF: libc::c_int = 50;
#[cfg(any(target_os = "linux", target_os = "android"))]
const IPV6_UNICAST_IF: libc::c_int = 76;

#[cfg(any(target_os = "macos", target_os = "ios"))]
fn send_by(socket: &socket2::Socket, ip: IpAddr, index: u32) -> io::Result<()> {
    let index = std::num::NonZeroU32::new(index);
    match ip {
        _ if ip.is_loopback() => Ok(()),
        IpAddr::V4(_) => socket.bind_device_by_index_v4(index),
        IpAddr::V6(_) => socket.bind_device_by_index_v6(index),
    }
}

/// Windows sends by the interface of the address that a socket is bound to.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios"
)))]
fn send_by(_: &socket2::Socket, _: IpAddr, _: u32) -> io::Result<()> {
    Ok(())
}

/// The kernel may hand over a run of datagrams of one sender as one.
fn split(meta: &RecvMeta, buffer: &mut [u8], take: &mut impl FnMut(RealAddr, &mut [u8])) {
    let run = buffer.get_mut(..meta.len).unwrap_or_default();
    for datagram in run.chunks_mut(meta.stride.max(1)) {
        take(RealAddr(meta.addr), datagram);
    }
}
