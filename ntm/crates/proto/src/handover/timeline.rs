//! The time line of a hand-over: what happened when, and why.

use core::time::Duration;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{InterfaceId, NodeId};
use ntm_wire::time::{Mono, Now, Wall};

use super::path::Way;
use crate::effects::Effects;
use crate::event::{Event, Route};
use crate::packet::data::{Live, Tunnel};
use crate::status::Interface;

/// So long after it began a hand-over is told as it stands.
const TOLD: Duration = Duration::from_secs(10);

/// Why a tunnel went another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The local address in use went.
    AddressGone,
    /// The preferred interface works.
    BetterInterface,
    /// Nothing was heard over the way in use.
    PathSilent,
    /// The peer said that it is elsewhere.
    PeerMoved,
}

/// One hand-over of one tunnel. The phases are times since it was detected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// With whom.
    pub peer: NodeId,
    /// Its name.
    pub fqdn: Fqdn,
    /// Why.
    pub reason: Reason,
    /// The time of day when it was detected.
    pub at: Wall,
    /// The way before.
    pub old: Option<Route>,
    /// The way in use at the end.
    pub new: Option<Route>,
    /// Something could be sent again, and was: the first probe or claim.
    pub probe_sent: Option<Duration>,
    /// The peer answered over a way that is right.
    pub peer_answered: Option<Duration>,
    /// Data of the peer came in over the way in use; never, when nobody talks.
    pub data_resumed: Option<Duration>,
    /// The DC knows of the move; never, when it was the peer's.
    pub dc_updated: Option<Duration>,
    /// This node's interface before; none, when the system chose.
    pub old_interface: Option<Interface>,
    /// The one in use at the end: the same, when it was the peer's move.
    pub new_interface: Option<Interface>,
}

/// The way before a hand-over, and by which of this node's interfaces it went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub(super) route: Option<Route>,
    pub(super) interface: InterfaceId,
}

/// A hand-over under way.
#[derive(Debug)]
pub(crate) struct Record {
    told: Handover,
    detected: Mono,
    /// What it left, or is about to leave.
    old: InterfaceId,
}

impl Record {
    pub(crate) fn ends_at(&self) -> Mono {
        self.detected + TOLD
    }

    fn goes_on_with(&self, reason: Reason) -> bool {
        let is_unanswered = self.told.peer_answered.is_none() && self.told.data_resumed.is_none();
        is_unanswered && self.told.reason == Reason::AddressGone && reason != Reason::PeerMoved
    }

    /// While the old network goes on serving, what it brings has not come again.
    fn has_moved(&self, in_use: InterfaceId) -> bool {
        self.told.reason != Reason::BetterInterface || in_use != self.old
    }

    fn is_complete(&self) -> bool {
        let h = &self.told;
        let is_told = h.dc_updated.is_some() || h.reason == Reason::PeerMoved;
        h.peer_answered.is_some() && h.data_resumed.is_some() && is_told
    }
}

impl Tunnel {
    /// The way in use, before it becomes another one.
    pub(super) fn before(&self) -> Before {
        Before {
            route: self.route(),
            interface: self.interface_in_use(),
        }
    }

    /// A hand-over begins; one that was under way ends with it. An address goes and another comes in several
    /// steps, and until the peer has answered they are one hand-over.
    pub(super) fn start_record(&mut self, now: Now, fx: &Effects, reason: Reason, old: Before) {
        let (peer, fqdn) = (self.peer.node, self.peer.fqdn.clone());
        let Some(live) = self.live_mut() else { return };
        if let Some(record) = live.record.as_mut().filter(|r| r.goes_on_with(reason)) {
            record.told.probe_sent = None;
            return;
        }
        live.ended.extend(live.record.take().map(|r| r.told));
        let told = Handover {
            peer,
            fqdn,
            reason,
            at: now.wall,
            old: old.route,
            new: None,
            probe_sent: None,
            peer_answered: None,
            data_resumed: None,
            dc_updated: None,
            old_interface: fx.interface(old.interface),
            new_interface: None,
        };
        live.record = Some(Record {
            told,
            detected: now.mono,
            old: old.interface,
        });
    }

    fn note(&mut self, now: Mono, phase: impl FnOnce(&mut Handover) -> &mut Option<Duration>) {
        if let Some(record) = self.live_mut().and_then(|l| l.record.as_mut()) {
            let since = now.since(record.detected);
            phase(&mut record.told).get_or_insert(since);
        }
    }

    pub(super) fn note_usable(&mut self, now: Mono) {
        self.note(now, |h| &mut h.probe_sent);
    }

    pub(crate) fn note_answered(&mut self, now: Mono) {
        self.note(now, |h| &mut h.peer_answered);
    }

    pub(crate) fn note_resumed(&mut self, now: Mono, way: Way) {
        let interface = self.interface_in_use();
        let Some(live) = self.live() else { return };
        let has_moved = live.record.as_ref().is_some_and(|r| r.has_moved(interface));
        if has_moved && live.paths.current().way == way {
            self.note(now, |h| &mut h.data_resumed);
        }
    }

    pub(crate) fn note_dc_updated(&mut self, now: Mono) {
        self.note(now, |h| &mut h.dc_updated);
    }

    /// Tells the application of a hand-over that is complete, or long past.
    pub(crate) fn finish_record(&mut self, now: Mono, fx: &mut Effects) {
        // Asked with every packet: mostly there is none.
        let is_there = |l: &Live| l.record.is_some() || !l.ended.is_empty();
        if !self.live().is_some_and(is_there) {
            return;
        }
        let after = self.before();
        let Some(live) = self.live_mut() else { return };
        let is_over = |r: &Record| r.is_complete() || now >= r.ends_at();
        let over = live.record.take_if(|r| is_over(r));
        let ended = live.ended.drain(..).chain(over.map(|r| r.told));
        for mut told in ended {
            told.new = after.route;
            told.new_interface = fx.interface(after.interface);
            fx.event(Event::HandedOver(Box::new(told)));
        }
    }
}
