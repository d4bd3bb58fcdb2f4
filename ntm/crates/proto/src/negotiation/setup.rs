//! Tunnel set-up: one Noise handshake over every path at once (rule 5).

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::codec::Codec;
use ntm_wire::header::{HEADER_LEN, Header, PacketType, VERSION};
use ntm_wire::id::InterfaceId;
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{MessageType, Role, RouteDirection, TunnelRequest, TunnelResponse};
use ntm_wire::noise::{BadHandshake, Handshake, SessionKeys, tunnel_initiator, tunnel_responder};
use ntm_wire::seal::SALTED_OVERHEAD;
use ntm_wire::time::{Mono, Now};

use super::punch::PUNCH_LEN;
use super::rekey::Rekey;
use super::retry::{Due, Retry};
use crate::effects::Effects;
use crate::handover::attachments::Numbers;
use crate::handover::locals::{Class, Locals, Port};
use crate::handover::path::Way;
use crate::handover::paths::PathSet;
use crate::log;
use crate::packet::data::{Answered, Arrival, Live, Phase, Tunnel};
use crate::packet::keys::KeyRing;
use crate::packet::path_ids::PathIds;

/// A callee waits this long for the Tunnel Request it was told of.
const CALLEE_WAITS: Duration = Duration::from_secs(30);
/// The loser of a glare waits this long for the winner (rule 14).
pub(crate) const PARKED: Duration = Duration::from_secs(1);

/// A handshake under way.
#[derive(Debug)]
pub(crate) enum Setup {
    /// This node asks.
    Caller(Box<CallerSetup>),
    /// This node was told that a request will come.
    Callee {
        /// Pre-shared key; single use.
        path_key: SecretKey,
        /// Given up then.
        until: Mono,
    },
}

/// The caller's half.
#[derive(Debug)]
pub(crate) struct CallerSetup {
    handshake: Handshake,
    pub(super) path_key: SecretKey,
    /// The boxes of the punches that were taken; no more than there are candidates.
    pub(super) punches: Vec<[u8; SALTED_OVERHEAD]>,
    /// The ways by which they came; see [`Tunnel::punched`].
    pub(super) punched: Vec<Way>,
    request: Vec<u8>,
    retry: Retry,
    parked_until: Option<Mono>,
}

/// What a timeout of a set-up says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetupState {
    /// Goes on.
    Waiting,
    /// Came to nothing.
    Failed,
}

impl CallerSetup {
    pub(crate) fn new(
        d: &RouteDirection,
        own: &KeyPair,
        prologue: &[u8],
        early: Vec<u8>,
        now: Mono,
        fx: &mut Effects,
    ) -> Result<Self, BadHandshake> {
        let mut handshake =
            tunnel_initiator(fx.seed(), own, &d.peer.identity, &d.path_key, prologue)?;
        let content = TunnelRequest {
            versions: (VERSION, VERSION),
            early,
        }
        .emit();
        let header = Header {
            kind: PacketType::TunnelRequest,
            selector: d.path_out.0,
            counter: 0,
        };
        let mut request = header.emit();
        request.extend(handshake.write(&content)?);
        log::sealed_kind(MessageType::TunnelRequest);
        Ok(Self {
            handshake,
            path_key: d.path_key.clone(),
            punches: Vec::new(),
            punched: Vec::new(),
            request,
            retry: Retry::new(now, None),
            parked_until: None,
        })
    }
}

impl Setup {
    pub(crate) fn callee(path_key: SecretKey, now: Mono) -> Self {
        Self::Callee {
            path_key,
            until: now + CALLEE_WAITS,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Mono {
        match self {
            Self::Caller(c) => c.parked_until.unwrap_or_else(|| c.retry.next()),
            Self::Callee { until, .. } => *until,
        }
    }
}

/// What both ends bind into the handshake: version, path ids, nodes, names, virtual addresses.
pub(crate) fn prologue(d: &RouteDirection, own: &IdentityCertificate) -> Vec<u8> {
    let (caller, callee, there, back) = match d.role {
        Role::Caller => (own, &d.peer, d.path_out, d.path_in),
        Role::Callee => (&d.peer, own, d.path_in, d.path_out),
    };
    let mut out = b"ntm tunnel 1".to_vec();
    out.push(VERSION);
    out.extend(there.emit());
    out.extend(back.emit());
    for end in [caller, callee] {
        out.extend(end.node_id().emit());
        out.extend(end.fqdn.emit());
        out.extend(end.virtual_v6.octets());
    }
    out
}

impl Tunnel {
    fn setup_mut(&mut self) -> Option<&mut Setup> {
        match &mut self.phase {
            Phase::Setup(setup) => Some(setup),
            Phase::Live(_) => None,
        }
    }

    /// The caller's set-up, while it lasts.
    pub(crate) fn caller_setup(&self) -> Option<&CallerSetup> {
        match &self.phase {
            Phase::Setup(Setup::Caller(c)) => Some(c),
            Phase::Setup(Setup::Callee { .. }) | Phase::Live(_) => None,
        }
    }

    /// Begins: binds the legs, and asks over every path or opens this end's NAT.
    pub(crate) fn start(&mut self, now: Now, fx: &mut Effects) {
        self.legs.iter_mut().for_each(|l| l.bind(now, fx));
        match &self.phase {
            Phase::Setup(Setup::Caller(c)) if c.parked_until.is_none() => {
                self.send_request(now.mono, fx)
            }
            Phase::Setup(Setup::Callee { path_key, .. }) => {
                let path_key = path_key.clone();
                self.punch(fx, &path_key);
            }
            Phase::Setup(Setup::Caller(_)) | Phase::Live(_) => {}
        }
    }

    /// Rule 14: the loser of a glare waits for the winner.
    pub(crate) fn park(&mut self, now: Mono) {
        if let Some(Setup::Caller(c)) = self.setup_mut() {
            c.parked_until.get_or_insert(now + PARKED);
        }
    }

    fn send_request(&mut self, now: Mono, fx: &mut Effects) {
        let Some(request) = self.caller_setup().map(|c| c.request.clone()) else {
            return;
        };
        let relays = (0..self.legs.len()).map(Way::Relay);
        let direct = self.direct_ways(&fx.locals).into_iter();
        let direct = direct.chain(self.punched().to_vec());
        for way in relays.chain(direct) {
            self.transmit(now, fx, way, request.clone());
        }
    }

    /// From each of this node's interfaces to each of the peer's addresses.
    pub(crate) fn direct_ways(&self, locals: &Locals) -> Vec<Way> {
        let unknown = |to: &RealAddr| Way::Direct(InterfaceId(0), *to);
        if locals.is_empty() {
            return self.candidates.iter().map(unknown).collect();
        }
        let ports = locals.meeting_ports();
        let from = |port: &Port| {
            let port = *port;
            let fits = self
                .candidates
                .iter()
                .filter(move |c| Class::of(**c) == port.class);
            fits.map(move |c| Way::Direct(port.interface, *c))
        };
        ports.iter().flat_map(from).collect()
    }

    /// From new addresses.
    pub(crate) fn ask_anew(&mut self, now: Mono, fx: &mut Effects) {
        if self
            .caller_setup()
            .is_some_and(|c| c.parked_until.is_none())
        {
            self.send_request(now, fx);
        }
    }

    /// Over a way that was not known when the request first left.
    pub(super) fn ask_also(&mut self, now: Mono, fx: &mut Effects, way: Way) {
        let asked = self.caller_setup().filter(|c| c.parked_until.is_none());
        if let Some(request) = asked.map(|c| c.request.clone()) {
            self.transmit(now, fx, way, request);
        }
    }

    /// Retransmits, resumes after a glare, or gives up.
    pub(crate) fn handle_setup_timeout(&mut self, now: Now, fx: &mut Effects) -> SetupState {
        self.legs.iter_mut().for_each(|l| l.handle_timeout(now, fx));
        let (due, resume) = match self.setup_mut() {
            Some(Setup::Caller(c)) => {
                let parked = c.parked_until.is_some_and(|t| now.mono < t);
                let resume = c.parked_until.take_if(|t| now.mono >= *t).is_some();
                if resume {
                    c.retry = Retry::new(now.mono, None);
                }
                (
                    if parked || resume {
                        Due::Wait
                    } else {
                        c.retry.due(now.mono)
                    },
                    resume,
                )
            }
            Some(Setup::Callee { until, .. }) if now.mono >= *until => (Due::GiveUp, false),
            Some(Setup::Callee { .. }) | None => (Due::Wait, false),
        };
        if resume || due == Due::Again {
            self.send_request(now.mono, fx);
        }
        if due == Due::GiveUp {
            SetupState::Failed
        } else {
            SetupState::Waiting
        }
    }

    /// The callee takes a Tunnel Request; returns the early data when the tunnel stands now. A double
    /// gets the cached answer over the path it came by.
    pub(crate) fn handle_request(
        &mut self,
        now: Now,
        fx: &mut Effects,
        a: Arrival,
        noise: &[u8],
        own: &KeyPair,
        asks: bool,
    ) -> Option<Vec<u8>> {
        if let Some(live) = self.live() {
            match live.answered.clone().filter(|c| c.request == noise) {
                Some(cached) => {
                    fx.counters.replayed += 1;
                    self.transmit(now.mono, fx, a.way, cached.response);
                }
                None => fx.counters.unexpected += 1,
            }
            return None;
        }
        let Phase::Setup(Setup::Callee { path_key, .. }) = &self.phase else {
            fx.counters.unexpected += 1;
            return None;
        };
        let path_key = path_key.clone();
        let Ok((response, keys, early)) = self.respond(fx, noise, own, &path_key) else {
            fx.counters.bad_seal += 1;
            return None;
        };
        let cached = Answered {
            request: noise.to_vec(),
            response: response.clone(),
        };
        let paths = self.first_path(now.mono, fx, a.way, noise.len());
        let own = (own, asks);
        self.go_live(now.mono, fx, paths, (&keys, &path_key), Some(cached), own);
        self.transmit(now.mono, fx, a.way, response);
        Some(early)
    }

    fn respond(
        &self,
        fx: &mut Effects,
        noise: &[u8],
        own: &KeyPair,
        path_key: &SecretKey,
    ) -> Result<(Vec<u8>, SessionKeys, Vec<u8>), BadHandshake> {
        let mut handshake = tunnel_responder(
            fx.seed(),
            own,
            &self.peer_identity,
            path_key,
            &self.prologue,
        )?;
        let content = handshake.read(noise)?;
        let request = TunnelRequest::parse(&content).map_err(|_| BadHandshake)?;
        log::opened_kind(MessageType::TunnelRequest);
        if !(request.versions.0..=request.versions.1).contains(&VERSION) {
            return Err(BadHandshake);
        }
        let header = Header {
            kind: PacketType::TunnelResponse,
            selector: self.path_out.0,
            counter: 0,
        };
        let mut response = header.emit();
        response.extend(handshake.write(&TunnelResponse { version: VERSION }.emit())?);
        log::sealed_kind(MessageType::TunnelResponse);
        Ok((response, handshake.finish()?, request.early))
    }

    /// The caller takes the Tunnel Response; `true` when the tunnel stands now.
    pub(crate) fn handle_response(
        &mut self,
        now: Now,
        fx: &mut Effects,
        a: Arrival,
        noise: &[u8],
        own: &KeyPair,
        asks: bool,
    ) -> bool {
        let Phase::Setup(Setup::Caller(caller)) = &mut self.phase else {
            fx.counters.unexpected += 1;
            return false;
        };
        let content = caller.handshake.read(noise);
        if !content.is_ok_and(|c| TunnelResponse::parse(&c).is_ok()) {
            fx.counters.bad_seal += 1;
            return false;
        }
        log::opened_kind(MessageType::TunnelResponse);
        let path_key = caller.path_key.clone();
        match caller.handshake.finish() {
            Ok(keys) => {
                let paths = self.first_path(now.mono, fx, a.way, noise.len());
                let keys = (&keys, &path_key);
                self.go_live(now.mono, fx, paths, keys, None, (own, asks));
                true
            }
            Err(BadHandshake) => false,
        }
    }

    /// The way that the handshake took, and every other to try. What came from an address that nobody was
    /// asked at may have been passed on by anybody, so packets begin with a relay then.
    fn first_path(&self, now: Mono, fx: &Effects, first: Way, len: usize) -> PathSet {
        let relays = (0..self.legs.len()).map(Way::Relay);
        let all: Vec<Way> = relays.chain(self.direct_ways(&fx.locals)).collect();
        let is_known = all.contains(&first) || self.punched().contains(&first);
        let is_relay = matches!(first, Way::Relay(_));
        let proved = is_relay || self.role == Role::Caller && is_known;
        let relay = all.first().filter(|_| !is_known);
        let start = relay.copied().unwrap_or(first);
        let mut paths = PathSet::new(start, proved, fx.locals.clone(), now);
        all.into_iter().for_each(|way| paths.add(way, now));
        for way in self.punched().iter().filter(|w| **w != start) {
            paths.note_heard(*way, self.may_go_direct, PUNCH_LEN, now);
        }
        if start != first {
            paths.note_heard(first, self.may_go_direct, HEADER_LEN + len, now);
        }
        paths
    }

    fn go_live(
        &mut self,
        now: Mono,
        fx: &mut Effects,
        paths: PathSet,
        (session, path_key): (&SessionKeys, &SecretKey),
        answered: Option<Answered>,
        own: (&KeyPair, bool),
    ) {
        let ring = KeyRing::new(session, path_key, now);
        let first = (self.path_out, self.path_in);
        let ids = PathIds::new(ring.path_id_secret(), self.role, first);
        let numbers = Numbers::new(&fx.locals);
        let mut live = Live::new(ring, paths, (numbers, ids), answered, now);
        live.rekey = Rekey::new(own.0.clone(), own.1);
        self.phase = Phase::Live(Box::new(live));
        self.look_anew(fx);
    }
}
