//! Knocking at one address of a coordinator: is it there, how far, what time has it, and how large a
//! packet gets through.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ntm_wire::header::PADDED_LEN;
use ntm_wire::key::ServerKey;
use ntm_wire::time::Wall;
use quinn_udp::UdpSocketState;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::judge::median;
use super::knock::Knock;
use super::report::{Door, DoorState};
use crate::clock::wall;

/// Knocks, and the time between two: three say whether one was an exception.
const KNOCKS: usize = 3;
const SPACING: Duration = Duration::from_millis(100);
/// An answer that takes longer makes for no conversation.
const PATIENCE: Duration = Duration::from_millis(1200);
/// IP packets of these sizes are tried: those of tunnels, PPPoE, 464XLAT and Ethernet.
const SIZES: [u16; 10] = [1280, 1340, 1360, 1380, 1400, 1420, 1440, 1460, 1492, 1500];
/// Beyond the round trip, for a large packet.
const SLACK: Duration = Duration::from_millis(100);

/// Knocks at `addr`.
pub(super) async fn try_door(dc: ServerKey, addr: SocketAddr, known: bool) -> Door {
    let mut door = Door {
        addr,
        known,
        state: DoorState::Unreachable,
        rtt_ms: None,
        clock_ahead_ms: None,
        largest_packet: None,
        local: None,
    };
    if let Ok(mut visit) = Visit::start(dc, addr).await {
        door.local = visit.socket.local_addr().ok().map(|a| a.ip());
        visit.knock().await;
        door.state = visit.state();
        door.rtt_ms = median(
            visit
                .answers
                .iter()
                .map(|a| a.rtt.as_secs_f64() * 1e3)
                .collect(),
        );
        door.clock_ahead_ms = median(visit.answers.iter().map(|a| a.ahead_ms).collect());
        door.largest_packet = visit.largest().await;
    }
    door
}

struct Visit {
    dc: ServerKey,
    socket: UdpSocket,
    /// Bytes of IP and UDP headers.
    head: u16,
    waiting: Vec<Sent>,
    answers: Vec<Answer>,
    error: Option<io::ErrorKind>,
}

struct Sent {
    knock: Knock,
    size: u16,
    at: Instant,
    wall: Wall,
}

struct Answer {
    size: u16,
    rtt: Duration,
    ahead_ms: f64,
}

impl Visit {
    async fn start(dc: ServerKey, addr: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = if addr.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        // Connected, the system tells when nobody listens there.
        socket.connect(addr).await?;
        // Sets DF: a packet cut in pieces would say nothing of the path.
        UdpSocketState::new((&socket).into())?;
        Ok(Self {
            dc,
            socket,
            head: if addr.is_ipv4() { 28 } else { 48 },
            waiting: Vec::new(),
            answers: Vec::new(),
            error: None,
        })
    }

    async fn knock(&mut self) {
        let until = Instant::now() + PATIENCE;
        for _ in 0..KNOCKS {
            self.send(PADDED_LEN as u16 + self.head).await;
            self.listen(Instant::now() + SPACING).await;
        }
        self.listen(until).await;
    }

    fn state(&self) -> DoorState {
        match self.error {
            _ if !self.answers.is_empty() => DoorState::Open,
            Some(io::ErrorKind::ConnectionRefused) => DoorState::Refused,
            Some(_) => DoorState::Unreachable,
            None => DoorState::Silent,
        }
    }

    /// Each size once, then those above the largest that got through once more: packets get lost.
    async fn largest(&mut self) -> Option<u16> {
        let rtt = self.answers.iter().map(|a| a.rtt).max()?;
        self.waiting.clear();
        for _ in 0..2 {
            let best = self.best();
            for size in SIZES.into_iter().filter(|s| Some(*s) > best) {
                self.send(size).await;
            }
            self.listen(Instant::now() + rtt + SLACK).await;
        }
        self.best()
    }

    fn best(&self) -> Option<u16> {
        self.answers.iter().map(|a| a.size).max()
    }

    async fn send(&mut self, size: u16) {
        let mut random = [0; 40];
        if getrandom::fill(&mut random).is_err() {
            return;
        }
        let knock = Knock::new(random);
        let datagram = knock.datagram(&self.dc, usize::from(size - self.head));
        let (at, wall) = (Instant::now(), wall());
        match self.socket.send(&datagram).await {
            Ok(_) => self.waiting.push(Sent {
                knock,
                size,
                at,
                wall,
            }),
            Err(error) => self.note(&error),
        }
    }

    /// Until then, or until nothing is waited for.
    async fn listen(&mut self, until: Instant) {
        let mut buffer = [0; 2048];
        while !self.waiting.is_empty() {
            match timeout_at(until, self.socket.recv(&mut buffer)).await {
                Ok(Ok(len)) => self.take(buffer.get(..len).unwrap_or_default()),
                Ok(Err(error)) => {
                    self.note(&error);
                    return tokio::time::sleep_until(until.min(Instant::now() + SPACING)).await;
                }
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let now = Instant::now();
        let found = self
            .waiting
            .iter()
            .enumerate()
            .find_map(|(n, s)| Some((n, s.knock.answer(&self.dc, datagram)?)));
        let Some((n, theirs)) = found else { return };
        let sent = self.waiting.swap_remove(n);
        let rtt = now - sent.at;
        let mine = sent.wall.as_millis() as f64 + rtt.as_secs_f64() * 500.0;
        self.answers.push(Answer {
            size: sent.size,
            rtt,
            ahead_ms: mine - theirs.as_millis() as f64,
        });
    }

    fn note(&mut self, error: &io::Error) {
        // Too long for the network card: news about the size, not about the door.
        let too_long = self
            .waiting
            .iter()
            .any(|s| s.size > PADDED_LEN as u16 + self.head);
        if error.kind() != io::ErrorKind::WouldBlock && !too_long {
            self.error = Some(error.kind());
        }
    }
}
