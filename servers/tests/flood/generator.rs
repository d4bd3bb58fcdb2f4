//! Datagrams that nobody asked for, each from another address of the loopback network, and what comes back.
//!
//! Linux lets a socket send from any address of 127.0.0.0/8, and what is answered to them comes back to it: so every
//! source is another one without root, and each answer is held against its own question, whose length
//! is part of the address that it came from.

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ntm_wire::header::{HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::key::ServerKey;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::SockRef;

/// As many ports as a person's NAT would show.
const SOCKETS: usize = 8;
/// Datagrams before answers are looked for.
const BURST: u64 = 64;
const BREATH: Duration = Duration::from_micros(200);
/// Datagrams made before the first is sent; after the last the first comes again, from elsewhere.
const ROUND: u64 = 4096;
/// Bytes of answers that a socket holds until it is read.
const ANSWERS: usize = 1 << 20;
/// Answers still under way at the end.
const LAST: Duration = Duration::from_millis(300);

/// Whom the flood is for: DC and RS behind one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) dc: ServerKey,
    pub(crate) rs: ServerKey,
}

/// What it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Random bytes of random length.
    Garbage,
    /// To the DC: Hellos as they should be, but for their content.
    Hellos,
    /// To the RS: binds as they should be, but for their content.
    Binds,
    /// To the RS: data of paths that are not.
    Data,
    /// All of these in turn.
    Mixed,
}

/// What was sent, and what came back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) answers: u64,
    pub(crate) answer_bytes: u64,
    /// Answers that were longer than their question.
    pub(crate) too_long: u64,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Garbage,
        Self::Hellos,
        Self::Binds,
        Self::Data,
        Self::Mixed,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Garbage => "garbage",
            Self::Hellos => "hellos",
            Self::Binds => "binds",
            Self::Data => "data",
            Self::Mixed => "mixed",
        }
    }

    /// How many bytes of `buffer` are the next datagram.
    fn write(self, target: &Target, chance: &mut Chance, buffer: &mut [u8; PADDED_LEN]) -> usize {
        let some = |least: u64, chance: &mut Chance| {
            (least + chance.next() % (PADDED_LEN as u64 - least)) as usize
        };
        let (kind, selector, len) = match self {
            Self::Mixed => {
                let turn = Self::ALL[(chance.next() % 4) as usize];
                return turn.write(target, chance, buffer);
            }
            Self::Garbage => {
                let len = some(1, chance);
                chance.fill(&mut buffer[..len]);
                return len;
            }
            Self::Hellos => (PacketType::Hello, target.dc.selector(), PADDED_LEN),
            Self::Binds => (PacketType::Bind, target.rs.selector(), PADDED_LEN),
            Self::Data => (PacketType::Data, chance.next(), some(60, chance)),
        };
        let counter = if self == Self::Binds {
            0
        } else {
            chance.next()
        };
        let header = Header {
            kind,
            selector,
            counter,
        };
        buffer[..HEADER_LEN].copy_from_slice(&header.emit());
        chance.fill(&mut buffer[HEADER_LEN..len]);
        if self == Self::Hellos {
            // No cookie yet.
            buffer[HEADER_LEN] = 0;
        }
        len
    }
}

/// Sends for so long, at most at this rate.
pub(crate) fn flood(target: &Target, kind: Kind, rate: u32, lasts: Duration) -> Sent {
    let mut sockets: Vec<Socket> = (0..SOCKETS).map(|_| Socket::new()).collect();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let round = Round::new(target, kind, &mut chance);
    let (mut sent, mut tried, mut turn, began) = (Sent::default(), 0, 0, Instant::now());
    while began.elapsed() < lasts {
        let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        let burst = due.saturating_sub(tried).min(BURST);
        for number in tried..tried + burst {
            let socket = &sockets[(chance.next() % SOCKETS as u64) as usize];
            if let Some(bytes) = socket.send(target, round.datagram(number), &mut chance) {
                sent.datagrams += 1;
                sent.bytes += bytes as u64;
            }
        }
        tried += burst;
        // One after the other: a look at an empty socket costs as much as a datagram.
        turn = (turn + 1) % SOCKETS;
        sockets[turn].take_answers(&mut sent);
        if burst < BURST {
            std::thread::sleep(BREATH);
        }
    }
    sent.seconds = began.elapsed().as_secs_f64();
    std::thread::sleep(LAST);
    sockets.iter_mut().for_each(|s| s.take_answers(&mut sent));
    sent
}

/// Datagrams made in advance, so that the sender's core does nothing but send.
struct Round {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Round {
    fn new(target: &Target, kind: Kind, chance: &mut Chance) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut buffer = [0; PADDED_LEN];
        for _ in 0..ROUND {
            let len = kind.write(target, chance, &mut buffer);
            bytes.extend(&buffer[..len]);
            ends.push(bytes.len());
        }
        Self { bytes, ends }
    }

    fn datagram(&self, number: u64) -> &[u8] {
        let at = (number % ROUND) as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }
}

struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    slots: Vec<u8>,
}

const SLOT: usize = 1 << 16;

impl Socket {
    fn new() -> Self {
        let io = UdpSocket::bind("0.0.0.0:0").unwrap();
        drop(SockRef::from(&io).set_recv_buffer_size(ANSWERS));
        let state = UdpSocketState::new(UdpSockRef::from(&io)).unwrap();
        let slots = vec![0; SLOT * BATCH_SIZE];
        Self { io, state, slots }
    }

    /// The bytes that the kernel took.
    fn send(&self, target: &Target, contents: &[u8], chance: &mut Chance) -> Option<usize> {
        let transmit = Transmit {
            destination: target.addr,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: Some(source(contents.len(), chance)),
        };
        let sent = self.state.try_send(UdpSockRef::from(&self.io), &transmit);
        sent.is_ok().then_some(contents.len())
    }

    fn take_answers(&mut self, sent: &mut Sent) {
        let mut meta = [RecvMeta::default(); BATCH_SIZE];
        loop {
            let mut slots = self.slots.chunks_exact_mut(SLOT).map(IoSliceMut::new);
            let mut slots: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| slots.next().unwrap());
            let io = UdpSockRef::from(&self.io);
            let Ok(count) = self.state.recv(io, &mut slots, &mut meta) else {
                return;
            };
            meta[..count].iter().for_each(|m| sent.count(m));
        }
    }
}

impl Sent {
    fn count(&mut self, answer: &RecvMeta) {
        let stride = answer.stride.max(1);
        self.answers += answer.len.div_ceil(stride) as u64;
        self.answer_bytes += answer.len as u64;
        let question = answer.dst_ip.map_or(0, question_of);
        self.too_long += u64::from(stride.min(answer.len) > question);
    }

    /// Bytes that came back for each that was sent.
    pub(crate) fn amplification(&self) -> f64 {
        self.answer_bytes as f64 / self.bytes.max(1) as f64
    }
}

/// 127, then 11 bits of length, then 13 of chance.
fn source(len: usize, chance: &mut Chance) -> IpAddr {
    let bits = 127 << 24 | (len as u32) << 13 | (chance.next() & 0x1fff) as u32;
    Ipv4Addr::from(bits).into()
}

fn question_of(source: IpAddr) -> usize {
    match source {
        IpAddr::V4(v4) => (u32::from(v4) >> 13 & 0x7ff) as usize,
        IpAddr::V6(_) => 0,
    }
}

/// Random enough for a nuisance (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}
