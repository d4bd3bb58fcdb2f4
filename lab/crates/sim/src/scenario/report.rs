//! What one world came to, and what many did.

use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ntm_proto::{ResolveError, Route};
use serde::Serialize;

use super::live::{Lived, live};
use super::spec::Spec;
use super::verdict::judge;
use crate::app::{Call, Outcome};
use crate::net::HostId;

/// What one world came to.
#[derive(Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What should not be so; empty when all is well.
    pub violations: Vec<String>,
    /// Its calls.
    pub calls: Vec<CallReport>,
    /// A hash over all that happened.
    pub hash: u64,
    /// How long it lived, in virtual time.
    pub lived: Duration,
    /// Whether no server or node was restarted, cut off or moved.
    pub is_calm: bool,
    /// The world itself, for its trace.
    pub world: Lived,
}

/// What one call came to.
#[derive(Clone, Debug)]
pub struct CallReport {
    /// `working`, `no echo`, `hung`, or the error's name.
    pub end: String,
    /// How often the name was resolved.
    pub attempts: u32,
    /// From the call to the first good resolution.
    pub resolved_after: Option<Duration>,
    /// Whether the route in the end was direct; none without a tunnel.
    pub is_direct: Option<bool>,
}

/// What many worlds came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Worlds lived through.
    pub worlds: u64,
    /// Of these, calm ones.
    pub calm: u64,
    /// Names resolved, retries included.
    pub resolutions: u64,
    /// Calls made.
    pub calls: u64,
    /// Calls by their end.
    pub ends: BTreeMap<String, u64>,
    /// Working calls on a direct route in the end.
    pub direct: u64,
    /// Working calls on a relay in the end.
    pub relayed: u64,
    /// Virtual seconds lived.
    pub virtual_s: f64,
    /// Median of the time from call to tunnel, in milliseconds.
    pub median_ms: f64,
    /// Its 99th percentile.
    pub p99_ms: f64,
    /// Worlds in which something was as it should not be: seed and findings.
    pub failures: Vec<(u64, Vec<String>)>,
    #[serde(skip)]
    times: Vec<Duration>,
}

impl Report {
    /// Lives through a world and judges it; a panic is a finding.
    pub fn of(spec: &Spec, prepare: impl FnOnce(&mut Lived)) -> Self {
        let mut world = Lived::new(spec);
        prepare(&mut world);
        let lived = catch_unwind(AssertUnwindSafe(|| live(&mut world, spec)));
        let violations = match lived {
            Ok(()) => judge(&world, spec),
            Err(panic) => vec![format!("panic: {}", panic_text(&*panic))],
        };
        Self {
            seed: spec.seed,
            violations,
            calls: call_reports(&world),
            hash: world.world.trace.hash(),
            lived: world.world.now().since(Lived::new(spec).world.now()),
            is_calm: spec.is_calm(),
            world,
        }
    }
}

impl Summary {
    /// Adds a world.
    pub fn add(&mut self, report: &Report) {
        self.worlds += 1;
        self.calm += u64::from(report.is_calm);
        self.virtual_s += report.lived.as_secs_f64();
        for call in &report.calls {
            self.calls += 1;
            self.resolutions += u64::from(call.attempts);
            *self.ends.entry(call.end.clone()).or_default() += 1;
            self.direct += u64::from(call.is_direct == Some(true));
            self.relayed += u64::from(call.is_direct == Some(false));
            self.times.extend(call.resolved_after);
        }
        if !report.violations.is_empty() {
            let failure = (report.seed, report.violations.clone());
            self.failures.push(failure);
        }
    }

    /// Adds another summary.
    pub fn merge(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.calm += other.calm;
        self.resolutions += other.resolutions;
        self.calls += other.calls;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.direct += other.direct;
        self.relayed += other.relayed;
        self.virtual_s += other.virtual_s;
        self.failures.extend(other.failures);
        self.times.extend(other.times);
    }

    /// Computes the percentiles.
    pub fn finish(&mut self) {
        self.times.sort();
        self.failures.sort();
        let at = |share: usize| {
            let index = self.times.len().saturating_sub(1) * share / 100;
            self.times.get(index).map_or(0.0, |t| t.as_secs_f64() * 1e3)
        };
        (self.median_ms, self.p99_ms) = (at(50), at(99));
    }
}

fn call_reports(lived: &Lived) -> Vec<CallReport> {
    let report = |(_, host, id): &(_, HostId, crate::app::CallId)| {
        let node = lived.world.node(*host)?;
        let call = node.app.calls().get(id.0)?;
        let tunnels = node.node.tunnels(lived.world.now());
        let route = tunnels
            .iter()
            .find(|t| call.peers.iter().any(|p| p.node == t.peer.node))
            .map(|t| t.route);
        Some(report_of(lived, call, route))
    };
    lived.calls.iter().filter_map(report).collect()
}

fn report_of(lived: &Lived, call: &Call, route: Option<Route>) -> CallReport {
    let end = match call.outcome() {
        Some(Outcome::Working) => "working".to_owned(),
        Some(Outcome::NoEcho) => "no echo".to_owned(),
        Some(Outcome::Failed(e)) => name_of(e),
        None if call.is_hung(lived.world.now()) => "hung".to_owned(),
        None => "never ended".to_owned(),
    };
    let is_working = call.outcome() == Some(&Outcome::Working);
    CallReport {
        end,
        attempts: call.attempts,
        resolved_after: call.resolved.map(|at| at.since(call.started)),
        is_direct: route
            .filter(|_| is_working)
            .map(|r| matches!(r, Route::Direct { .. })),
    }
}

fn name_of(error: &ResolveError) -> String {
    match error {
        ResolveError::Refused(e) => format!("{e:?}"),
        ResolveError::Certificate(e) => format!("Certificate({e:?})"),
        ResolveError::CoordinatorUnreachable
        | ResolveError::PeerUnreachable
        | ResolveError::RelayUnreachable
        | ResolveError::NoAuthority(_)
        | ResolveError::PinChanged => format!("{error:?}"),
    }
}

pub(crate) fn panic_text(panic: &(dyn core::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("of unknown cause")
}
