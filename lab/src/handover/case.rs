//! The kinds of hand-over.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

use crate::access::Lan;
use crate::host::{Host, Radio};
use crate::network::Network;
use crate::talk::Talk;
use crate::world::World;

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
    /// Both ends are behind symmetric NATs, before and after.
    Symmetric,
    /// The preferred interface comes up; the other goes a round trip later.
    Soft,
    /// The interface in use goes; the other is up.
    Hard,
    /// The interface in use falls silent, and nothing says so; the other is up.
    Silent,
    /// Both ends go to another home at once.
    Both,
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
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Renumber,
        Self::HomeToHome,
        Self::V4ToV6,
        Self::V6ToV4,
        Self::Symmetric,
        Self::Soft,
        Self::Hard,
        Self::Silent,
        Self::Both,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renumber => "renumber",
            Self::HomeToHome => "home-to-home",
            Self::V4ToV6 => "v4-to-v6",
            Self::V6ToV4 => "v6-to-v4",
            Self::Symmetric => "symmetric",
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::Silent => "silent",
            Self::Both => "both",
        }
    }

    /// The networks of the caller, the first of which it is in at first, and the callee's.
    fn networks(self) -> (&'static [Network], &'static [Network]) {
        use Network as N;
        match self {
            Self::Renumber => (&[N::HomeNat], &[N::HomeNat]),
            Self::HomeToHome | Self::Soft | Self::Hard | Self::Silent => {
                (&[N::HomeNat, N::HomeNat], &[N::HomeNat])
            }
            Self::V4ToV6 => (&[N::PublicV4, N::V6Only], &[N::PublicV4]),
            Self::V6ToV4 => (&[N::V6Only, N::PublicV4], &[N::PublicV4]),
            Self::Symmetric => (&[N::SymmetricNat, N::SymmetricNat], &[N::SymmetricNat]),
            Self::Both => (&[N::HomeNat, N::HomeNat], &[N::HomeNat, N::HomeNat]),
        }
    }

    pub(super) fn build(self, world: &mut World) -> anyhow::Result<Ends> {
        let (caller, callee) = self.networks();
        Ok(Ends {
            caller: Mover::build(world, "caller", caller)?,
            callee: Mover::build(world, "callee", callee)?,
        })
    }

    /// Puts the ends where the hand-over begins.
    pub(super) fn prepare(self, ends: &mut Ends) -> anyhow::Result<()> {
        let Mover { host, lans, .. } = &mut ends.caller;
        match self {
            Self::V4ToV6 | Self::V6ToV4 => host.join(Radio::First, &lans[0]),
            Self::Soft => {
                host.join(Radio::Second, &lans[1])?;
                host.leave(Radio::First)
            }
            Self::Hard | Self::Silent => {
                host.join(Radio::First, &lans[0])?;
                host.join(Radio::Second, &lans[1])
            }
            Self::Renumber | Self::HomeToHome | Self::Symmetric | Self::Both => Ok(()),
        }
    }

    /// Lets it happen.
    pub(super) fn act(self, ends: &mut Ends, talk: &mut Talk, rtt: Duration) -> anyhow::Result<()> {
        let Mover { host, lans, .. } = &mut ends.caller;
        match self {
            Self::Renumber => host.renumber(Radio::First),
            Self::V4ToV6 | Self::V6ToV4 => host.join(Radio::First, &lans[1]),
            Self::HomeToHome | Self::Symmetric => ends.caller.go(),
            Self::Soft => {
                host.join(Radio::First, &lans[0])?;
                talk.go_on(rtt);
                host.leave(Radio::Second)
            }
            Self::Hard => host.leave(Radio::First),
            Self::Silent => host.set_silent(Radio::First, true),
            Self::Both => {
                ends.caller.go()?;
                ends.callee.go()
            }
        }
    }
}

impl Mover {
    fn build(world: &mut World, name: &str, networks: &[Network]) -> anyhow::Result<Self> {
        let mut lans = Vec::new();
        for (number, network) in networks.iter().enumerate() {
            let access = world.add_access(&format!("{name}-{number}"), *network)?;
            lans.push(Arc::clone(world.access(access)?.lan()));
        }
        let host = world.add_host_in(name, &lans[0])?;
        Ok(Self { host, lans, at: 0 })
    }

    /// To the next of its networks.
    fn go(&mut self) -> anyhow::Result<()> {
        self.at = (self.at + 1) % self.lans.len();
        self.host.join(Radio::First, &self.lans[self.at])
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
