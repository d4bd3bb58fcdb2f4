//! The kernel's events over netlink, without delay: what comes in one burst is taken in one turn.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::task::Poll;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::RouteMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket};
use ntm_wire::id::InterfaceId;

use super::LocalIp;
use super::kernel::Kernel;

/// rtnetlink(7): links, and addresses and routes of both families.
const GROUPS: [u32; 5] = [1, 5, 7, 9, 11];
/// The kernel's answer to one question.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

pub(super) struct Monitor {
    socket: TokioSocket,
    kernel: Kernel,
}

impl Monitor {
    /// Listens first and reads then, so that nothing is missed between.
    pub(super) async fn start() -> io::Result<Self> {
        let mut monitor = Self {
            socket: listen()?,
            kernel: Kernel::default(),
        };
        monitor.read_all().await?;
        Ok(monitor)
    }

    pub(super) fn current(&mut self, is_usable: impl Fn(IpAddr) -> bool) -> Vec<LocalIp> {
        self.kernel.current(is_usable)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (InterfaceId, &str)> {
        self.kernel.names()
    }

    /// Ends when something may have changed. A burst that did not fit the socket is made up for by reading
    /// everything again.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        if let Err(error) = self.take_until(|d| d.news).await {
            tracing::debug!(%error, "network events were lost; reading everything again");
            *self = Self::start().await?;
        }
        Ok(())
    }

    async fn read_all(&mut self) -> io::Result<()> {
        let questions = [
            RouteNetlinkMessage::GetLink(LinkMessage::default()),
            RouteNetlinkMessage::GetAddress(AddressMessage::default()),
            RouteNetlinkMessage::GetRoute(RouteMessage::default()),
        ];
        for question in questions {
            self.socket.send(&bytes_of(question)).await?;
            let answered = self.take_until(|d| d.is_done);
            tokio::time::timeout(PATIENCE, answered).await??;
        }
        Ok(())
    }

    /// Takes everything that is there, so that one change of many parts is one change, until it is enough.
    async fn take_until(&mut self, is_enough: impl Fn(&Drained) -> bool) -> io::Result<()> {
        let Self { socket, kernel } = self;
        let mut drained = Drained::default();
        poll_fn(|cx| {
            loop {
                match socket.poll_recv_from_full(cx) {
                    Poll::Ready(Ok((bytes, _))) => take(&bytes, kernel, &mut drained),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if is_enough(&drained) => return Poll::Ready(Ok(())),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.kernel.fmt(f)
    }
}

#[derive(Default)]
struct Drained {
    news: bool,
    /// The end of an answer was among it.
    is_done: bool,
}

fn listen() -> io::Result<TokioSocket> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    let groups = GROUPS.iter().map(|group| 1 << (group - 1)).sum();
    let raw = socket.socket_mut();
    raw.bind(&SocketAddr::new(0, groups))?;
    raw.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

fn bytes_of(question: RouteNetlinkMessage) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
    message.finalize();
    let mut out = vec![0; message.buffer_len()];
    message.serialize(&mut out);
    out
}

/// A datagram of several messages; what can't be read is none of ours.
fn take(mut bytes: &[u8], kernel: &mut Kernel, drained: &mut Drained) {
    while let Some(length) = bytes.first_chunk().map(|n| u32::from_ne_bytes(*n) as usize) {
        let Some(one) = bytes.get(..length).filter(|one| !one.is_empty()) else {
            return;
        };
        if let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(one) {
            drained.is_done |= matches!(message.payload, NetlinkPayload::Done(_));
            drained.news |= kernel.handle(message);
        }
        // Messages are aligned to four bytes.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}
