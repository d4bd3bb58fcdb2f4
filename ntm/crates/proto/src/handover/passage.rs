//! What an application is told of its packets' passage: whoever sends speech wants to know at once that
//! some of it may be lost, not only what became of it.

use super::doubt::Why;
use super::paths::PathSet;
use crate::effects::Effects;
use crate::event::Event;
use crate::packet::data::Tunnel;

/// Whether packets to a peer arrive, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Passage {
    /// The peer answers over the way in use.
    #[default]
    Proved,
    /// Packets leave, by one new way or by several, and nobody has answered yet: what was sent before may
    /// be lost.
    Unproved,
    /// Nothing can leave: this node has no address.
    Blocked,
}

impl PathSet {
    pub(crate) fn passage(&self) -> Passage {
        if self.is_adrift {
            return Passage::Blocked;
        }
        match self.doubt.as_ref().map(|d| d.why) {
            Some(Why::Silent | Why::Moved | Why::Claimed) => Passage::Unproved,
            // The old way lives beside the new one.
            Some(Why::Announced | Why::Better) | None => Passage::Proved,
        }
    }
}

impl Tunnel {
    /// Tells what has changed since it was told last.
    pub(crate) fn tell_passage(&mut self, fx: &mut Effects) {
        let peer = self.peer.node;
        let Some(live) = self.live_mut() else { return };
        let passage = live.paths.passage();
        if core::mem::replace(&mut live.passage, passage) != passage {
            fx.event(Event::PassageChanged { peer, passage });
        }
    }
}
