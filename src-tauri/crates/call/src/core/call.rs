//! [`Call`]: one call, and what is known of it.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;
use serde::Serialize;

use super::device::Device;
use super::dialog::Dialog;
use super::hold::Hold;
use super::reach::Alive;
use super::state::{Input, State};
use super::transaction::Key;
use crate::sdp::{Described, Media, Origin};

/// Nobody answers: a call rings this long.
pub(super) const NO_ANSWER: Duration = Duration::from_secs(60);
/// The called side waits a little longer, so that it is the caller who says when.
pub(super) const NO_CANCEL: Duration = Duration::from_secs(70);

/// A call of this device. Even numbers were begun here, odd ones elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// One device of the called person.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub(super) device: Device,
    pub(super) branch: String,
    pub(super) stage: Stage,
}

/// How far the call came at one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Trying,
    Ringing,
    /// It called this device at the same moment and asks for patience (491).
    Glare(Mono),
    Failed(u16),
}

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) state: State,
    /// Who is called, or calls.
    pub(super) name: Fqdn,
    /// This device's RTP port; 0 until there is one.
    pub(super) port: u16,
    pub(super) call_id: String,
    pub(super) tag: String,
    pub(super) session: u32,
    pub(super) version: u32,
    /// The devices being called.
    pub(super) forks: Vec<Fork>,
    /// The INVITE to answer, and what it offers.
    pub(super) invite: Option<(Key, Described)>,
    pub(super) contact: Option<String>,
    pub(super) dialog: Option<Dialog>,
    pub(super) device: Option<Device>,
    pub(super) media: Option<Media>,
    pub(super) hold: Hold,
    pub(super) give_up: Mono,
    pub(super) alive: Alive,
}

impl Call {
    pub(super) fn new(id: CallId, name: Fqdn, call_id: String, tag: String, give_up: Mono) -> Self {
        Self {
            id,
            state: State::Idle,
            name,
            port: 0,
            call_id,
            tag,
            session: 0,
            version: 1,
            forks: Vec::new(),
            invite: None,
            contact: None,
            dialog: None,
            device: None,
            media: None,
            hold: Hold::default(),
            give_up,
            alive: Alive::default(),
        }
    }

    /// Takes a step, if the table has it.
    pub(super) fn step(&mut self, input: Input) -> bool {
        let next = self.state.after(input);
        self.state = next.unwrap_or(self.state);
        next.is_some()
    }

    /// Whether it rings here and waits for this person.
    pub(super) fn is_incoming(&self) -> bool {
        self.state == State::Ringing && self.invite.is_some()
    }

    /// Whether this person calls and nobody answered yet.
    pub(super) fn is_outgoing(&self) -> bool {
        matches!(self.state, State::Calling | State::Ringing) && self.invite.is_none()
    }

    /// Whether this person calls that device, by its own name or its account's.
    pub(super) fn calls(&self, device: &Device) -> bool {
        self.is_outgoing() && (self.name == device.name || self.name == device.account())
    }

    pub(super) fn fork(&mut self, branch: &str) -> Option<&mut Fork> {
        self.forks.iter_mut().find(|f| f.branch == branch)
    }

    pub(super) fn origin(&self, own: SocketAddr) -> Origin {
        Origin {
            own: SocketAddr::new(own.ip(), self.port),
            session: self.session,
            version: self.version,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        if self.state.is_established() {
            return [self.alive.poll_timeout(), self.hold.poll_timeout()]
                .into_iter()
                .flatten()
                .min();
        }
        let glares = self.forks.iter().filter_map(|f| match f.stage {
            Stage::Glare(again) => Some(again),
            Stage::Trying | Stage::Ringing | Stage::Failed(_) => None,
        });
        glares.chain([self.give_up]).min()
    }
}

/// The effects of a turn, until they are polled.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) transmits: VecDeque<(SocketAddr, Vec<u8>)>,
    pub(super) events: VecDeque<super::Event>,
    pub(super) asks: VecDeque<super::Ask>,
}
