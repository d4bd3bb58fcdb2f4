//! The real UDP sockets: one for each class of address of each interface, bound to the address and sending
//! by that interface only. When an address goes its socket goes; the others live on.

mod socket;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ntm_proto::{Class, LocalAddr};
use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;

use crate::interfaces::LocalIp;
use socket::{BATCH, BUFFER, Socket};

/// Every socket of the node.
#[derive(Debug)]
pub(crate) struct Sockets {
    all: Vec<(LocalAddr, Socket)>,
    /// The port that each family's sockets are bound to, if it is free there.
    ports: [u16; 2],
    buffers: Vec<Vec<u8>>,
}

/// A datagram as it came in.
pub(crate) struct Incoming<'a> {
    pub(crate) on: InterfaceId,
    pub(crate) from: RealAddr,
    pub(crate) datagram: &'a mut [u8],
}

/// The socket that a datagram leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) interface: InterfaceId,
    pub(crate) class: Class,
}

impl Sockets {
    /// No socket yet, but a port for them (0: any, another one each). One family is enough.
    pub(crate) fn reserve(port: u16) -> io::Result<Self> {
        let v4 = Socket::port_of(Ipv4Addr::UNSPECIFIED.into(), port);
        let v6 = Socket::port_of(Ipv6Addr::UNSPECIFIED.into(), port);
        let ports = match (v4, v6) {
            (Err(e), _) | (_, Err(e)) if e.kind() == io::ErrorKind::AddrInUse => return Err(e),
            (Err(e), Err(_)) => return Err(e),
            (v4, v6) => [v4.unwrap_or(0), v6.unwrap_or(0)],
        };
        Ok(Self {
            all: Vec::new(),
            ports,
            buffers: vec![vec![0; BUFFER]; BATCH],
        })
    }

    /// The addresses are these now: sockets of others are closed, and new ones bound. Returns what has a
    /// socket, in the same order.
    pub(crate) fn follow(&mut self, locals: &[LocalIp]) -> Vec<LocalAddr> {
        let mut old = std::mem::take(&mut self.all);
        for local in locals {
            let is_it = |a: &LocalAddr| a.addr.0.ip() == local.ip && a.interface == local.interface;
            let known = old.iter().position(|(a, s)| is_it(a) && !s.is_broken());
            let socket = known.map(|at| old.swap_remove(at).1);
            let has_class = |(a, _): &(LocalAddr, Socket)| door_of(a) == door(local);
            if self.all.iter().any(has_class) {
                continue;
            }
            match socket.map_or_else(|| self.bind(local), Ok) {
                Ok(socket) => self.all.push((local_addr(local, &socket), socket)),
                Err(error) => tracing::debug!(%error, ip = %local.ip, "no socket there"),
            }
        }
        self.all.iter().map(|(a, _)| *a).collect()
    }

    /// On the node's port, or on any other when somebody else has it there.
    fn bind(&self, local: &LocalIp) -> io::Result<Socket> {
        let port = self.ports[usize::from(local.ip.is_ipv6())];
        let bind = |port| Socket::bind(SocketAddr::new(local.ip, port), local.index);
        match bind(port) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => bind(0),
            other => other,
        }
    }

    /// The port of the first socket of the family.
    pub(crate) fn port(&self, is_ipv4: bool) -> Option<u16> {
        let mut all = self.all.iter().map(|(a, _)| a.addr);
        let found = all.find(|a| a.is_ipv4() == is_ipv4 && !a.is_loopback());
        found.map(|a| a.0.port())
    }

    /// Whether a socket is beyond repair: bind another.
    pub(crate) fn is_broken(&self) -> bool {
        self.all.iter().any(|(_, s)| s.is_broken())
    }

    /// Of the interface asked for, or of any when it does not matter.
    fn of(&self, door: Door) -> Option<&Socket> {
        let any = door.interface == InterfaceId(0);
        let fits = |a: &LocalAddr| {
            let there = door_of(a);
            there.class == door.class && (any || there.interface == door.interface)
        };
        self.all.iter().find(|(a, _)| fits(a)).map(|(_, s)| s)
    }

    /// Sends datagrams of `segment` bytes each (the last may be shorter) in one system call.
    /// `WouldBlock`: try again once [`Sockets::writable`] is through.
    pub(crate) fn try_send(
        &self,
        from: InterfaceId,
        to: RealAddr,
        run: &[u8],
        segment: usize,
    ) -> io::Result<()> {
        let socket = self.of(Door {
            interface: from,
            class: Class::of(to),
        });
        let socket = socket.ok_or(io::ErrorKind::NetworkUnreachable)?;
        socket.try_send(to.0, run, segment)
    }

    /// How many datagrams one system call may carry.
    pub(crate) fn segments(&self) -> usize {
        self.all
            .iter()
            .map(|(_, s)| s.segments())
            .min()
            .unwrap_or(1)
    }

    /// Reads what one system call per socket gives and hands each datagram to `take`. Whether anything
    /// came.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Incoming<'_>)) -> bool {
        let Self { all, buffers, .. } = self;
        let mut any = false;
        for (local, socket) in all {
            let on = local.interface;
            any |= socket.receive(buffers, &mut |from, datagram| {
                take(Incoming { on, from, datagram })
            });
        }
        any
    }

    /// Ends when one of the sockets has something to read.
    pub(crate) async fn readable(&self) {
        std::future::poll_fn(|cx| {
            let mut any = std::task::Poll::Pending;
            // Each is polled, so that each wakes this task.
            for (_, socket) in &self.all {
                if socket.poll_readable(cx).is_ready() {
                    any = std::task::Poll::Ready(());
                }
            }
            any
        })
        .await;
    }

    /// Ends when the socket takes datagrams again, or is no more.
    pub(crate) async fn writable(&self, door: Door) {
        if let Some(socket) = self.of(door) {
            socket.writable().await;
        }
    }
}

fn door_of(local: &LocalAddr) -> Door {
    Door {
        interface: local.interface,
        class: Class::of(local.addr),
    }
}

fn door(local: &LocalIp) -> Door {
    Door {
        interface: local.interface,
        class: Class::of(RealAddr((local.ip, 0).into())),
    }
}

fn local_addr(local: &LocalIp, socket: &Socket) -> LocalAddr {
    LocalAddr {
        interface: local.interface,
        addr: RealAddr(SocketAddr::new(local.ip, socket.port())),
        attachment: local.attachment,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn local(n: u16, ip: &str) -> LocalIp {
        LocalIp {
            interface: InterfaceId(n),
            ip: ip.parse().unwrap(),
            attachment: 0,
            index: 0,
        }
    }

    /// Sockets at 127.0.0.1, and their address.
    pub(crate) fn on_loopback() -> (Sockets, RealAddr) {
        let mut sockets = Sockets::reserve(0).unwrap();
        let locals = sockets.follow(&[local(1, "127.0.0.1")]);
        let addr = locals[0].addr;
        (sockets, addr)
    }

    async fn receive_one(sockets: &mut Sockets) -> (InterfaceId, RealAddr, Vec<u8>) {
        for _ in 0..100 {
            let mut got = None;
            sockets.readable().await;
            sockets.receive(|i| got = Some((i.on, i.from, i.datagram.to_vec())));
            if let Some(got) = got {
                return got;
            }
        }
        panic!("nothing came");
    }

    async fn ready(sockets: &Sockets, to: RealAddr) {
        let interface = InterfaceId(1);
        let class = Class::of(to);
        sockets.writable(Door { interface, class }).await;
    }

    #[tokio::test]
    async fn a_datagram_arrives_with_its_sender_and_its_interface() {
        let (a, from) = on_loopback();
        let (mut b, to) = on_loopback();
        ready(&a, to).await;
        a.try_send(InterfaceId(1), to, b"hello", 5).unwrap();
        let got = receive_one(&mut b).await;
        assert_eq!(got, (InterfaceId(1), from, b"hello".to_vec()));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_as_such() {
        let (_taken, addr) = on_loopback();
        let error = Sockets::reserve(addr.0.port()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn an_unreachable_destination_is_an_error_of_that_send_only() {
        let (a, _) = on_loopback();
        let (mut b, to) = on_loopback();
        let nowhere = RealAddr("192.0.2.1:9".parse().unwrap());
        assert!(a.try_send(InterfaceId(1), nowhere, b"x", 1).is_err());
        ready(&a, to).await;
        a.try_send(InterfaceId(1), to, b"still here", 10).unwrap();
        assert_eq!(receive_one(&mut b).await.2, b"still here");
    }

    #[tokio::test]
    async fn sockets_come_and_go_with_their_addresses_and_keep_the_port() {
        let mut sockets = Sockets::reserve(0).unwrap();
        let (one, two) = (local(1, "127.0.0.1"), local(2, "127.0.0.2"));
        let first = sockets.follow(&[one])[0];
        let both = sockets.follow(&[two, one]);
        assert_eq!(both.len(), 2);
        assert_eq!(both[1], first, "the old one lives on");
        assert_eq!(both[0].addr.0.port(), first.addr.0.port());
        assert_eq!(sockets.follow(&[two]), both[..1]);
        let gone = sockets.try_send(InterfaceId(1), first.addr, b"x", 1);
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NetworkUnreachable);
    }
}
