//! The server itself.

use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::RsId;
use ntm_wire::kdf::sha256;
use ntm_wire::key::{KeyPair, SecretKey, ServerKey};
use ntm_wire::message::RelayReport;
use ntm_wire::time::{Mono, Now};
use ntm_wire::transmit::Transmit;

use crate::bind_challenge::FreeBinds;
use crate::config::{Config, DcLink};
use crate::counters::{Counters, DropReason};
use crate::effects::Effects;
use crate::event::Event;
use crate::forward::Forward;
use crate::hash::HashKey;
use crate::legs::Legs;
use crate::limit::{Rate, SourceLimit};
use crate::link::Link;
use crate::measured::Measured;
use crate::meter::Meter;
use crate::orders::Dc;
use crate::revoked::Revoked;

/// How often legs are looked through for silent ones.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// A change of the load by this much is worth a report: one part in sixteen.
const LOAD_STEP: u8 = 16;
/// The revocations remembered, however few legs there may be.
const MIN_REVOKED: usize = 1024;

/// A Relay Server, without sockets or clock.
///
/// The driver calls, for each datagram, [`Relay::forward`], and sends it on as told; when the answer
/// is [`Forward::Consumed`], it hands the datagram to [`Relay::handle_datagram`]. (Handing everything
/// to `handle_datagram` is right too: forwarded packets then come out of `poll_transmit`, copied.)
/// After any call, `forward` included, it sends what [`Relay::poll_transmit`] yields until `None`,
/// reads [`Relay::poll_event`] likewise, and calls [`Relay::handle_timeout`] when
/// [`Relay::poll_timeout`] is due, which it is from the start if a DC is to be reported to.
pub struct Relay {
    pub(crate) rs: RsId,
    pub(crate) key: KeyPair,
    /// What a Bind's header says to name our key.
    pub(crate) selector: u64,
    /// By key id: what opens a token, and whose it is.
    pub(crate) token_keys: BTreeMap<u32, (SecretKey, usize)>,
    pub(crate) dcs: Vec<Dc>,
    pub(crate) legs: Legs,
    pub(crate) revoked: Revoked,
    pub(crate) is_draining: bool,
    pub(crate) source_key: HashKey,
    pub(crate) hint_limit: SourceLimit,
    pub(crate) bind_limit: SourceLimit,
    pub(crate) free_binds: FreeBinds,
    pub(crate) hint_key: SecretKey,
    pub(crate) cookie_key: SecretKey,
    pub(crate) measured: Measured,
    pub(crate) fx: Effects,
    template: RelayReport,
    max_legs: usize,
    meter: Meter,
    reported_load: u8,
    sweep_at: Option<Mono>,
    was_drained: bool,
}

impl Relay {
    /// A server without legs; `seed` must be fresh random bytes for each process start.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut fx = Effects::new(seed);
        let own = config.key.server();
        let table_key = HashKey::new([fx.u64(), fx.u64()]);
        let mut relay = Self {
            rs: config.rs,
            selector: own.selector(),
            token_keys: BTreeMap::new(),
            dcs: Vec::new(),
            legs: Legs::new(config.max_legs, table_key),
            revoked: Revoked::new(config.max_legs.max(MIN_REVOKED)),
            is_draining: false,
            source_key: HashKey::new([fx.u64(), fx.u64()]),
            // A node re-binds once a second at most; one socket may hold several legs.
            hint_limit: SourceLimit::new(Rate::per_second(4, 8), Rate::per_second(5_000, 5_000)),
            // A whole office may sit behind one address. A bind costs about 0.15 ms, so all strangers
            // together take less than half a core.
            bind_limit: SourceLimit::new(
                Rate::per_second(200, 400),
                Rate::per_second(2_500, 5_000),
            ),
            free_binds: FreeBinds::new(),
            hint_key: SecretKey::new(sha256(&[b"ntm hint key", &own.0])),
            cookie_key: SecretKey::new(fx.bytes()),
            measured: Measured::default(),
            template: report_template(&config),
            max_legs: config.max_legs,
            meter: Meter::default(),
            reported_load: 0,
            sweep_at: None,
            was_drained: false,
            key: config.key,
            fx,
        };
        config.dcs.into_iter().for_each(|dc| relay.add_dc(dc));
        relay
    }

    /// A datagram arrived.
    pub fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        match self.forward(now, from, datagram) {
            Forward::To(to) => self.fx.pass_on(to, datagram),
            Forward::Consumed => self.consume(now, from, datagram),
            Forward::Dropped => {}
        }
    }

    fn consume(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        self.fx.counters.received += 1;
        if let Err(reason) = self.dispatch(now, from, datagram) {
            tracing::trace!(?reason, "dropped");
            self.fx.counters.drop_for(reason);
        }
    }

    fn dispatch(
        &mut self,
        now: Now,
        from: RealAddr,
        datagram: &mut [u8],
    ) -> Result<(), DropReason> {
        let d = Datagram::new_checked(&mut *datagram).map_err(|_| DropReason::Malformed)?;
        match d.kind() {
            PacketType::Bind => self.handle_bind(now, from, datagram),
            PacketType::Leg => self.handle_leg(now, from, datagram),
            PacketType::Control => self.handle_control(now, from, d),
            PacketType::LinkHello => self.handle_link_hello(now, from, &d),
            PacketType::LinkAccept => self.handle_link_accept(now, from, &d),
            PacketType::Data
            | PacketType::TunnelRequest
            | PacketType::TunnelResponse
            | PacketType::Punch
            | PacketType::Hello
            | PacketType::Challenge
            | PacketType::Accept
            | PacketType::Hint
            | PacketType::BindChallenge => Err(DropReason::NotForRelay),
        }
    }

    /// The time of [`Relay::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.sweep_at.is_some_and(|at| at <= now.mono) {
            self.sweep(now);
        }
        self.meter.update(now.mono, self.fx.counters.forwarded);
        for dc in 0..self.dcs.len() {
            if self.dcs[dc].link.is_due(now.mono) {
                self.report(now, dc);
            }
        }
    }

    fn sweep(&mut self, now: Now) {
        let gone = self.legs.remove_idle(now.mono);
        self.fx.counters.idle += gone as u64;
        self.sweep_at = None;
        self.legs_changed(now);
    }

    fn report(&mut self, now: Now, dc: usize) {
        let report = RelayReport {
            load: self.load(),
            legs: u32::try_from(self.legs()).unwrap_or(u32::MAX),
            draining: self.is_draining || self.dcs[dc].is_draining,
            ..self.template.clone()
        };
        self.reported_load = report.load;
        let (link, fx) = (&mut self.dcs[dc].link, &mut self.fx);
        link.handle_timeout(now.mono, &self.key, fx, |tx| RelayReport { tx, ..report });
    }

    /// Adds a DC, another link key of a known one, or its new address.
    pub fn add_dc(&mut self, dc: DcLink) {
        let known = self.dcs.iter().position(|d| d.link.key() == dc.key);
        let at = known.unwrap_or_else(|| {
            self.dcs.push(Dc::new(Link::new(dc.key)));
            self.dcs.len() - 1
        });
        if let Some(addr) = dc.addr {
            self.dcs[at].link.set_addr(addr);
        }
        self.token_keys.insert(dc.key_id, (dc.link, at));
    }

    /// No token under this key id is honoured any more; legs that stand go on.
    pub fn remove_key(&mut self, key_id: u32) {
        self.token_keys.remove(&key_id);
    }

    /// Takes no new legs from now on, serves those that stand, and tells the DCs.
    ///
    /// [`Event::Drained`] says when the last leg is gone.
    pub fn drain(&mut self, now: Now) {
        if !self.is_draining {
            self.is_draining = true;
            self.fx.event(Event::Draining { dc: None });
            self.dcs.iter_mut().for_each(|dc| dc.link.nudge(now.mono));
        }
        self.legs_changed(now);
    }

    /// Legs came or went: when to look again, and who should know.
    pub(crate) fn legs_changed(&mut self, now: Now) {
        if self.legs() > 0 && self.sweep_at.is_none() {
            self.sweep_at = Some(now.mono + SWEEP_EVERY);
        }
        if self.load().abs_diff(self.reported_load) >= LOAD_STEP {
            self.dcs.iter_mut().for_each(|dc| dc.link.nudge(now.mono));
        }
        if self.is_draining && self.legs() == 0 && !self.was_drained {
            self.was_drained = true;
            self.fx.event(Event::Drained);
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.fx.poll_transmit()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.fx.poll_event()
    }

    /// When to call [`Relay::handle_timeout`]; a time that has passed means at once.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let links = self.dcs.iter().filter_map(|dc| dc.link.poll_timeout());
        links.chain(self.sweep_at).min()
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.fx.counters
    }

    /// How many legs are bound.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// How busy the server is, from 0 (idle) to 255 (full): the fuller of its table of legs and its
    /// packet rate, the latter as of the last report.
    pub fn load(&self) -> u8 {
        self.meter.load(self.legs(), self.max_legs)
    }

    /// Whether no new legs are taken, of any DC.
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// The key under which nodes and DCs know this server.
    pub fn key(&self) -> ServerKey {
        self.key.server()
    }
}

fn report_template(config: &Config) -> RelayReport {
    RelayReport {
        tx: Default::default(),
        rs: config.rs,
        v4: config.v4.map(|a| (*a.ip(), a.port())),
        v6: config.v6.map(|a| (*a.ip(), a.port())),
        load: 0,
        legs: 0,
        draining: false,
    }
}
