//! [`Attempt`]: one try of one pair, with fresh processes at both ends.
//!
//! The callee runs `ntm echo`, the caller `ntm nc`. A try counts only if a record that the caller's
//! application wrote came back to it, through the tunnel, from the callee's application.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use crate::conversation::{Conversation, Line};
use crate::heard::{self, Way};
use crate::network::Expectation;
use crate::servers::Device;

/// One record every so often, as voice does.
const PACE: Duration = Duration::from_millis(20);
/// A node that is not registered after this will not be.
const START: Duration = Duration::from_secs(20);
/// A tunnel that does not stand, or carries nothing, after this never will.
const SET_UP: Duration = Duration::from_secs(20);
/// After the direct path is reached the stream goes on, to see that it stays and loses nothing.
const SETTLE: Duration = Duration::from_millis(300);
/// What is late still counts.
const TAIL: Duration = Duration::from_millis(150);

/// How a try is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The virtual port of the echo.
    pub port: u16,
    /// How the pair should end: a direct path is waited for, a relay is watched for staying.
    pub expected: Expectation,
    /// The round trip between the ends.
    pub rtt: Duration,
}

impl Plan {
    /// How long the stream goes on without a direct path.
    fn patience(&self) -> Duration {
        match self.expected {
            Expectation::Direct => Duration::from_secs(6),
            Expectation::Relay | Expectation::Either => Duration::from_secs(1) + 4 * self.rtt,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Records the application sent.
    pub sent: usize,
    /// Different records that came back to it.
    pub echoed: usize,
    /// The way at the end, if both ends went it.
    pub way: Option<Way>,
    /// From the question for the name until the callee's application had the first record.
    pub first_byte: Option<Duration>,
    /// From the tunnel's standing until its direct path, at the end that took longer.
    pub direct_after: Option<Duration>,
    /// What was complained of.
    pub trouble: Option<String>,
    /// All that both ends said.
    pub transcript: String,
}

impl Attempt {
    /// Whether a byte came back.
    pub fn is_ok(&self) -> bool {
        self.echoed > 0
    }

    /// Runs one.
    pub fn run(caller: &Device, callee: &Device, plan: Plan) -> anyhow::Result<Self> {
        let port = plan.port.to_string();
        let log = ["--json", "--log", heard::FILTER];
        let echo = callee.ntm()?.args(log);
        let echo = echo.args(["echo", "--virtual-port", &port]).converse()?;
        if !listens(&echo) {
            return Ok(Self::failed("the callee", &echo));
        }
        let nc = caller.ntm()?.args(["--log", heard::FILTER]);
        let mut nc = nc.args(["nc", "-u", callee.name(), &port]).converse()?;
        let sent = stream(&mut nc, &echo, plan);
        let this = Self::of(sent, &nc, &echo);
        nc.terminate()?;
        echo.terminate()?;
        Ok(this)
    }

    fn failed(who: &str, process: &Conversation) -> Self {
        let said = heard::complaint(&process.err());
        let said = said.unwrap_or_else(|| "never registered, and said nothing".to_owned());
        Self {
            trouble: Some(format!("{who}: {said}")),
            transcript: transcript(&[(who, process)]),
            ..Self::default()
        }
    }

    fn of(sent: usize, nc: &Conversation, echo: &Conversation) -> Self {
        let (caller, callee) = (nc.err(), echo.err());
        let echoed = records(&nc.out());
        let silent = || {
            let said = heard::complaint(&caller);
            said.unwrap_or_else(|| "no byte came back".to_owned())
        };
        Self {
            sent,
            echoed,
            way: common_way(&caller, &callee),
            first_byte: first_byte(&caller, &echo.out()),
            direct_after: direct_after(&caller)
                .zip(direct_after(&callee))
                .map(|(a, b)| a.max(b)),
            trouble: (echoed == 0).then(|| format!("the caller: {}", silent())),
            transcript: transcript(&[("caller", nc), ("callee", echo)]),
        }
    }
}

fn listens(echo: &Conversation) -> bool {
    let listening = |lines: &[Line]| {
        lines
            .iter()
            .find(|l| l.text.contains("listening"))
            .map(drop)
    };
    echo.wait_out(Instant::now() + START, listening).is_some()
}

/// Sends record after record until enough was seen; how many.
fn stream(nc: &mut Conversation, echo: &Conversation, plan: Plan) -> usize {
    let record = |n: usize| format!("{n:08}\n");
    // Waits in the pipe until the tunnel stands: so it is the first byte.
    nc.say(&record(0));
    let until = Instant::now() + START + SET_UP;
    let up = |lines: &[Line]| lines.iter().find_map(heard::tunnel_up);
    if nc.wait_err(until, up).is_none() {
        return 1;
    }
    let begun = Instant::now();
    let mut sent = 1;
    let mut direct_since = None;
    while !is_enough(begun, direct_since, nc, plan) {
        std::thread::sleep(PACE);
        nc.say(&record(sent));
        sent += 1;
        let direct = common_way(&nc.err(), &echo.err()) == Some(Way::Direct);
        direct_since = direct.then(|| direct_since.unwrap_or_else(Instant::now));
    }
    std::thread::sleep(2 * plan.rtt + TAIL);
    sent
}

fn is_enough(begun: Instant, direct_since: Option<Instant>, nc: &Conversation, plan: Plan) -> bool {
    if nc.out().is_empty() {
        return begun.elapsed() > SET_UP;
    }
    direct_since.is_some_and(|since| since.elapsed() > SETTLE) || begun.elapsed() > plan.patience()
}

/// How many different records these lines are.
fn records(lines: &[Line]) -> usize {
    let numbers = lines.iter().filter_map(|l| l.text.parse::<usize>().ok());
    numbers.collect::<BTreeSet<_>>().len()
}

/// Direct only if both ends say so.
fn common_way(caller: &[Line], callee: &[Line]) -> Option<Way> {
    let last = |lines: &[Line]| lines.iter().rev().find_map(heard::way);
    match (last(caller)?, last(callee)?) {
        (Way::Direct, Way::Direct) => Some(Way::Direct),
        (Way::Relay, _) | (_, Way::Relay) => Some(Way::Relay),
    }
}

/// The caller asks as soon as it is registered; the callee says when the first datagram of somebody came.
fn first_byte(caller: &[Line], callee_out: &[Line]) -> Option<Duration> {
    let asked = caller.iter().find(|l| heard::is_registered(l))?.at;
    let came = callee_out.iter().find(|l| l.text.contains("\"from\""))?.at;
    came.duration_since(asked).ok()
}

/// From this end's tunnel until it last became direct.
fn direct_after(lines: &[Line]) -> Option<Duration> {
    let up = lines.iter().find(|l| heard::tunnel_up(l).is_some())?.at;
    let ways = lines.iter().filter_map(|l| Some((l.at, heard::way(l)?)));
    let mut since: Option<SystemTime> = None;
    for (at, way) in ways {
        since = (way == Way::Direct).then(|| since.unwrap_or(at));
    }
    since?.duration_since(up).ok()
}

fn transcript(of: &[(&str, &Conversation)]) -> String {
    let mut text = String::new();
    for (who, process) in of {
        for (what, lines) in [("out", process.out()), ("err", process.err())] {
            let lines = lines.iter().map(|l| format!("{who} {what}: {}\n", l.text));
            text.extend(lines);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[(u64, &str)]) -> Vec<Line> {
        let line = |(ms, text): &(u64, &str)| Line {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(*ms),
            text: (*text).to_owned(),
        };
        texts.iter().map(line).collect()
    }

    const UP_BY_RELAY: &str = "event=TunnelUp { route: Relay { rs: 1 } }";
    const TO_DIRECT: &str = "event=RouteChanged { old: Relay { }, new: Direct { } }";
    const TO_RELAY: &str = "event=RouteChanged { old: Direct { }, new: Relay { } }";

    #[test]
    fn a_try_is_direct_only_if_both_ends_are() {
        let direct = lines(&[(0, UP_BY_RELAY), (9, TO_DIRECT)]);
        let relayed = lines(&[(0, UP_BY_RELAY)]);
        assert_eq!(common_way(&direct, &direct), Some(Way::Direct));
        assert_eq!(common_way(&direct, &relayed), Some(Way::Relay));
        assert_eq!(common_way(&direct, &[]), None);
    }

    #[test]
    fn the_time_to_direct_counts_to_the_last_change_that_stayed() {
        let flapped = lines(&[
            (5, UP_BY_RELAY),
            (20, TO_DIRECT),
            (30, TO_RELAY),
            (70, TO_DIRECT),
        ]);
        assert_eq!(direct_after(&flapped), Some(Duration::from_millis(65)));
        let fell_back = lines(&[(5, UP_BY_RELAY), (20, TO_DIRECT), (30, TO_RELAY)]);
        assert_eq!(direct_after(&fell_back), None);
    }

    #[test]
    fn a_record_that_came_twice_counts_once_and_garbage_does_not_count() {
        let out = lines(&[(0, "00000000"), (1, "00000000"), (2, "00000001"), (3, "0x")]);
        assert_eq!(records(&out), 2);
    }
}
