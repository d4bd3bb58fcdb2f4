//! What happened in a world, line by line, and a hash over all of it.

use core::fmt;
use core::net::SocketAddr;
use std::collections::VecDeque;

use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::time::Mono;

use crate::net::{DropReason, HostId, Packet};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Mono,
    /// At which host.
    pub host: HostId,
    /// What.
    pub what: What,
}

/// The kinds of things that happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The host sent a datagram.
    Sent(Seen),
    /// A datagram reached the host.
    Received(Seen),
    /// A datagram of the host was dropped on its way.
    Dropped(DropReason, Seen),
    /// A milestone: an event of a machine, or something done to the host.
    Note(String),
}

/// What an onlooker sees of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The datagram's number.
    pub id: u64,
    /// Its type; none when it is no NTM datagram.
    pub kind: Option<PacketType>,
    /// Source as seen here.
    pub src: SocketAddr,
    /// Destination as seen here.
    pub dst: SocketAddr,
    /// Bytes of UDP payload.
    pub len: usize,
}

impl Seen {
    /// What `packet` shows.
    pub fn of(packet: &Packet) -> Self {
        let view = Datagram::new_checked(packet.payload.as_slice());
        Self {
            id: packet.id,
            kind: view.ok().map(|v| v.kind()),
            src: packet.src,
            dst: packet.dst,
            len: packet.payload.len(),
        }
    }
}

/// The last lines of a world, and a hash over all lines and all bytes.
#[derive(Clone, Debug)]
pub struct Trace {
    lines: VecDeque<Line>,
    keep: usize,
    hash: u64,
    count: u64,
}

impl Trace {
    /// Keeps the last `keep` lines.
    pub fn new(keep: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            keep,
            hash: 0xcbf2_9ce4_8422_2325,
            count: 0,
        }
    }

    /// Keeps more, or fewer, from now on.
    pub fn keep(&mut self, lines: usize) {
        self.keep = lines;
    }

    /// A line about a datagram; its bytes enter the hash.
    pub fn datagram(&mut self, line: Line, payload: &[u8]) {
        self.mix(payload);
        self.push(line);
    }

    /// A milestone.
    pub fn note(&mut self, at: Mono, host: HostId, text: String) {
        self.mix(text.as_bytes());
        self.push(Line {
            at,
            host,
            what: What::Note(text),
        });
    }

    /// A line of a machine's log: kept, but no part of the hash, since nobody may listen.
    pub fn aside(&mut self, at: Mono, host: HostId, text: String) {
        let what = What::Note(text);
        self.retain(Line { at, host, what });
    }

    /// The lines kept, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    /// A hash over every line there ever was, with all bytes sent: two runs are the same when it is.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there ever were.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn push(&mut self, line: Line) {
        self.count += 1;
        self.mix(&line.at.as_micros().to_be_bytes());
        self.mix(&(line.host.0 as u64).to_be_bytes());
        self.retain(line);
    }

    fn retain(&mut self, line: Line) {
        if self.keep == 0 {
            return;
        }
        if self.lines.len() >= self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// FNV-1a over words: fast, and no adversary is about.
    fn mix(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.hash = (self.hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3);
            self.hash ^= self.hash >> 29;
        }
        self.hash ^= bytes.len() as u64;
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{kind:?}")?,
            None => write!(f, "?")?,
        }
        write!(
            f,
            " #{} {} > {} {} B",
            self.id, self.src, self.dst, self.len
        )
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(seen) => write!(f, "-> {seen}"),
            Self::Received(seen) => write!(f, "<- {seen}"),
            Self::Dropped(why, seen) => write!(f, "xx {seen} ({why:?})"),
            Self::Note(text) => write!(f, "** {text}"),
        }
    }
}
