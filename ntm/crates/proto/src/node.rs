//! [`Node`]: the state machine and its four kinds of methods.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};

use ntm_wire::addr::{RealAddr, VirtualAddr};
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::{InterfaceId, PathId, TxId};
use ntm_wire::kdf::sha256;
use ntm_wire::key::SecretKey;
use ntm_wire::message::Message;
use ntm_wire::seal::open_salted;
use ntm_wire::time::{Mono, Now};

use crate::config::Config;
use crate::effects::Effects;
use crate::event::{
    BindError, DownReason, Event, ProbeId, Received, ResolveError, SendError, Transmit, UdpId,
};
use crate::negotiation::authority::Waiting;
use crate::negotiation::leg::RelayLeg;
use crate::negotiation::punch::Punches;
use crate::negotiation::reach::Reach;
use crate::negotiation::registration::Registration;
use crate::negotiation::resolution::Resolution;
use crate::negotiation::session::DcSession;
use crate::negotiation::setup::SetupState;
use crate::negotiation::trust::Trust;
use crate::packet::data::{Opened, Tunnel};
use crate::packet::rest::Life;
use crate::packet::table::TunnelTable;
use crate::stack::sockets::{Delivery, Sockets};
use crate::stack::udp::{self, UdpDatagram, VIRTUAL_MTU};
use crate::status::{Counters, Status, TunnelStatus};

/// An NTM node that decides; a driver gives it time, datagrams and the application's wishes.
///
/// # Contract
///
/// Build it with [`Node::new`], tell it its sockets with [`Node::handle_interfaces`] and call
/// [`Node::register`]. After every call of a `handle_*` method or a verb, the driver
///
/// 1. sends what [`Node::poll_transmit`] returns until it returns `None`,
/// 2. takes what [`Node::poll_event`] returns until it returns `None`,
/// 3. arms its timer for [`Node::poll_timeout`], and calls [`Node::handle_timeout`] then.
///
/// `now` must never run backwards in its monotonic half. Whatever arrives from the network is counted
/// ([`Node::counters`]) and never panics.
#[derive(Debug)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) fx: Effects,
    pub(crate) dc: DcSession,
    pub(crate) registration: Registration,
    pub(crate) resolutions: BTreeMap<TxId, Resolution>,
    pub(crate) next_resolve: u64,
    pub(crate) tunnels: TunnelTable,
    pub(crate) punches: Punches,
    pub(crate) trust: Trust,
    pub(crate) waiting: Waiting,
    nat64: Option<Ipv6Addr>,
    sockets: Sockets,
}

impl Node {
    /// A node that is not registered yet. `seed`: 32 fresh random bytes.
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Self {
        Self {
            fx: Effects::new(seed),
            dc: DcSession::new(config.dc.addrs.clone(), now.mono),
            registration: Registration::new(now),
            resolutions: BTreeMap::new(),
            next_resolve: 0,
            tunnels: TunnelTable::default(),
            punches: Punches::default(),
            trust: Trust::new(&config),
            waiting: Waiting::default(),
            nat64: None,
            sockets: Sockets::default(),
            config,
        }
    }

    /// The /96 prefix under which this network's NAT64 translates (RFC 7050), or that there is none.
    pub fn set_nat64(&mut self, now: Now, prefix: Option<Ipv6Addr>) {
        if core::mem::replace(&mut self.nat64, prefix) == prefix {
            return;
        }
        self.find_ways();
        if self.registration.is_wanted() && !self.reach().v4 {
            self.send_registration(now);
        }
        self.open_session(now);
    }

    /// To the DC and to the relays of every tunnel.
    pub(crate) fn find_ways(&mut self) {
        let reach = self.reach();
        self.fx.reach = Some(reach);
        let ways = reach.server(self.config.dc.addrs.clone());
        self.dc.set_addrs(ways);
        let legs = self.tunnels.iter_mut().flat_map(|t| &mut t.legs);
        legs.for_each(|leg| leg.set_reach(&reach));
    }

    /// A datagram came in from `from` on the socket of the interface `on`; it is opened in place.
    pub fn handle_datagram(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: RealAddr,
        datagram: &mut [u8],
    ) {
        self.fx.counters.received += 1;
        for name in core::mem::take(&mut self.fx.renamed) {
            self.tunnels.look_anew(name);
        }
        let Ok(d) = Datagram::new_checked(datagram) else {
            self.fx.counters.malformed += 1;
            return;
        };
        let on = match on {
            InterfaceId(0) => self.fx.locals.home(from),
            known => known,
        };
        match d.kind() {
            PacketType::Data => self.handle_data(now, on, from, d),
            PacketType::Control | PacketType::Challenge | PacketType::Accept => {
                self.handle_session(now, (on, from), d)
            }
            PacketType::TunnelRequest | PacketType::TunnelResponse => {
                self.handle_handshake(now, on, from, &d)
            }
            PacketType::Leg => self.handle_leg(now, from, &d),
            PacketType::Hint => self.handle_hint(now, from, &d),
            PacketType::BindChallenge => self.handle_bind_challenge(now, from, &d),
            PacketType::Punch => self.handle_punch(now, on, from, &d),
            PacketType::Hello
            | PacketType::Bind
            | PacketType::LinkHello
            | PacketType::LinkAccept => {
                self.fx.counters.unexpected += 1;
            }
        }
        self.open_session(now);
    }

    /// Time has passed; call at [`Node::poll_timeout`], earlier does no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        for given_up in self.dc.handle_timeout(now.mono, &mut self.fx) {
            self.handle_given_up(now, given_up);
        }
        self.handle_registration_timeout(now);
        for path in self.tunnels.paths() {
            self.handle_tunnel_timeout(now, path);
        }
        self.finish_resolutions(now.mono);
        self.open_session(now);
    }

    /// A virtual UDP socket; port 0 picks one.
    pub fn udp_bind(&mut self, addr: Option<VirtualAddr>, port: u16) -> Result<UdpId, BindError> {
        let own = self.registration.addrs;
        let is_own = |a: VirtualAddr| own.is_some_and(|o| a.0 == o.v4 || a.0 == o.v6);
        if addr.is_some_and(|a| !is_own(a)) {
            return Err(BindError::NotLocal);
        }
        let hint = self.fx.u32() as u16;
        self.sockets.bind(addr.map(|a| a.0), port, hint)
    }

    /// The port of a socket.
    pub fn udp_port(&self, id: UdpId) -> Option<u16> {
        self.sockets.port(id)
    }

    /// Sends a virtual datagram from a socket.
    pub fn udp_send(
        &mut self,
        now: Now,
        id: UdpId,
        to: SocketAddr,
        data: &[u8],
    ) -> Result<(), SendError> {
        let src_port = self.sockets.port(id).ok_or(SendError::Closed)?;
        let own = self.registration.addrs.ok_or(SendError::NotRegistered)?;
        let src = if to.is_ipv4() {
            own.v4.into()
        } else {
            own.v6.into()
        };
        if self
            .sockets
            .bound_addr(id)
            .is_some_and(|a| a.is_ipv4() != to.is_ipv4())
        {
            return Err(SendError::FamilyMismatch);
        }
        let head = if to.is_ipv4() { 28 } else { 48 };
        if data.len() + head > VIRTUAL_MTU {
            return Err(SendError::TooLong);
        }
        let datagram = UdpDatagram {
            src,
            dst: to.ip(),
            src_port,
            dst_port: to.port(),
            payload: data,
        };
        if to.ip() == src {
            self.deliver(&datagram);
            return Ok(());
        }
        let tunnel = self.tunnels.toward(to.ip());
        let tunnel = tunnel.filter(|t| t.is_up()).ok_or(SendError::NoTunnel)?;
        tunnel.send_packet(now, &mut self.fx, &udp::emit(&datagram), &own);
        Ok(())
    }

    /// The next datagram of a socket.
    pub fn udp_recv(&mut self, id: UdpId) -> Option<Received> {
        self.sockets.receive(id)
    }

    /// Closes a socket.
    pub fn udp_close(&mut self, id: UdpId) {
        self.sockets.close(id);
    }

    /// Measures the round trip over the route in use; ends with [`Event::ProbeAnswered`] or
    /// [`Event::ProbeLost`].
    pub fn probe(&mut self, now: Now, peer: VirtualAddr) -> Result<ProbeId, SendError> {
        let tunnel = self.tunnels.toward(peer.0);
        let tunnel = tunnel.filter(|t| t.is_up()).ok_or(SendError::NoTunnel)?;
        tunnel
            .probe(now.mono, &mut self.fx)
            .ok_or(SendError::NoTunnel)
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.fx.transmits.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.fx.events.pop_front()
    }

    /// When to call [`Node::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let all = [
            self.dc.poll_timeout(),
            self.registration_timeout(),
            self.resolution_timeout(),
            self.tunnels.poll_timeout(&self.fx.locals),
        ];
        all.into_iter().flatten().min()
    }

    /// The node as a whole.
    pub fn status(&self) -> Status {
        let registered = self.registration.registered.as_ref();
        Status {
            fqdn: self.config.certificate.fqdn.clone(),
            registered: registered.is_some(),
            addrs: self.registration.addrs,
            observed: registered.map(|r| r.observed),
            mapped: self.registration.mapped.map(|l| l.addr),
            nat: registered.map(|r| r.nat).unwrap_or_default(),
            dc: self.dc.addr(),
            dc_rtt: self.dc.rtt,
            relays: self.registration.relays(),
            tunnels: self.tunnels.iter().filter(|t| t.is_up()).count(),
        }
    }

    /// Every tunnel that stands and is in use, and its paths as they are now.
    pub fn tunnels(&self, now: Mono) -> Vec<TunnelStatus> {
        let in_use = self
            .tunnels
            .iter()
            .filter(|t| t.is_up() && self.tunnels.is_active(t.path_in));
        in_use
            .filter_map(|t| tunnel_status(t, now, &self.fx))
            .collect()
    }

    /// What was received, sent and dropped.
    pub fn counters(&self) -> Counters {
        self.fx.counters
    }

    pub(crate) fn reach(&self) -> Reach {
        let has = |v4: bool| self.fx.locals.iter().any(|l| l.addr.is_ipv4() == v4);
        // Before the driver has said anything, both may be there.
        let unknown = self.fx.locals.is_empty();
        Reach {
            v4: unknown || has(true),
            v6: unknown || has(false),
            nat64: self.nat64,
            prefers_443: self.dc.is_on_443(),
        }
    }

    pub(crate) fn close_tunnels(&mut self, now: Now) {
        for path in self.tunnels.paths() {
            if let Some(tunnel) = self.tunnels.get_mut(path) {
                tunnel.close(now.mono, &mut self.fx, 0);
            }
            self.drop_tunnel(path, DownReason::Local);
        }
    }

    pub(crate) fn handle_data(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: RealAddr,
        d: Datagram<&mut [u8]>,
    ) {
        let (path, own) = (self.tunnels.name_of(d.path_id()), self.registration.addrs);
        let (Some(path), Some(own)) = (path, own) else {
            self.fx.counters.unknown_selector += 1;
            return;
        };
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        if !tunnel.is_live() {
            let is_kept = tunnel.ahead.keep(on, from, d.as_bytes());
            self.fx.counters.unexpected += u64::from(!is_kept);
            return;
        }
        let (arrival, rested) = (tunnel.arrival(on, from), tunnel.rests());
        let opened = tunnel.handle_data(now, &mut self.fx, arrival, d, &own);
        if rested && tunnel.is_up() && self.tunnels.is_active(path) {
            self.tunnel_up(now, path);
        }
        match opened {
            Opened::Packet(ip) => self.deliver_packet(&ip),
            Opened::Closed => self.drop_tunnel(path, DownReason::Closed),
            Opened::Nothing => {}
        }
    }

    fn deliver_packet(&mut self, ip: &[u8]) {
        match udp::parse(ip) {
            Some(datagram) => self.deliver(&datagram),
            None => self.fx.counters.no_receiver += 1,
        }
    }

    fn deliver(&mut self, datagram: &UdpDatagram<'_>) {
        match self.sockets.deliver(datagram) {
            Delivery::Readable(id) => self.fx.event(Event::UdpReadable(id)),
            Delivery::Queued => {}
            Delivery::Dropped => self.fx.counters.no_receiver += 1,
        }
    }

    fn handle_session(&mut self, now: Now, from: (InterfaceId, RealAddr), d: Datagram<&mut [u8]>) {
        let key = &self.config.dc.key;
        let messages = self.dc.handle(now.mono, &mut self.fx, key, from, d);
        for message in messages {
            self.handle_message(now, message);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is, is not for this place"
    )]
    fn handle_message(&mut self, now: Now, message: Message) {
        match message {
            Message::RegistrationResponse(m) => self.handle_registration_response(now, m),
            Message::DirectionResponse(m) => self.handle_direction_response(now, m),
            Message::RouteDirection(m) => self.handle_route_direction(now, m),
            Message::KeepAlive(m) => self.handle_dc_keep_alive(now, &m),
            _ => self.fx.counters.unexpected += 1,
        }
    }

    fn handle_handshake(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: RealAddr,
        d: &Datagram<&mut [u8]>,
    ) {
        // Straight it comes under the first id, whatever became of that since.
        let path = self.tunnels.name_of(d.path_id()).unwrap_or(d.path_id());
        let own_id = self.config.certificate.node_id();
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            self.fx.counters.unknown_selector += 1;
            return;
        };
        let (arrival, asks) = (tunnel.arrival(on, from), own_id < tunnel.peer.node);
        let identity = &self.config.identity;
        if d.kind() == PacketType::TunnelRequest {
            if let Some(early) =
                tunnel.handle_request(now, &mut self.fx, arrival, d.body(), identity, asks)
            {
                self.tunnel_up(now, path);
                self.deliver_early(now.mono, path, &early);
            }
        } else if tunnel.handle_response(now, &mut self.fx, arrival, d.body(), identity, asks) {
            self.tunnel_up(now, path);
        }
    }

    fn deliver_early(&mut self, now: Mono, path: PathId, early: &[u8]) {
        let (Some(tunnel), Some(own)) = (self.tunnels.get_mut(path), self.registration.addrs)
        else {
            return;
        };
        if early.is_empty() {
            return;
        }
        if let Opened::Packet(ip) = tunnel.handle_packet(now, &mut self.fx, early, &own) {
            self.deliver_packet(&ip);
        }
    }

    fn tunnel_up(&mut self, now: Now, path: PathId) {
        self.tunnels.activate(path);
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        tracing::debug!(%path, "tunnel up");
        if let Some(route) = tunnel.route() {
            let peer = tunnel.peer.clone();
            self.fx.event(Event::TunnelUp { peer, route });
        }
        self.resolution_ready(now, path);
        self.handle_ahead(now, path);
        self.handle_tunnel_timeout(now, path);
    }

    fn handle_leg(&mut self, now: Now, from: RealAddr, d: &Datagram<&mut [u8]>) {
        let name = self.tunnels.name_of(d.path_id());
        let tunnel = name.and_then(|name| self.tunnels.get_mut(name));
        let leg = tunnel.and_then(|t| t.legs.iter_mut().find(|l| l.may_be(from)));
        let known = match leg {
            Some(leg) => {
                let before = leg.observed();
                leg.handle(now, &mut self.fx, from, d);
                if leg.observed() != before {
                    self.tell_whereabouts(now);
                }
                true
            }
            None => self.handle_measured(now.mono, d),
        };
        if !known {
            self.fx.counters.unknown_selector += 1;
        }
    }

    fn handle_bind_challenge(&mut self, now: Now, from: RealAddr, d: &Datagram<&mut [u8]>) {
        let fx = &mut self.fx;
        let known = {
            let mut legs = self.tunnels.iter_mut().flat_map(|t| &mut t.legs);
            legs.any(|l| l.may_be(from) && l.handle_challenge(now, fx, d))
        };
        if !known && !self.handle_measure_challenge(now.mono, d) {
            self.fx.counters.unknown_selector += 1;
        }
    }

    fn handle_hint(&mut self, now: Now, from: RealAddr, d: &Datagram<&mut [u8]>) {
        let path = d.path_id();
        let mut legs = self.tunnels.iter_mut().flat_map(|t| &mut t.legs);
        let Some(leg) = legs.find(|l| l.may_be(from) && l.has_sent_under(path)) else {
            self.fx.counters.unknown_selector += 1;
            return;
        };
        if is_hint(leg, d) {
            leg.handle_hint(now, &mut self.fx);
        } else {
            self.fx.counters.bad_seal += 1;
        }
    }

    fn handle_tunnel_timeout(&mut self, now: Now, path: PathId) {
        let active = self.tunnels.is_active(path);
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        if tunnel.is_live() {
            match tunnel.handle_live_timeout(now, &mut self.fx, active) {
                Life::Lives if active => self.replace_relay(now, path),
                Life::Lives => {}
                Life::Silent => self.lay_to_rest(path),
                Life::Over => self.drop_tunnel(path, DownReason::Replaced),
            }
        } else if tunnel.handle_setup_timeout(now, &mut self.fx) == SetupState::Failed {
            self.set_up_failed(now, path);
        }
    }

    fn set_up_failed(&mut self, now: Now, path: PathId) {
        let Some(tunnel) = self.tunnels.remove(path) else {
            return;
        };
        if tunnel.caller_setup().is_none() || self.tunnels.live_with(tunnel.peer.node).is_some() {
            return;
        }
        let no_relay = !tunnel.legs.iter().any(RelayLeg::is_bound);
        let error = if no_relay {
            ResolveError::RelayUnreachable
        } else {
            ResolveError::PeerUnreachable
        };
        self.resolution_failed(now.mono, &tunnel.peer.fqdn, &error);
    }

    pub(crate) fn drop_tunnel(&mut self, path: PathId, reason: DownReason) {
        let was_active = self.tunnels.is_active(path);
        let Some(tunnel) = self.tunnels.remove(path) else {
            return;
        };
        // Of one that rests the application was told already.
        if was_active && !tunnel.rests() {
            let Tunnel { peer, .. } = tunnel;
            self.fx.event(Event::TunnelDown {
                peer: peer.node,
                fqdn: peer.fqdn,
                reason,
            });
        }
    }
}

fn is_hint(leg: &RelayLeg, d: &Datagram<&mut [u8]>) -> bool {
    let key = SecretKey::new(sha256(&[b"ntm hint key", &leg.rs_key().0]));
    open_salted(&key, "ntm hint", &d.aad(), d.body()).is_ok()
}

fn tunnel_status(tunnel: &Tunnel, now: Mono, fx: &Effects) -> Option<TunnelStatus> {
    let live = tunnel.live()?;
    Some(TunnelStatus {
        peer: tunnel.peer.clone(),
        route: tunnel.route()?,
        rtt: live.paths.current().rtt,
        sent: live.stats.sent,
        received: live.stats.received,
        sent_bytes: live.stats.sent_bytes,
        received_bytes: live.stats.received_bytes,
        rekeys: live.stats.rekeys,
        paths: tunnel.path_statuses(now, fx),
    })
}
