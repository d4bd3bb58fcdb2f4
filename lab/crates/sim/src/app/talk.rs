//! A talk: numbered packets at a steady pace to one peer, and an account of what comes from there.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

use ntm_proto::{Node, UdpId};
use ntm_wire::time::{Mono, Now};

/// The virtual port that talks use.
pub const TALK_PORT: u16 = 4100;
/// A voice packet's payload.
const LEN: usize = 80;
/// Behind number and tag come bytes that depend on both.
const HEAD: usize = 12;
/// So far behind the highest number a packet is still told from its double.
const WINDOW: u32 = 1 << 12;

/// A stream to a peer, and what came of the peer's.
#[derive(Debug)]
pub struct Talk {
    socket: UdpId,
    to: SocketAddr,
    pace: Duration,
    next: Mono,
    tag: u64,
    /// How many packets were sent.
    pub sent: u32,
    /// What came.
    pub heard: Heard,
}

/// What came of the peer's stream.
#[derive(Debug)]
pub struct Heard {
    tag: u64,
    seen: VecDeque<bool>,
    /// One more than the highest number that came.
    pub end: u32,
    /// Packets that came, doubles left out.
    pub count: u64,
    /// Packets that came twice, or so late that nobody can say.
    pub doubles: u64,
    /// Packets that the peer can't have sent.
    pub foreign: u64,
    last: Mono,
    silence: Duration,
    wanted: u32,
    first: Option<Mono>,
}

impl Talk {
    /// Begins to talk. `tags`: this end's and the peer's.
    pub fn new(
        now: Mono,
        node: &mut Node,
        to: SocketAddr,
        pace: Duration,
        tags: [u64; 2],
    ) -> Option<Self> {
        let socket = node.udp_bind(None, TALK_PORT).ok()?;
        let [tag, peer] = tags;
        Some(Self {
            socket,
            to,
            pace,
            next: now,
            tag,
            sent: 0,
            heard: Heard::new(peer, now),
        })
    }

    /// When the next packet is due.
    pub fn poll_timeout(&self) -> Mono {
        self.next
    }

    /// Sends what is due.
    pub fn handle_timeout(&mut self, now: Now, node: &mut Node) {
        while self.next <= now.mono {
            let payload = payload(self.sent, self.tag);
            // Without a tunnel the packet is lost, as on any network.
            let _ = node.udp_send(now, self.socket, self.to, &payload);
            self.sent += 1;
            self.next = self.next + self.pace;
        }
    }

    /// Takes what came; false when the socket is not this talk's.
    pub fn handle_readable(&mut self, now: Mono, node: &mut Node, socket: UdpId) -> bool {
        if socket != self.socket {
            return false;
        }
        while let Some(received) = node.udp_recv(socket) {
            let is_peer = received.from == self.to;
            self.heard.take(now, &received.data, is_peer);
        }
        true
    }
}

impl Heard {
    fn new(tag: u64, now: Mono) -> Self {
        Self {
            tag,
            seen: VecDeque::new(),
            end: 0,
            count: 0,
            doubles: 0,
            foreign: 0,
            last: now,
            silence: Duration::ZERO,
            wanted: 0,
            first: None,
        }
    }

    /// From now on silence is measured, and the first packet with this number or a later one.
    pub fn mark(&mut self, wanted: u32) {
        self.wanted = wanted;
        self.first = None;
        self.silence = Duration::ZERO;
    }

    /// When the first packet came that was wanted.
    pub fn first(&self) -> Option<Mono> {
        self.first
    }

    /// The longest silence since the mark; one that has not ended is none.
    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// The silence that has not ended.
    pub fn quiet(&self, now: Mono) -> Duration {
        now.since(self.last)
    }

    /// Packets from this number on that others overtook and that did not come.
    pub fn missing_since(&self, number: u32) -> u64 {
        let behind = self.end.saturating_sub(number) as usize;
        let known = self.seen.iter().rev().take(behind);
        known.filter(|seen| !**seen).count() as u64
    }

    fn take(&mut self, now: Mono, data: &[u8], is_peer: bool) {
        let number = data.first_chunk().map(|b| u32::from_be_bytes(*b));
        let genuine = number.filter(|n| is_peer && payload(*n, self.tag) == data);
        let Some(number) = genuine else {
            self.foreign += 1;
            return;
        };
        if !self.is_new(number) {
            self.doubles += 1;
            return;
        }
        self.count += 1;
        self.silence = self.silence.max(now.since(self.last));
        self.last = now;
        if number >= self.wanted {
            self.first.get_or_insert(now);
        }
    }

    /// Marks a number as seen; false when it was.
    fn is_new(&mut self, number: u32) -> bool {
        while self.end <= number {
            if self.seen.len() >= WINDOW as usize {
                self.seen.pop_front();
            }
            self.seen.push_back(false);
            self.end += 1;
        }
        let behind = (self.end - number) as usize;
        let at = self.seen.len().checked_sub(behind);
        let slot = at.and_then(|at| self.seen.get_mut(at));
        slot.is_some_and(|seen| !core::mem::replace(seen, true))
    }
}

fn payload(number: u32, tag: u64) -> [u8; LEN] {
    let mut out = [0; LEN];
    out[..4].copy_from_slice(&number.to_be_bytes());
    out[4..HEAD].copy_from_slice(&tag.to_be_bytes());
    for (at, byte) in out[HEAD..].iter_mut().enumerate() {
        *byte = (number as u8).wrapping_mul(31).wrapping_add(at as u8) ^ tag as u8;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    #[test]
    fn doubles_foreign_packets_and_silence_are_noticed() {
        let mut heard = Heard::new(7, at(0));
        for (ms, number) in [(20, 0), (40, 2), (60, 1), (61, 2), (200, 3)] {
            heard.take(at(ms), &payload(number, 7), true);
        }
        heard.take(at(201), &payload(4, 8), true);
        heard.take(at(202), &payload(4, 7), false);
        assert_eq!((heard.count, heard.doubles, heard.foreign), (4, 1, 2));
        assert_eq!(heard.silence(), Duration::from_millis(140));
        heard.mark(5);
        heard.take(at(220), &payload(4, 7), true);
        heard.take(at(230), &payload(5, 7), true);
        assert_eq!(
            (heard.first(), heard.silence()),
            (Some(at(230)), Duration::from_millis(20))
        );
    }
}
