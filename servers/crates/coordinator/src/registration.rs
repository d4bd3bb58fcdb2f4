//! Messages of nodes: registration, keep-alive, leaving; and what silence means.

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::certificate::CLOCK_SKEW;
use ntm_wire::id::NodeId;
use ntm_wire::message::{
    Deregistration, KeepAlive, Message, Registered, RegistrationError, RegistrationRequest,
    RegistrationResponse,
};
use ntm_wire::time::{Mono, Now};

use crate::candidates::canonical;
use crate::coordinator::{Coordinator, To};
use crate::event::{Event, OfflineReason};
use crate::session::Trust;
use crate::timers::Timer;

/// What carries a node's message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) from: RealAddr,
    /// What a Hello's session is worth.
    pub(crate) trust: Trust,
    /// Its epoch is below the highest known.
    pub(crate) is_stale: bool,
    pub(crate) is_hello: bool,
    /// The answer to an address not heard from before may be no longer than this.
    pub(crate) room: usize,
}

impl Coordinator {
    /// A message came from a node.
    pub(crate) fn handle_node_message(
        &mut self,
        now: Now,
        node: NodeId,
        visit: Visit,
        message: Message,
    ) {
        match message {
            Message::RegistrationRequest(request) => {
                self.handle_registration(now, node, visit, &request)
            }
            Message::DirectionRequest(request) => self.handle_direction_request(now, node, request),
            Message::RouteDirectionResponse(response) => {
                self.handle_route_response(now, node, &response)
            }
            Message::RouteDirectionRequest(request) => self.handle_route_request(node, &request),
            Message::Deregistration(message) => self.handle_deregistration(node, &message),
            Message::KeepAlive(KeepAlive {
                tx,
                is_reply: false,
            }) => {
                self.tell(To::Node(node), KeepAlive { tx, is_reply: true });
            }
            Message::KeepAlive(KeepAlive { is_reply: true, .. }) => {}
            Message::RegistrationResponse(_)
            | Message::DirectionResponse(_)
            | Message::InformationRequest(_)
            | Message::InformationResponse(_)
            | Message::RelayDirection(_)
            | Message::RelayDirectionResponse(_)
            | Message::RouteDirection(_)
            | Message::Probe(_)
            | Message::ProbeReply(_)
            | Message::RekeyRequest(_)
            | Message::RekeyResponse(_)
            | Message::TunnelClose(_)
            | Message::LegBind(_)
            | Message::LegBindResponse(_)
            | Message::LegBindConfirm(_)
            | Message::Measure(_)
            | Message::TunnelRequest(_)
            | Message::TunnelResponse(_)
            | Message::WakeUp(_)
            | Message::Whereabouts(_)
            | Message::RelayReport(_) => self.fx.counters.dropped.out_of_order += 1,
        }
    }

    fn handle_registration(
        &mut self,
        now: Now,
        id: NodeId,
        visit: Visit,
        request: &RegistrationRequest,
    ) {
        let result = self.register(now, id, visit, request);
        match result {
            Ok(_) => self.fx.counters.registrations += 1,
            Err(_) => self.fx.counters.refused_registrations += 1,
        }
        self.tell(
            To::Node(id),
            RegistrationResponse {
                tx: request.tx,
                result,
            },
        );
        // What waits for a sleeper comes behind its registration, in the same datagram if it fits.
        if self.registry.online_node(id).is_some() {
            self.awake(now, id);
        }
    }

    fn register(
        &mut self,
        now: Now,
        id: NodeId,
        visit: Visit,
        request: &RegistrationRequest,
    ) -> Result<Registered, RegistrationError> {
        let node = self.registry.get(id).ok_or(RegistrationError::Overloaded)?;
        if u128::from(request.epoch.start_ms)
            > u128::from(now.wall.as_millis()) + CLOCK_SKEW.as_millis()
        {
            return Err(RegistrationError::ClockWrong);
        }
        if request.epoch < node.epoch {
            self.fx.counters.dropped.stale_epoch += 1;
            if !visit.is_hello {
                return Err(RegistrationError::StaleEpoch);
            }
            // A node that starts anew is told the highest epoch, so that it can jump above it.
            return self.describe(now, id, visit);
        }
        if self.registry.register(id, request) {
            self.announce(id);
        }
        self.watch(now.mono, id);
        self.describe(now, id, visit)
    }

    fn announce(&mut self, id: NodeId) {
        let node = self.registry.get(id);
        if let Some((node, fqdn)) = node.and_then(|n| Some((n, n.fqdn()?))) {
            let (addrs, observed) = (node.addrs, canonical(node.observed));
            self.fx.event(Event::Registered {
                node: id,
                fqdn,
                addrs,
                observed,
            });
        }
    }

    fn describe(
        &mut self,
        now: Now,
        id: NodeId,
        visit: Visit,
    ) -> Result<Registered, RegistrationError> {
        let mut relays = self.relays.infos(&mut self.fx, now);
        // About what one takes; an empty list says nothing new.
        relays.truncate(visit.room.saturating_sub(128) / 200);
        let node = self.registry.get(id).ok_or(RegistrationError::Overloaded)?;
        Ok(Registered {
            addrs: node.addrs,
            observed: canonical(visit.from),
            nat: node.nat(),
            relays,
            keep_alive_s: self.config.limits.keep_alive_s,
            highest_epoch: node.epoch,
            dc_time_ms: now.wall.as_millis(),
        })
    }

    fn handle_deregistration(&mut self, id: NodeId, message: &Deregistration) {
        let is_stale = self
            .registry
            .get(id)
            .is_none_or(|n| message.epoch < n.epoch);
        if is_stale {
            self.fx.counters.dropped.stale_epoch += 1;
            return;
        }
        self.tell(
            To::Node(id),
            KeepAlive {
                tx: message.tx,
                is_reply: true,
            },
        );
        self.flush();
        self.take_offline(id, OfflineReason::Left);
    }

    /// Sets the deadline of a node's silence, unless one is set.
    pub(crate) fn watch(&mut self, now: Mono, id: NodeId) {
        let patience = self.patience();
        if let Some(node) = self.registry.get_mut(id).filter(|n| !n.is_watched) {
            node.is_watched = true;
            self.timers.set(now + patience, Timer::Node(id));
        }
    }

    /// The deadline of a node's silence has come; it may have spoken meanwhile.
    pub(crate) fn check_silence(&mut self, now: Mono, id: NodeId) {
        let patience = self.patience();
        let Some(node) = self.registry.get_mut(id) else {
            return;
        };
        node.is_watched = false;
        if !node.sessions.is_open() {
            return;
        }
        let until = node.last_heard + patience;
        if until <= now {
            self.take_offline(id, OfflineReason::Silent);
        } else {
            node.is_watched = true;
            self.timers.set(until, Timer::Node(id));
        }
    }

    /// Three keep-alives missed.
    fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.limits.keep_alive_s) * 3 + 5)
    }

    pub(crate) fn take_offline(&mut self, id: NodeId, reason: OfflineReason) {
        let Some(node) = self.registry.get(id) else {
            return;
        };
        let was_online = node.is_online;
        self.pool.remember_epoch(node.addrs.v6, node.epoch);
        let dead = self.registry.take_offline(id);
        self.forget_sessions(dead);
        if was_online {
            self.fx.event(Event::Offline { node: id, reason });
        }
    }
}
