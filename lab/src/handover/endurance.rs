//! [`Endurance`]: one stream that lives through very many hand-overs, and what its programs hold meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::case::{Case, Ends};
use crate::host::Radio;
use crate::peer::{Cast, Peer};
use crate::talk::{PACE, Talk};
use crate::world::{Weather, World};

const PORT: u16 = 39_000;
/// Whoever hears nothing for so long after a move has not recovered.
const PATIENCE: Duration = Duration::from_secs(9);
/// So many records in a row after the move, and the stream is there again.
const THERE_AGAIN: usize = 10;
/// What a program may hold more of at the end than after the first tenth: a page table, a log's buffer.
const SLACK_KIB: u64 = 1024;

/// What to try: the caller's Wi-Fi goes (the other network is up), and comes back; each is a hand-over.
#[derive(Clone, Copy, Debug)]
pub struct Endurance {
    /// How many hand-overs.
    pub moves: usize,
    /// From one to the next, at the least.
    pub every: Duration,
    /// The round trip between the ends, and of each to the server.
    pub rtt: Duration,
    /// For all that is random.
    pub seed: u64,
}

/// What a program holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Proportional set size, KiB.
    pub pss_kib: u64,
    /// Open file descriptors.
    pub descriptors: usize,
}

/// All three programs after so many hand-overs. Serialised it is a line of `ntm-lab endurance --json`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// Hand-overs so far.
    pub moves: usize,
    /// The one that moves.
    pub caller: Held,
    /// The other end.
    pub callee: Held,
    /// AS, DC and RS in one.
    pub server: Held,
    /// Records of both directions that never came, of all so far.
    pub lost: usize,
    /// Records sent.
    pub sent: usize,
}

impl Endurance {
    /// Builds a world, and moves in it; tells ten times and at the end.
    pub fn run(&self, mut tell: impl FnMut(&Sample)) -> anyhow::Result<Vec<Sample>> {
        let weather = Weather {
            rtt: self.rtt,
            seed: self.seed,
        };
        let mut world = World::build(weather)?;
        let mut ends = Case::Hard.build(&mut world, None)?;
        let hosts = [&ends.caller.host, &ends.callee.host];
        let mut cast = Cast::start(Peer::Ntm, &mut world, hosts, false)?;
        Case::Hard.prepare(&mut ends)?;
        let mut talk = cast.talk([&ends.caller.host, &ends.callee.host], PORT, PACE)?;
        let server = cast.ours().and_then(|o| o.servers.id());
        let server = server.context("the server's process")?;
        let mut samples = Vec::new();
        for moves in 1..=self.moves {
            self.once(&mut ends, &mut talk, moves)?;
            if moves % self.stride() == 0 {
                let sample = Sample::take(moves, &talk, server)?;
                tell(&sample);
                samples.push(sample);
            }
        }
        talk.end()?;
        Ok(samples)
    }

    /// An even number, so that every sample is taken in the same place.
    fn stride(&self) -> usize {
        (self.moves / 20).max(1) * 2
    }

    fn once(&self, ends: &mut Ends, talk: &mut Talk, number: usize) -> anyhow::Result<()> {
        let caller = &mut ends.caller;
        if number % 2 == 1 {
            caller.host.leave(Radio::First)?;
        } else {
            caller.join(Radio::First, 0)?;
        }
        let moved = Instant::now();
        let before = talk.ends().map(|e| e.said());
        talk.go_on_until(PATIENCE, |now| {
            is_there_again(before, now.map(|e| e.said()))
        });
        let now = talk.ends().map(|e| e.said());
        ensure!(
            is_there_again(before, now),
            "hand-over {number}: nothing came for {} s",
            PATIENCE.as_secs()
        );
        talk.go_on(self.every.saturating_sub(moved.elapsed()));
        Ok(())
    }
}

fn is_there_again(before: [usize; 2], now: [usize; 2]) -> bool {
    before.iter().zip(now).all(|(b, n)| n >= b + THERE_AGAIN)
}

impl Sample {
    fn take(moves: usize, talk: &Talk, server: u32) -> anyhow::Result<Self> {
        let [caller, callee] = talk.ends().map(|e| Held::of(e.id()));
        Ok(Self {
            moves,
            caller: caller?,
            callee: callee?,
            server: Held::of(server)?,
            lost: talk.tally().lost,
            sent: talk.sent(),
        })
    }

    /// Whether nothing has grown since `early`.
    pub fn is_no_more_than(&self, early: &Self) -> bool {
        let now = [self.caller, self.callee, self.server];
        let then = [early.caller, early.callee, early.server];
        now.iter().zip(then).all(|(n, t)| n.is_no_more_than(t))
    }
}

impl Held {
    fn of(process: u32) -> anyhow::Result<Self> {
        let folder = format!("/proc/{process}");
        let rollup = std::fs::read_to_string(format!("{folder}/smaps_rollup"))
            .with_context(|| format!("process {process} is gone"))?;
        let pss = rollup.lines().find_map(|l| l.strip_prefix("Pss:"));
        let pss = pss.and_then(|l| l.split_whitespace().next()?.parse().ok());
        Ok(Self {
            pss_kib: pss.context("no Pss in smaps_rollup")?,
            descriptors: std::fs::read_dir(format!("{folder}/fd"))?.count(),
        })
    }

    fn is_no_more_than(self, early: Self) -> bool {
        self.descriptors <= early.descriptors && self.pss_kib <= early.pss_kib + SLACK_KIB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_more_or_a_mebibyte_is_growth() {
        let early = Held {
            pss_kib: 9_000,
            descriptors: 20,
        };
        let held = |pss_kib, descriptors| Held {
            pss_kib,
            descriptors,
        };
        assert!(held(10_024, 20).is_no_more_than(early));
        assert!(!held(10_025, 20).is_no_more_than(early));
        assert!(!held(9_000, 21).is_no_more_than(early));
    }

    #[test]
    fn what_this_process_holds_is_counted() {
        let before = Held::of(std::process::id()).unwrap();
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        let after = Held::of(std::process::id()).unwrap();
        assert!(after.descriptors > before.descriptors && before.pss_kib > 0);
        drop(file);
    }

    #[test]
    fn samples_are_taken_where_the_caller_is_at_home() {
        for moves in [1, 7, 20, 999, 1_000] {
            let endurance = Endurance {
                moves,
                every: Duration::ZERO,
                rtt: Duration::ZERO,
                seed: 1,
            };
            assert_eq!(endurance.stride() % 2, 0, "{moves}");
        }
    }
}
