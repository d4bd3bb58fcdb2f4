//! The one loop that drives a DC or an RS: a fixed order, and a bound on each step.

use std::future::poll_fn;
use std::net::SocketAddr;

use ntm_wire::addr::RealAddr;
use ntm_wire::time::{Mono, Now};
use ntm_wire::transmit::Transmit;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;
use crate::udp::{Doors, Slots};

/// What the loop drives: a deciding machine in the clothes of a role.
pub(crate) trait Machine {
    /// What the world beside the network says to it.
    type Command: Send;

    /// A datagram came in.
    fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) -> Onward;
    /// Whether datagrams come faster than they are worked off: then strangers have to wait.
    fn set_pressed(&mut self, is_pressed: bool);
    /// Something else happened.
    fn handle_command(&mut self, now: Now, command: Self::Command);
    /// Its deadline has come.
    fn handle_timeout(&mut self, now: Now);
    /// The process is asked to stop.
    fn stop(&mut self, now: Now);
    /// Acts on its events.
    fn act(&mut self);
    /// What it wants sent.
    fn poll_transmit(&mut self) -> Option<Transmit>;
    /// Its deadline.
    fn poll_timeout(&self) -> Option<Mono>;
    /// Whether it may end, once asked to stop.
    fn is_done(&self) -> bool;
}

/// What becomes of a datagram after the machine saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// Nothing more.
    Done,
    /// It goes to this address as it is.
    To(RealAddr),
    /// It is for the other machine behind these sockets.
    Elsewhere,
    /// The same, and its sender is not known to be anybody.
    StrangerElsewhere,
}

/// A datagram that comes from the other machine of this process, or through its sockets.
pub(crate) struct Arrival {
    pub(crate) from: SocketAddr,
    /// The socket it came through; `None`: from the machine itself.
    pub(crate) door: Option<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// The way to the other machine of this process: what is sent to `addr` goes there without a socket.
#[derive(Clone)]
pub(crate) struct Neighbour {
    pub(crate) addr: SocketAddr,
    pub(crate) own_addr: SocketAddr,
    pub(crate) way: mpsc::Sender<Arrival>,
}

impl Neighbour {
    /// Whether it takes strangers: they get a part of the way, and never fill it.
    fn has_room(&self) -> bool {
        self.way.max_capacity() - self.way.capacity() < FOR_STRANGERS
    }
}

/// Everything the loop needs beside the machine.
pub(crate) struct Driver<M: Machine> {
    pub(crate) clock: Clock,
    pub(crate) doors: Doors,
    /// Whether this loop reads the sockets; of two that share them one does.
    pub(crate) reads: bool,
    pub(crate) commands: mpsc::Receiver<M::Command>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    pub(crate) neighbour: Option<Neighbour>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Commands and arrivals taken in one turn, so that none starves the sockets.
const PER_TURN: usize = 256;
/// Of the way to the other machine: what it works off in a few milliseconds.
const FOR_STRANGERS: usize = 512;
/// Batches taken from each socket in one turn, so that none starves the timers.
const BATCHES: usize = 4;
/// How long a machine may take to come to rest after it was asked to stop.
pub(crate) const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

enum Woke<C> {
    Command(C),
    Arrival(Arrival),
    Stop,
    Other,
}

impl<M: Machine> Driver<M> {
    /// Drives `machine` until it was asked to stop and is done, at the latest `grace` later.
    pub(crate) async fn run(mut self, mut machine: M, grace: std::time::Duration) -> M {
        let mut slots = Slots::new();
        let mut stop_by = None;
        loop {
            let busy = self.turn(&mut machine, &mut slots);
            if stop_by.is_some_and(|by| machine.is_done() || Instant::now() >= by) {
                return machine;
            }
            if busy {
                tokio::task::yield_now().await;
                continue;
            }
            let due = machine.poll_timeout();
            let woke = self.wait(due, stop_by).await;
            let now = self.clock.now();
            match woke {
                Woke::Stop => {
                    machine.stop(now);
                    stop_by = Some(Instant::now() + grace);
                }
                Woke::Command(command) => machine.handle_command(now, command),
                Woke::Arrival(arrival) => self.arrive(&mut machine, now, arrival),
                Woke::Other => {}
            }
        }
    }

    /// Timers, commands, what came in, effects: always in this order. True when more is waiting.
    fn turn(&mut self, machine: &mut M, slots: &mut Slots) -> bool {
        let now = self.clock.now();
        if machine.poll_timeout().is_some_and(|due| due <= now.mono) {
            machine.handle_timeout(now);
        }
        let mut busy = self.take_commands(machine, now);
        busy |= self.take_arrivals(machine, now);
        if self.reads {
            let is_pressed = self.take_datagrams(machine, slots);
            machine.set_pressed(is_pressed);
            busy |= is_pressed;
        }
        machine.act();
        self.send_all(machine);
        busy
    }

    fn take_commands(&mut self, machine: &mut M, now: Now) -> bool {
        for _ in 0..PER_TURN {
            let Ok(command) = self.commands.try_recv() else {
                return false;
            };
            machine.handle_command(now, command);
        }
        true
    }

    fn take_arrivals(&mut self, machine: &mut M, now: Now) -> bool {
        for _ in 0..PER_TURN {
            let Ok(arrival) = self.arrivals.try_recv() else {
                return false;
            };
            self.arrive(machine, now, arrival);
        }
        true
    }

    fn arrive(&mut self, machine: &mut M, now: Now, mut arrival: Arrival) {
        if let Some(door) = arrival.door {
            self.doors.saw(arrival.from, door);
        }
        let from = RealAddr(arrival.from);
        let onward = machine.handle_datagram(now, from, &mut arrival.bytes);
        let len = arrival.bytes.len();
        self.pass_on(onward, &arrival.bytes, len, None);
    }

    fn take_datagrams(&mut self, machine: &mut M, slots: &mut Slots) -> bool {
        let mut busy = false;
        for door in 0..self.doors.len() {
            let mut batches = 0;
            while let Some(filled) = self.doors.receive(door, slots) {
                let now = self.clock.now();
                for i in 0..filled {
                    self.take_slot(machine, now, door, slots.slot(i));
                }
                batches += 1;
                if batches == BATCHES {
                    busy = true;
                    break;
                }
            }
        }
        busy
    }

    /// Datagrams that the kernel joined go out joined again, as far as they go the same way.
    fn take_slot(
        &mut self,
        machine: &mut M,
        now: Now,
        door: usize,
        slot: Option<(SocketAddr, usize, &mut [u8])>,
    ) {
        let Some((from, stride, bytes)) = slot else {
            return;
        };
        self.doors.saw(from, door);
        let origin = Some((from, door));
        let (mut start, mut end, mut way) = (0, 0, Onward::Done);
        while end < bytes.len() {
            let next = (end + stride).min(bytes.len());
            let onward = machine.handle_datagram(now, RealAddr(from), &mut bytes[end..next]);
            if onward != way || matches!(onward, Onward::Elsewhere | Onward::StrangerElsewhere) {
                self.pass_on(way, &bytes[start..end], stride, origin);
                (start, way) = (end, onward);
            }
            end = next;
        }
        self.pass_on(way, &bytes[start..end], stride, origin);
    }

    fn pass_on(
        &self,
        onward: Onward,
        bytes: &[u8],
        stride: usize,
        origin: Option<(SocketAddr, usize)>,
    ) {
        match (onward, origin) {
            (Onward::Done, _) | (Onward::Elsewhere | Onward::StrangerElsewhere, None) => {}
            (Onward::To(to), _) => self.doors.send(to.0, bytes, stride),
            (Onward::Elsewhere, Some((from, door))) => self.hand_over(from, Some(door), bytes),
            (Onward::StrangerElsewhere, Some((from, door))) => {
                if self.neighbour.as_ref().is_some_and(Neighbour::has_room) {
                    self.hand_over(from, Some(door), bytes);
                }
            }
        }
    }

    fn send_all(&mut self, machine: &mut M) {
        while let Some(transmit) = machine.poll_transmit() {
            let Transmit { to, payload } = transmit;
            match &self.neighbour {
                Some(n) if n.addr == to.0 => self.hand_over(n.own_addr, None, &payload),
                Some(_) | None => self.doors.send(to.0, &payload, payload.len()),
            }
        }
    }

    /// A full way is loss like any other.
    fn hand_over(&self, from: SocketAddr, door: Option<usize>, bytes: &[u8]) {
        if let Some(neighbour) = &self.neighbour {
            let bytes = bytes.to_vec();
            drop(neighbour.way.try_send(Arrival { from, door, bytes }));
        }
    }

    async fn wait(&mut self, due: Option<Mono>, stop_by: Option<Instant>) -> Woke<M::Command> {
        let due = due.map(|m| self.clock.instant(m).into());
        let due = [due, stop_by].into_iter().flatten().min();
        let stopping = stop_by.is_some();
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop), if !stopping => Woke::Stop,
            Some(command) = self.commands.recv() => Woke::Command(command),
            Some(arrival) = self.arrivals.recv() => Woke::Arrival(arrival),
            () = poll_fn(|cx| self.doors.poll_readable(cx)), if self.reads => Woke::Other,
            () = sleep(due) => Woke::Other,
        }
    }
}

async fn sleep(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
