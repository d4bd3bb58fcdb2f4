//! [`World`]: virtual time, hosts, and what passes between them.

mod interfaces;
mod push;
mod wire;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::id::{InterfaceId, NodeId};
use ntm_wire::push::PushToken;
use ntm_wire::time::{Mono, Now, Wall};

use crate::capture::Capture;
use crate::dns::Dns;
use crate::log::{LogBuffer, Opened};
use crate::net::{CORE, DropReason, Hop, HostId, InTransit, LinkConfig, Net, Packet, ZoneId};
use crate::process::{CoordinatorHost, Effect, NodeHost, Process, Query, RelayHost};
use crate::queue::Queue;
use crate::rng::Rng;
use crate::tap::Tap;
use crate::trace::{Line, Seen, Trace, What};

/// When worlds begin: 2026-01-01, 00:00 UTC.
const BEGINNING: Wall = Wall::from_secs(1_767_225_600);
/// A machine whose timer is due this often without time going on spins.
const SPIN_LIMIT: u32 = 200;
/// How long a disk takes.
const DISK: Duration = Duration::from_millis(2);
/// Senders whose port a host remembers: more than any world has at a time.
const DOORS: usize = 256;
/// Lines of the trace kept for a failing run.
const TRACE_LINES: usize = 400;

/// Something that will happen.
#[derive(Debug)]
enum Event {
    Hop(InTransit),
    Inject(HostId, InterfaceId, Packet),
    Appear(Packet),
    Timer(HostId),
    Dns(HostId, Query, ntm_wire::fqdn::Fqdn),
    Disk(HostId, NodeId),
    Push(PushToken),
}

/// A host: a machine, its power switch and its clock.
pub struct Host {
    /// For the trace.
    pub name: String,
    /// What runs on it.
    pub process: Process,
    /// How far its wall clock is off, in milliseconds.
    pub clock_off_ms: i64,
    /// Whether it is switched on.
    pub is_on: bool,
    armed: Option<Mono>,
    spins: (Mono, u32),
    /// The port through which each sender came in last: a server answers from there.
    doors: BTreeMap<SocketAddr, u16>,
}

impl Host {
    /// Only senders who came by another port than the usual one are kept.
    fn note_door(&mut self, packet: &Packet) {
        if packet.dst.port() == self.process.port() {
            self.doors.remove(&packet.src);
        } else {
            self.doors.insert(packet.src, packet.dst.port());
        }
        if self.doors.len() > DOORS {
            self.doors.pop_first();
        }
    }
}

/// A datagram that a tap made, at the host it reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected {
    /// When.
    pub at: Mono,
    /// Where.
    pub host: HostId,
    /// The number of the datagram it was made from.
    pub datagram: u64,
    /// How many refusals the host counted for it; zero: it was taken for a good one.
    pub counted: u64,
}

/// A world: single-threaded, seeded, repeatable to the bit.
pub struct World {
    /// The network.
    pub net: Net,
    /// The name service.
    pub dns: Dns,
    /// What happened.
    pub trace: Trace,
    /// Every datagram with its bytes, once switched on.
    pub capture: Option<Capture>,
    /// Where the machines' log goes, when somebody listens.
    pub log: Option<LogBuffer>,
    /// Every message that was opened, while somebody listens.
    pub opened: Vec<Opened>,
    /// What became of datagrams that a tap made.
    pub injected: Vec<Injected>,
    /// What must never happen, in words.
    pub faults: Vec<String>,
    /// Random numbers for whoever builds the world.
    pub rng: Rng,
    now: Mono,
    queue: Queue<Event>,
    hosts: Vec<Host>,
    tap: Option<Box<dyn Tap>>,
    sent: u64,
}

impl core::fmt::Debug for World {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (now, hosts) = (self.now, self.hosts.len());
        write!(f, "World({hosts} hosts at {} us)", now.as_micros())
    }
}

impl World {
    /// An empty world. It does not begin at zero, so that nobody mistakes zero for "now".
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            net: Net::new(rng.split()),
            dns: Dns::default(),
            trace: Trace::new(TRACE_LINES),
            capture: None,
            log: None,
            opened: Vec::new(),
            injected: Vec::new(),
            faults: Vec::new(),
            rng,
            now: Mono::from_micros(1_000_000),
            queue: Queue::default(),
            hosts: Vec::new(),
            tap: None,
            sent: 0,
        }
    }

    /// A host that is plugged in nowhere.
    pub fn add_host(&mut self, name: &str, process: Process) -> HostId {
        let id = HostId(self.hosts.len());
        self.hosts.push(Host {
            name: name.to_owned(),
            process,
            clock_off_ms: 0,
            is_on: true,
            armed: None,
            spins: (Mono::default(), 0),
            doors: BTreeMap::new(),
        });
        self.pump(id);
        id
    }

    /// Plugs an interface in, or moves it to another network.
    pub fn plug(
        &mut self,
        host: HostId,
        interface: InterfaceId,
        zone: ZoneId,
        addrs: (Option<Ipv4Addr>, Option<Ipv6Addr>),
        link: LinkConfig,
    ) {
        self.net.attach((host, interface), zone, addrs, link);
        self.tell_interfaces(host, "plugged in");
    }

    /// Plugs an interface in at the Internet's core.
    pub fn plug_at_core(&mut self, host: HostId, addrs: &[IpAddr], link: LinkConfig) {
        let v4 = addrs.iter().find_map(|a| match a {
            IpAddr::V4(a) => Some(*a),
            IpAddr::V6(_) => None,
        });
        let v6 = addrs.iter().find_map(|a| match a {
            IpAddr::V6(a) => Some(*a),
            IpAddr::V4(_) => None,
        });
        self.plug(host, InterfaceId(1), CORE, (v4, v6), link);
    }

    /// Pulls a cable.
    pub fn unplug(&mut self, host: HostId, interface: InterfaceId) {
        self.net.detach(host, interface);
        self.tell_interfaces(host, "unplugged");
    }

    /// Switches a host off, as a power cut does.
    pub fn power_off(&mut self, host: HostId) {
        self.note(host, "power off");
        if let Some(host) = self.hosts.get_mut(host.0) {
            host.is_on = false;
        }
    }

    /// Starts a host's process again, and switches it on.
    pub fn restart(&mut self, host: HostId) {
        self.note(host, "restarted");
        let now = self.now_at(host);
        if let Some(host) = self.hosts.get_mut(host.0) {
            host.is_on = true;
            host.process.restart(now);
        }
        self.pump(host);
    }

    /// Puts somebody on every host's wire.
    pub fn set_tap(&mut self, tap: impl Tap + 'static) {
        self.tap = Some(Box::new(tap));
    }

    /// The next event; false when there is none.
    pub fn step(&mut self) -> bool {
        let Some((at, event)) = self.queue.pop() else {
            return false;
        };
        self.now = self.now.max(at);
        self.handle(event);
        true
    }

    /// Lives until `end`.
    pub fn run_until(&mut self, end: Mono) {
        self.run_while(end, |_| true);
    }

    /// Lives on for so long.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// Lives until `end` or until `goes_on` says no, which is asked after each event. True when it
    /// said no.
    pub fn run_while(&mut self, end: Mono, mut goes_on: impl FnMut(&Self) -> bool) -> bool {
        loop {
            if !goes_on(self) {
                return true;
            }
            if self.queue.next_at().is_none_or(|at| at > end) {
                self.now = self.now.max(end);
                return false;
            }
            self.step();
        }
    }

    /// Does something with a node, and sends what comes of it.
    pub fn with_node<T>(
        &mut self,
        host: HostId,
        act: impl FnOnce(&mut NodeHost, Now) -> T,
    ) -> Option<T> {
        let now = self.now_at(host);
        let done = match &mut self.hosts.get_mut(host.0)?.process {
            Process::Node(node) => act(node, now),
            Process::Sink(_) | Process::Coordinator(_) | Process::Relay(_) => return None,
        };
        self.pump(host);
        Some(done)
    }

    /// Does something with any process, and sends what comes of it.
    pub fn with_process<T>(
        &mut self,
        host: HostId,
        act: impl FnOnce(&mut Process, Now) -> T,
    ) -> Option<T> {
        let now = self.now_at(host);
        let done = act(&mut self.hosts.get_mut(host.0)?.process, now);
        self.pump(host);
        Some(done)
    }

    /// Virtual time.
    pub fn now(&self) -> Mono {
        self.now
    }

    /// Both clocks of a host.
    pub fn now_at(&self, host: HostId) -> Now {
        let off = self.hosts.get(host.0).map_or(0, |h| h.clock_off_ms);
        let true_ms = BEGINNING.as_millis() + self.now.as_micros() / 1000;
        Now {
            mono: self.now,
            wall: Wall::from_millis(true_ms.saturating_add_signed(off)),
        }
    }

    /// The right time of day.
    pub fn wall(&self) -> Wall {
        Wall::from_millis(BEGINNING.as_millis() + self.now.as_micros() / 1000)
    }

    /// All hosts, in the order of their making.
    pub fn hosts(&self) -> impl Iterator<Item = (HostId, &Host)> {
        self.hosts.iter().enumerate().map(|(i, h)| (HostId(i), h))
    }

    /// One host.
    pub fn host(&self, id: HostId) -> Option<&Host> {
        self.hosts.get(id.0)
    }

    /// One host, to change its clock for instance.
    pub fn host_mut(&mut self, id: HostId) -> Option<&mut Host> {
        self.hosts.get_mut(id.0)
    }

    /// The node on this host.
    pub fn node(&self, id: HostId) -> Option<&NodeHost> {
        match &self.host(id)?.process {
            Process::Node(node) => Some(node),
            Process::Sink(_) | Process::Coordinator(_) | Process::Relay(_) => None,
        }
    }

    /// The coordinator on this host.
    pub fn coordinator(&self, id: HostId) -> Option<&CoordinatorHost> {
        match &self.host(id)?.process {
            Process::Coordinator(dc) => Some(dc),
            Process::Sink(_) | Process::Node(_) | Process::Relay(_) => None,
        }
    }

    /// The relay on this host.
    pub fn relay(&self, id: HostId) -> Option<&RelayHost> {
        match &self.host(id)?.process {
            Process::Relay(rs) => Some(rs),
            Process::Sink(_) | Process::Node(_) | Process::Coordinator(_) => None,
        }
    }

    /// The last `lines` lines of the trace, readable: virtual milliseconds, host, what.
    pub fn story(&self, lines: usize) -> String {
        let kept = self.trace.lines().count();
        let tell = |line: &Line| {
            let name = self.host(line.host).map_or("?", |h| h.name.as_str());
            let ms = line.at.as_micros() as f64 / 1000.0;
            format!("{ms:>12.3} ms  {name:<12} {}\n", line.what)
        };
        let last = self.trace.lines().skip(kept.saturating_sub(lines));
        last.map(tell).collect()
    }

    /// Writes a milestone into the trace.
    pub fn note(&mut self, host: HostId, text: &str) {
        self.trace.note(self.now, host, text.to_owned());
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Hop(transit) => {
                let hop = self.net.advance(self.now, transit);
                self.handle_hop(hop);
            }
            Event::Inject(host, interface, packet) => self.launch(host, interface, packet),
            Event::Appear(packet) => self.appear(packet),
            Event::Timer(host) => self.handle_timer(host),
            Event::Dns(host, query, name) => self.handle_dns(host, query, &name),
            Event::Disk(host, node) => self.handle_disk(host, node),
            Event::Push(token) => self.handle_push(&token),
        }
    }

    fn handle_hop(&mut self, hop: Hop) {
        match hop {
            Hop::Forwarded => {}
            Hop::Arrived(host, interface, packet) => self.deliver(host, interface, packet),
            Hop::Dropped(why, packet) => self.record_drop(why, &packet),
        }
        for (at, transit) in self.net.outbox.drain(..) {
            self.queue.push(at, Event::Hop(transit));
        }
    }

    fn deliver(&mut self, to: HostId, on: InterfaceId, mut packet: Packet) {
        let now = self.now_at(to);
        let Some(host) = self.hosts.get_mut(to.0) else {
            return;
        };
        // What is under way when an address goes finds nobody.
        let has_addr = self.net.has_address(to, on, packet.dst.ip());
        if !host.is_on || !has_addr || !host.process.has_port(packet.dst.port()) {
            self.record_drop(DropReason::NoSocket, &packet);
            return;
        }
        host.note_door(&packet);
        let what = What::Received(Seen::of(&packet));
        let (at, host_id) = (self.now, to);
        self.trace.datagram(
            Line {
                at,
                host: host_id,
                what,
            },
            &[],
        );
        if let Some(capture) = &mut self.capture {
            capture.received(at, to, &packet);
        }
        if let Some(tap) = &mut self.tap {
            tap.on_arrive(at, to, &packet);
        }
        let before = refused(&host.process);
        host.process
            .handle_datagram(now, on, packet.src, &mut packet.payload);
        if packet.is_injected {
            self.injected.push(Injected {
                at,
                host: to,
                datagram: packet.id,
                counted: refused(&host.process) - before,
            });
        }
        self.listen(to, Some(packet.id));
        self.pump(to);
    }

    fn handle_timer(&mut self, id: HostId) {
        let now = self.now_at(id);
        let Some(host) = self.hosts.get_mut(id.0) else {
            return;
        };
        if host.armed.is_none_or(|at| at > now.mono) {
            return;
        }
        host.armed = None;
        if !host.is_on {
            return;
        }
        if host.process.poll_timeout().is_some_and(|at| at <= now.mono) {
            host.process.handle_timeout(now);
        }
        self.pump(id);
    }

    fn handle_dns(&mut self, host: HostId, query: Query, name: &ntm_wire::fqdn::Fqdn) {
        let found = self.dns.resolve(name);
        self.note(host, &format!("DNS: {name} -> {found:?}"));
        self.with_process(host, |process, now| {
            if let Process::Coordinator(dc) = process {
                dc.handle_resolved(now, query, found);
            }
        });
    }

    fn handle_disk(&mut self, host: HostId, node: NodeId) {
        self.with_process(host, |process, now| {
            if let Process::Coordinator(dc) = process {
                dc.handle_stored(now, node);
            }
        });
    }

    /// Takes what a process wants done until it wants nothing more, and sets its timer.
    fn pump(&mut self, id: HostId) {
        let now = self.now_at(id);
        self.listen(id, None);
        loop {
            let Some(host) = self.hosts.get_mut(id.0).filter(|h| h.is_on) else {
                return;
            };
            if let Some(outgoing) = host.process.poll_transmit() {
                self.send(id, outgoing);
            } else if let Some(effect) = host.process.poll_effect(now) {
                self.handle_effect(id, effect);
            } else {
                break;
            }
        }
        self.arm(id);
    }

    /// Takes what a machine has logged since.
    fn listen(&mut self, host: HostId, datagram: Option<u64>) {
        let Some(said) = self.log.as_ref().map(LogBuffer::take) else {
            return;
        };
        for said in said {
            self.trace.aside(self.now, host, format!("   {said}"));
            let kind = said.kind.filter(|_| said.text == "opened");
            if let (Some(kind), Some(datagram)) = (kind, datagram) {
                self.opened.push(Opened {
                    at: self.now,
                    host,
                    datagram,
                    kind,
                });
            }
        }
    }

    fn handle_effect(&mut self, host: HostId, effect: Effect) {
        match effect {
            Effect::Resolve(query, name) => {
                self.note(host, &format!("asks DNS for {name}"));
                let at = self.now + self.dns.delay;
                self.queue.push(at, Event::Dns(host, query, name));
            }
            Effect::Wake(token) => self.push(host, token),
            Effect::Store(node) => self.queue.push(self.now + DISK, Event::Disk(host, node)),
            Effect::Note(text) => {
                if text.starts_with("FAULT") {
                    self.faults.push(text.clone());
                }
                self.note(host, &text);
            }
        }
    }

    fn arm(&mut self, id: HostId) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(id.0) else {
            return;
        };
        let Some(mut at) = host.process.poll_timeout() else {
            return;
        };
        if at <= now {
            at = now;
            host.spins = (
                now,
                if host.spins.0 == now {
                    host.spins.1 + 1
                } else {
                    1
                },
            );
            if host.spins.1 > SPIN_LIMIT {
                host.spins.1 = 0;
                at = now + Duration::from_secs(1);
                let ms = now.as_micros() / 1000;
                let fault = format!("{} spins at {ms} ms: its timer stays due", host.name);
                self.note(id, &fault);
                self.faults.push(fault);
                return self.arm_at(id, at);
            }
        }
        self.arm_at(id, at);
    }

    fn arm_at(&mut self, id: HostId, at: Mono) {
        let Some(host) = self.hosts.get_mut(id.0) else {
            return;
        };
        if host.armed.is_none_or(|armed| at < armed) {
            host.armed = Some(at);
            self.queue.push(at, Event::Timer(id));
        }
    }
}

fn refused(process: &Process) -> u64 {
    crate::counts::dropped(process) + crate::counts::doubles(process)
}
