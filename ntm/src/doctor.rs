//! What kind of network this is, and what to expect of it. [`examine`] asks the machine, the router and the
//! servers, all at once and each with a bound on the time; [`judge`] says what the findings mean.

mod door;
pub mod judge;
mod knock;
mod local;
pub mod report;
mod servers;
pub mod words;

use std::net::{IpAddr, SocketAddr};

use crate::profile::Profile;

use report::{DoorState, Mtu, Nat, Problem, Report};
pub use servers::Seen;

/// Whose network is examined.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The device; without one, only what the machine itself knows is found.
    pub profile: Option<Profile>,
    /// The UDP port of its node; 0: any.
    pub port: u16,
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
    /// Registration, the view from outside, and the relays.
    Relays,
    /// The account server.
    AccountServer,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Network,
        Self::Coordinator,
        Self::Relays,
        Self::AccountServer,
    ];
}

/// Examines; takes about five seconds at most. `done` hears of each step as it ends.
pub async fn examine(subject: Subject, done: &(dyn Fn(Step) + Sync)) -> Report {
    let mut report = Report::default();
    report.interfaces = local::interfaces().await;
    report.ipv4 = local::family(&report.interfaces, true);
    report.ipv6 = local::family(&report.interfaces, false);
    done(Step::Network);
    let mut problems: Vec<Problem> = subject.trouble.into_iter().collect();
    let mut refusal = None;
    if let Some(profile) = &subject.profile {
        report.device = Some(profile.membership().certificate.fqdn.to_string());
        let (seen, account_server) = tokio::join!(
            servers(
                profile,
                subject.port,
                subject.running,
                &mut report.coordinator,
                done
            ),
            async {
                let found = servers::account_server(profile).await;
                done(Step::AccountServer);
                found
            }
        );
        (report.seen, report.relays, refusal) = (seen.sights, seen.relays, seen.problem);
        report.account_server = Some(account_server);
    }
    conclude(&mut report);
    problems.extend(words::problems(&report, refusal));
    report.problems = problems;
    report
}

async fn servers(
    profile: &Profile,
    port: u16,
    running: Option<Seen>,
    doors: &mut Vec<report::Door>,
    done: &(dyn Fn(Step) + Sync),
) -> Seen {
    let m = profile.membership();
    let known: Vec<SocketAddr> = m.dc_addrs.iter().map(|a| a.0).collect();
    let (first, others): (Vec<_>, Vec<_>) = servers::places(&known)
        .into_iter()
        .partition(|(_, known)| *known);
    // A door that stays silent takes longest: the node need not wait for it.
    let others = tokio::spawn(servers::doors(m.dc_key, others));
    *doors = servers::doors(m.dc_key, first).await;
    let is_open = |d: &report::Door| d.state == DoorState::Open;
    if doors.iter().any(is_open) {
        done(Step::Coordinator);
    }
    let mut others = Some(others);
    if !doors.iter().any(is_open) {
        doors.extend(joined(others.take()).await);
        done(Step::Coordinator);
    }
    let seen = match running {
        Some(seen) => seen,
        None => {
            let mut config = profile.config();
            config.port = port;
            servers::register(config, doors).await
        }
    };
    doors.extend(joined(others).await);
    done(Step::Relays);
    seen
}

async fn joined(doors: Option<tokio::task::JoinHandle<Vec<report::Door>>>) -> Vec<report::Door> {
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
    let outside = report.router.and_then(|r| r.external).map(|a| a.ip());
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
