//! A world of moves, readable in a failing run's output.

use core::time::Duration;

use ntm_networks::Network;
use ntm_wire::message::Consent;

use super::attacker::Powers;
use crate::net::Loss;

/// A world and the moves in it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where it comes from.
    pub seed: u64,
    /// Domains, each with a DC.
    pub domains: usize,
    /// Relays, over all domains.
    pub relays: usize,
    /// One way, of each server's access link.
    pub server_delay: Duration,
    /// Of the nodes' access links, each direction.
    pub loss: Loss,
    /// Of the nodes' access links.
    pub jitter: Duration,
    /// Between two packets of either stream.
    pub pace: Duration,
    /// Who may learn real addresses.
    pub consent: Consent,
    /// What the attacker may do.
    pub powers: Powers,
    /// Both ends.
    pub ends: [EndSpec; 2],
    /// In this order.
    pub moves: Vec<MoveSpec>,
}

/// One end: the networks it may be in. It begins in the first.
#[derive(Clone, Debug)]
pub struct EndSpec {
    /// Each with the one-way delay of its access link.
    pub places: Vec<(Network, Duration)>,
}

/// A move.
#[derive(Clone, Copy, Debug)]
pub struct MoveSpec {
    /// Who.
    pub end: usize,
    /// How.
    pub kind: Kind,
    /// What goes wrong with the servers meanwhile.
    pub trouble: Trouble,
    /// Where to, by index of the mover's places, and of the other's when both move.
    pub to: [usize; 2],
    /// Before the next one.
    pub rest: Duration,
}

/// How somebody moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The address in use is another one at once.
    Renumber,
    /// The interface is off for a while, and on again in another network.
    Break(Duration),
    /// Off and on again in the same network.
    Bounce(Duration),
    /// The preferred interface comes up while the other is in use, which goes so long afterwards.
    Soft(Duration),
    /// Of two interfaces the one in use goes.
    Cut,
    /// Of two interfaces the one in use carries nothing any more, and nobody says so.
    Silent,
    /// Both ends are renumbered, so long after each other.
    Both(Duration),
    /// The NAT in front of the mover forgets everything and has another address; the mover is not told.
    Rebind,
}

/// What goes wrong with the servers during a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// The DCs start again.
    DcRestart,
    /// The DCs are off until the next move.
    DcOff,
    /// The relays start again.
    RsRestart,
    /// The relay in use, or the first, is off until the next move.
    RsOff,
}

impl Kind {
    /// The name, as tables show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renumber => "renumbered",
            Self::Break(_) => "off, then elsewhere",
            Self::Bounce(_) => "off and on",
            Self::Soft(_) => "soft",
            Self::Cut => "cut, other is up",
            Self::Silent => "silent death",
            Self::Both(_) => "both at once",
            Self::Rebind => "NAT rebinds",
        }
    }
}

impl Trouble {
    /// The name, as tables show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::DcRestart => ", DC restarts",
            Self::DcOff => ", DC down",
            Self::RsRestart => ", RS restarts",
            Self::RsOff => ", RS dies",
        }
    }
}
