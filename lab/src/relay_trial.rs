//! [`RelayTrial`]: two relays, of which the nearer one should be taken, and which is killed in mid-stream.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use crate::address::RELAY;
use crate::conversation::{Conversation, Line};
use crate::heard;
use crate::host::Host;
use crate::netns::Namespace;
use crate::network::Network;
use crate::servers::{Device, Families, Servers};
use crate::wire::Quality;
use crate::world::{Weather, World};

/// A voice stream's.
const PACE: Duration = Duration::from_millis(20);
/// As long as 20 ms of Opus at 24 kbit/s behind an RTP header.
const RECORD: &str = "a record of seventy-one letters and the line's end, as long as speech is\n";
const BEFORE: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(2500);
/// The coordinator hears of a relay, and the relay of its coordinator.
const JOINING: Duration = Duration::from_millis(700);
const START: Duration = Duration::from_secs(15);

/// What to try.
#[derive(Clone, Copy, Debug)]
pub struct RelayTrial {
    /// How often.
    pub runs: usize,
    /// The round trip of each end to the nearer relay; by it to the other end it is twice that.
    pub rtt: Duration,
    /// So much more the round trip between the ends is by the other relay.
    pub farther: Duration,
    /// For all that is random.
    pub seed: u64,
}

/// What came of one run. Serialised it is a line of `ntm-lab relays --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Death {
    /// The nearer relay was taken.
    pub nearer: bool,
    /// The longest silence at either end, when that relay was killed; none: nothing came again.
    pub gap_ms: Option<f64>,
    /// Records that never came, both directions.
    pub lost: usize,
    /// Both ends go by the other relay now.
    pub moved: bool,
}

struct Stage {
    caller: Device,
    callee: Device,
    machine: Namespace,
    servers: Servers,
    _hosts: [Host; 2],
    _world: World,
}

impl RelayTrial {
    /// Builds a world with both ends behind strict NATs, so that only a relay helps, and runs in it.
    pub fn run(&self, tell: impl Fn(&Death)) -> anyhow::Result<Vec<Death>> {
        let stage = self.build()?;
        let mut token = Some(stage.servers.relay_token()?);
        let mut deaths = Vec::new();
        for number in 0..self.runs {
            let death = self.once(&stage, token.take().as_deref(), number)?;
            tell(&death);
            deaths.push(death);
        }
        Ok(deaths)
    }

    fn build(&self) -> anyhow::Result<Stage> {
        let mut world = World::build(Weather {
            rtt: self.rtt,
            seed: self.seed,
        })?;
        let hosts = [host(&mut world, "caller")?, host(&mut world, "callee")?];
        let machine = world.add_relay(world.weather().quality())?;
        let servers = Servers::start(&world, Families::Both)?;
        let invitation = servers.invite(2)?;
        let [a, b] = &hosts;
        let caller = servers.sign_up("caller", &invitation, a)?;
        let callee = servers.sign_up("callee", &invitation, b)?;
        caller.add_contact("callee")?;
        callee.add_contact("caller")?;
        let link = world
            .links()
            .remove("servers")
            .context("the server's link")?;
        link.set(Quality::delay(self.rtt / 4 + self.farther / 4));
        Ok(Stage {
            caller,
            callee,
            machine,
            servers,
            _hosts: hosts,
            _world: world,
        })
    }

    fn once(&self, stage: &Stage, token: Option<&str>, number: usize) -> anyhow::Result<Death> {
        let relay = stage.servers.start_relay(&stage.machine, token)?;
        std::thread::sleep(JOINING);
        let (mut ends, mut sent) = stage.talk(number)?;
        sent += send_for(&mut ends, BEFORE);
        let by_nearer = |e: &Conversation| last_relay(&e.err()) == Some(RELAY.own.0.into());
        let nearer = ends.iter().all(by_nearer);
        let killed = SystemTime::now();
        relay.kill()?;
        sent += send_for(&mut ends, AFTER);
        std::thread::sleep(self.rtt * 2 + self.farther);
        let death = Death {
            nearer,
            gap_ms: longest_gap(&ends, killed).map(|g| g.as_secs_f64() * 1000.0),
            lost: 2 * sent
                - ends
                    .iter()
                    .map(|e| e.out().len())
                    .sum::<usize>()
                    .min(2 * sent),
            moved: !ends.iter().any(by_nearer),
        };
        for end in ends {
            end.terminate()?;
        }
        Ok(death)
    }
}

impl Stage {
    /// Both ends talk, caller first; so many records each has sent.
    fn talk(&self, number: usize) -> anyhow::Result<([Conversation; 2], usize)> {
        let port = (30_000 + number).to_string();
        let log = ["--log", heard::FILTER, "nc", "-u"];
        let callee = self
            .callee
            .ntm()?
            .args(log)
            .args(["-l", &port])
            .converse()?;
        let registered = |l: &[Line]| l.iter().find(|l| heard::is_registered(l)).map(drop);
        let listens = callee.wait_err(Instant::now() + START, registered);
        ensure!(listens.is_some(), "the callee never registered");
        let caller = self.caller.ntm()?.args(log);
        let caller = caller.args([self.callee.name(), &port]).converse()?;
        let mut ends = [caller, callee];
        let sent = send_for(&mut ends, PACE);
        for end in &ends {
            let up = |lines: &[Line]| lines.iter().find_map(heard::relay);
            let is_up = end.wait_err(Instant::now() + START, up).is_some();
            ensure!(is_up, "no tunnel by a relay");
        }
        Ok((ends, sent))
    }
}

fn host(world: &mut World, name: &str) -> anyhow::Result<Host> {
    let access = world.add_access(name, Network::SymmetricNat)?;
    let lan = Arc::clone(world.access(access)?.lan());
    world.add_host_in(name, &lan)
}

/// Each end sends records at the pace of a voice stream; how many each.
fn send_for(ends: &mut [Conversation; 2], how_long: Duration) -> usize {
    let until = Instant::now() + how_long;
    let mut number = 0;
    while Instant::now() < until {
        ends.iter_mut().for_each(|e| e.say(RECORD));
        number += 1;
        std::thread::sleep(PACE);
    }
    number
}

/// In the direction that took longer; `None` when nothing came again in one.
fn longest_gap(ends: &[Conversation; 2], killed: SystemTime) -> Option<Duration> {
    let gaps = ends.iter().map(|e| gap(&e.out(), killed));
    gaps.collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn last_relay(lines: &[Line]) -> Option<IpAddr> {
    lines.iter().rev().find_map(heard::relay).map(|a| a.ip())
}

/// The longest silence from just before `killed` on; `None` when nothing came after it.
fn gap(out: &[Line], killed: SystemTime) -> Option<Duration> {
    let after = out.iter().position(|l| l.at > killed)?;
    let stamps: Vec<SystemTime> = out
        .iter()
        .skip(after.saturating_sub(1))
        .map(|l| l.at)
        .collect();
    let pairs = stamps.iter().zip(stamps.iter().skip(1));
    pairs.filter_map(|(a, b)| b.duration_since(*a).ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(at: &[u64]) -> Vec<Line> {
        let line = |ms: &u64| Line {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(*ms),
            text: String::new(),
        };
        at.iter().map(line).collect()
    }

    #[test]
    fn the_gap_is_the_longest_silence_that_ends_after_the_kill() {
        let killed = SystemTime::UNIX_EPOCH + Duration::from_millis(100);
        let lines = out(&[0, 60, 80, 460, 480, 500]);
        assert_eq!(gap(&lines, killed), Some(Duration::from_millis(380)));
        assert_eq!(gap(&out(&[0, 20]), killed), None);
    }
}
