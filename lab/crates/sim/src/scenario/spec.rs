//! A world's description, readable in a failing run's output.

use core::time::Duration;

use ntm_wire::message::Consent;

use crate::access::Access;
use crate::deployment::Plan;
use crate::net::LinkConfig;

/// A world and what happens in it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where it comes from.
    pub seed: u64,
    /// Its servers.
    pub plan: Plan,
    /// What its access links are like.
    pub quality: Quality,
    /// Its nodes.
    pub nodes: Vec<NodeSpec>,
    /// Who calls whom, and when.
    pub calls: Vec<(Duration, CallSpec)>,
    /// What goes wrong beside packets, and when.
    pub disturbances: Vec<(Duration, Disturbance)>,
}

/// What access links are like.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// Of the nodes' links, each direction.
    pub node: LinkConfig,
    /// Whether anything is lost.
    pub is_lossless: bool,
}

/// A node.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// `<device>.<account>`, below the domain.
    pub label: String,
    /// Index of its domain.
    pub domain: usize,
    /// How it reaches the Internet.
    pub access: Access,
    /// The node whose network it shares.
    pub shares: Option<usize>,
    /// Who may learn its real addresses; everybody is a stranger.
    pub consent: Consent,
    /// Whether it ever comes on.
    pub is_on: bool,
    /// How long after the beginning it comes on.
    pub starts: Duration,
    /// One-way delay of its access link.
    pub delay: Duration,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSpec {
    /// The caller.
    pub from: usize,
    /// The name called.
    pub to: Target,
}

/// Whom a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A device.
    Device(usize),
    /// The account of a device.
    AccountOf(usize),
    /// A name nobody has, in the domain with this index.
    Nobody(usize),
    /// A name in a domain that no DC serves.
    NoDomain,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// A DC's process starts again.
    RestartCoordinator(usize),
    /// A relay's process starts again.
    RestartRelay(usize),
    /// A DC is off for a while, then starts again.
    CoordinatorOff(usize, Duration),
    /// A relay is off for a while, then starts again.
    RelayOff(usize, Duration),
    /// A node's process starts again.
    RestartNode(usize),
    /// The NAT in front of a node forgets its mappings and has another address.
    RebindNat(usize),
    /// A node moves to another network.
    Move(usize, Access),
}

impl Spec {
    /// Whether nothing goes wrong but packets.
    pub fn is_calm(&self) -> bool {
        self.disturbances.is_empty()
    }

    /// When the last thing has gone wrong.
    pub fn last_disturbance(&self) -> Duration {
        let ends = self.disturbances.iter().map(|(at, d)| *at + d.lasts());
        ends.max().unwrap_or_default()
    }
}

impl Disturbance {
    fn lasts(self) -> Duration {
        match self {
            Self::CoordinatorOff(_, lasts) | Self::RelayOff(_, lasts) => lasts,
            Self::RestartCoordinator(_)
            | Self::RestartRelay(_)
            | Self::RestartNode(_)
            | Self::RebindNat(_)
            | Self::Move(..) => Duration::ZERO,
        }
    }
}
