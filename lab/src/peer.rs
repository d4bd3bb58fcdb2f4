//! [`Peer`]: whose programs hand over, ours or somebody else's, and [`Cast`]: all that they need to run.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::address::SERVERS;
use crate::binaries;
use crate::command::{Background, Run};
use crate::conversation::{Conversation, Line};
use crate::host::Host;
use crate::servers::{Device, Families, Servers};
use crate::talk::Talk;
use crate::wire::Quality;
use crate::world::World;

const START: Duration = Duration::from_secs(15);
/// iroh's hole punching may take so long; whoever found no direct way by then has none.
const PUNCHING: Duration = Duration::from_secs(3);

/// A relay and its coordinator find each other.
const JOINING: Duration = Duration::from_secs(3);
/// So much longer is the round trip to the servers than to a relay apart.
const FARTHER: Duration = Duration::from_millis(40);

/// Whose programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Ours.
    Ntm,
    /// Ours, in the order that was published: register again, then the direct way, then the tunnel.
    Paper,
    /// iroh with its own relay.
    Iroh,
    /// WireGuard in user space.
    Wireguard,
    /// QUIC with migration.
    Quinn,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ntm,
        Self::Paper,
        Self::Iroh,
        Self::Wireguard,
        Self::Quinn,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ntm => "ntm",
            Self::Paper => "paper",
            Self::Iroh => "iroh",
            Self::Wireguard => "wireguard",
            Self::Quinn => "quinn",
        }
    }

    /// Whether it must be told a callee's address, and reach it there.
    pub fn wants_address(self) -> bool {
        matches!(self, Self::Wireguard | Self::Quinn)
    }

    /// Whether both ends are the product's.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ntm | Self::Paper)
    }

    fn env(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Paper => &[("NTM_BASELINE", "paper")],
            Self::Ntm | Self::Iroh | Self::Wireguard | Self::Quinn => &[],
        }
    }
}

/// The servers and devices of one peer in a world.
#[derive(Debug)]
pub struct Cast {
    peer: Peer,
    stage: Stage,
    folder: PathBuf,
}

#[derive(Debug)]
enum Stage {
    Ours(Box<Ours>),
    /// It ends when dropped.
    Relay {
        _program: Conversation,
    },
    Nobody,
}

/// The product's.
#[derive(Debug)]
pub struct Ours {
    /// All roles in one.
    pub servers: Servers,
    devices: [Device; 2],
    _relay: Option<Background>,
}

impl Cast {
    /// Starts the servers, and makes accounts where there are some; with a relay `apart` on a machine of its
    /// own, nearer than the others.
    pub fn start(
        peer: Peer,
        world: &mut World,
        hosts: [&Host; 2],
        apart: bool,
    ) -> anyhow::Result<Self> {
        let stage = match peer {
            Peer::Ntm | Peer::Paper => Stage::Ours(Box::new(Ours::start(world, hosts, apart)?)),
            Peer::Iroh => Stage::Relay {
                _program: start_relay(world)?,
            },
            Peer::Wireguard | Peer::Quinn => Stage::Nobody,
        };
        let folder = world.lease().folder().to_owned();
        Ok(Self {
            peer,
            stage,
            folder,
        })
    }

    /// The product's servers and devices, if it is the product's.
    pub fn ours(&mut self) -> Option<&mut Ours> {
        match &mut self.stage {
            Stage::Ours(ours) => Some(ours),
            Stage::Relay { .. } | Stage::Nobody => None,
        }
    }

    /// The product's devices, the caller's first, if it is the product's.
    pub fn devices(&self) -> Option<&[Device; 2]> {
        match &self.stage {
            Stage::Ours(ours) => Some(ours.devices()),
            Stage::Relay { .. } | Stage::Nobody => None,
        }
    }

    /// What a run has killed runs again.
    pub fn repair(&mut self) -> anyhow::Result<()> {
        match &mut self.stage {
            Stage::Ours(ours) => ours.repair(),
            Stage::Relay { .. } | Stage::Nobody => Ok(()),
        }
    }

    /// A stream between the two hosts, the caller's first.
    pub fn talk(&self, hosts: [&Host; 2], port: u16, pace: Duration) -> anyhow::Result<Talk> {
        if let Stage::Ours(ours) = &self.stage {
            let [caller, callee] = &ours.devices;
            return Talk::begin_at(pace, caller, callee, port, self.peer.env());
        }
        let certificate = self.folder.join("callee.der").display().to_string();
        let [caller, callee] = self.arguments(hosts[1], port, certificate)?;
        let listening = self.start_end(hosts[1], &callee)?;
        let calling = self.start_end(hosts[0], &caller)?;
        let mut talk = Talk::between([calling, listening], pace, |l| l.text == "up")?;
        if self.peer == Peer::Iroh {
            talk.go_on_until(PUNCHING, |ends| ends.into_iter().all(is_direct));
        }
        Ok(talk)
    }

    /// The caller's arguments and the callee's.
    fn arguments(
        &self,
        callee: &Host,
        port: u16,
        certificate: String,
    ) -> anyhow::Result<[Vec<String>; 2]> {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let (v4, v6) = SERVERS.own;
        let relay = [v4.to_string(), v6.to_string()];
        if self.peer == Peer::Iroh {
            let of = |role| words(&[role, &relay[0], &relay[1]]);
            return Ok([of("call"), of("listen")]);
        }
        let at = SocketAddr::new(reachable(self.peer, callee)?, port).to_string();
        let (mut call, mut listen) = (words(&["call", &at]), words(&["listen", &port.to_string()]));
        if self.peer == Peer::Quinn {
            call.push(certificate.clone());
            listen.push(certificate);
        }
        Ok([call, listen])
    }

    fn start_end(&self, host: &Host, arguments: &[String]) -> anyhow::Result<Conversation> {
        let program = binaries::find_peer(self.peer.name())?;
        let run = Run::program_inside(host.namespace(), &program).args(arguments);
        let end = run.converse()?;
        is_ready(&end)?;
        Ok(end)
    }
}

impl Ours {
    fn start(world: &mut World, [caller, callee]: [&Host; 2], apart: bool) -> anyhow::Result<Self> {
        let servers = Servers::start(world, Families::Both)?;
        let relay = apart.then(|| relay_apart(world, &servers)).transpose()?;
        let invitation = servers.invite(2)?;
        let devices = [
            servers.sign_up("caller", &invitation, caller)?,
            servers.sign_up("callee", &invitation, callee)?,
        ];
        let [caller, callee] = &devices;
        caller.add_contact("callee")?;
        callee.add_contact("caller")?;
        Ok(Self {
            servers,
            devices,
            _relay: relay,
        })
    }

    /// The caller's device and the callee's.
    pub fn devices(&self) -> &[Device; 2] {
        &self.devices
    }

    fn repair(&mut self) -> anyhow::Result<()> {
        if self.servers.revive()? {
            std::thread::sleep(JOINING);
        }
        Ok(())
    }
}

/// Nearer than the relay beside the coordinator, so that it is taken.
fn relay_apart(world: &mut World, servers: &Servers) -> anyhow::Result<Background> {
    let weather = world.weather();
    let machine = world.add_relay(weather.quality())?;
    let token = servers.relay_token()?;
    let relay = servers.start_relay(&machine, Some(&token))?;
    let link = world
        .links()
        .remove("servers")
        .context("the server's link")?;
    link.set(Quality::delay(weather.rtt / 4 + FARTHER / 4));
    std::thread::sleep(JOINING);
    Ok(relay)
}

fn start_relay(world: &World) -> anyhow::Result<Conversation> {
    let program = binaries::find_peer(Peer::Iroh.name())?;
    let relay = Run::program_inside(world.servers(), &program)
        .args(["relay"])
        .converse()?;
    is_ready(&relay)?;
    Ok(relay)
}

fn is_ready(program: &Conversation) -> anyhow::Result<()> {
    let ready = |l: &[Line]| l.iter().find(|l| l.text == "ready").map(drop);
    let until = Instant::now() + START;
    ensure!(
        program.wait_err(until, ready).is_some(),
        "not ready: {:?}",
        program.err()
    );
    Ok(())
}

fn is_direct(end: &Conversation) -> bool {
    let ways = end.err();
    let last = ways.iter().rev().find(|l| l.text != "up");
    last.is_some_and(|l| l.text == "direct")
}

/// Where somebody outside reaches the host without any help.
fn reachable(peer: Peer, host: &Host) -> anyhow::Result<IpAddr> {
    host.public_address().with_context(|| {
        format!("{peer} wants a callee with an address of its own: --callee public-v4")
    })
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Peer {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match Self::ALL.into_iter().find(|p| p.name() == text) {
            Some(peer) => Ok(peer),
            None => {
                let all = Self::ALL.map(Self::name).join(", ");
                bail!("no such peer; there are: {all}")
            }
        }
    }
}
