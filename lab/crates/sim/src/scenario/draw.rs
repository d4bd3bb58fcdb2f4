//! From a seed to a world's description.

use core::time::Duration;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::message::Consent;

use super::spec::{CallSpec, Disturbance, NodeSpec, Quality, Spec, Target};
use crate::access::Access;
use crate::deployment::{DomainPlan, MANY_LEGS, Plan, RelayPlan};
use crate::net::{GilbertElliott, LinkConfig, Loss, NatConfig, Ports, Scope};
use crate::rng::Rng;

/// Calls begin in the first half minute; so do disturbances.
const BUSY: u64 = 30_000;

/// The world of this seed.
pub fn draw(seed: u64) -> Spec {
    let mut rng = Rng::new(seed ^ 0x6e74_6d20_7369_6d00);
    let plan = draw_plan(&mut rng);
    let quality = draw_quality(&mut rng);
    let nodes = draw_nodes(&mut rng, plan.domains.len());
    let calls = draw_calls(&mut rng, &nodes, plan.domains.len());
    let disturbances = if rng.chance(0.5) {
        Vec::new()
    } else {
        draw_disturbances(&mut rng, &plan, &nodes)
    };
    Spec {
        seed,
        plan,
        quality,
        nodes,
        calls,
        disturbances,
    }
}

fn draw_plan(rng: &mut Rng) -> Plan {
    let names = ["one.example", "two.example"];
    let count = 1 + rng.index(2);
    let parsed = names.iter().take(count).filter_map(|n| Fqdn::parse(n).ok());
    let domains: Vec<DomainPlan> = parsed
        .map(|domain| DomainPlan {
            domain,
            link: wire(rng.millis(1, 40)),
        })
        .collect();
    // Every DC has a relay, so that every pair has one.
    let extra = rng.index(2);
    let relays = (0..count + extra).map(|i| RelayPlan {
        domain: i % count,
        link: wire(rng.millis(1, 30)),
        max_legs: MANY_LEGS,
    });
    Plan {
        relays: relays.collect(),
        domains,
        same_operator: rng.chance(0.5),
        is_static: rng.chance(0.5),
        dns_delay: rng.millis(1, 60),
    }
}

fn draw_quality(rng: &mut Rng) -> Quality {
    // Either end's link loses, so that 10 % each make 20 % of a path.
    let loss = rng.range(0, 100) as f64 / 1000.0;
    let loss = match rng.index(3) {
        0 => Loss::None,
        1 => Loss::Random(loss),
        _ => Loss::Bursts(GilbertElliott::bursts(loss, 3.0)),
    };
    let mut share = |most: u64| {
        let is_clean = rng.chance(0.5);
        let share = rng.range(0, most) as f64 / 1000.0;
        if is_clean { 0.0 } else { share }
    };
    let (duplicate, reorder) = (share(50), share(100));
    let node = LinkConfig {
        jitter: rng.millis(0, 15),
        loss,
        duplicate,
        reorder,
        reorder_by: rng.millis(1, 30),
        ..LinkConfig::default()
    };
    Quality {
        node,
        is_lossless: loss == Loss::None,
    }
}

fn draw_nodes(rng: &mut Rng, domains: usize) -> Vec<NodeSpec> {
    let people = ["alice", "bob", "carol"];
    let devices = ["phone", "laptop", "desk", "tablet", "old", "spare"];
    let count = 2 + rng.index(5);
    let mut nodes: Vec<NodeSpec> = Vec::new();
    for device in devices.iter().take(count) {
        let person = rng.index(people.len());
        let name = people.get(person).copied().unwrap_or_default();
        let neighbour = rng.index(nodes.len().max(1));
        let shares = nodes
            .get(neighbour)
            .filter(|n| n.shares.is_none() && matches!(n.access, Access::Nat(_)))
            .filter(|_| rng.chance(0.2))
            .map(|n| (neighbour, n.access));
        let access = shares.map_or_else(|| draw_access(rng), |(_, access)| access);
        nodes.push(NodeSpec {
            label: format!("{device}.{name}"),
            domain: person % domains,
            access,
            shares: shares.map(|(index, _)| index),
            consent: draw_consent(rng),
            is_on: rng.chance(0.9),
            starts: rng.millis(0, 3000),
            delay: rng.millis(1, 80),
        });
    }
    nodes
}

fn draw_consent(rng: &mut Rng) -> Consent {
    match rng.index(10) {
        0 => Consent::Refuse,
        1 | 2 => Consent::RelayOnly,
        _ => Consent::All,
    }
}

fn draw_access(rng: &mut Rng) -> Access {
    match rng.index(8) {
        0 => Access::PublicV4,
        1..=3 => Access::Nat(draw_nat(rng)),
        4 => Access::Carrier {
            home: draw_nat(rng),
            carrier: draw_nat(rng),
        },
        5 => Access::V6 {
            is_firewalled: rng.chance(0.5),
        },
        _ => Access::Dual(draw_nat(rng)),
    }
}

fn draw_nat(rng: &mut Rng) -> NatConfig {
    let mut scope = || rng.pick(&Scope::ALL).copied();
    let (mapping, filtering) = (scope(), scope());
    let independent = Scope::EndpointIndependent;
    NatConfig {
        // Most home routers map independently of the endpoint.
        mapping: mapping.filter(|_| rng.chance(0.5)).unwrap_or(independent),
        filtering: filtering.unwrap_or(independent),
        expiry: Duration::from_secs(rng.range(30, 180)),
        inbound_refreshes: rng.chance(0.3),
        hairpin: rng.chance(0.3),
        ports: if rng.chance(0.5) {
            Ports::Preserved
        } else {
            Ports::Random
        },
        only_port: None,
    }
}

fn draw_calls(rng: &mut Rng, nodes: &[NodeSpec], domains: usize) -> Vec<(Duration, CallSpec)> {
    let mut calls = Vec::new();
    for _ in 0..1 + rng.index(4) {
        // A node that is not registered yet may be called, and may call.
        let at = rng.millis(100, BUSY);
        let from = rng.index(nodes.len());
        // Now and then somebody calls himself.
        let others = rng.index(nodes.len() * 8 - 1);
        let peer = if others == 0 {
            from
        } else {
            (from + 1 + rng.index(nodes.len() - 1)) % nodes.len()
        };
        if !nodes.get(from).is_some_and(|n| n.is_on) {
            continue;
        }
        let to = match rng.index(10) {
            0 => Target::Nobody(rng.index(domains)),
            1 => Target::NoDomain,
            2 | 3 => Target::AccountOf(peer),
            _ => Target::Device(peer),
        };
        calls.push((at, CallSpec { from, to }));
        // Both ways at once: glare.
        let peer_calls = matches!(to, Target::Device(_)) && rng.chance(0.3);
        if peer_calls && nodes.get(peer).is_some_and(|n| n.is_on) {
            let back = CallSpec {
                from: peer,
                to: Target::Device(from),
            };
            calls.push((at + rng.millis(0, 50), back));
        }
    }
    calls
}

fn draw_disturbances(
    rng: &mut Rng,
    plan: &Plan,
    nodes: &[NodeSpec],
) -> Vec<(Duration, Disturbance)> {
    let mut disturbances = Vec::new();
    for _ in 0..1 + rng.index(3) {
        let at = rng.millis(0, BUSY);
        let dc = rng.index(plan.domains.len());
        let rs = rng.index(plan.relays.len());
        let node = rng.index(nodes.len());
        let lasts = rng.millis(500, 20_000);
        disturbances.push((
            at,
            match rng.index(7) {
                0 => Disturbance::RestartCoordinator(dc),
                1 => Disturbance::RestartRelay(rs),
                2 => Disturbance::CoordinatorOff(dc, lasts),
                3 => Disturbance::RelayOff(rs, lasts),
                4 => Disturbance::RestartNode(node),
                5 => Disturbance::RebindNat(node),
                _ => Disturbance::Move(node, draw_access(rng)),
            },
        ));
    }
    disturbances
}

fn wire(delay: Duration) -> LinkConfig {
    LinkConfig {
        delay,
        ..LinkConfig::default()
    }
}
