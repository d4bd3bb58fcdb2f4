//! Moves: this node's addresses change, the peer says that it is elsewhere, a way falls silent.

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;
use ntm_wire::message::Claim;
use ntm_wire::time::Now;

use super::locals::{Change, Locals};
use super::path::Way;
use super::published::Order;
use super::timeline::{Before, Reason};
use crate::config::LocalAddr;
use crate::effects::Effects;
use crate::event::{Event, Route};
use crate::node::Node;
use crate::packet::data::{Phase, Tunnel};

impl Node {
    /// The local sockets there are now, all of them, the preferred interface's first. A change moves every
    /// tunnel at once and is told to the DC beside that.
    pub fn handle_interfaces(&mut self, now: Now, locals: &[LocalAddr]) {
        let mut locals = Locals::new(locals);
        if locals.is_as(&self.fx.locals) {
            return;
        }
        let change = self.fx.locals.change_to(&locals);
        locals.attach(&self.fx.locals, &change);
        self.fx.locals = locals;
        self.find_ways();
        self.dc.come_home();
        if self.fx.progress.order == Order::Published && self.registration.registered.is_some() {
            return self.move_as_published(now);
        }
        for tunnel in self.tunnels.iter_mut() {
            tunnel.handle_change(now, &mut self.fx, &change);
        }
        if self.registration.is_wanted() || self.is_registering() {
            self.send_registration(now);
        }
        self.dc.restart_hello();
        self.open_session(now);
    }

    /// What the system calls an interface: for people, in [`Node::tunnels`] and in the record of a hand-over.
    pub fn name_interface(&mut self, number: InterfaceId, name: &str) {
        self.fx.interface_names.insert(number, name.to_owned());
    }

    /// The system refused to send from the interface to there: whatever goes that way is in doubt at once.
    pub fn handle_unreachable(&mut self, now: Now, on: InterfaceId, to: RealAddr) {
        for tunnel in self.tunnels.iter_mut() {
            tunnel.handle_unreachable(now, &mut self.fx, on, to);
        }
        self.dc.handle_unreachable(now.mono, &mut self.fx, to);
        self.open_session(now);
    }

    /// The machine slept for so long; every path is suspect.
    pub fn handle_slept(&mut self, now: Now, slept: Duration) {
        tracing::debug!(?slept, "woke up");
        for tunnel in self.tunnels.iter_mut() {
            tunnel.suspect_all(now, &mut self.fx);
        }
        if self.registration.registered.is_some() {
            self.send_registration(now);
        }
        self.open_session(now);
    }
}

impl Tunnel {
    /// This node's addresses have changed: legs, paths and, when the way in use went, everything at once.
    fn handle_change(&mut self, now: Now, fx: &mut Effects, change: &Change) {
        let (old, leg_went) = (self.before(), self.leg_in_use_goes(change));
        let legs = &mut self.legs;
        legs.iter_mut()
            .for_each(|l| l.handle_change(now, fx, change));
        let (candidates, locals) = (&self.candidates, &fx.locals);
        let Phase::Live(live) = &mut self.phase else {
            return self.ask_anew(now.mono, fx);
        };
        live.numbers.handle_change(locals);
        let paths = &mut live.paths;
        let is_cut = paths.handle_change(change, locals, candidates, now.mono);
        if is_cut || leg_went {
            self.start_record(now, fx, Reason::AddressGone, old);
            self.move_away(now, fx);
        } else if let Some(home) = fx.locals.first().filter(|h| paths.may_go_home(*h)) {
            paths.go_home(home, now.mono);
            self.start_record(now, fx, Reason::BetterInterface, old);
            self.note_usable(now.mono);
        } else if !change.fresh.is_empty() {
            // An address comes before its route: the peer hears of the move before it can begin.
            paths.stir(now.mono);
        }
        self.look_anew(fx);
        self.handle_live_work(now, fx);
        self.tell_passage(fx);
    }

    fn handle_unreachable(&mut self, now: Now, fx: &mut Effects, on: InterfaceId, to: RealAddr) {
        let legs = self.legs.iter_mut();
        legs.for_each(|l| l.handle_unreachable(now, fx, (on, to)));
        let arrival = self.arrival(on, to);
        let is_watched = fx.progress.order == Order::AtOnce;
        let Some(live) = self.live_mut().filter(|_| is_watched) else {
            return;
        };
        if live.paths.current().way == arrival.way && live.paths.doubt_at_once(now.mono) {
            self.go_elsewhere(now, fx);
            self.handle_live_work(now, fx);
            self.tell_passage(fx);
        }
    }

    fn go_elsewhere(&mut self, now: Now, fx: &mut Effects) {
        let legs = &mut self.legs;
        legs.iter_mut().for_each(|l| l.try_elsewhere(now, fx));
    }

    /// Whether the way in use is a relay's, and the address that its leg is bound from goes or has gone.
    fn leg_in_use_goes(&self, change: &Change) -> bool {
        let way = self.live().map(|l| l.paths.current().way);
        let Some(Way::Relay(leg)) = way else {
            return false;
        };
        self.legs.get(leg).is_none_or(|l| l.goes_with(change))
    }

    /// The way in use went with an address: from here on packets leave from where they can.
    fn move_away(&mut self, now: Now, fx: &mut Effects) {
        let home = fx.locals.first();
        let Some(live) = self.live_mut() else { return };
        if let Some(home) = home {
            live.paths.claim(home, now.mono);
            live.paths.move_away(now.mono);
            self.note_usable(now.mono);
        }
    }

    /// Probes that are due leave at once.
    fn handle_live_work(&mut self, now: Now, fx: &mut Effects) {
        if self.is_live() {
            self.send_probes(now.mono, fx);
            self.choose_path(now, fx);
        }
    }

    /// Moves to a better way, if there is one.
    pub(crate) fn choose_path(&mut self, now: Now, fx: &mut Effects) {
        self.choose(now, fx);
        // The preferred interface did not work: the peer is to come back.
        if let Some(live) = self.live_mut()
            && let Some(in_use) = live.paths.vain_claim()
        {
            live.paths.claim(in_use, now.mono);
            self.send_probes(now.mono, fx);
        }
        self.tell_passage(fx);
    }

    fn choose(&mut self, now: Now, fx: &mut Effects) {
        let was_in_doubt = self.live().is_some_and(|l| l.paths.is_silent());
        let Some(left) = self.live_mut().and_then(|l| l.paths.choose(now.mono)) else {
            return;
        };
        // A relay that forgot this leg, or is gone, is told apart from a loss on the way.
        if let (Way::Relay(leg), Some(Route::Relay { .. })) = (left, self.route()) {
            let leg = self.legs.get_mut(leg);
            leg.into_iter().for_each(|l| l.bind(now, fx));
        }
        let reason = if was_in_doubt {
            Reason::PathSilent
        } else {
            Reason::BetterInterface
        };
        self.tell_route(fx, left);
        self.repeat_whereabouts(now.mono, fx);
        self.claim_new_interface(now, fx, left, reason);
    }

    fn tell_route(&self, fx: &mut Effects, left: Way) {
        if let (Some(old), Some(new)) = (self.route_of(left), self.route()) {
            fx.event(Event::RouteChanged {
                peer: self.peer.node,
                old,
                new,
            });
        }
    }

    /// A way by another interface is in use now: the peer is to come there too.
    fn claim_new_interface(&mut self, now: Now, fx: &mut Effects, left: Way, reason: Reason) {
        let Some(way) = self.live().map(|l| l.paths.current().way) else {
            return;
        };
        let on = |way| self.ends(way).map_or(InterfaceId(0), |(on, _)| on);
        let (from, to) = (on(left), on(way));
        let Some(live) = self.live_mut().filter(|l| !l.paths.has_claimed(to)) else {
            return;
        };
        // Without any address there is nowhere to claim.
        if from == to || to == InterfaceId(0) {
            return;
        }
        live.paths.claim(to, now.mono);
        let (route, interface) = (self.route_of(left), from);
        self.start_record(now, fx, reason, Before { route, interface });
        self.note_usable(now.mono);
        self.send_probes(now.mono, fx);
    }

    /// The peer says that it has moved (rule 3).
    pub(crate) fn handle_claim(&mut self, now: Now, fx: &mut Effects, way: Way, claim: Claim) {
        let old = self.before();
        let Some(live) = self.live_mut() else { return };
        let is_elsewhere = live.paths.current().way != way;
        if live.paths.handle_claim(claim, way, now.mono) && is_elsewhere {
            self.start_record(now, fx, Reason::PeerMoved, old);
            self.note_usable(now.mono);
        }
        self.send_probes(now.mono, fx);
        self.tell_passage(fx);
    }

    /// Every path is suspect: binds and probes anew.
    fn suspect_all(&mut self, now: Now, fx: &mut Effects) {
        self.legs.iter_mut().for_each(|l| l.bind(now, fx));
        if let Some(live) = self.live_mut() {
            live.forgive(now.mono);
            live.paths.suspect_all(now.mono);
        }
        self.handle_live_work(now, fx);
    }

    /// A stream that fell silent puts its way in doubt; one that comes in is answered with signs of life.
    pub(crate) fn watch_pulse(&mut self, now: Now, fx: &mut Effects) {
        let is_watched = fx.progress.order == Order::AtOnce;
        let Some(live) = self.live_mut().filter(|_| is_watched) else {
            return;
        };
        let (is_silent, owes) = (
            live.paths.check_pulse(now.mono),
            live.paths.owes_sign(now.mono),
        );
        if is_silent {
            self.go_elsewhere(now, fx);
        }
        if owes {
            self.send_sign(now.mono, fx);
        }
    }
}
