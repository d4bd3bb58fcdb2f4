//! Route Directions: the DC tells both ends to build a tunnel; glare collapses into one (rule 14).

use ntm_wire::addr::RealAddr;
use ntm_wire::message::{Consent, Role, RouteDirection, RouteDirectionResponse};
use ntm_wire::time::Now;

use super::leg::RelayLeg;
use super::setup::{self, CallerSetup, Setup};
use super::trust;
use crate::event::{Peer, ResolveError};
use crate::node::Node;
use crate::packet::ahead::Ahead;
use crate::packet::data::{Phase, Tunnel};

impl Node {
    pub(crate) fn handle_route_direction(&mut self, now: Now, d: RouteDirection) {
        if self.tunnels.get(d.path_in).is_some() {
            return self.direct_again(now, &d);
        }
        if self.is_outdated(&d) {
            self.fx.counters.unexpected += 1;
            return self.answer_direction(now, &d, Consent::Refuse);
        }
        if d.role == Role::Caller {
            self.answer_direction(now, &d, Consent::All);
            if !self.is_resolving(d.for_request) {
                self.fx.counters.unexpected += 1;
                return;
            }
        }
        if !self.hold_direction(now, &d) {
            self.follow_direction(now, &d);
        }
    }

    /// Goes the way that the DC directs.
    pub(super) fn follow_direction(&mut self, now: Now, d: &RouteDirection) {
        match d.role {
            Role::Caller => self.direct_caller(now, d),
            Role::Callee => self.direct_callee(now, d),
        }
    }

    /// A double, or the DC joins a second request to a direction that was given before.
    fn direct_again(&mut self, now: Now, d: &RouteDirection) {
        let consent = self.consent_to(d);
        self.answer_direction(now, d, consent);
        if self.tunnels.get(d.path_in).is_some_and(Tunnel::is_live) {
            self.resolution_ready(now, d.path_in);
        }
    }

    /// A direction that knows an older epoch of the peer than a tunnel that stands.
    fn is_outdated(&self, d: &RouteDirection) -> bool {
        let node = d.peer.node_id();
        self.tunnels.iter().any(|t| {
            t.peer.node == node && t.is_live() && t.peer_epoch.start_ms > d.peer_epoch.start_ms
        })
    }

    fn consent_to(&self, d: &RouteDirection) -> Consent {
        match d.role {
            Role::Caller => Consent::All,
            Role::Callee => trust::consent(&self.config.consent, &self.config.certificate, &d.peer),
        }
    }

    pub(super) fn answer_direction(&mut self, now: Now, d: &RouteDirection, consent: Consent) {
        let response = RouteDirectionResponse { tx: d.tx, consent };
        self.dc.send(now.mono, &mut self.fx, &[response.into()]);
    }

    fn direct_caller(&mut self, now: Now, d: &RouteDirection) {
        if let Err(error) = self.believe(now, d) {
            return self.resolution_failed(now.mono, &d.peer.fqdn, &error);
        }
        let prologue = setup::prologue(d, &self.config.certificate);
        let early = self.early_of(d.for_request);
        let Ok(caller) = CallerSetup::new(
            d,
            &self.config.identity,
            &prologue,
            early,
            now.mono,
            &mut self.fx,
        ) else {
            return self.resolution_failed(now.mono, &d.peer.fqdn, &ResolveError::PeerUnreachable);
        };
        let mut tunnel = self.tunnel(
            now,
            d,
            prologue,
            Setup::Caller(Box::new(caller)),
            Consent::All,
        );
        if self.loses_glare(d) {
            tunnel.park(now.mono);
        }
        tunnel.start(now, &mut self.fx);
        self.take_punches(now, &mut tunnel);
        self.tunnels.insert(tunnel);
    }

    /// The other end asks at the same time, and its node id is lower: it wins.
    fn loses_glare(&self, d: &RouteDirection) -> bool {
        let peer = d.peer.node_id();
        let is_asked = |t: &Tunnel| t.peer.node == peer && t.role == Role::Callee && !t.is_live();
        self.config.certificate.node_id() > peer && self.tunnels.iter().any(is_asked)
    }

    fn direct_callee(&mut self, now: Now, d: &RouteDirection) {
        let believed = self.believe(now, d);
        let consent = if believed.is_ok() {
            self.consent_to(d)
        } else {
            Consent::Refuse
        };
        if consent == Consent::Refuse {
            tracing::debug!("a caller was refused");
            return self.answer_direction(now, d, consent);
        }
        let peer = d.peer.node_id();
        if self.config.certificate.node_id() > peer && self.wants(&d.peer.fqdn) {
            self.park_callers(now, peer);
        }
        let prologue = setup::prologue(d, &self.config.certificate);
        let callee = Setup::callee(d.path_key.clone(), now.mono);
        let mut tunnel = self.tunnel(now, d, prologue, callee, consent);
        // Rule 18: legs are bound and the NAT is opened before the answer leaves.
        tunnel.start(now, &mut self.fx);
        self.tunnels.insert(tunnel);
        self.answer_direction(now, d, consent);
    }

    fn park_callers(&mut self, now: Now, peer: ntm_wire::id::NodeId) {
        self.tunnels
            .iter_mut()
            .filter(|t| t.peer.node == peer)
            .for_each(|t| t.park(now.mono));
    }

    fn believe(&mut self, now: Now, d: &RouteDirection) -> Result<(), ResolveError> {
        self.trust.check(&d.peer, now.wall, &mut self.fx)?;
        let taken = self
            .tunnels
            .is_taken(d.peer.virtual_v6.into(), d.peer.node_id());
        let own = d.peer.virtual_v6 == self.config.certificate.virtual_v6;
        if taken || own {
            Err(ntm_wire::certificate::CertificateError::Authority.into())
        } else {
            Ok(())
        }
    }

    fn tunnel(
        &mut self,
        now: Now,
        d: &RouteDirection,
        prologue: Vec<u8>,
        setup: Setup,
        consent: Consent,
    ) -> Tunnel {
        let node = d.peer.node_id();
        let v4 = self.tunnels.v4_of(node, d.peer_v4);
        let addrs = ntm_wire::addr::VirtualAddrs {
            v6: d.peer.virtual_v6,
            v4,
        };
        let reach = self.reach();
        let ids = (d.path_out, d.path_in);
        let bind = |l: &ntm_wire::message::Leg| RelayLeg::new(l.clone(), ids, &reach, now.mono);
        Tunnel {
            peer: Peer {
                fqdn: d.peer.fqdn.clone(),
                node,
                addrs,
                root: d.peer.root,
            },
            peer_identity: d.peer.identity,
            peer_epoch: d.peer_epoch,
            role: d.role,
            path_out: d.path_out,
            path_in: d.path_in,
            for_request: (d.role == Role::Caller).then_some(d.for_request),
            prologue,
            legs: d.legs.iter().filter_map(bind).collect(),
            may_go_direct: consent == Consent::All,
            candidates: if consent == Consent::All {
                self.sendable(d)
            } else {
                Vec::new()
            },
            asked_again: None,
            ahead: Ahead::default(),
            is_void: false,
            phase: Phase::Setup(setup),
        }
    }

    /// Rule 10: where the node may be directed to send. Loopback only when the node itself lives there.
    fn sendable(&self, d: &RouteDirection) -> Vec<RealAddr> {
        let reach = self.reach();
        let at_home = self.fx.locals.iter().any(|l| l.addr.is_loopback());
        let fits = |a: &RealAddr| a.is_sendable() && (at_home || !a.is_loopback());
        let mut addrs: Vec<RealAddr> = d
            .peer_candidates
            .iter()
            .map(|c| c.addr)
            .filter(fits)
            .filter_map(|a| reach.real(a))
            .collect();
        addrs.dedup();
        addrs
    }
}
