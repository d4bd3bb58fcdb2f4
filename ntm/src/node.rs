//! [`Node`]: the application's handle of a running node.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ntm_proto::{Counters, Handover, MAX_EARLY, Peer, Renewal, Route, Status, TunnelStatus};
use ntm_wire::addr::{VirtualAddr, VirtualAddrs};
use ntm_wire::fqdn::Fqdn;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

use crate::config::Config;
use crate::driver::{self, Command, Early};
use crate::error::{LookupError, ProbeError, SleepError, StartError, WaitError};
use crate::event::{Event, RegisterError};
use crate::net::UdpSocket;
use crate::reach::Reach;
use crate::sleep::{Asleep, Bed};

/// Datagrams of all virtual sockets that may wait for the node, like a kernel's send buffer.
pub(crate) const SEND_ROOM: usize = 1024;
/// Events that a slow listener may fall behind.
const EVENTS: usize = 256;

/// A running node. Clones are the same node; it lives until [`Node::shutdown`], or until the last
/// handle, socket and [default](crate::net) of it is gone.
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) reach: Arc<RwLock<Reach>>,
    fqdn: Fqdn,
    bed: Option<Bed>,
    events: broadcast::Sender<Event>,
    registration: watch::Receiver<Registration>,
}

/// Where the registration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registration {
    Pending,
    Done(VirtualAddrs),
    Failed(RegisterError),
}

/// A measured round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// There and back.
    pub rtt: Duration,
    /// The way it went.
    pub route: Route,
}

impl Node {
    /// Binds the sockets, starts the task that owns the node, and begins to register. The first node
    /// of a process becomes the [default](crate::net) of the virtual sockets.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(EVENTS);
        let (registration_in, registration) = watch::channel(Registration::Pending);
        let shared = Arc::new(Shared {
            room: Arc::new(Semaphore::new(SEND_ROOM)),
            reach: Arc::new(RwLock::new(Reach::default())),
            fqdn: config.identity.certificate.fqdn.clone(),
            bed: Bed::of(&config),
            events: events.clone(),
            registration,
            commands,
        });
        let wires = driver::Wires {
            commands: inbox,
            own_commands: shared.commands.downgrade(),
            events,
            registration: registration_in,
            reach: Arc::clone(&shared.reach),
        };
        driver::start(config, wires).await?;
        let node = Self { shared };
        crate::net::offer_default(&node);
        Ok(node)
    }

    /// The node's own name.
    pub fn fqdn(&self) -> &Fqdn {
        &self.shared.fqdn
    }

    /// Waits until the coordinator knows the node; gives its permanent virtual addresses. An error is
    /// the latest attempt's: the node goes on trying, and waiting again may succeed.
    pub async fn wait_registered(&self) -> Result<VirtualAddrs, WaitError> {
        let mut state = self.shared.registration.clone();
        let settled = state.wait_for(|r| *r != Registration::Pending).await;
        match settled.map(|r| *r) {
            Ok(Registration::Done(addrs)) => Ok(addrs),
            Ok(Registration::Failed(error)) => Err(WaitError::Register(error)),
            Ok(Registration::Pending) | Err(_) => Err(WaitError::Stopped),
        }
    }

    /// Builds a tunnel to each reachable device of `name`, or to the one device it names, and gives
    /// them as they stand, the most recently used first.
    pub async fn resolve(&self, name: &Fqdn) -> Result<Vec<Peer>, LookupError> {
        self.resolve_and(name, None).await
    }

    /// The same, and `data` goes from `socket` to `port` of every device ahead of the answer, inside the
    /// request for the tunnel: the peer has it a round trip sooner than if it were sent after. Like any
    /// datagram it may get lost. At most [`ntm_proto::MAX_EARLY`] bytes.
    pub async fn resolve_with_early(
        &self,
        name: &Fqdn,
        socket: &UdpSocket,
        port: u16,
        data: &[u8],
    ) -> Result<Vec<Peer>, LookupError> {
        if data.len() > MAX_EARLY {
            return Err(LookupError::TooLong);
        }
        let first = Early {
            id: socket.id(),
            port,
            data: data.to_vec(),
        };
        self.resolve_and(name, Some(first)).await
    }

    async fn resolve_and(
        &self,
        name: &Fqdn,
        early: Option<Early>,
    ) -> Result<Vec<Peer>, LookupError> {
        let name = name.clone();
        let command = |done| Command::Resolve { name, early, done };
        Ok(self.ask(command).await.ok_or(LookupError::Stopped)??)
    }

    /// Measures the round trip to a peer over the route in use.
    pub async fn probe(&self, peer: IpAddr) -> Result<RoundTrip, ProbeError> {
        let peer = VirtualAddr(peer);
        self.ask(|done| Command::Probe { peer, done })
            .await
            .ok_or(ProbeError::Stopped)?
    }

    /// The node as a whole; `None` once it was shut down.
    pub async fn status(&self) -> Option<Status> {
        self.ask(Command::Status).await
    }

    /// Every tunnel, and the ways to its peer as they are now.
    pub async fn tunnels(&self) -> Vec<TunnelStatus> {
        self.ask(Command::Tunnels).await.unwrap_or_default()
    }

    /// The last hand-overs, the latest last.
    pub async fn handovers(&self) -> Vec<Handover> {
        self.ask(Command::Handovers).await.unwrap_or_default()
    }

    /// What was received, sent and dropped.
    pub async fn counters(&self) -> Counters {
        self.ask(Command::Counters).await.unwrap_or_default()
    }

    /// Measures the coordinator and its relays anew; [`Node::status`] has each answer as it comes in.
    pub fn measure(&self) {
        let _ = self.shared.commands.send(Command::Measure);
    }

    /// What happens from now on. A listener that falls 256 events behind loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// The machine slept: for platforms that say so themselves. Elsewhere the node notices by its clocks.
    pub fn slept(&self, how_long: Duration) {
        let _ = self.shared.commands.send(Command::Slept(how_long));
    }

    /// Takes a ticket that the application fetched itself.
    pub fn renew(&self, renewal: Renewal) {
        let _ = self.shared.commands.send(Command::Renew(Box::new(renewal)));
    }

    /// Closes all tunnels, tells the coordinator, and ends. Sockets of this node fail from now on.
    pub async fn shutdown(&self) {
        crate::net::withdraw_default(self);
        let _ = self.ask(Command::Shutdown).await;
    }

    /// Goes to sleep: closes all tunnels, tells the coordinator and ends, as [`Node::shutdown`] does, and one
    /// idle connection to the coordinator's wake service is left, on which a call [wakes](Asleep::woken) it.
    /// Needs a node started with [`Config::that_sleeps`]; after an error the node goes on as before.
    pub async fn sleep(&self) -> Result<Asleep, SleepError> {
        // First of all, so that a call finds either the node or the one who waits for it.
        let asleep = self.lie_down().await?;
        self.fall_asleep().await;
        Ok(asleep)
    }

    /// The first half of [`Node::sleep`]: takes a place at the wake service. The node goes on.
    pub async fn lie_down(&self) -> Result<Asleep, SleepError> {
        let bed = self.shared.bed.clone().ok_or(SleepError::NoToken)?;
        bed.lie_down().await
    }

    /// The second half of [`Node::sleep`]: the node ends, and its coordinator keeps the push token.
    pub async fn fall_asleep(&self) {
        crate::net::withdraw_default(self);
        let _ = self.ask(Command::Sleep).await;
    }

    /// Whether both handles are of one node.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn reach(&self) -> Reach {
        self.shared
            .reach
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// `None` when the driver is gone.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.shared.commands.send(command(done)).ok()?;
        answer.await.ok()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.shared.fqdn)
    }
}
