//! The task that owns the deciding node: sockets, timer, commands. Each turn goes through the same
//! steps in the same order, each with a bound, so that none starves another; there is no `if` about
//! the protocol here.

mod authority;
mod calls;
mod inbox;
mod nat64;
mod port_map;
mod renewal;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ntm_proto::{
    Authority, Counters, Handover, NoAuthority, Peer, ProbeId, Renewal, ResolveError, ResolveId,
    Status, TunnelStatus, UdpId,
};
use ntm_wire::addr::VirtualAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::time::Now;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::{Config, Keeper};
use crate::error::{ProbeError, StartError};
use crate::event::Event;
use crate::interfaces::{LocalIp, Watch};
use crate::node::{Registration, RoundTrip};
use crate::outbox::{Flushed, Outbox};
use crate::port_map::PortMap;
use crate::reach::Reach;
use crate::recent::Recent;
use crate::sockets::{Door, Sockets};

use calls::Calls;
use inbox::Inboxes;
pub(crate) use inbox::{Inbox, Look};

/// Commands, and readings of the sockets, per turn.
const COMMANDS: usize = 64;
const READINGS: usize = 4;
/// The node is looked at at least this often, to notice that the machine slept.
const TICK: Duration = Duration::from_secs(5);
/// At the end there is this long for the last datagrams to leave.
const FAREWELL: Duration = Duration::from_millis(200);

/// What handles ask of the task.
pub(crate) enum Command {
    Bind {
        addr: Option<VirtualAddr>,
        port: u16,
        done: oneshot::Sender<Result<Bound, ntm_proto::BindError>>,
    },
    Send {
        id: UdpId,
        to: std::net::SocketAddr,
        data: Vec<u8>,
        room: OwnedSemaphorePermit,
    },
    Close(UdpId),
    Resolve {
        name: Fqdn,
        early: Option<Early>,
        done: oneshot::Sender<Result<Vec<Peer>, ResolveError>>,
    },
    Probe {
        peer: VirtualAddr,
        done: oneshot::Sender<Result<RoundTrip, ProbeError>>,
    },
    Status(oneshot::Sender<Status>),
    Tunnels(oneshot::Sender<Vec<TunnelStatus>>),
    Counters(oneshot::Sender<Counters>),
    Handovers(oneshot::Sender<Vec<Handover>>),
    Measure,
    Slept(Duration),
    Renew(Box<Renewal>),
    Nat64(nat64::Finding),
    Authority(Result<Authority, NoAuthority>),
    Shutdown(oneshot::Sender<()>),
    Sleep(oneshot::Sender<()>),
}

/// A datagram that goes ahead of the name's answer.
pub(crate) struct Early {
    pub(crate) id: UdpId,
    pub(crate) port: u16,
    pub(crate) data: Vec<u8>,
}

/// A bound virtual socket.
pub(crate) struct Bound {
    pub(crate) id: UdpId,
    pub(crate) port: u16,
    pub(crate) inbox: Arc<Inbox>,
}

/// The driver's ends of what it shares with the handles.
pub(crate) struct Wires {
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    /// For tasks of the driver's own; weak, so that they keep no node alive.
    pub(crate) own_commands: mpsc::WeakUnboundedSender<Command>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) registration: watch::Sender<Registration>,
    pub(crate) reach: Arc<RwLock<Reach>>,
}

struct Driver {
    node: ntm_proto::Node,
    clock: Clock,
    sockets: Sockets,
    watch: Watch,
    locals: Vec<LocalIp>,
    outbox: Outbox,
    wires: Wires,
    resolves: Calls<ResolveId, Result<Vec<Peer>, ResolveError>>,
    probes: Calls<ProbeId, Result<RoundTrip, ProbeError>>,
    inboxes: Inboxes,
    keeper: Option<Arc<dyn Keeper>>,
    renewing: bool,
    nat64: nat64::Nat64,
    port_map: PortMap,
    recent: Recent,
    farewell: Option<Farewell>,
}

struct Farewell {
    until: Instant,
    /// The router is told too, which nothing confirms: the whole time is given to it.
    waits: bool,
    done: Vec<oneshot::Sender<()>>,
}

/// What ended the wait.
enum Woken {
    Command(Option<Command>),
    Interfaces,
    Router,
    Ready,
}

/// Binds the sockets and spawns the task.
pub(crate) async fn start(config: Config, wires: Wires) -> Result<(), StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StartError::Random)?;
    let sockets = Sockets::reserve(config.port).map_err(|error| bind_error(config.port, error))?;
    let clock = Clock::start();
    let now = clock.now();
    let mut driver = Driver {
        node: ntm_proto::Node::new(config.identity, seed, now),
        clock,
        sockets,
        watch: Watch::start(config.interfaces).await,
        locals: Vec::new(),
        outbox: Outbox::default(),
        wires,
        resolves: Calls::default(),
        probes: Calls::default(),
        inboxes: Inboxes::default(),
        keeper: config.keeper,
        renewing: false,
        nat64: nat64::Nat64::default(),
        port_map: PortMap::new(config.port_mapping),
        recent: Recent::default(),
        farewell: None,
    };
    driver.node.set_order(config.order);
    driver.read_interfaces(now);
    driver.listen_to_routers();
    driver.node.register(now);
    tokio::spawn(driver.run());
    Ok(())
}

fn bind_error(port: u16, error: std::io::Error) -> StartError {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        StartError::PortInUse { port }
    } else {
        StartError::Socket(error)
    }
}

impl Driver {
    async fn run(mut self) {
        loop {
            let more = self.turn();
            if self.is_over() {
                break;
            }
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            let woken = self.wait().await;
            self.note(woken);
        }
        self.inboxes.close_all();
        for done in self.farewell.take().map(|f| f.done).unwrap_or_default() {
            let _ = done.send(());
        }
    }

    /// The fixed order. Whether a bound was reached, so that there is more to do at once.
    fn turn(&mut self) -> bool {
        let now = self.clock.now();
        self.notice_sleep(now);
        let commands = self.take_commands(now);
        let datagrams = self.take_datagrams(now);
        if self.node.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.node.handle_timeout(now);
        }
        self.tell_events();
        commands | datagrams | (self.flush() == Flushed::More)
    }

    fn flush(&mut self) -> Flushed {
        let Self {
            outbox,
            sockets,
            node,
            ..
        } = self;
        let flushed = outbox.flush(sockets, || node.poll_transmit());
        let now = self.clock.now();
        for (on, to) in self.outbox.take_refused() {
            self.node.handle_unreachable(now, on, to);
        }
        flushed
    }

    fn notice_sleep(&mut self, now: Now) {
        if let Some(slept) = self.clock.slept(now) {
            self.slept(now, slept);
        }
    }

    fn slept(&mut self, now: Now, slept: Duration) {
        tracing::info!(
            seconds = slept.as_secs(),
            "the machine slept, or its clock was set"
        );
        self.read_interfaces(now);
        self.node.handle_slept(now, slept);
        let _ = self.wires.events.send(Event::Slept(slept));
    }

    /// Commands wait while the kernel's send buffer is full: that is the back-pressure senders feel.
    fn take_commands(&mut self, now: Now) -> bool {
        for _ in 0..COMMANDS {
            if self.outbox.blocked().is_some() {
                return false;
            }
            match self.wires.commands.try_recv() {
                Ok(command) => self.obey(now, command),
                Err(mpsc::error::TryRecvError::Empty) => return false,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.leave(now, None, ntm_proto::Node::deregister);
                    return false;
                }
            }
        }
        true
    }

    fn obey(&mut self, now: Now, command: Command) {
        match command {
            Command::Bind { addr, port, done } => self.bind(addr, port, done),
            Command::Send { id, to, data, room } => {
                if let Err(error) = self.node.udp_send(now, id, to, &data) {
                    tracing::trace!(%error, "a virtual datagram was dropped");
                }
                drop(room);
            }
            Command::Close(id) => {
                self.node.udp_close(id);
                self.inboxes.close(id);
            }
            Command::Resolve { name, early, done } => {
                let id = self.resolve(now, &name, early);
                self.resolves.add(id, done);
            }
            Command::Probe { peer, done } => match self.node.probe(now, peer) {
                Ok(id) => self.probes.add(id, done),
                Err(error) => drop(done.send(Err(error.into()))),
            },
            Command::Status(done) => drop(done.send(self.node.status())),
            Command::Handovers(done) => drop(done.send(self.recent.to_vec())),
            Command::Tunnels(done) => drop(done.send(self.node.tunnels(now.mono))),
            Command::Counters(done) => drop(done.send(self.node.counters())),
            Command::Measure => self.node.measure(now),
            Command::Slept(slept) => self.slept(now, slept),
            Command::Renew(renewal) => {
                self.renewing = false;
                self.node.renew(now, *renewal);
            }
            Command::Nat64(finding) => self.found_nat64(now, finding),
            Command::Authority(found) => self.take_authority(now, found),
            Command::Shutdown(done) => self.leave(now, Some(done), ntm_proto::Node::deregister),
            Command::Sleep(done) => self.leave(now, Some(done), ntm_proto::Node::fall_asleep),
        }
    }

    fn resolve(&mut self, now: Now, name: &Fqdn, early: Option<Early>) -> ResolveId {
        let with_early = early.map(|e| {
            self.node
                .resolve_with_early(now, name, e.id, e.port, &e.data)
        });
        match with_early {
            Some(Ok(id)) => id,
            Some(Err(error)) => {
                tracing::trace!(%error, "a virtual datagram was dropped");
                self.node.resolve(now, name)
            }
            None => self.node.resolve(now, name),
        }
    }

    fn bind(
        &mut self,
        addr: Option<VirtualAddr>,
        port: u16,
        done: oneshot::Sender<Result<Bound, ntm_proto::BindError>>,
    ) {
        let bound = self.node.udp_bind(addr, port).map(|id| {
            let port = self.node.udp_port(id).unwrap_or(port);
            Bound {
                id,
                port,
                inbox: self.inboxes.open(id),
            }
        });
        if let Err(Ok(unwanted)) = done.send(bound) {
            self.node.udp_close(unwanted.id);
            self.inboxes.close(unwanted.id);
        }
    }

    fn leave(
        &mut self,
        now: Now,
        done: Option<oneshot::Sender<()>>,
        say_goodbye: fn(&mut ntm_proto::Node, Now),
    ) {
        let farewell = self.farewell.get_or_insert_with(|| {
            say_goodbye(&mut self.node, now);
            Farewell {
                until: Instant::now() + FAREWELL,
                waits: self.port_map.withdraw(),
                done: Vec::new(),
            }
        });
        farewell.done.extend(done);
    }

    /// Over once the farewell left the machine.
    fn is_over(&self) -> bool {
        let left = |f: &Farewell| {
            let is_out = self.outbox.blocked().is_none() && !f.waits;
            is_out || Instant::now() >= f.until
        };
        self.farewell.as_ref().is_some_and(left)
    }

    fn take_datagrams(&mut self, now: Now) -> bool {
        let Self { sockets, node, .. } = self;
        let mut any = true;
        for _ in 0..READINGS {
            any = sockets.receive(|i| node.handle_datagram(now, i.on, i.from, i.datagram));
            if !any {
                break;
            }
        }
        if self.sockets.is_broken() {
            self.read_interfaces(now);
        }
        any
    }

    fn tell_events(&mut self) {
        while let Some(event) = self.node.poll_event() {
            self.tell(event);
        }
    }

    fn tell(&mut self, event: ntm_proto::Event) {
        use ntm_proto::Event as E;
        match event {
            E::Resolved { id, result } => {
                // Whoever asked may send at once.
                self.update_reach();
                self.resolves.end(id, result);
            }
            E::ProbeAnswered { id, rtt, route } => {
                self.probes.end(id, Ok(RoundTrip { rtt, route }))
            }
            E::ProbeLost(id) => self.probes.end(id, Err(ProbeError::Lost)),
            E::UdpReadable(id) => {
                while let Some(received) = self.node.udp_recv(id) {
                    self.inboxes.deliver(id, received);
                }
            }
            E::TicketExpiring => self.fetch_ticket(),
            E::AuthorityWanted { domain } => self.find_authority(domain),
            E::Registered { addrs, observed } => {
                self.with_reach(|r| r.own = Some(addrs));
                self.wires
                    .registration
                    .send_replace(Registration::Done(addrs));
                self.publish(Event::Registered { addrs, observed });
            }
            E::RegistrationFailed(error) => {
                self.wires
                    .registration
                    .send_replace(Registration::Failed(error));
                self.publish(Event::RegistrationFailed(error));
            }
            E::Pinned { account, root } => {
                self.keep_pin(&account, root);
                self.publish(Event::Pinned { account, root });
            }
            E::TunnelUp { peer, route } => {
                self.update_reach();
                self.publish(Event::TunnelUp { peer, route });
            }
            E::TunnelDown { peer, fqdn, reason } => {
                self.update_reach();
                self.publish(Event::TunnelDown { peer, fqdn, reason });
            }
            E::RouteChanged { peer, old, new } => {
                self.publish(Event::RouteChanged { peer, old, new })
            }
            E::PassageChanged { peer, passage } => {
                self.publish(Event::PassageChanged { peer, passage })
            }
            E::HandedOver(handover) => {
                self.recent.push(&handover);
                self.publish(Event::HandedOver(handover));
            }
            E::PinChanged { account, old, new } => {
                self.publish(Event::PinChanged { account, old, new })
            }
            E::CoordinatorLost => self.publish(Event::CoordinatorLost),
            E::RelayLost(rs) => self.publish(Event::RelayLost(rs)),
        }
    }

    fn publish(&self, event: Event) {
        tracing::debug!(?event, "event");
        // Nobody listening is fine.
        let _ = self.wires.events.send(event);
    }

    fn update_reach(&self) {
        let tunnels = self.node.tunnels(self.clock.now().mono);
        self.with_reach(|r| r.set_tunnels(&tunnels));
    }

    fn with_reach(&self, change: impl FnOnce(&mut Reach)) {
        change(
            &mut self
                .wires
                .reach
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn read_interfaces(&mut self, now: Now) {
        self.locals = self.watch.current();
        let locals = self.sockets.follow(&self.locals);
        tracing::debug!(count = locals.len(), "local addresses");
        for (number, name) in self.watch.names() {
            self.node.name_interface(number, name);
        }
        self.node.handle_interfaces(now, &locals);
        self.look_for_nat64(now);
        self.follow_router(now);
    }

    async fn wait(&mut self) -> Woken {
        let until = self.wake_at();
        let blocked = self.outbox.blocked();
        let Self {
            wires,
            sockets,
            watch,
            farewell,
            port_map,
            ..
        } = self;
        let takes_commands = blocked.is_none() && farewell.is_none();
        tokio::select! {
            command = wires.commands.recv(), if takes_commands => Woken::Command(command),
            () = sockets.readable() => Woken::Ready,
            () = writable(sockets, blocked), if blocked.is_some() => Woken::Ready,
            () = watch.changed() => Woken::Interfaces,
            () = port_map.changed() => Woken::Router,
            () = tokio::time::sleep_until(until) => Woken::Ready,
        }
    }

    fn wake_at(&self) -> Instant {
        let now = self.clock.now().mono;
        let tick = self
            .node
            .poll_timeout()
            .map_or(TICK, |at| at.since(now).min(TICK));
        let at = Instant::now() + tick;
        self.farewell.as_ref().map_or(at, |f| at.min(f.until))
    }

    fn note(&mut self, woken: Woken) {
        let now = self.clock.now();
        match woken {
            Woken::Command(Some(command)) => self.obey(now, command),
            Woken::Command(None) => self.leave(now, None, ntm_proto::Node::deregister),
            Woken::Interfaces => self.read_interfaces(now),
            Woken::Router => self.tell_mapping(now),
            Woken::Ready => {}
        }
    }
}

async fn writable(sockets: &Sockets, blocked: Option<Door>) {
    if let Some(door) = blocked {
        sockets.writable(door).await;
    }
}
