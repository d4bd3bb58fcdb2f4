//! The world that moves happen in: servers, networks to be in, two people who talk, and the attacker.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use ntm_proto::{ConsentPolicy, Route};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use super::attacker::{Attacker, BYSTANDER, Mind, OWN, Stranger};
use super::spec::{EndSpec, Spec};
use crate::access::{Access, Neighbourhood, Site};
use crate::app::talk::Talk;
use crate::app::{Outcome, Patience};
use crate::deployment::{Deployment, DomainPlan, MANY_LEGS, Plan, RelayPlan};
use crate::matrix::network::{access, mtu};
use crate::net::{HostId, LinkConfig, WELL_KNOWN};
use crate::process::{NodeHost, Process, Sink};
use crate::world::World;

/// Until both ends have registered and measured their relays.
const SETTLE: Duration = Duration::from_secs(8);
/// For the first call.
const PATIENCE: Duration = Duration::from_secs(60);
const DOMAINS: [&str; 2] = ["one.example", "two.example"];
/// Of both streams.
const TAGS: [u64; 2] = [0xa11c_e000, 0xb0b0_0000];

/// A network, and what the wire into it is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) site: Site,
    pub(super) link: LinkConfig,
}

/// One end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) host: HostId,
    pub(super) places: Vec<Place>,
    /// Where the preferred and the other interface are plugged in.
    pub(super) up: [Option<usize>; 2],
}

/// A world with all that is needed to move about in it.
pub(super) struct Ground {
    pub(super) world: World,
    pub(super) deployment: Deployment,
    pub(super) neighbourhood: Neighbourhood,
    pub(super) ends: [End; 2],
    pub(super) strangers: [HostId; 2],
    pub(super) mind: Rc<RefCell<Mind>>,
    server_delay: Duration,
    pub(super) pace: Duration,
}

impl Ground {
    /// Servers run and both ends are plugged in.
    pub(super) fn build(spec: &Spec) -> Self {
        let mut world = World::new(spec.seed);
        let mut deployment = Deployment::build(&mut world, &plan(spec));
        let mut neighbourhood = Neighbourhood::default();
        let names = names(spec);
        let mut at = 0;
        let ends = spec.ends.each_ref().map(|end| {
            let domain = at * (spec.domains - 1);
            let policy = ConsentPolicy {
                contacts: Vec::new(),
                for_contacts: spec.consent,
                for_others: spec.consent,
            };
            let host = names
                .get(at)
                .and_then(|name| deployment.add_node(&mut world, domain, name, policy));
            at += 1;
            End {
                host: host.unwrap_or(HostId(usize::MAX)),
                places: places(&mut world, &mut neighbourhood, spec, end),
                up: [None; 2],
            }
        });
        let strangers = [OWN, BYSTANDER].map(|s| stranger(&mut world, s));
        let mind = Mind::new(world.rng.split(), spec.powers);
        let mut ground = Self {
            world,
            deployment,
            neighbourhood,
            ends,
            strangers,
            mind: Rc::new(RefCell::new(mind)),
            server_delay: spec.server_delay,
            pace: spec.pace,
        };
        if spec.powers.eagerness > 0.0 {
            ground.world.set_tap(Attacker(Rc::clone(&ground.mind)));
        }
        (0..2).for_each(|end| ground.plug(end, 0, 0));
        ground
    }

    /// Both ends talk to each other, or why not.
    pub(super) fn connect(&mut self, spec: &Spec) -> Result<(), String> {
        self.world.run_for(SETTLE);
        let caller = self.host(0);
        let [_, name] = names(spec);
        let call = |n: &mut NodeHost, now| n.call(now, &name, Patience(PATIENCE));
        let id = self.world.with_node(caller, call).ok_or("no caller")?;
        let end = self.world.now() + PATIENCE * 2;
        let outcome = |w: &World| w.node(caller)?.app.calls().get(id.0)?.outcome().cloned();
        self.world.run_while(end, |w| outcome(w).is_none());
        match outcome(&self.world) {
            Some(Outcome::Working) => self.talk(),
            other => Err(format!("the call: {other:?}")),
        }
    }

    fn talk(&mut self) -> Result<(), String> {
        let pace = self.pace;
        for (end, tags) in [(0, TAGS), (1, [TAGS[1], TAGS[0]])] {
            let host = self.host(end);
            self.world.with_node(host, |n, now| {
                let peer = n.node.tunnels(now.mono).first().map(|t| t.peer.addrs.v6);
                let to = peer.map(|v6| (v6, crate::app::talk::TALK_PORT).into());
                n.app.talk = to.and_then(|to| Talk::new(now.mono, &mut n.node, to, pace, tags));
            });
        }
        let is_ready = (0..2).all(|end| self.talk_of(end).is_some());
        is_ready.then_some(()).ok_or("nobody to talk to".to_owned())
    }

    pub(super) fn host(&self, end: usize) -> HostId {
        self.ends.get(end).map_or(HostId(usize::MAX), |e| e.host)
    }

    pub(super) fn talk_of(&self, end: usize) -> Option<&Talk> {
        self.world.node(self.host(end))?.app.talk.as_ref()
    }

    /// The route that an end's packets take.
    pub(super) fn route(&self, end: usize) -> Option<Route> {
        let node = self.world.node(self.host(end))?;
        node.node.tunnels(self.world.now()).first().map(|t| t.route)
    }

    pub(super) fn place(&self, end: usize, place: usize) -> Option<Place> {
        self.ends.get(end)?.places.get(place).copied()
    }

    /// Plugs the preferred (0) or the other interface in, or moves it.
    pub(super) fn plug(&mut self, end: usize, interface: usize, place: usize) {
        let (host, found) = (self.host(end), self.place(end, place));
        let (Some(found), Some(this)) = (found, self.ends.get_mut(end)) else {
            return;
        };
        if let Some(up) = this.up.get_mut(interface) {
            *up = Some(place);
        }
        let is_nat64 = |p: &usize| {
            let access = this.places.get(*p).map(|p| p.site.access);
            matches!(access, Some(Access::Nat64(_)))
        };
        let prefix = this.up.iter().flatten().any(is_nat64).then_some(WELL_KNOWN);
        self.world
            .with_node(host, |n, now| n.node.set_nat64(now, prefix));
        let Place { site, link } = found;
        let addrs = site.addrs.get(interface).copied().unwrap_or_default();
        self.world.plug(host, id(interface), site.zone, addrs, link);
    }

    pub(super) fn unplug(&mut self, end: usize, interface: usize) {
        let host = self.host(end);
        let up = self.ends.get_mut(end).and_then(|e| e.up.get_mut(interface));
        if let Some(up) = up {
            *up = None;
        }
        self.world.unplug(host, id(interface));
    }

    /// From node to node and back over the relay, wherever they are plugged in.
    pub(super) fn round_trip(&self) -> Duration {
        let far = |e: &End| {
            let delays = e.up.iter().flatten();
            let delays = delays
                .filter_map(|p| e.places.get(*p))
                .map(|p| p.link.delay);
            delays.max().unwrap_or_default()
        };
        let ends: Duration = self.ends.iter().map(far).sum();
        (ends + self.server_delay * 2) * 2
    }

    pub(super) fn now(&self) -> Mono {
        self.world.now()
    }
}

/// The interface with this index.
pub(super) fn id(interface: usize) -> InterfaceId {
    InterfaceId(if interface == 0 { 1 } else { 2 })
}

fn places(
    world: &mut World,
    neighbourhood: &mut Neighbourhood,
    spec: &Spec,
    end: &EndSpec,
) -> Vec<Place> {
    let place = |(network, delay): &(_, Duration)| Place {
        site: neighbourhood.site(world, access(*network)),
        link: LinkConfig {
            delay: *delay,
            jitter: spec.jitter,
            loss: spec.loss,
            mtu: mtu(*network),
            ..LinkConfig::default()
        },
    };
    end.places.iter().map(place).collect()
}

fn stranger(world: &mut World, who: Stranger) -> HostId {
    let sink = Process::Sink(Sink::new(who.port(), false));
    let host = world.add_host("stranger", sink);
    world.plug_at_core(host, &who.addrs(), LinkConfig::default());
    host
}

fn names(spec: &Spec) -> [Fqdn; 2] {
    let domain = |at: usize| DOMAINS.get(at).copied().unwrap_or(DOMAINS[0]);
    [
        fqdn(&format!("phone.alice.{}", domain(0))),
        fqdn(&format!("desk.bob.{}", domain(spec.domains - 1))),
    ]
}

#[expect(clippy::panic, reason = "the names are written in this file")]
fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn plan(spec: &Spec) -> Plan {
    let link = LinkConfig {
        delay: spec.server_delay,
        ..LinkConfig::default()
    };
    let domain = |text: &&str| DomainPlan {
        domain: fqdn(text),
        link,
    };
    let relay = |at| RelayPlan {
        domain: at % spec.domains,
        link,
        max_legs: MANY_LEGS,
    };
    Plan {
        domains: DOMAINS.iter().take(spec.domains).map(domain).collect(),
        relays: (0..spec.relays).map(relay).collect(),
        same_operator: true,
        is_static: true,
        dns_delay: Duration::ZERO,
    }
}
