//! A command's node: profile opened, locked and registered.

use std::sync::Arc;
use std::time::Duration;

use ntm_proto::{Order, Peer, RegisterError};
use ntm_wire::fqdn::Fqdn;

use super::failure::Failure;
use super::{Context, names, snapshot};
use crate::account::{Session, Tickets};
use crate::config::Config;
use crate::error::WaitError;
use crate::files::Lock;
use crate::net::UdpSocket;
use crate::node::Node;
use crate::profile::Profile;

/// How often a woken device looks whether it is registered at last.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A registered node and what it stands on.
pub(super) struct Running {
    pub(super) node: Node,
    pub(super) profile: Profile,
    /// Keeps other processes from running the same device.
    _lock: Lock,
}

/// Starts the profile's node and waits until the coordinator knows it.
pub(super) async fn start(context: &Context) -> Result<Running, Failure> {
    let (profile, lock) = open(context).await?;
    let node = Node::start(config(context, &profile)).await?;
    node.wait_registered().await?;
    Ok(Running {
        node,
        profile,
        _lock: lock,
    })
}

/// The same, and the node may go to sleep.
pub(super) async fn start_that_sleeps(context: &Context) -> Result<Running, Failure> {
    let (profile, lock) = open(context).await?;
    let node = Node::start(config(context, &profile).that_sleeps()?).await?;
    node.wait_registered().await?;
    Ok(Running {
        node,
        profile,
        _lock: lock,
    })
}

async fn open(context: &Context) -> Result<(Profile, Lock), Failure> {
    let mut profile = Profile::open(&context.folder)?;
    let lock = Profile::lock(&context.folder)?;
    renew_if_expired(&mut profile).await?;
    Ok((profile, lock))
}

fn config(context: &Context, profile: &Profile) -> Config {
    let mut config = profile.config_with(Arc::new(Tickets));
    config.port = context.port;
    config.port_mapping = context.port_mapping;
    config.order = order();
    config
}

/// How the lab compares with NTMobile as it was published; of no use to anybody else.
fn order() -> Order {
    match std::env::var("NTM_BASELINE").as_deref() {
        Ok("paper") => Order::Published,
        _ => Order::AtOnce,
    }
}

/// A woken device may be where the coordinator does not answer at once.
async fn wait_until_registered(node: &Node) -> Result<(), Failure> {
    loop {
        match node.wait_registered().await {
            Ok(_) => return Ok(()),
            Err(WaitError::Register(RegisterError::CoordinatorUnreachable)) => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
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

    /// The node ends, and its coordinator wakes it by the place it has at the wake service.
    pub(super) async fn fall_asleep(&self) {
        snapshot::withdraw(&self.profile);
        self.node.fall_asleep().await;
    }

    /// Starts the node of a device that slept again; the profile was held all the time.
    pub(super) async fn wake(self, context: &Context) -> Result<Self, Failure> {
        // The ticket on disk may be newer than the one in memory.
        let mut profile = Profile::open(&context.folder)?;
        renew_if_expired(&mut profile).await?;
        let node = Node::start(config(context, &profile).that_sleeps()?).await?;
        wait_until_registered(&node).await?;
        Ok(Self {
            node,
            profile,
            _lock: self._lock,
        })
    }

    pub(super) async fn finish(self) {
        snapshot::withdraw(&self.profile);
        self.node.shutdown().await;
    }
}
