//! A leg at a Relay Server: bind, confirm, keep alive (rule 2).

use core::time::Duration;
use std::net::SocketAddr;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, Header, PacketType, stamp};
use ntm_wire::id::{InterfaceId, PathId};
use ntm_wire::key::ServerKey;
use ntm_wire::message::{
    BindStatus, KeepAlive, Leg, LegBind, LegBindConfirm, LegBindResponse, Message, Messages,
    emit_all,
};
use ntm_wire::seal::{open_salted, seal_salted};
use ntm_wire::time::{Mono, Now};

use super::bind::Asked;
use super::candidates::Sighting;
use super::leg_ids::{Ids, LegIds};
use super::reach::{QUIC_PORT, Reach};
use super::retry::{Due, Retry};
use crate::effects::Effects;
use crate::event::Event;
use crate::handover::locals::{Change, Locals, Port};
use crate::log;

/// A keep-alive follows this long after the last packet sent over the leg (rule 17: 15-25 s).
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A dead relay is tried again this long after it was given up.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// A leg that left its interface for silence tries it again after this, doubled each time in vain.
const RETURN: Duration = Duration::from_secs(30);
/// An RS that forgot a leg hints; no more than one re-bind a second follows.
const REBIND_PACE: Duration = Duration::from_secs(1);

/// An interface, and the RS's address that it reaches.
type Place = (InterfaceId, RealAddr);

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum State {
    Binding,
    Bound,
    Dead,
}

/// One leg of one tunnel.
#[derive(Debug)]
pub(crate) struct RelayLeg {
    leg: Leg,
    /// Names the tunnel: what it receives first.
    path_in: PathId,
    ids: LegIds,
    /// The ways to the RS, in the order in which to try them.
    ways: Vec<RealAddr>,
    /// The one in use.
    pub(crate) addr: RealAddr,
    /// The interface it is bound from.
    on: InterfaceId,
    /// It is being bound this way too; until the RS says so packets leave both ways.
    moving: Option<Place>,
    /// When it was bound from another interface than the preferred one, and how often since then the way
    /// back did not work.
    abroad_since: Mono,
    vain_returns: u32,
    observed: Option<Sighting>,
    counter: u64,
    /// Where the binds since the last beginning went, by their counters.
    sent: Vec<(u64, Place)>,
    clock_ahead_ms: i64,
    /// How often the system refused to send a bind of this series.
    refusals: usize,
    asked: Asked,
    state: State,
    /// It worked once, and has been dead since then.
    was_bound: bool,
    dead_since: Option<Mono>,
    retry: Retry,
    unanswered_keep_alives: u32,
    last_bind: Mono,
    last_sent: Mono,
}

impl RelayLeg {
    /// A leg that was not bound yet; `None` when the node's network has no way to the RS.
    /// `path_out`, `path_in`: the ids in its token.
    pub(crate) fn new(
        leg: Leg,
        (path_out, path_in): (PathId, PathId),
        reach: &Reach,
        now: Mono,
    ) -> Option<Self> {
        let ways = ways(&leg, reach);
        let addr = *ways.first()?;
        Some(Self {
            ids: LegIds::new(leg.leg_key.clone(), path_out, path_in),
            leg,
            path_in,
            ways,
            addr,
            on: InterfaceId(0),
            moving: None,
            abroad_since: now,
            vain_returns: 0,
            observed: None,
            counter: 0,
            sent: Vec::new(),
            clock_ahead_ms: 0,
            refusals: 0,
            asked: Asked::default(),
            state: State::Binding,
            was_bound: false,
            dead_since: None,
            retry: Retry::new(now, None),
            unanswered_keep_alives: 0,
            last_bind: now,
            last_sent: now,
        })
    }

    /// Binds the leg to the preferred interface's address; packets leave from there at once.
    pub(crate) fn bind(&mut self, now: Now, fx: &mut Effects) {
        self.state = State::Binding;
        self.moving = None;
        self.come_home(fx);
        self.begin(now, fx);
    }

    fn come_home(&mut self, fx: &Effects) {
        let home = self.home(&fx.locals, |_| true);
        (self.on, self.addr) = home.unwrap_or((InterfaceId(0), self.addr));
    }

    /// The way to the RS from the first interface that has one and is `wanted`; of its ways the one in
    /// use, or else the first.
    fn home(&self, locals: &Locals, wanted: impl Fn(InterfaceId) -> bool) -> Option<Place> {
        let ports = locals.ports();
        let first = ports.iter().map(|p| p.interface);
        let mut interfaces = first.filter(|i| wanted(*i));
        interfaces.find_map(|on| {
            let fits = |a: &&RealAddr| ports.contains(&Port::of(on, **a));
            let in_use = [self.addr]
                .into_iter()
                .find(|a| fits(&a) && self.ways.contains(a));
            let addr = in_use.or_else(|| self.ways.iter().find(fits).copied())?;
            Some((on, addr))
        })
    }

    /// The system refused to send this way: a bind goes the next one, and each way once.
    pub(crate) fn handle_unreachable(&mut self, now: Now, fx: &mut Effects, at: Place) {
        let is_binding = self.state == State::Binding || self.moving.is_some();
        if is_binding && self.place() == at && self.refusals < self.ways.len() {
            self.refusals += 1;
            self.bind_again(now, fx);
        }
    }

    /// Where the next bind goes.
    fn place(&self) -> Place {
        self.moving.unwrap_or((self.on, self.addr))
    }

    fn begin(&mut self, now: Now, fx: &mut Effects) {
        self.refusals = 0;
        self.retry = Retry::new(now.mono, None);
        self.asked.begin();
        self.sent.clear();
        self.send_bind(now, fx);
    }

    /// Binds the leg from another interface, make before break.
    fn move_to(&mut self, now: Now, fx: &mut Effects, to: Option<Place>) {
        let is_news = to.is_some_and(|(on, _)| on != self.on) && self.moving != to;
        if self.state == State::Bound && is_news {
            self.moving = to;
            self.begin(now, fx);
        }
    }

    /// This node's addresses have changed.
    pub(crate) fn handle_change(&mut self, now: Now, fx: &mut Effects, change: &Change) {
        let is_gone = |(on, addr)| change.gone.contains(&Port::of(on, addr));
        if self.moving.is_some_and(is_gone) {
            self.moving = None;
        }
        if self.goes_with(change) || self.state != State::Bound {
            self.bind(now, fx);
        } else {
            self.go_home(now, fx);
        }
    }

    /// Whether the address that it is bound from goes, or is not there.
    pub(crate) fn goes_with(&self, change: &Change) -> bool {
        let is_nowhere = self.on == InterfaceId(0);
        is_nowhere || change.gone.contains(&Port::of(self.on, self.addr))
    }

    /// The way in use fell silent: another interface, if there is one.
    pub(crate) fn try_elsewhere(&mut self, now: Now, fx: &mut Effects) {
        let other = self.home(&fx.locals, |i| i != self.on);
        self.abroad_since = now.mono;
        self.move_to(now, fx, other);
    }

    /// The interface it is bound from.
    pub(crate) fn on(&self) -> InterfaceId {
        self.on
    }

    /// Whether packets of this leg leave from that interface, if that is known.
    pub(crate) fn is_bound_from(&self, on: InterfaceId) -> bool {
        let moving = self.moving.map(|(on, _)| on);
        on == InterfaceId(0) || self.on == InterfaceId(0) || self.on == on || moving == Some(on)
    }

    /// Sends a datagram for the peer over this leg.
    pub(crate) fn send(&mut self, now: Mono, fx: &mut Effects, datagram: Vec<u8>) {
        self.last_sent = now;
        if let Some(place) = self.moving {
            self.send_from(fx, place, datagram.clone());
        }
        self.send_from(fx, (self.on, self.addr), datagram);
    }

    /// Under the path id of the attachment that it leaves from (rule 13).
    fn send_from(&mut self, fx: &mut Effects, place: Place, mut datagram: Vec<u8>) {
        stamp(&mut datagram, self.ids_at(fx, place).out);
        fx.send(place.0, place.1, datagram);
    }

    fn ids_at(&mut self, fx: &mut Effects, (on, to): Place) -> Ids {
        let from = fx.locals.attachment_of(Port::of(on, to));
        let (ids, is_new) = self.ids.of(from);
        if is_new {
            fx.renamed.insert(self.path_in);
        }
        ids
    }

    /// Under which ids the RS may send now.
    pub(crate) fn ids_in(&self) -> impl Iterator<Item = PathId> {
        self.ids.ids_in()
    }

    /// Whether this node has sent under it of late.
    pub(crate) fn has_sent_under(&self, id: PathId) -> bool {
        self.ids.has_sent_under(id)
    }

    /// This node's address as the RS saw it last, and the attachment that it is of.
    pub(crate) fn observed(&self) -> Option<Sighting> {
        self.observed
    }

    /// The RS is under load and wants the bind again with a cookie; `true` when the challenge was to
    /// this leg's bind.
    pub(crate) fn handle_challenge(
        &mut self,
        now: Now,
        fx: &mut Effects,
        d: &Datagram<&mut [u8]>,
    ) -> bool {
        let is_mine = self.asked.is_asked(d.selector());
        if is_mine && self.asked.take(&self.leg.rs_key, d, fx) {
            self.send_bind(now, fx);
        }
        is_mine
    }

    /// The node is in another network; without a way there, the leg stays as it was.
    pub(crate) fn set_reach(&mut self, reach: &Reach) {
        let ways = ways(&self.leg, reach);
        if !ways.is_empty() {
            self.ways = ways;
        }
    }

    /// Whether a datagram from there may be the RS's.
    pub(crate) fn may_be(&self, from: RealAddr) -> bool {
        self.ways.contains(&from) || self.is_told(from)
    }

    /// Whether the DC named it, though no way leads there from this network: what the RS sent to an
    /// address that has gone may still be read.
    fn is_told(&self, from: RealAddr) -> bool {
        told(&self.leg).any(|RealAddr(a)| {
            a.ip() == from.0.ip() && [a.port(), QUIC_PORT].contains(&from.0.port())
        })
    }

    /// Binds again, by the next way: the RS answers on each, and which of them lead out is not known. An
    /// interface may be dead though the system says nothing.
    fn bind_again(&mut self, now: Now, fx: &mut Effects) {
        let mut places = self.places(&fx.locals);
        if let Some((moving_to, _)) = self.moving {
            places.retain(|(on, _)| *on == moving_to);
        }
        // Patience is for a relay that does not answer, not for ways that nobody has tried yet.
        if self.sent.len() < places.len() {
            self.retry = Retry::new(now.mono, None);
        }
        let after = self.place();
        let at = places.iter().position(|p| *p == after);
        let next = places.get(at.map_or(0, |at| at + 1));
        let next = next.or(places.first()).copied().unwrap_or(after);
        if self.moving.is_some() {
            self.moving = Some(next);
        } else {
            (self.on, self.addr) = next;
            self.abroad_since = now.mono;
        }
        self.send_bind(now, fx);
    }

    /// Wherefrom and whereto it may be bound, in the order in which to try: a way from each interface,
    /// and then the next way.
    fn places(&self, locals: &Locals) -> Vec<Place> {
        let ports = locals.ports();
        let from = |to: RealAddr| {
            let fits = |p: &&Port| **p == Port::of(p.interface, to);
            let places = ports.iter().filter(fits);
            places.map(move |p| (p.interface, to)).collect::<Vec<_>>()
        };
        self.ways.iter().flat_map(|to| from(*to)).collect()
    }

    fn send_bind(&mut self, now: Now, fx: &mut Effects) {
        let clock = now
            .wall
            .as_millis()
            .saturating_add_signed(self.clock_ahead_ms);
        self.counter = clock.max(self.counter + 1);
        let (on, to) = self.place();
        let v6 = !to.is_ipv4();
        let attachment = self.ids_at(fx, (on, to)).number;
        let bind = LegBind::new(
            self.leg.token.clone(),
            self.counter,
            attachment,
            v6,
            self.leg.rs,
            &self.leg.leg_key,
        );
        if let Some(datagram) = self.asked.emit(&self.leg.rs_key, &[bind.into()], fx) {
            self.last_bind = now.mono;
            self.sent.push((self.counter, (on, to)));
            self.last_sent = now.mono;
            fx.send(on, to, datagram);
        }
    }

    /// Takes a Leg datagram for this leg; `true` when it was authentic.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is, is not for this place"
    )]
    pub(crate) fn handle(
        &mut self,
        now: Now,
        fx: &mut Effects,
        from: RealAddr,
        d: &Datagram<&mut [u8]>,
    ) -> bool {
        let Ok(content) = open_salted(&self.leg.leg_key, "ntm leg to node", &d.aad(), d.body())
        else {
            fx.counters.bad_seal += 1;
            return false;
        };
        let Ok(messages) = Messages::parse_all(&content) else {
            fx.counters.malformed += 1;
            return false;
        };
        log::opened(&messages);
        for message in messages {
            match message {
                Message::LegBindResponse(response) => {
                    self.handle_response(now, fx, from, &response)
                }
                Message::KeepAlive(_) => self.unanswered_keep_alives = 0,
                _ => fx.counters.unexpected += 1,
            }
        }
        true
    }

    fn handle_response(&mut self, now: Now, fx: &mut Effects, from: RealAddr, r: &LegBindResponse) {
        // The answer to an earlier bind may come when a later one went another way, which leads nowhere.
        let answered = self.sent.iter().find(|(counter, _)| *counter == r.counter);
        match (r.status, answered.copied()) {
            (BindStatus::Bound, Some((_, place))) => self.handle_bound(now, fx, from, place, r),
            (BindStatus::Bound, None) => fx.counters.unexpected += 1,
            (BindStatus::Stale, _) if r.counter >= self.counter && self.state == State::Binding => {
                self.counter = r.counter;
                self.send_bind(now, fx);
            }
            (BindStatus::ClockOff, _)
                if self.state == State::Binding && r.counter == self.counter =>
            {
                self.clock_ahead_ms =
                    r.rs_time_ms.cast_signed() - now.wall.as_millis().cast_signed();
                self.counter = 0;
                self.send_bind(now, fx);
            }
            (BindStatus::Stale | BindStatus::ClockOff, _) => fx.counters.unexpected += 1,
            (BindStatus::Expired | BindStatus::Draining, _) => self.die(now.mono),
        }
    }

    fn handle_bound(
        &mut self,
        now: Now,
        fx: &mut Effects,
        from: RealAddr,
        place: Place,
        r: &LegBindResponse,
    ) {
        // A reminder of the RS when the confirmation was lost, or a replay: both get it again.
        let is_again = self.state == State::Bound && self.moving.is_none();
        fx.counters.replayed += u64::from(is_again);
        if !is_again {
            let (on, to) = place;
            let attachment = fx.locals.attachment_of(Port::of(on, to));
            self.observed = Some((r.observed, attachment));
        }
        self.state = State::Bound;
        self.sent.retain(|(c, _)| *c >= r.counter);
        self.arrive(place);
        self.was_bound = true;
        self.dead_since = None;
        if self.may_be(from) {
            self.addr = from;
        }
        self.unanswered_keep_alives = 0;
        let confirm = LegBindConfirm {
            counter: r.counter,
            cookie: r.cookie,
        };
        self.send_message(now.mono, fx, &confirm.into());
    }

    fn arrive(&mut self, place: Place) {
        (self.on, self.addr) = place;
        if self.moving.take().is_some() {
            self.vain_returns = 0;
        }
    }

    /// The RS does not know the leg (any more): present the token.
    pub(crate) fn handle_hint(&mut self, now: Now, fx: &mut Effects) {
        if now.mono.since(self.last_bind) >= REBIND_PACE {
            self.bind(now, fx);
        } else {
            fx.counters.unexpected += 1;
        }
    }

    /// The RS's key, under which a hint is sealed.
    pub(crate) fn rs_key(&self) -> &ServerKey {
        &self.leg.rs_key
    }

    /// Which relay.
    pub(crate) fn rs(&self) -> ntm_wire::id::RsId {
        self.leg.rs
    }

    /// Retransmits binds and sends keep-alives.
    pub(crate) fn handle_timeout(&mut self, now: Now, fx: &mut Effects) {
        match self.state {
            State::Binding => match self.retry.due(now.mono) {
                Due::Wait => {}
                Due::Again => self.bind_again(now, fx),
                Due::GiveUp => self.give_up(now.mono, fx),
            },
            State::Bound if self.moving.is_some() => match self.retry.due(now.mono) {
                Due::Wait => {}
                Due::Again => self.bind_again(now, fx),
                Due::GiveUp => self.stay(now.mono),
            },
            State::Bound if now.mono >= self.return_at(&fx.locals) => self.go_home(now, fx),
            State::Bound if now.mono >= self.last_sent + KEEP_ALIVE => self.keep_alive(now, fx),
            State::Dead if now.mono >= self.last_bind + TRY_AGAIN => self.bind(now, fx),
            State::Bound | State::Dead => {}
        }
    }

    /// The other interface has no way to the RS.
    fn stay(&mut self, now: Mono) {
        self.moving = None;
        self.abroad_since = now;
        self.vain_returns += 1;
    }

    fn go_home(&mut self, now: Now, fx: &mut Effects) {
        let home = self.home(&fx.locals, |_| true);
        self.move_to(now, fx, home);
    }

    /// When to try the preferred interface again; later each time it was in vain.
    fn return_at(&self, locals: &Locals) -> Mono {
        let is_first = locals.first() == Some(self.on);
        let is_home = is_first
            || self
                .home(locals, |_| true)
                .is_none_or(|(on, _)| on == self.on);
        let after = RETURN * (1 << self.vain_returns.min(5));
        if is_home {
            Mono::from_micros(u64::MAX)
        } else {
            self.abroad_since + after
        }
    }

    fn die(&mut self, now: Mono) {
        self.state = State::Dead;
        self.last_sent = now;
        self.dead_since.get_or_insert(now);
    }

    fn give_up(&mut self, now: Mono, fx: &mut Effects) {
        self.die(now);
        fx.event(Event::RelayLost(self.leg.rs));
    }

    fn keep_alive(&mut self, now: Now, fx: &mut Effects) {
        self.unanswered_keep_alives += 1;
        if self.unanswered_keep_alives > 2 {
            return self.bind(now, fx);
        }
        let message = KeepAlive {
            tx: fx.tx(),
            is_reply: false,
        }
        .into();
        self.send_message(now.mono, fx, &message);
    }

    fn send_message(&mut self, now: Mono, fx: &mut Effects, message: &Message) {
        let header = Header {
            kind: PacketType::Leg,
            selector: 0,
            counter: 0,
        };
        log::sealed(core::slice::from_ref(message));
        let content = emit_all(core::slice::from_ref(message));
        let mut out = header.emit();
        out.extend(seal_salted(
            &self.leg.leg_key,
            "ntm leg from node",
            fx.salt(),
            &[header.first_byte()],
            &content,
        ));
        self.last_sent = now;
        self.send_from(fx, (self.on, self.addr), out);
    }

    /// Since when a relay that worked is lost.
    pub(crate) fn lost_since(&self) -> Option<Mono> {
        self.dead_since.filter(|_| self.was_bound)
    }

    /// Whether the RS takes packets for this leg.
    pub(crate) fn is_bound(&self) -> bool {
        self.state == State::Bound
    }

    pub(crate) fn poll_timeout(&self, locals: &Locals) -> Mono {
        match self.state {
            State::Binding => self.retry.next(),
            State::Bound if self.moving.is_some() => self.retry.next(),
            State::Bound => (self.last_sent + KEEP_ALIVE).min(self.return_at(locals)),
            State::Dead => self.last_bind + TRY_AGAIN,
        }
    }
}

fn ways(leg: &Leg, reach: &Reach) -> Vec<RealAddr> {
    reach.server(told(leg))
}

/// The RS's addresses as the DC named them.
fn told(leg: &Leg) -> impl Iterator<Item = RealAddr> {
    let v4 = leg.v4.map(|(ip, port)| SocketAddr::from((ip, port)));
    let v6 = leg.v6.map(|(ip, port)| SocketAddr::from((ip, port)));
    v4.into_iter().chain(v6).map(RealAddr)
}
