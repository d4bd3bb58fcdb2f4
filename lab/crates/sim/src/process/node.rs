//! A node and the application that uses it.

use core::net::SocketAddr;
use std::collections::VecDeque;

use ntm_proto::{Authority, Config, LocalAddr, Node, Renewal};
use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::push::PushToken;
use ntm_wire::time::{Mono, Now};

use super::{Effect, Outgoing};
use crate::app::{App, CallId, Patience};
use crate::rng::Rng;

/// A node, what it was configured with, and its application.
#[derive(Debug)]
pub struct NodeHost {
    /// The machine.
    pub node: Node,
    /// Who uses it.
    pub app: App,
    config: Config,
    locals: Vec<LocalAddr>,
    is_asleep: bool,
    seed: [u8; 32],
    rng: Rng,
    port: u16,
    notes: VecDeque<String>,
}

impl NodeHost {
    /// A node that registers as soon as it has an address.
    pub fn new(config: Config, mut rng: Rng, now: Now) -> Self {
        let seed = rng.seed();
        let mut node = Node::new(config.clone(), seed, now);
        let app = App::new(&mut node);
        let port = random_port(&mut rng);
        Self {
            node,
            app,
            config,
            locals: Vec::new(),
            is_asleep: false,
            seed,
            rng,
            port,
            notes: VecDeque::new(),
        }
    }

    /// The host's addresses are these now.
    pub fn set_interfaces(&mut self, now: Now, locals: Vec<LocalAddr>) {
        let is_first = self.locals.is_empty();
        self.node.handle_interfaces(now, &locals);
        self.locals = locals;
        if is_first && !self.locals.is_empty() {
            self.node.register(now);
        }
        self.settle(now);
    }

    /// Calls a name, as an application would.
    pub fn call(&mut self, now: Now, name: &Fqdn, patience: Patience) -> CallId {
        let id = self.app.call(now, &mut self.node, name, patience);
        self.settle(now);
        id
    }

    /// What the node finds when it asks for the keys of other operators.
    pub fn publish(&mut self, authorities: Vec<Authority>) {
        self.app.published = authorities;
    }

    /// Leaves for good.
    pub fn leave(&mut self, now: Now) {
        self.node.deregister(now);
        self.settle(now);
    }

    /// Leaves until a push to its token wakes it.
    pub fn fall_asleep(&mut self, now: Now) {
        self.node.fall_asleep(now);
        self.is_asleep = true;
        self.settle(now);
    }

    pub(crate) fn is_woken_by(&self, token: &PushToken) -> bool {
        self.is_asleep && self.config.push_token.as_ref() == Some(token)
    }

    /// A new ticket.
    pub fn renew(&mut self, now: Now, renewal: Renewal) {
        self.config.ticket = renewal.ticket.clone();
        self.config.ticket_expires = renewal.ticket_expires;
        self.config.certificate = renewal.certificate.clone();
        self.node.renew(now, renewal);
        self.settle(now);
    }

    /// What the node was configured with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The addresses its sockets are bound to.
    pub fn locals(&self) -> &[LocalAddr] {
        &self.locals
    }

    /// The seed of its present life: whoever has it knows every secret that it draws.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        if self.is_asleep {
            return;
        }
        self.node.handle_datagram(now, on, RealAddr(from), datagram);
        self.settle(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        if self.node.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.node.handle_timeout(now);
        }
        self.app.handle_timeout(now, &mut self.node);
        self.settle(now);
    }

    /// The process dies without a word and starts again on other ports.
    pub(super) fn restart(&mut self, now: Now) {
        self.is_asleep = false;
        self.seed = self.rng.seed();
        self.node = Node::new(self.config.clone(), self.seed, now);
        self.port = random_port(&mut self.rng);
        let port = self.port;
        for local in &mut self.locals {
            local.addr.0.set_port(port);
        }
        self.node.handle_interfaces(now, &self.locals);
        self.node.register(now);
        self.app.handle_restart(now, &mut self.node);
        self.settle(now);
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Outgoing> {
        let transmit = self.node.poll_transmit()?;
        Some(Outgoing {
            from: transmit.from,
            to: transmit.to.0,
            payload: transmit.payload,
        })
    }

    pub(super) fn poll_effect(&mut self, _: Now) -> Option<Effect> {
        self.notes.pop_front().map(Effect::Note)
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        if self.is_asleep {
            return None;
        }
        let timeouts = [self.node.poll_timeout(), self.app.poll_timeout()];
        timeouts.into_iter().flatten().min()
    }

    pub(super) fn has_port(&self, port: u16) -> bool {
        self.port == port
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Hands events to the application until there are none.
    fn settle(&mut self, now: Now) {
        while let Some(event) = self.node.poll_event() {
            if let Some(note) = self.app.handle_event(now, &mut self.node, event) {
                self.notes.push_back(note);
            }
        }
    }
}

fn random_port(rng: &mut Rng) -> u16 {
    u16::try_from(rng.range(32_768, 61_000)).unwrap_or(32_768)
}
