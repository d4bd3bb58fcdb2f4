//! Where the ends may be reached: told over the tunnel itself, so that a direct way is found after a move
//! although the DC may be down, or slow.

use ntm_wire::addr::{Candidate, RealAddr};
use ntm_wire::id::InterfaceId;
use ntm_wire::message::Whereabouts;
use ntm_wire::time::{Mono, Now};

use super::attachments::Numbers;
use super::path::Way;
use crate::effects::Effects;
use crate::negotiation::candidates::{Attached, with_observed};
use crate::negotiation::leg::RelayLeg;
use crate::node::Node;
use crate::packet::data::Tunnel;

/// What both ends have told each other.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The number of the last list that was sent, and the list.
    sent: (u32, Vec<Candidate>),
    /// The number of the last list that was taken.
    taken: u32,
}

impl Node {
    /// A relay saw this node at an address that it was not seen at before.
    pub(crate) fn tell_whereabouts(&mut self, now: Now) {
        let own = self.attached_candidates();
        for tunnel in self.tunnels.iter_mut() {
            tunnel.tell_whereabouts(now.mono, &mut self.fx, &own);
        }
    }
}

impl Tunnel {
    /// Tells the peer where this node is, when that is news since a move.
    fn tell_whereabouts(&mut self, now: Mono, fx: &mut Effects, own: &[Attached]) {
        let seen = self.legs.iter().filter_map(RelayLeg::observed);
        let all = with_observed(own.to_vec(), seen);
        let is_wanted = self.may_go_direct;
        let Some(live) = self.live_mut().filter(|l| is_wanted && l.paths.has_moved()) else {
            return;
        };
        let candidates = numbered(&live.numbers, all);
        if live.told.sent.1 == candidates {
            return;
        }
        live.told.sent = (live.told.sent.0 + 1, candidates);
        self.repeat_whereabouts(now, fx);
    }

    /// Nothing confirms the list, so it goes out again when the way has changed.
    pub(super) fn repeat_whereabouts(&mut self, now: Mono, fx: &mut Effects) {
        let told = self.live().map(|l| l.told.sent.clone());
        if let Some((number, candidates)) = told.filter(|(number, _)| *number > 0) {
            let message = Whereabouts { number, candidates };
            self.send_control(now, fx, &[message.into()]);
        }
    }

    /// The peer may be reached there; a list that was overtaken by a later one says nothing.
    pub(crate) fn handle_whereabouts(&mut self, now: Now, fx: &mut Effects, w: &Whereabouts) {
        let may_go_direct = self.may_go_direct;
        let Some(live) = self.live_mut().filter(|_| may_go_direct) else {
            fx.counters.unexpected += 1;
            return;
        };
        if w.number <= live.told.taken {
            return;
        }
        live.told.taken = w.number;
        let at_home = fx.locals.iter().any(|l| l.addr.is_loopback());
        let fits = |a: &RealAddr| a.is_sendable() && (at_home || !a.is_loopback());
        let reach = fx.reach;
        let real = |a: RealAddr| reach.map_or(Some(a), |r| r.real(a));
        let told = w.candidates.iter().filter(|c| fits(&c.addr));
        let told = told.filter_map(|c| Some((real(c.addr)?, c.interface.0)));
        let told: Vec<(RealAddr, u16)> = told.collect();
        let addrs = told.iter().map(|(addr, _)| *addr).collect();
        let is_news = live.paths.tell_peer_attachments(told);
        self.candidates = addrs;
        if is_news {
            self.look_anew(fx);
        }
        let ways: Vec<Way> = self.direct_ways(&fx.locals);
        if let Some(live) = self.live_mut() {
            ways.into_iter()
                .for_each(|way| live.paths.try_again(way, now.mono));
        }
        self.send_probes(now.mono, fx);
    }
}

/// Who is told has no use for the interface, and needs to know under which path id the address is reached: the number
/// of its attachment takes the place. An address of an attachment that has gone long since is left out.
fn numbered(numbers: &Numbers, all: Vec<Attached>) -> Vec<Candidate> {
    let number = |(c, attachment): Attached| {
        let number = match attachment {
            Some(attachment) => numbers.number(attachment)?,
            None => numbers.newest(),
        };
        let interface = InterfaceId(number);
        Some(Candidate { interface, ..c })
    };
    all.into_iter().filter_map(number).collect()
}
