//! [`Moves`]: streams that begin on the relay and move to the direct path, watched at the server's host.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::conversation::{Conversation, Line};
use crate::heard::{self, Way};
use crate::matrix::{Bench, Matrix, Pair, Side};
use crate::sniffer::{Datagram, Sniffer};
use crate::talk::{RECORD, Talk, Tally};

/// Version 1, type Data: the first byte of a tunnel's packets (docs/protocol.md, "Outer header").
const DATA: u8 = 0x11;
/// What a packet of the stream is longer than its record: header, form and ports, tag.
const OVERHEAD: usize = 38;
/// What a receiver that was overtaken by more would drop.
const REPLAY_WINDOW: usize = 2048;
/// A pair that does not move in this time never will.
const PATIENCE: Duration = Duration::from_secs(5);
/// The stream goes on for so long on the direct path.
const AFTER: Duration = Duration::from_millis(1500);
/// What is late still counts.
const TAIL: Duration = Duration::from_millis(200);
const FIRST_PORT: u16 = 30_000;

/// What to try.
#[derive(Clone, Debug)]
pub struct Moves {
    /// Which networks; the runs go round.
    pub pairs: Vec<Pair>,
    /// How often in all.
    pub runs: usize,
    /// The round trip between the ends, and of each to the server.
    pub rtt: Duration,
    /// For all that is random.
    pub seed: u64,
}

/// What came of one run. Serialised it is a line of `ntm-lab moves --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Move {
    /// The caller's network.
    pub from: String,
    /// The callee's network.
    pub to: String,
    /// Records sent, both directions.
    pub sent: usize,
    /// Of these, never came.
    pub lost: usize,
    /// Came twice.
    pub doubled: usize,
    /// By so many later ones a record was overtaken at most.
    pub overtaken: usize,
    /// From the tunnel's standing until the later end moved for good; none: it did not.
    pub moved_ms: Option<f64>,
    /// Packets of the stream that came to the server's host before that.
    pub relayed: usize,
    /// The same a round trip after it.
    pub afterwards: usize,
    /// Other packets of tunnels that came then: the relay is asked whether it lives.
    pub probes: usize,
}

impl Move {
    /// Whether it began on the relay, moved, lost nothing, and left nothing on the relay.
    pub fn is_sound(&self) -> bool {
        let moved = self.relayed > 0 && self.moved_ms.is_some();
        let arrived = self.lost == 0 && self.doubled == 0 && self.overtaken < REPLAY_WINDOW;
        moved && arrived && self.afterwards == 0
    }
}

impl Moves {
    /// Builds a world with all the networks, and runs in it.
    pub fn run(&self, tell: impl Fn(&Move)) -> anyhow::Result<Vec<Move>> {
        let bench = Bench::build(&Matrix {
            rtt: self.rtt,
            seed: self.seed,
            ..Matrix::of(self.pairs.clone())
        })?;
        let sniffer = Sniffer::start(bench.world().servers())?;
        let mut moves = Vec::new();
        for (number, pair) in self.pairs.iter().cycle().take(self.runs).enumerate() {
            let port = FIRST_PORT + u16::try_from(number)?;
            let one = self.once(&bench, &sniffer, *pair, port)?;
            tell(&one);
            moves.push(one);
        }
        Ok(moves)
    }

    fn once(&self, bench: &Bench, tap: &Sniffer, pair: Pair, port: u16) -> anyhow::Result<Move> {
        let (caller, callee) = (
            bench.device(Side::Caller, pair.0)?,
            bench.device(Side::Callee, pair.1)?,
        );
        drop(tap.take());
        let mut talk = Talk::begin(caller, callee, port)?;
        talk.go_on_until(PATIENCE, |ends| both_moved(ends).is_some());
        talk.go_on(AFTER);
        talk.hush();
        std::thread::sleep(self.rtt + TAIL);
        let moved = both_moved(talk.ends());
        let one = self.judge(pair, &talk, moved, &tap.take());
        talk.end()?;
        Ok(one)
    }

    fn judge(
        &self,
        (from, to): Pair,
        talk: &Talk,
        moved: Option<SystemTime>,
        seen: &[Datagram],
    ) -> Move {
        let Tally {
            lost,
            doubled,
            overtaken,
        } = talk.tally();
        let data = || seen.iter().filter(|d| d.first == Some(DATA));
        let (early, late) = (
            data().filter(|d| moved.is_none_or(|m| d.at <= m)),
            data().filter(|d| moved.is_some_and(|m| d.at > m + self.rtt)),
        );
        let (stream, probes): (Vec<&Datagram>, Vec<&Datagram>) = late.partition(is_stream);
        let up = talk.ends().iter().filter_map(|e| stands(&e.err())).min();
        let took = moved.zip(up).and_then(|(m, u)| m.duration_since(u).ok());
        Move {
            from: from.to_string(),
            to: to.to_string(),
            sent: talk.sent(),
            lost,
            doubled,
            overtaken,
            moved_ms: took.map(|t| (t.as_secs_f64() * 10_000.0).round() / 10.0),
            relayed: early.filter(is_stream).count(),
            afterwards: stream.len(),
            probes: probes.len(),
        }
    }
}

/// One record, or some that were written faster than the program read them.
fn is_stream(datagram: &&Datagram) -> bool {
    let payload = datagram.len.saturating_sub(OVERHEAD);
    payload > 0 && payload.is_multiple_of(RECORD)
}

fn stands(lines: &[Line]) -> Option<SystemTime> {
    let up = lines.iter().find(|l| heard::tunnel_up(l).is_some());
    up.map(|l| l.at)
}

/// When the later end took the direct path that it is still on.
fn both_moved(ends: [&Conversation; 2]) -> Option<SystemTime> {
    let [a, b] = ends.map(|e| direct_since(&e.err()));
    Some(a?.max(b?))
}

fn direct_since(lines: &[Line]) -> Option<SystemTime> {
    let ways = lines.iter().filter_map(|l| Some((l.at, heard::way(l)?)));
    ways.fold(None, |since: Option<SystemTime>, (at, way)| {
        (way == Way::Direct).then(|| since.unwrap_or(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Move {
        Move {
            from: String::new(),
            to: String::new(),
            sent: 200,
            lost: 0,
            doubled: 0,
            overtaken: 2,
            moved_ms: Some(60.0),
            relayed: 6,
            afterwards: 0,
            probes: 3,
        }
    }

    #[test]
    fn a_run_is_sound_only_if_it_moved_lost_nothing_and_left_nothing_on_the_relay() {
        let good = sound();
        assert!(good.is_sound());
        let spoil: [fn(&mut Move); 6] = [
            |m| m.lost = 1,
            |m| m.doubled = 1,
            |m| m.overtaken = REPLAY_WINDOW,
            |m| m.moved_ms = None,
            |m| m.relayed = 0,
            |m| m.afterwards = 1,
        ];
        for (number, change) in spoil.into_iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(!bad.is_sound(), "{number}");
        }
    }

    #[test]
    fn packets_of_the_stream_are_told_from_others_by_their_length() {
        let at = "192.0.2.1:1".parse().unwrap();
        let of = |len| Datagram {
            at: SystemTime::UNIX_EPOCH,
            from: at,
            to: at,
            len,
            first: Some(DATA),
        };
        assert!(is_stream(&&of(110)) && is_stream(&&of(182)));
        assert!([0, 38, 52, 1200].into_iter().all(|l| !is_stream(&&of(l))));
    }
}
