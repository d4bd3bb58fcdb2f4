//! Registration with the DC: at start, on every change, and again when the DC forgot.

use core::time::Duration;

use ntm_wire::addr::{NatVerdict, VirtualAddrs};
use ntm_wire::id::{Epoch, TxId};
use ntm_wire::message::{
    Deregistration, KeepAlive, MAX_RELAYS, Message, Registered, RegistrationError,
    RegistrationRequest, RegistrationResponse, RelayInfo, RelayRtt,
};
use ntm_wire::ticket::TICKET_LIFETIME;
use ntm_wire::time::{Mono, Now};

use super::candidates::Sighting;
use super::hello::Credentials;
use super::measure::Measurements;
use crate::config::LocalAddr;
use crate::event::{Event, RegisterError};
use crate::handover::locals::Attachment;
use crate::node::Node;
use crate::status::RelayStatus;

/// After a registration that failed; doubled up to [`SLOWEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(1);
const SLOWEST_RETRY: Duration = Duration::from_secs(30);

/// What the node knows of its registration.
#[derive(Debug)]
pub(crate) struct Registration {
    wanted: bool,
    epoch: Epoch,
    pub(crate) registered: Option<Registered>,
    /// Survives a lost registration: the addresses are permanent.
    pub(crate) addrs: Option<VirtualAddrs>,
    request: Option<TxId>,
    keep_alive: Option<TxId>,
    retry_at: Option<Mono>,
    backoff: Duration,
    ticket_warned: bool,
    pub(super) measurements: Measurements,
    /// A port that the router keeps open for this node.
    pub(crate) mapped: Option<LocalAddr>,
    /// The attachment that it was opened for.
    pub(super) mapped_at: Option<Attachment>,
}

impl Registration {
    pub(crate) fn new(now: Now) -> Self {
        Self {
            wanted: false,
            epoch: Epoch {
                start_ms: now.wall.as_millis(),
                counter: 0,
            },
            registered: None,
            addrs: None,
            request: None,
            keep_alive: None,
            retry_at: None,
            backoff: FIRST_RETRY,
            ticket_warned: false,
            measurements: Measurements::default(),
            mapped: None,
            mapped_at: None,
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn relays(&self) -> Vec<RelayStatus> {
        let relays = self.registered.iter().flat_map(|r| &r.relays);
        relays
            .map(|i| RelayStatus {
                rs: i.rs,
                load: i.load,
                rtt: self.measurements.rtt_of(i.rs),
                sights: self.measurements.sights_of(i.rs),
            })
            .collect()
    }

    /// Where the relays saw this node.
    pub(crate) fn observed(&self) -> impl Iterator<Item = Sighting> {
        self.measurements.observed()
    }

    pub(super) fn relay_infos(&self) -> Vec<RelayInfo> {
        let registered = self.registered.as_ref();
        registered.map(|r| r.relays.clone()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn rtts(&self) -> Vec<RelayRtt> {
        let relays = self.registered.iter().flat_map(|r| &r.relays);
        let known = relays.filter_map(|r| Some((r.rs, self.measurements.rtt_of(r.rs)?)));
        let in_ms = |d: Duration| u16::try_from(d.as_millis()).unwrap_or(u16::MAX);
        known
            .map(|(rs, rtt)| RelayRtt {
                rs,
                rtt_ms: in_ms(rtt),
            })
            .take(MAX_RELAYS)
            .collect()
    }

    fn keep_alive_after(&self) -> Option<Duration> {
        self.registered
            .as_ref()
            .map(|r| Duration::from_secs(u64::from(r.keep_alive_s.max(1))))
    }

    fn back_off(&mut self, now: Mono) {
        self.retry_at = Some(now + self.backoff);
        self.backoff = (self.backoff * 2).min(SLOWEST_RETRY);
    }
}

impl Node {
    /// Registers with the DC, and again whenever needed, until [`Node::deregister`].
    pub fn register(&mut self, now: Now) {
        self.registration.wanted = true;
        // Whoever asked for a name before has begun to register already.
        if !self.is_registering() {
            self.send_registration(now);
        }
        self.open_session(now);
    }

    /// Measures the round trips to the DC and to its relays anew; [`Node::status`] has each as it comes in.
    pub fn measure(&mut self, now: Now) {
        if self.registration.registered.is_some() && self.registration.keep_alive.is_none() {
            self.keep_dc_alive(now.mono);
        }
        self.measure_relays(now.mono);
    }

    /// Leaves: closes tunnels and tells the DC. Nothing is waited for. Nobody is to wake the node any more:
    /// a push token is taken back first, so that whoever calls hears at once that it is offline.
    pub fn deregister(&mut self, now: Now) {
        let had_token = self.config.push_token.take().is_some();
        let withdrawal = had_token.then(|| self.registration_request().1);
        self.leave(now, withdrawal);
    }

    /// Leaves as [`Node::deregister`] does, but the DC keeps the push token and wakes whoever has it.
    pub fn fall_asleep(&mut self, now: Now) {
        self.leave(now, None);
    }

    fn leave(&mut self, now: Now, first: Option<Message>) {
        self.close_tunnels(now);
        self.registration.wanted = false;
        self.registration.retry_at = None;
        let farewell = Deregistration {
            tx: self.fx.tx(),
            epoch: self.registration.epoch,
        };
        let messages: Vec<Message> = first.into_iter().chain([farewell.into()]).collect();
        self.dc.send(now.mono, &mut self.fx, &messages);
        self.registration.request = None;
        self.registration.registered = None;
    }

    pub(crate) fn send_registration(&mut self, now: Now) {
        let (tx, message) = self.registration_request();
        self.dc.request(now.mono, &mut self.fx, tx, message, None);
    }

    fn registration_request(&mut self) -> (TxId, Message) {
        if let Some(old) = self.registration.request.take() {
            self.dc.forget(old);
        }
        let tx = self.fx.tx();
        self.registration.epoch = self.registration.epoch.next();
        self.registration.request = Some(tx);
        self.registration.retry_at = None;
        let request = RegistrationRequest {
            tx,
            epoch: self.registration.epoch,
            candidates: self.candidates(),
            nat: self
                .registration
                .registered
                .as_ref()
                .map_or(NatVerdict::Unknown, |r| r.nat),
            push_token: self.config.push_token.clone(),
            relay_rtts: self.registration.rtts(),
        };
        (tx, request.into())
    }

    /// A request is under way.
    pub(crate) fn is_registering(&self) -> bool {
        let request = self.registration.request;
        request.is_some_and(|tx| self.dc.is_pending(tx))
    }

    /// Opens a session with the DC if one is wanted; the registration goes first in it.
    pub(crate) fn open_session(&mut self, now: Now) {
        if !self.dc.wants_hello() {
            return;
        }
        if !self.is_registering() {
            let (tx, message) = self.registration_request();
            self.dc.enqueue(now.mono, tx, message);
        }
        let Some(tx) = self.registration.request else {
            return;
        };
        let credentials = Credentials {
            dc: &self.config.dc.key,
            node_key: &self.config.node_key,
            ticket: &self.config.ticket,
        };
        self.dc
            .start_hello(now.mono, &mut self.fx, &credentials, tx);
    }

    pub(crate) fn handle_registration_response(
        &mut self,
        now: Now,
        response: RegistrationResponse,
    ) {
        if self.dc.answered(now.mono, response.tx).is_none() {
            self.fx.counters.unexpected += 1;
            return;
        }
        if self.registration.request == Some(response.tx) {
            self.registration.request = None;
        }
        match response.result {
            Ok(registered) => self.handle_registered(now, registered),
            Err(error) => self.handle_registration_error(now, error),
        }
    }

    fn handle_registered(&mut self, now: Now, registered: Registered) {
        tracing::debug!(relays = registered.relays.len(), "registered");
        self.registration.backoff = FIRST_RETRY;
        let tunnels = self.tunnels.iter_mut();
        tunnels.for_each(|t| t.note_dc_updated(now.mono));
        let before = self
            .registration
            .registered
            .as_ref()
            .map(|r| (r.addrs, r.observed));
        self.tell_whereabouts(now);
        let is_news = before != Some((registered.addrs, registered.observed));
        let (addrs, observed, highest) = (
            registered.addrs,
            registered.observed,
            registered.highest_epoch,
        );
        self.registration.addrs = Some(addrs);
        self.registration.registered = Some(registered);
        if is_news {
            self.fx.event(Event::Registered { addrs, observed });
            self.measure_relays(now.mono);
        }
        self.redirect_as_published(now);
        if highest > self.registration.epoch {
            self.registration.epoch = highest;
            self.send_registration(now);
        }
    }

    fn handle_registration_error(&mut self, now: Now, error: RegistrationError) {
        self.registration.registered = None;
        if error == RegistrationError::StaleEpoch {
            let start_ms = now
                .wall
                .as_millis()
                .max(self.registration.epoch.start_ms + 1);
            self.registration.epoch = Epoch {
                start_ms,
                counter: 0,
            };
        }
        self.fx.event(Event::RegistrationFailed(error.into()));
        self.registration.back_off(now.mono);
    }

    /// A request to the DC was given up.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is, is not for this place"
    )]
    pub(crate) fn handle_given_up(&mut self, now: Now, message: Message) {
        match message {
            Message::RegistrationRequest(_) => {
                self.registration.request = None;
                self.registration.registered = None;
                self.fx.event(Event::RegistrationFailed(
                    RegisterError::CoordinatorUnreachable,
                ));
                self.registration.back_off(now.mono);
            }
            Message::KeepAlive(_) => {
                self.registration.keep_alive = None;
                self.registration.registered = None;
                self.fx.event(Event::CoordinatorLost);
                self.send_registration(now);
            }
            Message::DirectionRequest(request) => self.direction_given_up(now, request.tx),
            _ => {}
        }
    }

    pub(crate) fn handle_dc_keep_alive(&mut self, now: Now, message: &KeepAlive) {
        if message.is_reply {
            self.dc.answered(now.mono, message.tx);
            self.registration.keep_alive = None;
        } else {
            self.dc.send(
                now.mono,
                &mut self.fx,
                &[KeepAlive {
                    tx: message.tx,
                    is_reply: true,
                }
                .into()],
            );
        }
    }

    pub(crate) fn handle_registration_timeout(&mut self, now: Now) {
        if self.registration.wanted && self.registration.retry_at.is_some_and(|t| now.mono >= t) {
            self.send_registration(now);
        }
        if self.keep_alive_due().is_some_and(|t| now.mono >= t) {
            self.keep_dc_alive(now.mono);
        }
        if self.handle_measure_timeout(now.mono) {
            self.send_registration(now);
        }
        self.warn_of_ticket(now);
    }

    fn keep_dc_alive(&mut self, now: Mono) {
        let tx = self.fx.tx();
        self.registration.keep_alive = Some(tx);
        let message = KeepAlive {
            tx,
            is_reply: false,
        };
        self.dc.request(now, &mut self.fx, tx, message.into(), None);
    }

    fn keep_alive_due(&self) -> Option<Mono> {
        let after = self
            .registration
            .keep_alive_after()
            .filter(|_| self.registration.keep_alive.is_none())?;
        Some(self.dc.last_sent + after)
    }

    fn warn_of_ticket(&mut self, now: Now) {
        let half = TICKET_LIFETIME / 2;
        if !self.registration.ticket_warned && now.wall + half >= self.config.ticket_expires {
            self.registration.ticket_warned = true;
            self.fx.event(Event::TicketExpiring);
        }
    }

    /// Takes a new ticket and certificate.
    pub fn renew(&mut self, _now: Now, renewal: crate::config::Renewal) {
        self.config.ticket = renewal.ticket;
        self.config.ticket_expires = renewal.ticket_expires;
        self.config.certificate = renewal.certificate;
        self.registration.ticket_warned = false;
    }

    pub(crate) fn registration_timeout(&self) -> Option<Mono> {
        let retry = self
            .registration
            .retry_at
            .filter(|_| self.registration.wanted);
        [
            retry,
            self.keep_alive_due(),
            self.registration.measurements.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
