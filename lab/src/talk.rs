//! [`Talk`]: two people's programs that write numbered records to each other at the pace of speech.

mod pacer;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;

use crate::conversation::{Conversation, Line};
use crate::heard;
use crate::servers::Device;
use pacer::{Mouth, Pacer};

/// A voice stream's.
pub const PACE: Duration = Duration::from_millis(20);
/// As long as 20 ms of Opus at 24 kbit/s behind an RTP header.
pub const RECORD: usize = 72;
const START: Duration = Duration::from_secs(15);
/// The relay carries the stream for a round trip only: it must not begin late.
const GLANCE: Duration = Duration::from_millis(2);

/// Whether a program has a tunnel with this line of its log.
pub type IsUp = fn(&Line) -> bool;

/// A running stream in both directions.
#[derive(Debug)]
pub struct Talk {
    pacer: Option<Pacer>,
    ends: [End; 2],
    pace: Duration,
}

/// One of the two programs.
#[derive(Debug)]
struct End {
    program: Conversation,
    mouth: Arc<Mouth>,
    is_up: IsUp,
}

/// What came of the records of both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that never came.
    pub lost: usize,
    /// Records that came more than once.
    pub doubled: usize,
    /// How many later ones overtook a record, at most.
    pub overtaken: usize,
}

impl Talk {
    /// Both programs start, the callee's first; the caller's first record asks for the tunnel, and each
    /// end goes on as soon as it has one.
    pub fn begin(caller: &Device, callee: &Device, port: u16) -> anyhow::Result<Self> {
        Self::begin_at(PACE, caller, callee, port, &[])
    }

    /// The same at another pace, with these variables in both programs' environment.
    pub fn begin_at(
        pace: Duration,
        caller: &Device,
        callee: &Device,
        port: u16,
        env: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let port = port.to_string();
        let log = ["--log", heard::FILTER, "nc", "-u"];
        let run = |device: &Device| {
            let run = device.ntm()?.args(log);
            anyhow::Ok(
                env.iter()
                    .fold(run, |run, (key, value)| run.env(key, value)),
            )
        };
        let listening = run(callee)?.args(["-l", &port]).converse()?;
        let registered = |l: &[Line]| l.iter().find(|l| heard::is_registered(l)).map(drop);
        let listens = listening.wait_err(Instant::now() + START, registered);
        ensure!(listens.is_some(), "the callee never registered");
        let calling = run(caller)?.args([callee.name(), &port]);
        let is_up = |l: &Line| heard::tunnel_up(l).is_some();
        Self::between([calling.converse()?, listening], pace, is_up)
    }

    /// Between two running programs, the caller's first; returns when both have a tunnel.
    pub fn between(
        programs: [Conversation; 2],
        pace: Duration,
        is_up: IsUp,
    ) -> anyhow::Result<Self> {
        let this = Self {
            pacer: None,
            ends: programs.map(|program| End::new(program, is_up)),
            pace,
        };
        this.ends.iter().for_each(End::say);
        this.wait()?;
        Ok(this)
    }

    fn wait(&self) -> anyhow::Result<()> {
        let until = Instant::now() + START;
        while !self.ends.iter().all(End::is_up) {
            ensure!(Instant::now() < until, "no tunnel");
            let mut up = self.ends.iter().filter(|e| e.is_up());
            let pause = up.next().map_or(GLANCE, |end| {
                end.say();
                PACE
            });
            std::thread::sleep(pause);
        }
        Ok(())
    }

    /// The caller's program and the callee's.
    pub fn ends(&self) -> [&Conversation; 2] {
        self.ends.each_ref().map(|e| &e.program)
    }

    /// So many records both have sent.
    pub fn sent(&self) -> usize {
        self.sent_at().iter().map(Vec::len).sum()
    }

    /// When each record was sent, of the caller and of the callee.
    pub fn sent_at(&self) -> [Vec<SystemTime>; 2] {
        self.ends.each_ref().map(|e| e.mouth.said_at())
    }

    /// Both go on sending, until [`Talk::hush`].
    pub fn go_on(&mut self, how_long: Duration) {
        self.go_on_until(how_long, |_| false);
    }

    /// The same, but it waits no longer than until it is over.
    pub fn go_on_until(&mut self, at_most: Duration, is_over: impl Fn([&Conversation; 2]) -> bool) {
        let until = Instant::now() + at_most;
        if self.pacer.is_none() {
            let mouths = self.ends.each_ref().map(|e| Arc::clone(&e.mouth));
            self.pacer = Some(Pacer::start(self.pace, mouths));
        }
        while !is_over(self.ends()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(PACE));
        }
    }

    /// Neither says anything more; what is under way may still come.
    pub fn hush(&mut self) {
        self.pacer = None;
    }

    /// What has come so far.
    pub fn tally(&self) -> Tally {
        let [a, b] = &self.ends;
        let [to_b, to_a] =
            [(a, b), (b, a)].map(|(x, y)| Tally::of(x.mouth.said_at().len(), &y.program.out()));
        Tally {
            lost: to_a.lost + to_b.lost,
            doubled: to_a.doubled + to_b.doubled,
            overtaken: to_a.overtaken.max(to_b.overtaken),
        }
    }

    /// Ends both programs as people would.
    pub fn end(mut self) -> anyhow::Result<()> {
        self.hush();
        for end in self.ends {
            end.program.terminate()?;
        }
        Ok(())
    }
}

impl End {
    fn new(mut program: Conversation, is_up: IsUp) -> Self {
        let mouth = Arc::new(Mouth::new(program.take_input()));
        Self {
            program,
            mouth,
            is_up,
        }
    }

    fn say(&self) {
        self.mouth.say();
    }

    fn is_up(&self) -> bool {
        self.program.err().iter().any(self.is_up)
    }
}

impl Tally {
    fn of(sent: usize, out: &[Line]) -> Self {
        let numbers = out.iter().filter_map(|l| l.text.parse::<usize>().ok());
        let mut seen = BTreeSet::new();
        let mut this = Self::default();
        for number in numbers {
            this.overtaken = this.overtaken.max(seen.range(number + 1..).count());
            this.doubled += usize::from(!seen.insert(number));
        }
        this.lost = sent.saturating_sub(seen.len());
        this
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use pacer::record;

    fn came(numbers: &[usize]) -> Tally {
        let line = |number: &usize| Line {
            at: SystemTime::UNIX_EPOCH,
            text: record(*number).trim_end().to_owned(),
        };
        Tally::of(5, &numbers.iter().map(line).collect::<Vec<_>>())
    }

    #[test]
    fn every_record_is_as_long_as_it_is_said_to_be() {
        assert_eq!([0, 7, 123_456].map(|n| record(n).len()), [RECORD; 3]);
    }

    #[test]
    fn what_is_missing_what_came_twice_and_what_was_overtaken_is_told() {
        assert_eq!(came(&[0, 1, 2, 3, 4]), Tally::default());
        let tally = came(&[0, 3, 4, 1, 1]);
        let expected = Tally {
            lost: 1,
            doubled: 1,
            overtaken: 2,
        };
        assert_eq!(tally, expected);
        assert_eq!(came(&[]).lost, 5);
    }
}
