//! Judges a world at its end.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ntm_proto::{ResolveError, Route};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::message::{Consent, DirectionError};

use super::live::Lived;
use super::spec::{CallSpec, Spec, Target};
use crate::app::{Call, Outcome};

/// What a call should end in, in a calm world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Working,
    Error(DirectionError),
    /// Several devices that answer differently: any end will do.
    Any,
}

/// Everything that should not be so; empty when all is well.
pub fn judge(lived: &Lived, spec: &Spec) -> Vec<String> {
    let mut found = lived.world.faults.clone();
    found.extend(duplicate_addresses(lived));
    for (call_spec, host, id) in &lived.calls {
        let node = lived.world.node(*host);
        if let Some(call) = node.and_then(|n| n.app.calls().get(id.0)) {
            found.extend(judge_call(lived, spec, call_spec, call));
        }
    }
    if spec.is_calm() {
        found.extend(forged(lived));
        found.extend(detours(lived, spec));
    }
    found
}

fn judge_call(lived: &Lived, spec: &Spec, call_spec: &CallSpec, call: &Call) -> Option<String> {
    let who = format!("call from {} to {}", call_spec.from, call.name);
    let errors = &call.errors;
    if call.is_hung(lived.world.now()) {
        return Some(format!("{who}: a resolution never ended"));
    }
    let Some(outcome) = call.outcome() else {
        return Some(format!("{who}: never ended, errors {errors:?}"));
    };
    if *outcome == Outcome::NoEcho {
        return Some(format!("{who}: resolved, but no data came through"));
    }
    let expected = expected(spec, call_spec);
    if spec.is_calm() && !fits(expected, outcome, errors) {
        return Some(format!(
            "{who}: {outcome:?} instead of {expected:?}, errors {errors:?}"
        ));
    }
    None
}

/// Of many tries on a lossy link the last may end with another error than the rest: one that was told
/// the truth is enough.
fn fits(expected: Expected, outcome: &Outcome, errors: &[ResolveError]) -> bool {
    match (expected, outcome) {
        (Expected::Any, _) | (Expected::Working, Outcome::Working) => true,
        (Expected::Error(e), Outcome::Failed(last)) => {
            let told = ResolveError::Refused(e);
            *last == told || errors.contains(&told)
        }
        (Expected::Working | Expected::Error(_), _) => false,
    }
}

fn expected(spec: &Spec, call: &CallSpec) -> Expected {
    match call.to {
        Target::Nobody(_) => Expected::Error(DirectionError::UnknownName),
        Target::NoDomain => Expected::Error(DirectionError::NoCoordinator),
        Target::Device(to) if to == call.from => Expected::Error(DirectionError::OwnName),
        Target::Device(to) if has_called(spec, to, call.from) => Expected::Any,
        Target::Device(to) => expected_of_device(spec, to),
        Target::AccountOf(to) => expected_of_account(spec, call.from, to),
    }
}

/// Whether a node that refuses callers has itself called this one: whoever calls consents.
fn has_called(spec: &Spec, refuses: usize, caller: usize) -> bool {
    let refusing = |n: &super::spec::NodeSpec| n.consent == Consent::Refuse;
    let reaches =
        |to: Target| matches!(to, Target::Device(i) | Target::AccountOf(i) if i == caller);
    let called = |c: &CallSpec| c.from == refuses && reaches(c.to);
    spec.nodes.get(refuses).is_some_and(refusing) && spec.calls.iter().any(|(_, c)| called(c))
}

fn expected_of_device(spec: &Spec, to: usize) -> Expected {
    match spec.nodes.get(to) {
        Some(n) if !n.is_on => Expected::Error(DirectionError::PeerOffline),
        Some(n) if n.consent == Consent::Refuse => Expected::Error(DirectionError::Refused),
        _ => Expected::Working,
    }
}

fn expected_of_account(spec: &Spec, from: usize, of: usize) -> Expected {
    let account = |i: usize| spec.nodes.get(i).and_then(|n| n.label.split('.').nth(1));
    let same = (0..spec.nodes.len()).filter(|i| account(*i) == account(of) && *i != from);
    let all: Vec<Expected> = same.map(|i| expected_of_device(spec, i)).collect();
    if account(from) == account(of) {
        return Expected::Any;
    }
    match all.first() {
        Some(first) if all.iter().all(|e| e == first) => *first,
        // One that answers is enough; which of two errors is named is the coordinator's choice.
        _ => Expected::Any,
    }
}

/// No two nodes have one address, over all DCs' disks and all nodes' minds.
fn duplicate_addresses(lived: &Lived) -> Vec<String> {
    let mut owners: BTreeMap<IpAddr, &Fqdn> = BTreeMap::new();
    let mut found = Vec::new();
    let domains = lived.deployment.iter().flat_map(|d| &d.domains);
    for dc in domains.filter_map(|d| lived.world.coordinator(d.host)) {
        for saved in dc.saved() {
            for addr in [IpAddr::V6(saved.addrs.v6), IpAddr::V4(saved.addrs.v4)] {
                if let Some(other) = owners.insert(addr, &saved.fqdn) {
                    found.push(format!("{addr} belongs to {other} and {}", saved.fqdn));
                }
            }
        }
    }
    for host in &lived.hosts {
        let Some(node) = lived.world.node(*host) else {
            continue;
        };
        let (Some(addrs), name) = (node.node.status().addrs, &node.config().certificate.fqdn)
        else {
            continue;
        };
        for addr in [IpAddr::V6(addrs.v6), IpAddr::V4(addrs.v4)] {
            if owners.get(&addr).is_some_and(|owner| *owner != name) {
                found.push(format!("{name} thinks that it has {addr}"));
            }
        }
    }
    found
}

/// Nobody forges in a calm world.
fn forged(lived: &Lived) -> Vec<String> {
    let mut found = Vec::new();
    for (_, host) in lived.world.hosts() {
        let forged = crate::counts::forged(&host.process);
        if forged > 0 {
            found.push(format!("{} counted {forged} forged datagrams", host.name));
        }
    }
    found
}

/// Pairs on a relay that RFC 4787 lets meet.
fn detours(lived: &Lived, spec: &Spec) -> Vec<String> {
    let mut found = Vec::new();
    if !spec.quality.is_lossless {
        return found;
    }
    for (call, host, id) in &lived.calls {
        let Target::Device(to) = call.to else {
            continue;
        };
        let node = lived.world.node(*host);
        let worked = node
            .and_then(|n| n.app.calls().get(id.0))
            .is_some_and(|c| c.outcome() == Some(&Outcome::Working));
        if !worked || !must_meet(spec, call.from, to) {
            continue;
        }
        let tunnels = node
            .map(|n| n.node.tunnels(lived.world.now()))
            .unwrap_or_default();
        for tunnel in tunnels {
            let is_peer = lived.names.get(to) == Some(&tunnel.peer.fqdn);
            if is_peer && matches!(tunnel.route, Route::Relay { .. }) {
                found.push(format!(
                    "{} to {} stays on the relay",
                    call.from, tunnel.peer.fqdn
                ));
            }
        }
    }
    found
}

fn must_meet(spec: &Spec, a: usize, b: usize) -> bool {
    let (Some(x), Some(y)) = (spec.nodes.get(a), spec.nodes.get(b)) else {
        return false;
    };
    let same_network = x.shares == Some(b) || y.shares == Some(a);
    let both = x.consent == Consent::All && y.consent == Consent::All;
    both && x.shares.is_none()
        && y.shares.is_none()
        && !same_network
        && x.access.must_meet(y.access)
}
