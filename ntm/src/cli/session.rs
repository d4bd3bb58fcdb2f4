//! A command's node: profile opened, locked and registered.

use std::sync::Arc;

use ntm_proto::Peer;
use ntm_wire::fqdn::Fqdn;

use super::failure::Failure;
use super::{Context, names, snapshot};
use crate::account::{Session, Tickets};
use crate::files::Lock;
use crate::net::UdpSocket;
use crate::node::Node;
use crate::profile::Profile;

/// A registered node and what it stands on.
pub(super) struct Running {
    pub(super) node: Node,
    pub(super) profile: Profile,
    /// Keeps other processes from running the same device.
    _lock: Lock,
}

/// Starts the profile's node and waits until the coordinator knows it.
pub(super) async fn start(context: &Context) -> Result<Running, Failure> {
    let mut profile = Profile::open(&context.folder)?;
    let lock = Profile::lock(&context.folder)?;
    renew_if_expired(&mut profile).await?;
    let mut config = profile.config_with(Arc::new(Tickets));
    config.port = context.port;
    config.port_mapping = context.port_mapping;
    let node = Node::start(config).await?;
    node.wait_registered().await?;
    Ok(Running {
        node,
        profile,
        _lock: lock,
    })
}

/// A device that was off for a week fetches its ticket before it says anything.
async fn renew_if_expired(profile: &mut Profile) -> Result<(), Failure> {
    if profile.membership().ticket_expires > crate::clock::wall() {
        return Ok(());
    }
    let renewed = async { Session::new(profile)?.renew().await }.await;
    match renewed {
        Ok(renewal) => Ok(profile.renew(&renewal)?),
        Err(error) => Err(Failure::from(error)
            .about("the ticket has expired, and the account server gives no new one")),
    }
}

impl Running {
    /// The name as a person wrote it.
    pub(super) fn name(&self, text: &str) -> Result<Fqdn, Failure> {
        names::parse(text, &self.profile.membership().domain)
    }

    /// The devices behind a name; at least one.
    pub(super) async fn resolve(&self, text: &str) -> Result<Vec<Peer>, Failure> {
        let name = self.name(text)?;
        self.node
            .resolve(&name)
            .await
            .map_err(|e| Failure::from(e).about(text))
    }

    /// The device a name means first.
    pub(super) async fn resolve_first(&self, text: &str) -> Result<Peer, Failure> {
        let peers = self.resolve(text).await?;
        peers.into_iter().next().ok_or_else(Failure::stopped)
    }

    /// The same, and a first datagram goes ahead, to all of the name's devices.
    pub(super) async fn resolve_with_early(
        &self,
        text: &str,
        socket: &UdpSocket,
        port: u16,
        data: &[u8],
    ) -> Result<Peer, Failure> {
        let name = self.name(text)?;
        let found = self.node.resolve_with_early(&name, socket, port, data);
        let peers = found.await.map_err(|e| Failure::from(e).about(text))?;
        peers.into_iter().next().ok_or_else(Failure::stopped)
    }

    /// Lets `ntm status` of another process see this node as long as the future runs.
    pub(super) async fn publish(&self) {
        snapshot::publish(&self.node, &self.profile).await;
    }

    pub(super) async fn finish(self) {
        snapshot::withdraw(&self.profile);
        self.node.shutdown().await;
    }
}
