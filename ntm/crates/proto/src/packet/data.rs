//! A tunnel: encapsulation on the way out, decapsulation on the way in, and what keeps it alive.

use core::time::Duration;

use ntm_wire::addr::{RealAddr, VirtualAddrs};
use ntm_wire::header::{Datagram, HEADER_LEN};
use ntm_wire::id::{Epoch, InterfaceId, PathId, TxId};
use ntm_wire::key::IdentityKey;
use ntm_wire::message::{Message, Role};
use ntm_wire::time::{Mono, Now};

use super::ahead::Ahead;
use super::compress::{self, FORM_CONTROL, FORM_FRAGMENT};
use super::control::{AppProbe, PROBE_LOST, control};
use super::fragment::{self, Reassembly};
use super::keys::{KeyRing, OpenError};
use super::path_ids::PathIds;
use super::rest::Life;
use crate::effects::Effects;
use crate::event::{Peer, Route};
use crate::handover::attachments::Numbers;
use crate::handover::locals::Locals;
use crate::handover::passage::Passage;
use crate::handover::path::Way;
use crate::handover::paths::PathSet;
use crate::handover::timeline::{Handover, Record};
use crate::handover::whereabouts::Told;
use crate::negotiation::leg::RelayLeg;
use crate::negotiation::rekey::Rekey;
use crate::negotiation::setup::Setup;

/// A relay that is gone is replaced after this: a DC counts one as down after 35 s of silence.
const OTHER_RELAY: Duration = Duration::from_secs(30);

/// A tunnel in whatever phase.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) peer: Peer,
    pub(crate) peer_identity: IdentityKey,
    pub(crate) peer_epoch: Epoch,
    pub(crate) role: Role,
    pub(crate) path_out: PathId,
    pub(crate) path_in: PathId,
    /// The caller's: which of its requests led here.
    pub(crate) for_request: Option<TxId>,
    pub(crate) prologue: Vec<u8>,
    pub(crate) legs: Vec<RelayLeg>,
    /// Both ends agree to learn each other's addresses.
    pub(crate) may_go_direct: bool,
    /// The peer's real addresses, as told; none when only the relay is allowed.
    pub(crate) candidates: Vec<RealAddr>,
    /// When this node asked for other relays.
    pub(crate) asked_again: Option<Mono>,
    pub(crate) ahead: Ahead,
    /// In the published order a tunnel carries nothing from the move on until it was built anew.
    pub(crate) is_void: bool,
    pub(crate) phase: Phase,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// The handshake is under way.
    Setup(Setup),
    /// The tunnel stands.
    Live(Box<Live>),
}

/// What a tunnel that stands has.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) keys: KeyRing,
    pub(crate) paths: PathSet,
    pub(crate) rekey: Rekey,
    pub(crate) stats: Stats,
    /// The callee's answer, for doubles of the request.
    pub(crate) answered: Option<Answered>,
    reassembly: Reassembly,
    next_fragment: u16,
    pub(super) last_heard: Mono,
    /// The peer is silent, and may come back.
    pub(super) rests: bool,
    pub(super) probes: Vec<AppProbe>,
    /// The hand-over under way.
    pub(crate) record: Option<Record>,
    /// Others that it cut short.
    pub(crate) ended: Vec<Handover>,
    pub(crate) told: Told,
    /// The networks that both ends are attached to.
    pub(crate) numbers: Numbers,
    pub(crate) ids: PathIds,
    /// What the application knows of it.
    pub(crate) passage: Passage,
}

/// A Tunnel Request and the answer it got: the same bytes get the same answer again (rule 5).
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
}

/// Packets and bytes, for people to see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) rekeys: u32,
}

/// What a data packet turned out to be.
pub(crate) enum Opened {
    /// A virtual IP packet.
    Packet(Vec<u8>),
    /// The peer closed the tunnel.
    Closed,
    /// Nothing more to do.
    Nothing,
}

/// Where a datagram came from, as far as a tunnel is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) way: Way,
    pub(crate) from: RealAddr,
    /// Over a leg, but to another interface than the one it is bound from: the relay still sends to where
    /// it was bound before, which says nothing of where it is bound now.
    pub(crate) is_astray: bool,
}

impl Live {
    pub(crate) fn new(
        keys: KeyRing,
        paths: PathSet,
        (numbers, ids): (Numbers, PathIds),
        answered: Option<Answered>,
        now: Mono,
    ) -> Self {
        Self {
            keys,
            paths,
            numbers,
            ids,
            rekey: Rekey::default(),
            stats: Stats::default(),
            answered,
            reassembly: Reassembly::default(),
            next_fragment: 0,
            last_heard: now,
            rests: false,
            probes: Vec::new(),
            record: None,
            ended: Vec::new(),
            told: Told::default(),
            passage: Passage::default(),
        }
    }
}

impl Tunnel {
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live(_))
    }

    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.phase {
            Phase::Live(live) => Some(live),
            Phase::Setup(_) => None,
        }
    }

    pub(crate) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.phase {
            Phase::Live(live) => Some(live),
            Phase::Setup(_) => None,
        }
    }

    /// The way a datagram from `from` came: over a leg if the relay sent it.
    pub(crate) fn arrival(&self, on: InterfaceId, from: RealAddr) -> Arrival {
        let leg = self.legs.iter().position(|l| l.may_be(from));
        let is_bound_from = |l: &RelayLeg| l.is_bound_from(on);
        Arrival {
            way: leg.map_or(Way::Direct(on, from), Way::Relay),
            from,
            is_astray: !leg.and_then(|l| self.legs.get(l)).is_none_or(is_bound_from),
        }
    }

    /// The route in use, for people.
    pub(crate) fn route(&self) -> Option<Route> {
        self.live()
            .and_then(|l| self.route_of(l.paths.current().way))
    }

    pub(crate) fn route_of(&self, way: Way) -> Option<Route> {
        match way {
            Way::Direct(_, remote) => Some(Route::Direct { remote }),
            Way::Relay(leg) => self.legs.get(leg).map(|l| Route::Relay {
                rs: l.rs(),
                via: l.addr,
            }),
        }
    }

    /// Encapsulates a virtual IP packet and sends it.
    pub(crate) fn send_packet(
        &mut self,
        now: Now,
        fx: &mut Effects,
        ip: &[u8],
        own: &VirtualAddrs,
    ) {
        let content = compress::compress(ip, own, &self.peer.addrs);
        self.send_compressed(now, fx, content, ip.len());
    }

    /// The same when it is compressed already; `len` is what it was before.
    pub(crate) fn send_compressed(
        &mut self,
        now: Now,
        fx: &mut Effects,
        content: Vec<u8>,
        len: usize,
    ) {
        let is_void = self.is_void;
        let Some(live) = self.live_mut().filter(|_| !is_void) else {
            return;
        };
        live.stats.sent += 1;
        live.stats.sent_bytes += len as u64;
        live.next_fragment = live.next_fragment.wrapping_add(1);
        let id = live.next_fragment;
        live.paths.note_data_sent(now.mono);
        let payload = live.paths.payload();
        for part in fragment::split(content, payload, id) {
            self.send_data(now.mono, fx, &part);
        }
    }

    /// Over the way in use. Doubles are the same bytes (rule 4): sealed once.
    fn send_data(&mut self, now: Mono, fx: &mut Effects, content: &[u8]) {
        let Some(live) = self.live_mut() else { return };
        let datagram = live.keys.seal(content);
        let plan = live.paths.plan(datagram.len());
        live.paths.note_sent(now);
        for way in plan.doubles {
            self.transmit(now, fx, way, datagram.clone());
        }
        self.transmit(now, fx, plan.way, datagram);
    }

    /// Sends control messages as data goes.
    pub(crate) fn send_control(&mut self, now: Mono, fx: &mut Effects, messages: &[Message]) {
        self.send_data(now, fx, &control(messages));
    }

    pub(super) fn send_content(&mut self, now: Mono, fx: &mut Effects, way: Way, content: &[u8]) {
        let Some(live) = self.live_mut() else { return };
        if way == live.paths.current().way {
            live.paths.note_sent(now);
        }
        let datagram = live.keys.seal(content);
        live.paths.charge(way, datagram.len());
        self.transmit(now, fx, way, datagram);
    }

    /// Sends a datagram over a way.
    pub(crate) fn transmit(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        way: Way,
        mut datagram: Vec<u8>,
    ) {
        match way {
            Way::Direct(on, to) => {
                self.stamp_direct(fx, way, &mut datagram);
                fx.send(on, to, datagram);
            }
            Way::Relay(leg) => {
                if let Some(leg) = self.legs.get_mut(leg) {
                    leg.send(now, fx, datagram);
                }
            }
        }
    }

    /// Opens a data packet.
    pub(crate) fn handle_data(
        &mut self,
        now: Now,
        fx: &mut Effects,
        a: Arrival,
        d: Datagram<&mut [u8]>,
        own: &VirtualAddrs,
    ) -> Opened {
        let may_learn = self.may_go_direct;
        let Phase::Live(live) = &mut self.phase else {
            fx.counters.unexpected += 1;
            return Opened::Nothing;
        };
        let (counter, aad, id) = (d.counter(), d.aad(), d.path_id());
        let body = d.into_body_mut();
        let whole = HEADER_LEN + body.len();
        let len = match live.keys.open(now.mono, counter, &aad, body) {
            Ok(len) => len,
            Err(OpenError::Replayed) => {
                fx.counters.replayed += 1;
                if live.paths.may_tell(&a)
                    && let Some(len) = live.keys.open_double(counter, &aad, body)
                {
                    self.handle_double(now, fx, a, &body[..len]);
                }
                return Opened::Nothing;
            }
            Err(error) => return refuse(fx, error),
        };
        (live.last_heard, live.rests) = (now.mono, false);
        if a.is_astray {
            live.paths.note_astray(now.mono);
        } else {
            if body.first() != Some(&FORM_CONTROL) {
                live.paths.note_used(a.way);
            }
            let may_change = live.paths.note_heard(a.way, may_learn, whole, now.mono);
            self.note_heard_under(fx, a.way, id);
            if may_change {
                self.choose_path(now, fx);
            }
        }
        self.handle_content(now, fx, a, &body[..len], own)
    }

    fn handle_content(
        &mut self,
        now: Now,
        fx: &mut Effects,
        a: Arrival,
        content: &[u8],
        own: &VirtualAddrs,
    ) -> Opened {
        match content.split_first() {
            Some((&FORM_CONTROL, messages)) => self.handle_control(now, fx, a, messages),
            Some((&FORM_FRAGMENT, part)) => {
                let whole = self.live_mut().and_then(|l| l.reassembly.take(part));
                whole.map_or(Opened::Nothing, |c| {
                    self.handle_packet(now.mono, fx, &c, own)
                })
            }
            Some(_) => {
                self.note_resumed(now.mono, a.way);
                self.finish_record(now.mono, fx);
                self.handle_packet(now.mono, fx, content, own)
            }
            None => Opened::Nothing,
        }
    }

    /// A virtual packet, compressed: out of a data packet, or early data.
    pub(crate) fn handle_packet(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        content: &[u8],
        own: &VirtualAddrs,
    ) -> Opened {
        let Some(ip) = compress::decompress(content, own, &self.peer.addrs) else {
            fx.counters.wrong_inner_address += 1;
            return Opened::Nothing;
        };
        if let Some(live) = self.live_mut() {
            live.stats.received += 1;
            live.stats.received_bytes += ip.len() as u64;
            live.paths.note_data(now);
        }
        Opened::Packet(ip)
    }

    /// When to ask the DC for a relay in the place of one that is gone: by then it has noticed too.
    pub(crate) fn other_relay_at(&self) -> Option<Mono> {
        let lost = self.legs.iter().filter_map(RelayLeg::lost_since).min()?;
        // Both ends may miss it; the caller asks first.
        let patience = match self.role {
            Role::Caller => OTHER_RELAY,
            Role::Callee => OTHER_RELAY * 2,
        };
        let again = self.asked_again.map(|t| t + OTHER_RELAY * 4);
        Some(again.map_or(lost + patience, |t| t.max(lost + patience)))
    }

    /// Probes, keep-alives, rekeying. A tunnel that is not `active` was replaced: it only listens.
    pub(crate) fn handle_live_timeout(&mut self, now: Now, fx: &mut Effects, active: bool) -> Life {
        let Some(live) = self.live_mut() else {
            return Life::Lives;
        };
        live.keys.expire(now.mono);
        live.lose_probes(now.mono, fx);
        let (life, rests) = (live.life(now.mono, active), live.rests);
        if life != Life::Lives {
            return life;
        }
        if active && rests {
            self.keep_resting(now, fx);
        } else if active {
            self.legs.iter_mut().for_each(|l| l.handle_timeout(now, fx));
            self.watch_pulse(now, fx);
            self.finish_record(now.mono, fx);
            self.send_probes(now.mono, fx);
            self.rekey_if_due(now, fx);
            self.choose_path(now, fx);
        }
        Life::Lives
    }

    pub(crate) fn poll_timeout(&self, locals: &Locals, active: bool) -> Option<Mono> {
        let legs = self.legs.iter().map(|l| l.poll_timeout(locals));
        match &self.phase {
            Phase::Setup(setup) => legs.chain([setup.poll_timeout()]).min(),
            Phase::Live(live) => {
                let lost = live.probes.iter().map(|p| p.sent + PROBE_LOST);
                let ends = [live.deadline(active)];
                if !active {
                    return lost.chain(ends).min();
                }
                if live.rests {
                    return legs.chain(lost).chain(ends).min();
                }
                let rekey = [live.rekey_due(self.asks_for_keys())];
                legs.chain(live.paths.poll_timeout())
                    .chain(self.other_relay_at())
                    .chain(lost)
                    .chain(ends)
                    .chain(rekey)
                    .chain(live.record.as_ref().map(Record::ends_at))
                    .min()
            }
        }
    }
}

fn refuse(fx: &mut Effects, error: OpenError) -> Opened {
    match error {
        OpenError::UnknownEpoch => fx.counters.unknown_selector += 1,
        OpenError::Replayed => fx.counters.replayed += 1,
        OpenError::BadSeal => fx.counters.bad_seal += 1,
    }
    Opened::Nothing
}
