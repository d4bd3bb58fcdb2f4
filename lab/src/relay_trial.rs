//! [`RelayTrial`]: two relays, of which the nearer one should be taken, and which is killed in mid-stream.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use serde::Serialize;

use crate::address::RELAY;
use crate::conversation::{Conversation, Line};
use crate::heard;
use crate::host::Host;
use crate::netns::Namespace;
use crate::network::Network;
use crate::servers::{Device, Families, Servers};
use crate::talk::Talk;
use crate::wire::Quality;
use crate::world::{Weather, World};

const BEFORE: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(2500);
/// The coordinator hears of a relay, and the relay of its coordinator.
const JOINING: Duration = Duration::from_millis(700);
const FIRST_PORT: u16 = 30_000;

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
        let port = FIRST_PORT + u16::try_from(number)?;
        let mut talk = Talk::begin(&stage.caller, &stage.callee, port)?;
        talk.go_on(BEFORE);
        let by_nearer = |e: &Conversation| last_relay(&e.err()) == Some(RELAY.own.0.into());
        let nearer = talk.ends().into_iter().all(by_nearer);
        let killed = SystemTime::now();
        relay.kill()?;
        talk.go_on(AFTER);
        talk.hush();
        std::thread::sleep(self.rtt * 2 + self.farther);
        let gap = longest_gap(talk.ends(), killed);
        let death = Death {
            nearer,
            gap_ms: gap.map(|g| g.as_secs_f64() * 1000.0),
            lost: talk.tally().lost,
            moved: !talk.ends().into_iter().any(by_nearer),
        };
        talk.end()?;
        Ok(death)
    }
}

fn host(world: &mut World, name: &str) -> anyhow::Result<Host> {
    let access = world.add_access(name, Network::SymmetricNat)?;
    let lan = Arc::clone(world.access(access)?.lan());
    world.add_host_in(name, &lan)
}

/// In the direction that took longer; `None` when nothing came again in one.
fn longest_gap(ends: [&Conversation; 2], killed: SystemTime) -> Option<Duration> {
    let gaps = ends.into_iter().map(|e| gap(&e.out(), killed));
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
