//! Lives through a world's description.

use core::time::Duration;

use ntm_proto::ConsentPolicy;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use super::spec::{CallSpec, Disturbance, NodeSpec, Spec, Target};
use crate::access::{Access, Neighbourhood};
use crate::app::{CallId, Patience};
use crate::deployment::Deployment;
use crate::net::{HostId, LinkConfig, ZoneId};
use crate::queue::Queue;
use crate::world::World;

/// A call goes on trying this long after the last disturbance.
const PATIENCE: Duration = Duration::from_secs(100);
/// After the last call ended, direct routes get this long to come up.
const SETTLE: Duration = Duration::from_secs(15);
/// How often the world is asked whether it is over.
const GLANCE: Duration = Duration::from_millis(500);
/// Every node's only interface.
const ETHERNET: InterfaceId = InterfaceId(1);

/// A world at its end.
#[derive(Debug)]
pub struct Lived {
    /// The world.
    pub world: World,
    /// Its servers.
    pub deployment: Option<Deployment>,
    /// Its nodes, by index of the spec.
    pub hosts: Vec<HostId>,
    /// The nodes' names, by index of the spec.
    pub names: Vec<Fqdn>,
    /// Its calls, in the order of their beginning.
    pub calls: Vec<(CallSpec, HostId, CallId)>,
    zones: Vec<Option<ZoneId>>,
    neighbourhood: Neighbourhood,
    began: Mono,
}

#[derive(Clone, Debug)]
enum Action {
    Start(usize),
    Call(CallSpec),
    Disturb(Disturbance),
    CoordinatorOn(usize),
    RelayOn(usize),
}

impl Lived {
    /// A world in which nothing has happened yet; it stays readable when living through it panics.
    pub fn new(spec: &Spec) -> Self {
        let world = World::new(spec.seed);
        Self {
            began: world.now(),
            world,
            deployment: None,
            hosts: Vec::new(),
            names: Vec::new(),
            calls: Vec::new(),
            zones: Vec::new(),
            neighbourhood: Neighbourhood::default(),
        }
    }
}

/// Lives through `spec` to the end.
pub fn live(lived: &mut Lived, spec: &Spec) {
    lived.build(spec);
    let mut actions = lived.actions(spec);
    while let Some((at, action)) = actions.pop() {
        lived.world.run_until(at);
        lived.act(spec, action, &mut actions);
    }
    lived.finish(spec);
}

impl Lived {
    fn build(&mut self, spec: &Spec) {
        let mut deployment = Deployment::build(&mut self.world, &spec.plan);
        for node in &spec.nodes {
            let domain = spec.plan.domains.get(node.domain);
            let name =
                domain.and_then(|d| Fqdn::parse(&format!("{}.{}", node.label, d.domain)).ok());
            let Some(name) = name else { continue };
            let consent = ConsentPolicy {
                contacts: Vec::new(),
                for_contacts: node.consent,
                for_others: node.consent,
            };
            let host = deployment.add_node(&mut self.world, node.domain, &name, consent);
            self.names.push(name);
            self.hosts.extend(host);
            self.zones.push(None);
        }
        self.deployment = Some(deployment);
    }

    fn actions(&self, spec: &Spec) -> Queue<Action> {
        let mut actions = Queue::default();
        for (index, node) in spec.nodes.iter().enumerate().filter(|(_, n)| n.is_on) {
            // Whoever joins a network comes after the one whose network it is.
            let starts = node
                .shares
                .map_or(node.starts, |_| node.starts + Duration::from_secs(3));
            actions.push(self.began + starts, Action::Start(index));
        }
        for (at, call) in &spec.calls {
            actions.push(self.began + *at, Action::Call(call.clone()));
        }
        for (at, disturbance) in &spec.disturbances {
            actions.push(self.began + *at, Action::Disturb(*disturbance));
        }
        actions
    }

    fn act(&mut self, spec: &Spec, action: Action, actions: &mut Queue<Action>) {
        match action {
            Action::Start(index) => {
                if let Some(node) = spec.nodes.get(index) {
                    self.start(spec, index, node);
                }
            }
            Action::Call(call) => self.call(spec, call),
            Action::Disturb(disturbance) => self.disturb(spec, disturbance, actions),
            Action::CoordinatorOn(index) => {
                if let Some(host) = self.coordinator(index) {
                    self.world.restart(host);
                }
            }
            Action::RelayOn(index) => {
                if let Some(host) = self.relay(index) {
                    self.world.restart(host);
                }
            }
        }
    }

    fn start(&mut self, spec: &Spec, index: usize, node: &NodeSpec) {
        let link = access_link(spec, node);
        let Some(host) = self.hosts.get(index).copied() else {
            return;
        };
        let shared = node
            .shares
            .and_then(|i| self.zones.get(i).copied().flatten());
        let zone = match shared {
            Some(zone) => {
                let number = u8::try_from(index).unwrap_or(u8::MAX);
                let place = (zone, node.access);
                self.neighbourhood
                    .join(&mut self.world, (host, ETHERNET), place, number, link);
                zone
            }
            None => {
                self.neighbourhood
                    .connect(&mut self.world, (host, ETHERNET), node.access, link)
            }
        };
        if let Some(slot) = self.zones.get_mut(index) {
            *slot = Some(zone);
        }
    }

    fn call(&mut self, spec: &Spec, call: CallSpec) {
        let (Some(name), Some(host)) = (self.name_of(spec, call.to), self.hosts.get(call.from))
        else {
            return;
        };
        let (host, elapsed) = (*host, self.world.now().since(self.began));
        let left = spec.last_disturbance().saturating_sub(elapsed);
        let patience = Patience(left + PATIENCE);
        self.world.note(host, &format!("calls {name}"));
        let id = self
            .world
            .with_node(host, |node, now| node.call(now, &name, patience));
        self.calls.extend(id.map(|id| (call, host, id)));
    }

    fn name_of(&self, spec: &Spec, target: Target) -> Option<Fqdn> {
        match target {
            Target::Device(index) => self.names.get(index).cloned(),
            Target::AccountOf(index) => self.names.get(index)?.parent(),
            Target::Nobody(domain) => {
                let domain = &spec.plan.domains.get(domain)?.domain;
                domain.child("phone.nobody").ok()
            }
            Target::NoDomain => Fqdn::parse("phone.alice.nowhere.example").ok(),
        }
    }

    fn disturb(&mut self, spec: &Spec, what: Disturbance, actions: &mut Queue<Action>) {
        let now = self.world.now();
        match what {
            Disturbance::RestartCoordinator(index) => {
                if let Some(host) = self.coordinator(index) {
                    self.world.restart(host);
                }
            }
            Disturbance::RestartRelay(index) => {
                if let Some(host) = self.relay(index) {
                    self.world.restart(host);
                }
            }
            Disturbance::CoordinatorOff(index, lasts) => {
                if let Some(host) = self.coordinator(index) {
                    self.world.power_off(host);
                }
                actions.push(now + lasts, Action::CoordinatorOn(index));
            }
            Disturbance::RelayOff(index, lasts) => {
                if let Some(host) = self.relay(index) {
                    self.world.power_off(host);
                }
                actions.push(now + lasts, Action::RelayOn(index));
            }
            Disturbance::RestartNode(index) => {
                if let Some(host) = self.hosts.get(index).copied() {
                    self.world.restart(host);
                }
            }
            Disturbance::RebindNat(index) => self.rebind(index),
            Disturbance::Move(index, access) => self.move_node(spec, index, access),
        }
    }

    fn rebind(&mut self, index: usize) {
        let (host, zone) = (self.hosts.get(index), self.zones.get(index));
        let (Some(host), Some(Some(zone))) = (host, zone) else {
            return;
        };
        let outside = self.neighbourhood.fresh_v4();
        self.world
            .note(*host, &format!("NAT restarts at {outside}"));
        self.world.net.rebind_nat(*zone, Some(outside));
    }

    fn move_node(&mut self, spec: &Spec, index: usize, access: Access) {
        let (Some(host), Some(node)) = (self.hosts.get(index).copied(), spec.nodes.get(index))
        else {
            return;
        };
        let (link, place) = (access_link(spec, node), (host, ETHERNET));
        if node.is_on {
            let zone = self
                .neighbourhood
                .connect(&mut self.world, place, access, link);
            if let Some(slot) = self.zones.get_mut(index) {
                *slot = Some(zone);
            }
        }
    }

    /// Runs until every call has ended, or is hung, and then a little longer.
    fn finish(&mut self, spec: &Spec) {
        let limit = self.began + spec.last_disturbance() + PATIENCE * 3;
        while self.world.now() < limit && !self.is_over() {
            self.world.run_for(GLANCE);
        }
        self.world.run_for(SETTLE);
    }

    fn is_over(&self) -> bool {
        let now = self.world.now();
        self.calls.iter().all(|(_, host, id)| {
            let call = self.world.node(*host).and_then(|n| n.app.calls().get(id.0));
            call.is_none_or(|c| c.ended.is_some() || c.is_hung(now))
        })
    }

    fn coordinator(&self, index: usize) -> Option<HostId> {
        Some(self.deployment.as_ref()?.domains.get(index)?.host)
    }

    fn relay(&self, index: usize) -> Option<HostId> {
        Some(self.deployment.as_ref()?.relays.get(index)?.host)
    }
}

fn access_link(spec: &Spec, node: &NodeSpec) -> LinkConfig {
    LinkConfig {
        delay: node.delay,
        ..spec.quality.node
    }
}
