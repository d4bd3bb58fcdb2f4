//! A node of `ntm` as the network of a telephone.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ntm::event::{DownReason, Event, Passage, Peer};
use ntm::net::UdpSocket;
use ntm::proto::ResolveError;
use ntm::wire::fqdn::Fqdn;
use ntm::wire::id::NodeId;
use ntm::wire::message::DirectionError;
use ntm::{LookupError, Node};
use tokio::sync::{broadcast, mpsc};

use super::{Datagrams, News, Overlay};
use crate::core::{Device, EndReason};

/// Calls over this node.
#[derive(Clone, Debug)]
pub struct NodeOverlay(Node);

impl NodeOverlay {
    /// The overlay that this node is in.
    pub fn new(node: Node) -> Self {
        Self(node)
    }

    async fn with_tunnel(&self, name: &Fqdn) -> Vec<Device> {
        let tunnels = self.0.tunnels().await.into_iter();
        let devices = tunnels.map(|t| device(t.peer));
        devices
            .filter(|d| d.name == *name || d.account() == *name)
            .collect()
    }
}

#[async_trait]
impl Overlay for NodeOverlay {
    async fn own(&self) -> io::Result<Device> {
        let addrs = self.0.wait_registered().await.map_err(io::Error::other)?;
        Ok(Device {
            name: self.0.fqdn().clone(),
            v6: addrs.v6,
            v4: addrs.v4,
        })
    }

    async fn find(&self, name: &Fqdn) -> Result<Vec<Device>, EndReason> {
        let found = self.0.resolve(name).await;
        let reason = match found {
            Ok(peers) => return Ok(peers.into_iter().map(device).collect()),
            Err(error) => reason_of(&error),
        };
        // The coordinator does not answer, or not as often: whoever has a tunnel is found without it.
        if matches!(reason, EndReason::NoNetwork | EndReason::TooMany) {
            let known = self.with_tunnel(name).await;
            return if known.is_empty() {
                Err(reason)
            } else {
                Ok(known)
            };
        }
        Err(reason)
    }

    async fn who(&self, ip: IpAddr) -> Option<Device> {
        let tunnels = self.0.tunnels().await;
        let mut devices = tunnels.into_iter().map(|t| device(t.peer));
        devices.find(|d| d.owns(ip))
    }

    async fn bind(&self, port: u16) -> io::Result<Arc<dyn Datagrams>> {
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        Ok(Arc::new(UdpSocket::bind_on(&self.0, any).await?))
    }

    fn news(&self) -> mpsc::UnboundedReceiver<News> {
        let (tell, news) = mpsc::unbounded_channel();
        tokio::spawn(forward(self.0.clone(), self.0.events(), tell));
        news
    }
}

/// Until nobody listens any more, or the node is gone.
async fn forward(
    node: Node,
    mut events: broadcast::Receiver<Event>,
    tell: mpsc::UnboundedSender<News>,
) {
    loop {
        let event = tokio::select! {
            () = tell.closed() => return,
            event = events.recv() => event,
        };
        let news = match event {
            Ok(Event::TunnelUp { peer, .. }) => Some(News::Restored(device(peer))),
            Ok(Event::HandedOver(handover)) => restored(&node, handover.peer).await,
            Ok(Event::RouteChanged { peer, .. }) => restored(&node, peer).await,
            Ok(Event::PassageChanged {
                peer,
                passage: Passage::Proved,
            }) => restored(&node, peer).await,
            Ok(Event::TunnelDown { fqdn, reason, .. }) => gone(fqdn, reason),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
            Err(broadcast::error::RecvError::Closed) => return,
            Ok(
                Event::PassageChanged { .. }
                | Event::Registered { .. }
                | Event::RegistrationFailed(_)
                | Event::Pinned { .. }
                | Event::PinChanged { .. }
                | Event::OperatorRefused(_)
                | Event::CoordinatorLost
                | Event::RelayLost(_)
                | Event::TicketRenewed { .. }
                | Event::RenewalFailed { .. }
                | Event::Slept(_),
            ) => None,
        };
        if news.is_some_and(|n| tell.send(n).is_err()) {
            return;
        }
    }
}

/// A tunnel that a newer one replaced is no news.
fn gone(device: Fqdn, reason: DownReason) -> Option<News> {
    let has_left = match reason {
        DownReason::Replaced => return None,
        DownReason::Closed => true,
        DownReason::Silent | DownReason::Local => false,
    };
    Some(News::Gone { device, has_left })
}

async fn restored(node: &Node, id: NodeId) -> Option<News> {
    let tunnels = node.tunnels().await;
    let found = tunnels.into_iter().find(|t| t.peer.node == id);
    found.map(|t| News::Restored(device(t.peer)))
}

fn device(peer: Peer) -> Device {
    Device {
        name: peer.fqdn,
        v6: peer.addrs.v6,
        v4: peer.addrs.v4,
    }
}

/// What the failure of a lookup means to somebody who calls.
fn reason_of(error: &LookupError) -> EndReason {
    match error {
        LookupError::Stopped => EndReason::Stopped,
        LookupError::TooLong => EndReason::Failed { code: 0 },
        LookupError::Resolve(error) => match error {
            ResolveError::Refused(error) => refused(*error),
            ResolveError::CoordinatorUnreachable => EndReason::NoNetwork,
            ResolveError::PeerUnreachable | ResolveError::RelayUnreachable => {
                EndReason::Unreachable
            }
            ResolveError::Certificate(_) | ResolveError::NoAuthority(_) => EndReason::Untrusted,
            ResolveError::PinChanged => EndReason::IdentityChanged,
        },
    }
}

fn refused(error: DirectionError) -> EndReason {
    match error {
        DirectionError::UnknownName | DirectionError::NoCoordinator => EndReason::NoSuchPerson,
        DirectionError::PeerOffline => EndReason::Offline,
        DirectionError::NoRelay => EndReason::Unreachable,
        DirectionError::Refused => EndReason::NotAllowed,
        DirectionError::CoordinatorUnreachable | DirectionError::NotRegistered => {
            EndReason::NoNetwork
        }
        DirectionError::TooMany => EndReason::TooMany,
        DirectionError::OwnName => EndReason::Yourself,
        DirectionError::VersionTooOld => EndReason::VersionTooOld,
    }
}

#[async_trait]
impl Datagrams for UdpSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        Self::recv_from(self, buf).await
    }

    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        Self::send_to(self, buf, to).await
    }

    fn try_send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        Self::try_send_to(self, buf, to)
    }

    fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        Self::try_recv_from(self, buf)
    }
}
