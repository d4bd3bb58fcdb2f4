//! What kind of network this is, and what to expect of it. [`examine`] asks the machine, the router and the
//! servers, all at once and each with a bound on the time; [`judge`] says what the findings mean.

mod door;
pub mod judge;
mod knock;
mod local;
pub mod report;
mod router;
mod servers;
pub mod words;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::Config;
use crate::nat64::{self, Prefix};
use crate::profile::Profile;

/// A resolver that is slower than this makes every call slow to begin.
const RESOLVER: Duration = Duration::from_secs(1);

pub use local::interfaces;
use report::{Door, DoorState, Mtu, Nat, Problem, Report};
pub use servers::Seen;

/// Whose network is examined.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The device; without one, only what the machine itself knows is found.
    pub profile: Option<Profile>,
    /// The UDP port of its node; 0: any.
    pub port: u16,
    /// Whether the router may be asked for a port, for a moment: its answer shows a carrier's NAT.
    pub port_mapping: bool,
    /// What a node of this device knows that runs in another process: a second one would end it.
    pub running: Option<Seen>,
    /// What kept the profile from being read.
    pub trouble: Option<Problem>,
}

/// A part of the examination that is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Network cards and addresses.
    Network,
    /// The coordinator's doors.
    Coordinator,
    /// What the router offers.
    Router,
    /// Registration, the view from outside, and the relays.
    Relays,
    /// The account server.
    AccountServer,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Network,
        Self::Router,
        Self::Coordinator,
        Self::Relays,
        Self::AccountServer,
    ];
}

/// Examines; takes about five seconds at most. `done` hears of each step as it ends.
pub async fn examine(subject: Subject, done: &(dyn Fn(Step) + Sync)) -> Report {
    let mut report = Report::default();
    machine(&mut report).await;
    done(Step::Network);
    let mut problems: Vec<Problem> = subject.trouble.iter().cloned().collect();
    let (router, refusal) = tokio::join!(
        then(router::offers(subject.port_mapping), done, Step::Router),
        outside(&mut report, &subject, done),
    );
    report.router = router;
    conclude(&mut report);
    problems.extend(words::problems(&report, refusal));
    report.problems = problems;
    report
}

/// What servers say; why the device's node does not stand, if so.
async fn outside(
    report: &mut Report,
    subject: &Subject,
    done: &(dyn Fn(Step) + Sync),
) -> Option<Problem> {
    let profile = subject.profile.as_ref()?;
    report.device = Some(profile.membership().certificate.fqdn.to_string());
    let ((doors, seen), account_server) = tokio::join!(
        servers(profile, subject, report.nat64, done),
        then(servers::account_server(profile), done, Step::AccountServer),
    );
    report.coordinator = doors;
    (report.seen, report.relays) = (seen.sights, seen.relays);
    report.account_server = Some(account_server);
    seen.problem
}

async fn then<T>(work: impl Future<Output = T>, done: &(dyn Fn(Step) + Sync), step: Step) -> T {
    let result = work.await;
    done(step);
    result
}

async fn machine(report: &mut Report) {
    report.interfaces = local::interfaces().await;
    report.ipv4 = local::family(&report.interfaces, true);
    report.ipv6 = local::family(&report.interfaces, false);
    if report.ipv6.usable && !report.ipv4.usable {
        report.nat64 = timeout(RESOLVER, nat64::discover()).await.ok().flatten();
    }
}

async fn servers(
    profile: &Profile,
    subject: &Subject,
    nat64: Option<Prefix>,
    done: &(dyn Fn(Step) + Sync),
) -> (Vec<Door>, Seen) {
    let m = profile.membership();
    let known: Vec<SocketAddr> = m.dc_addrs.iter().map(|a| a.0).collect();
    let (first, others): (Vec<_>, Vec<_>) = servers::places(&known, nat64)
        .into_iter()
        .partition(|(_, known)| *known);
    // A door that stays silent takes longest: the node need not wait for it.
    let mut others = Some(tokio::spawn(servers::doors(m.dc_key, others)));
    let mut doors = servers::doors(m.dc_key, first).await;
    if doors.iter().all(|d| d.state != DoorState::Open) {
        doors.extend(joined(others.take()).await);
    }
    done(Step::Coordinator);
    let seen = match subject.running.clone() {
        Some(seen) => seen,
        None => servers::register(config(profile, subject), &doors).await,
    };
    doors.extend(joined(others).await);
    done(Step::Relays);
    (doors, seen)
}

fn config(profile: &Profile, subject: &Subject) -> Config {
    let mut config = profile.config();
    config.port = subject.port;
    // The router is asked apart, and a mapping would change what servers see.
    config.port_mapping = false;
    config
}

async fn joined(doors: Option<JoinHandle<Vec<Door>>>) -> Vec<Door> {
    match doors {
        Some(task) => task.await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Fills in what follows from the findings.
fn conclude(report: &mut Report) {
    let own: Vec<IpAddr> = report
        .interfaces
        .iter()
        .flat_map(|i| i.addrs.clone())
        .collect();
    let open = report
        .coordinator
        .iter()
        .find(|d| d.state == DoorState::Open);
    let local = open.and_then(|d| d.local);
    let (mapping, observers) = judge::mapping(&with_loopback(own, local), &report.seen);
    let outside = report.router.and_then(|r| r.external);
    let seen = report
        .seen
        .iter()
        .map(|s| s.addr.ip())
        .find(IpAddr::is_ipv4);
    report.nat = Nat {
        mapping,
        observers,
        carrier: judge::carrier(local.filter(IpAddr::is_ipv4), outside, seen),
    };
    report.clock_ahead_ms = open.and_then(|d| d.clock_ahead_ms);
    report.mtu = Mtu {
        interface: mtu_of(report, local),
        path: report
            .coordinator
            .iter()
            .filter_map(|d| d.largest_packet)
            .max(),
    };
    report.expect = judge::expectation(report);
}

/// The address that leads to the coordinator is this machine's, even where it is loopback.
fn with_loopback(mut own: Vec<IpAddr>, local: Option<IpAddr>) -> Vec<IpAddr> {
    own.extend(local);
    own
}

fn mtu_of(report: &Report, local: Option<IpAddr>) -> Option<u32> {
    let cards = &report.interfaces;
    let used = cards
        .iter()
        .find(|i| local.is_some_and(|l| i.addrs.contains(&l)));
    used.or_else(|| cards.iter().find(|i| i.default))?.mtu
}
