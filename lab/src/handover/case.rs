//! The kinds of hand-over.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};

use super::usable::Usable;
use crate::access::{Announcer, Lan};
use crate::host::{Dad, Host, Radio};
use crate::network::Network;
use crate::peer::Ours;
use crate::talk::Talk;
use crate::world::World;

/// Between the old network and the new one there is none for so long.
const NOTHING: Duration = Duration::from_millis(500);
/// A stream stays in a network for so long before it goes back.
const STAY: Duration = Duration::from_secs(2);
/// So long before the move the servers are gone.
const GONE: Duration = Duration::from_millis(500);

/// What happens to the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Other addresses in the same home.
    Renumber,
    /// From one home to another: another NAT, another outside address.
    HomeToHome,
    /// From IPv4 to IPv6, the peer has IPv4 only.
    V4ToV6,
    /// And back.
    V6ToV4,
    /// There and back in one run.
    V4ToV6AndBack,
    /// Both ends are behind symmetric NATs, before and after.
    Symmetric,
    /// From where the peer is reached straight to where only a relay helps.
    DirectToRelay,
    /// And back.
    RelayToDirect,
    /// The interface in use goes; half a second later the other comes up.
    BreakBeforeMake,
    /// The preferred interface comes up; the other stays.
    BothUp,
    /// The preferred interface comes up; the other goes a round trip later.
    Soft,
    /// The interface in use goes; the other is up.
    Hard,
    /// The interface in use falls silent, and nothing says so; the other is up.
    Silent,
    /// Both ends go to another home at once.
    Both,
    /// Both ends go from IPv4 to IPv6 at once.
    BothV4V6,
    /// Both ends move at once, one of them from IPv4 to IPv6.
    BothOneV6,
    /// Both ends move at once, one from IPv4 to IPv6, the other from IPv6 to IPv4.
    BothCross,
    /// To another network over IPv6, where the kernel makes the address.
    Slaac(Dad),
    /// The servers are killed, all but a relay, and then the caller goes to another home.
    DcDown,
}

/// Both ends.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) caller: Mover,
    pub(super) callee: Mover,
}

/// A host and the networks that it goes between.
#[derive(Debug)]
pub(super) struct Mover {
    pub(super) host: Host,
    lans: Vec<Arc<Lan>>,
    at: usize,
    /// Routers that answer whoever makes an address.
    _announcers: Vec<Announcer>,
}

/// The move that counts: when the lab began it, and when its last command came back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) event: SystemTime,
    pub(super) done: SystemTime,
}

/// What an act needs.
pub(super) struct Scene<'a> {
    pub(super) ends: &'a mut Ends,
    pub(super) talk: &'a mut Talk,
    pub(super) ours: Option<&'a mut Ours>,
    pub(super) rtt: Duration,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Renumber,
        Self::HomeToHome,
        Self::V4ToV6,
        Self::V6ToV4,
        Self::V4ToV6AndBack,
        Self::Symmetric,
        Self::DirectToRelay,
        Self::RelayToDirect,
        Self::BreakBeforeMake,
        Self::BothUp,
        Self::Soft,
        Self::Hard,
        Self::Silent,
        Self::Both,
        Self::BothV4V6,
        Self::BothOneV6,
        Self::BothCross,
        Self::Slaac(Dad::Default),
        Self::Slaac(Dad::Optimistic),
        Self::Slaac(Dad::None),
        Self::DcDown,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renumber => "renumber",
            Self::HomeToHome => "home-to-home",
            Self::V4ToV6 => "v4-to-v6",
            Self::V6ToV4 => "v6-to-v4",
            Self::V4ToV6AndBack => "v4-to-v6-and-back",
            Self::Symmetric => "symmetric",
            Self::DirectToRelay => "direct-to-relay",
            Self::RelayToDirect => "relay-to-direct",
            Self::BreakBeforeMake => "break-before-make",
            Self::BothUp => "both-up",
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::Silent => "silent",
            Self::Both => "both",
            Self::BothV4V6 => "both-v4-v6",
            Self::BothOneV6 => "both-one-v6",
            Self::BothCross => "both-cross",
            Self::Slaac(Dad::Default) => "slaac",
            Self::Slaac(Dad::Optimistic) => "slaac-optimistic",
            Self::Slaac(Dad::None) => "slaac-nodad",
            Self::DcDown => "dc-down",
        }
    }

    /// The networks of the caller, the first of which it is in at first, and the callee's.
    fn networks(self) -> (&'static [Network], &'static [Network]) {
        use Network as N;
        const HOMES: &[Network] = &[N::HomeNat, N::HomeNat];
        const V4_V6: &[Network] = &[N::PublicV4, N::V6Only];
        match self {
            Self::Renumber => (&[N::HomeNat], &[N::HomeNat]),
            Self::HomeToHome
            | Self::BreakBeforeMake
            | Self::BothUp
            | Self::Soft
            | Self::Hard
            | Self::Silent
            | Self::DcDown => (HOMES, &[N::HomeNat]),
            Self::V4ToV6 | Self::V4ToV6AndBack => (V4_V6, &[N::PublicV4]),
            Self::V6ToV4 => (&[N::V6Only, N::PublicV4], &[N::PublicV4]),
            Self::Symmetric => (&[N::SymmetricNat, N::SymmetricNat], &[N::SymmetricNat]),
            Self::DirectToRelay => (&[N::HomeNat, N::SymmetricNat], &[N::HomeNat]),
            Self::RelayToDirect => (&[N::SymmetricNat, N::HomeNat], &[N::HomeNat]),
            Self::Both => (HOMES, HOMES),
            Self::BothV4V6 => (V4_V6, V4_V6),
            Self::BothOneV6 => (V4_V6, &[N::PublicV4, N::PublicV4]),
            Self::BothCross => (V4_V6, &[N::V6Only, N::PublicV4]),
            Self::Slaac(_) => (&[N::V6Only, N::V6Only], &[N::V6Only]),
        }
    }

    /// The callee's networks, or as many of the one that is wanted instead.
    fn callee(self, instead: Option<Network>) -> Vec<Network> {
        let (_, own) = self.networks();
        own.iter().map(|n| instead.unwrap_or(*n)).collect()
    }

    /// Whether the caller, where it is at first, reaches the callee without any help.
    pub fn can_call(self, instead: Option<Network>) -> bool {
        let (caller, _) = self.networks();
        let caller = caller.first().map(|n| n.facts());
        let reaches = |n: &Network| match n {
            Network::PublicV4 => caller.is_some_and(|c| c.v4.is_some() || c.nat64),
            Network::V6Only | Network::DualStack => caller.is_some_and(|c| c.v6),
            Network::HomeNat
            | Network::SymmetricNat
            | Network::Cgnat
            | Network::V6Firewall
            | Network::SameLan
            | Network::SmallMtu
            | Network::Udp443Only
            | Network::Nat64 => false,
        };
        self.callee(instead).iter().all(reaches)
    }

    /// Whether both ends move.
    pub fn moves_both(self) -> bool {
        matches!(
            self,
            Self::Both | Self::BothV4V6 | Self::BothOneV6 | Self::BothCross
        )
    }

    /// Whether it is about the product's servers.
    pub fn is_ours(self) -> bool {
        self == Self::DcDown
    }

    pub(super) fn usable_by(self) -> Usable {
        match self {
            Self::Slaac(_) => Usable::Made(Radio::First),
            Self::Hard => Usable::Loss,
            Self::Silent => Usable::Unsaid,
            Self::BreakBeforeMake => Usable::Arrival(Radio::Second),
            Self::Renumber
            | Self::HomeToHome
            | Self::V4ToV6
            | Self::V6ToV4
            | Self::V4ToV6AndBack
            | Self::Symmetric
            | Self::DirectToRelay
            | Self::RelayToDirect
            | Self::BothUp
            | Self::Soft
            | Self::Both
            | Self::BothV4V6
            | Self::BothOneV6
            | Self::BothCross
            | Self::DcDown => Usable::Arrival(Radio::First),
        }
    }

    pub(super) fn build(self, world: &mut World, callee: Option<Network>) -> anyhow::Result<Ends> {
        let (caller, _) = self.networks();
        Ok(Ends {
            caller: Mover::build(world, "caller", caller)?,
            callee: Mover::build(world, "callee", &self.callee(callee))?,
        })
    }

    /// Puts the ends where the hand-over begins.
    pub(super) fn prepare(self, ends: &mut Ends) -> anyhow::Result<()> {
        let caller = &mut ends.caller;
        match self {
            Self::V4ToV6
            | Self::V6ToV4
            | Self::V4ToV6AndBack
            | Self::DirectToRelay
            | Self::RelayToDirect => caller.start(),
            Self::Slaac(_) => {
                caller.host.make_nothing(Radio::First)?;
                caller.start()
            }
            Self::BothV4V6 | Self::BothOneV6 | Self::BothCross => {
                caller.start()?;
                ends.callee.start()
            }
            Self::BothUp | Self::Soft => {
                caller.join(Radio::Second, 1)?;
                caller.host.leave(Radio::First)
            }
            Self::Hard | Self::Silent => {
                caller.join(Radio::First, 0)?;
                caller.join(Radio::Second, 1)
            }
            Self::BreakBeforeMake => {
                caller.join(Radio::First, 0)?;
                caller.host.leave(Radio::Second)
            }
            Self::Renumber | Self::HomeToHome | Self::Symmetric | Self::Both | Self::DcDown => {
                Ok(())
            }
        }
    }

    /// Lets it happen.
    pub(super) fn act(self, scene: Scene<'_>) -> anyhow::Result<Moment> {
        let Scene {
            ends,
            talk,
            ours,
            rtt,
        } = scene;
        let caller = &mut ends.caller;
        match self {
            Self::Renumber => timed(|| caller.host.renumber(Radio::First)),
            Self::V4ToV6
            | Self::V6ToV4
            | Self::HomeToHome
            | Self::Symmetric
            | Self::DirectToRelay
            | Self::RelayToDirect => timed(|| caller.go()),
            Self::V4ToV6AndBack => {
                caller.go()?;
                talk.go_on(STAY);
                timed(|| caller.go())
            }
            Self::BothUp => timed(|| caller.join(Radio::First, 0)),
            Self::Soft => {
                let moment = timed(|| caller.join(Radio::First, 0))?;
                talk.go_on(rtt);
                caller.host.leave(Radio::Second)?;
                Ok(moment)
            }
            Self::BreakBeforeMake => timed(|| {
                caller.host.leave(Radio::First)?;
                talk.go_on(NOTHING);
                caller.join(Radio::Second, 1)
            }),
            Self::Hard => timed(|| caller.host.leave(Radio::First)),
            Self::Slaac(dad) => timed(|| caller.go_by_itself(dad)),
            Self::Silent => timed(|| caller.host.set_silent(Radio::First, true)),
            Self::Both | Self::BothV4V6 | Self::BothOneV6 | Self::BothCross => timed(|| {
                caller.go()?;
                ends.callee.go()
            }),
            Self::DcDown => {
                ours.context("the product's servers")?.servers.kill()?;
                talk.go_on(GONE);
                timed(|| caller.go())
            }
        }
    }
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Moment> {
    let event = SystemTime::now();
    work()?;
    let done = SystemTime::now();
    Ok(Moment { event, done })
}

impl Mover {
    fn build(world: &mut World, name: &str, networks: &[Network]) -> anyhow::Result<Self> {
        let (mut lans, mut announcers) = (Vec::new(), Vec::new());
        for (number, network) in networks.iter().enumerate() {
            let number = world.add_access(&format!("{name}-{number}"), *network)?;
            let access = world.access(number)?;
            lans.push(Arc::clone(access.lan()));
            if network.facts().v6 {
                announcers.push(access.announce()?);
            }
        }
        let first = lans.first().context("a network")?;
        let host = world.add_host_in(name, first)?;
        Ok(Self {
            host,
            lans,
            at: 0,
            _announcers: announcers,
        })
    }

    /// To the first of its networks.
    fn start(&mut self) -> anyhow::Result<()> {
        self.join(Radio::First, 0)
    }

    /// To the next of its networks.
    pub(super) fn go(&mut self) -> anyhow::Result<()> {
        self.join(Radio::First, (self.at + 1) % self.lans.len())
    }

    /// The same, and the kernel makes the address.
    fn go_by_itself(&mut self, dad: Dad) -> anyhow::Result<()> {
        self.at = (self.at + 1) % self.lans.len();
        let lan = self.lans.get(self.at).context("a network")?;
        self.host.join_by_itself(Radio::First, lan, dad)
    }

    pub(super) fn join(&mut self, radio: Radio, lan: usize) -> anyhow::Result<()> {
        if radio == Radio::First {
            self.at = lan;
        }
        let lan = self.lans.get(lan).context("a network")?;
        self.host.join(radio, lan)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Case {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match Self::ALL.into_iter().find(|c| c.name() == text) {
            Some(case) => Ok(case),
            None => {
                let all = Self::ALL.map(Self::name).join(", ");
                bail!("no such case; there are: {all}")
            }
        }
    }
}
