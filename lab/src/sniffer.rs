//! [`Sniffer`]: every UDP datagram that arrives in a namespace, as a packet socket sees it.

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeSpec, TimeVal};

use crate::netns::Namespace;

/// The thread looks at least this often whether it is to end.
const GLANCE: i64 = 100_000;
const BUFFER: usize = 4 << 20;
/// `PACKET_HOST`: for this host, not from it.
const FOR_US: u8 = 0;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// By this machine's clock, as the kernel stamped it.
    pub at: SystemTime,
    /// Who sent it, as seen here.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// Bytes of its payload.
    pub len: usize,
    /// The first of them.
    pub first: Option<u8>,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Sniffer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Datagram>>,
    end: AtomicBool,
}

impl Sniffer {
    /// Listens at every device of the namespace from now on.
    pub fn start(namespace: &Namespace) -> anyhow::Result<Self> {
        let socket = namespace.enter(open).context("a packet socket")?;
        let shared = Arc::new(Shared::default());
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sniffer".to_owned())
            .spawn(move || listen(&socket, &work))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<Datagram> {
        std::mem::take(&mut *self.shared.lock())
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Datagram>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Without link headers, with time stamps, and with a pause now and then to see whether to end.
fn open() -> anyhow::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Packet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::EthAll,
    )?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(0, GLANCE))?;
    setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)?;
    Ok(socket)
}

fn listen(socket: &OwnedFd, shared: &Shared) {
    let mut packet = vec![0; 1 << 16];
    while !shared.end.load(Ordering::Relaxed) {
        if let Some(datagram) = receive(socket, &mut packet) {
            shared.lock().push(datagram);
        }
    }
}

fn receive(socket: &OwnedFd, packet: &mut [u8]) -> Option<Datagram> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let (len, stamp, for_us) = {
        let mut into = [IoSliceMut::new(packet)];
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        let got = recvmsg::<LinkAddr>(fd, &mut into, Some(&mut control), flags).ok()?;
        let stamp = got.cmsgs().ok()?.find_map(stamp);
        (got.bytes, stamp?, got.address?.pkttype() == FOR_US)
    };
    let (ends, payload) = parse(packet.get(..len)?).filter(|_| for_us)?;
    Some(Datagram {
        at: SystemTime::UNIX_EPOCH + stamp,
        from: ends[0],
        to: ends[1],
        len: payload.len(),
        first: payload.first().copied(),
    })
}

fn stamp(message: ControlMessageOwned) -> Option<Duration> {
    if let ControlMessageOwned::ScmTimestampns(at) = message {
        Some(at.into())
    } else {
        None
    }
}

/// Source, destination and payload of a UDP datagram in an IP packet that is whole.
fn parse(packet: &[u8]) -> Option<([SocketAddr; 2], &[u8])> {
    let (ips, udp) = match packet.first()? >> 4 {
        4 => parse_v4(packet)?,
        6 => parse_v6(packet)?,
        _ => return None,
    };
    let word = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
    let ends = [
        SocketAddr::new(ips[0], word(0)?),
        SocketAddr::new(ips[1], word(2)?),
    ];
    Some((ends, udp.get(UDP_HEADER..usize::from(word(4)?))?))
}

fn parse_v4(packet: &[u8]) -> Option<([IpAddr; 2], &[u8])> {
    let ip = |at: usize| {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(IpAddr::from(Ipv4Addr::from(octets)))
    };
    let later_fragment = packet.get(6)? & 0x1f != 0 || *packet.get(7)? != 0;
    if later_fragment || *packet.get(9)? != UDP {
        return None;
    }
    let header = usize::from(packet.first()? & 0xf) * 4;
    Some(([ip(12)?, ip(16)?], packet.get(header..)?))
}

fn parse_v6(packet: &[u8]) -> Option<([IpAddr; 2], &[u8])> {
    let ip = |at: usize| {
        let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(IpAddr::from(Ipv6Addr::from(octets)))
    };
    (*packet.get(6)? == UDP).then_some(())?;
    Some(([ip(8)?, ip(24)?], packet.get(40..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP_PART: [u8; 11] = [0x1e, 0xfa, 0x01, 0xbb, 0, 11, 0, 0, 0x11, 2, 3];

    #[test]
    fn a_datagram_is_read_from_packets_of_both_families() {
        let mut v4 = vec![0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0];
        v4.extend([192, 0, 2, 1, 203, 0, 113, 10]);
        v4.extend(UDP_PART);
        let (ends, payload) = parse(&v4).unwrap();
        assert_eq!(ends[0], "192.0.2.1:7930".parse().unwrap());
        assert_eq!(ends[1], "203.0.113.10:443".parse().unwrap());
        assert_eq!(payload, [0x11, 2, 3]);
        let mut v6 = vec![0x60, 0, 0, 0, 0, 11, 17, 64];
        v6.extend([Ipv6Addr::LOCALHOST.octets(), Ipv6Addr::LOCALHOST.octets()].concat());
        v6.extend(UDP_PART);
        let (ends, payload) = parse(&v6).unwrap();
        assert_eq!(ends[0], "[::1]:7930".parse().unwrap());
        assert_eq!(payload.len(), 3);
    }

    #[test]
    fn what_is_cut_or_no_udp_is_none() {
        let mut v4 = vec![0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0];
        v4.extend([192, 0, 2, 1, 203, 0, 113, 10]);
        v4.extend(UDP_PART);
        for cut in 0..v4.len() {
            assert!(parse(&v4[..cut]).is_none(), "{cut} bytes");
        }
        v4[9] = 6;
        assert!(parse(&v4).is_none(), "TCP");
    }
}
