//! `ntm doctor`: what kind of network this is, and what to expect of it.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;

use clap::Args;
use serde_json::{Value, json};

use super::exit::Exit;
use super::failure::Failure;
use super::snapshot::Snapshot;
use super::{Context, picture};
use crate::doctor::report::{Door, DoorState, Family, Problem, ProblemKind, Relay, Report, Sight};
use crate::doctor::{Seen, Step, Subject, examine, words};
use crate::profile::{Profile, ProfileError};

/// Examines this network: NAT, IPv6, UDP, round trips, and what to expect of calls.
#[derive(Debug, Args)]
pub(super) struct Doctor;

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        // Held until the end: the doctor runs the device's node.
        let (subject, _lock) = subject(context);
        let progress = Progress::new();
        let report = examine(subject, &|step| progress.done(step)).await;
        progress.end();
        let exit = report.problems.first().map_or(Exit::Ok, |p| exit(p.kind));
        context.out.json(&value(&report, exit));
        lines(&report).iter().for_each(|l| context.out.line(l));
        Ok(exit)
    }
}

fn subject(context: &Context) -> (Subject, Option<crate::files::Lock>) {
    let mut subject = Subject {
        port: context.port,
        port_mapping: context.port_mapping,
        ..Subject::default()
    };
    let profile = match Profile::open(&context.folder) {
        Ok(profile) => profile,
        Err(error) => {
            subject.trouble = Some(trouble(&error));
            return (subject, None);
        }
    };
    let lock = Profile::lock(&context.folder);
    if matches!(lock, Err(ProfileError::InUse)) {
        subject.running = Some(Snapshot::read(&profile).map(seen).unwrap_or_default());
    }
    subject.profile = Some(profile);
    (subject, lock.ok())
}

fn trouble(error: &ProfileError) -> Problem {
    let kind = if matches!(error, ProfileError::NotSignedIn(_)) {
        ProblemKind::NotSignedIn
    } else {
        ProblemKind::Profile
    };
    Problem {
        kind,
        message: error.to_string(),
    }
}

/// What the process that runs the node left.
fn seen(snapshot: Snapshot) -> Seen {
    let sight = |by: &str, observer, addr| Sight {
        by: by.to_owned(),
        observer,
        addr,
    };
    let by_dc = snapshot.coordinator.zip(snapshot.observed);
    let by_relays = snapshot
        .relays
        .iter()
        .flat_map(|r| r.sights.iter().map(|(by, addr)| sight(&r.id, *by, *addr)));
    let sights = by_dc
        .map(|(dc, addr)| sight("coordinator", dc, addr))
        .into_iter()
        .chain(by_relays)
        .collect();
    let relays = snapshot.relays.iter().map(|r| Relay {
        id: r.id.clone(),
        rtt_ms: r.rtt_ms,
        load_percent: r.load_percent,
    });
    Seen {
        relays: relays.collect(),
        sights,
        problem: None,
    }
}

fn exit(kind: ProblemKind) -> Exit {
    match kind {
        ProblemKind::NotSignedIn => Exit::NotSignedIn,
        ProblemKind::Offline | ProblemKind::Coordinator => Exit::CoordinatorUnreachable,
        ProblemKind::Registration(error) => Failure::from(error).exit,
        ProblemKind::Clock => Exit::ClockWrong,
        ProblemKind::Relays => Exit::RelayUnreachable,
        ProblemKind::AccountServer => Exit::AccountServerUnreachable,
        ProblemKind::Profile => Exit::ProfileDamaged,
        ProblemKind::PortInUse => Exit::PortInUse,
        ProblemKind::Machine => Exit::Other,
    }
}

fn value(report: &Report, outcome: Exit) -> Value {
    let problem = |p: &Problem| json!({ "code": exit(p.kind).slug(), "message": p.message });
    let mut value = serde_json::to_value(report).unwrap_or_default();
    value["problems"] = report.problems.iter().map(problem).collect();
    value["says"] = words::expect(report).into();
    value["exit"] = outcome.code().into();
    value
}

fn lines(report: &Report) -> Vec<String> {
    let row = |name: &str, text: String| format!("{name:<12} {text}");
    let mut out = Vec::new();
    out.extend(report.device.iter().map(|d| row("device", d.clone())));
    out.extend(report.interfaces.iter().map(|i| row("network", card(i))));
    out.push(row("IPv4", family(report.ipv4)));
    out.push(row("IPv6", family(report.ipv6)));
    out.extend(nat64(report).map(|n| row("NAT64", n)));
    out.extend(
        report
            .coordinator
            .iter()
            .map(|d| row("coordinator", door(d))),
    );
    let sight = |s: &Sight| row("seen as", format!("{} by {}", s.addr, whom(s)));
    out.extend(report.seen.iter().map(sight));
    if report.device.is_some() {
        out.push(row("NAT", words::nat(report)));
        out.push(row("carrier NAT", words::carrier(report).to_owned()));
    }
    out.push(row("router", router(report)));
    out.extend(path(report).map(|p| row("packets", p)));
    out.extend(report.relays.iter().map(|r| row("relay", relay(r))));
    out.extend(clock(report).map(|c| row("clock", c)));
    if let Some(server) = &report.account_server {
        let how = server.error.as_deref().unwrap_or("answers");
        out.push(row("accounts", format!("{}: {how}", server.url)));
    }
    out.push(String::new());
    out.push(words::expect(report));
    out.extend(report.problems.iter().map(|p| format!("! {}", p.message)));
    out
}

fn card(i: &crate::doctor::report::Interface) -> String {
    let addrs: Vec<String> = i.addrs.iter().map(ToString::to_string).collect();
    let mtu = i.mtu.map(|m| format!(", packets up to {m} bytes"));
    let default = if i.default { " (default route)" } else { "" };
    let (name, addrs) = (&i.name, addrs.join(", "));
    format!("{name}{default}: {addrs}{}", mtu.unwrap_or_default())
}

fn family(f: Family) -> String {
    match (f.usable, f.global) {
        (false, _) => "no",
        (true, false) => "yes, with a private address",
        (true, true) => "yes, with a global address",
    }
    .to_owned()
}

/// Where there is IPv4 nobody asks.
fn nat64(report: &Report) -> Option<String> {
    let says = match report.nat64 {
        Some(p) if p.len == 96 => format!("IPv4 servers are reached by {}/96", p.addr),
        Some(p) => format!(
            "IPv4 servers are out of reach: {}/{} is a length this program does not use; ask for IPv6 on the server",
            p.addr, p.len
        ),
        None if report.ipv6.usable && !report.ipv4.usable => {
            "none: IPv4 servers are out of reach".to_owned()
        }
        None => return None,
    };
    Some(says)
}

fn door(d: &Door) -> String {
    let ms = |v: f64| picture::millis(std::time::Duration::from_secs_f64(v / 1e3));
    let what = match (d.state, d.known) {
        (DoorState::Open, _) => {
            let rtt = d.rtt_ms.map(ms).unwrap_or_default();
            return format!("{}/udp answers, round trip {rtt}", d.addr);
        }
        (DoorState::Refused, true) => "nobody listens there: ask its operator",
        (DoorState::Refused, false) => "not offered by this server",
        (DoorState::Silent, true) => "no answer: blocked on the way, or not running",
        (DoorState::Silent, false) => "no answer: blocked on the way, or not offered",
        (DoorState::Unreachable, _) => "no route from this machine",
    };
    format!("{}/udp: {what}", d.addr)
}

fn whom(s: &Sight) -> String {
    if s.by == "coordinator" {
        "the coordinator".to_owned()
    } else {
        format!("relay {}", s.by)
    }
}

fn router(report: &Report) -> String {
    let Some(r) = report.router else {
        return "no IPv4 router to be asked for a port".to_owned();
    };
    let ways = [(r.pcp, "PCP"), (r.nat_pmp, "NAT-PMP"), (r.upnp, "UPnP")];
    let ways: Vec<&str> = ways.iter().filter(|w| w.0).map(|w| w.1).collect();
    let outside = r
        .external
        .map(|a| format!("; its own address outside is {a}"));
    if ways.is_empty() {
        "opens no ports: neither PCP, NAT-PMP nor UPnP answers".to_owned()
    } else {
        format!(
            "opens ports by {}{}",
            ways.join(", "),
            outside.unwrap_or_default()
        )
    }
}

fn path(report: &Report) -> Option<String> {
    let path = report.mtu.path?;
    let limit = match report.mtu.interface {
        Some(card) if u32::from(path) < card.min(1500) => {
            " (the network card takes more: something on the way does not)"
        }
        Some(_) | None => "",
    };
    Some(format!("up to {path} bytes reach the coordinator{limit}"))
}

fn relay(r: &Relay) -> String {
    let rtt = r.rtt_ms.map_or_else(
        || "no answer".to_owned(),
        |ms| format!("round trip {ms:.1} ms, load {} %", r.load_percent),
    );
    format!("{}: {rtt}", r.id)
}

fn clock(report: &Report) -> Option<String> {
    let ahead = report.clock_ahead_ms?;
    let way = if ahead < 0.0 { "behind" } else { "ahead of" };
    Some(format!(
        "{:.2} s {way} the coordinator's",
        ahead.abs() / 1e3
    ))
}

/// What is still waited for, on a terminal.
struct Progress {
    waiting: Option<Mutex<Vec<Step>>>,
}

impl Progress {
    fn new() -> Self {
        let shown = io::stderr().is_terminal();
        let progress = Self {
            waiting: shown.then(|| Mutex::new(Step::ALL.to_vec())),
        };
        progress.draw();
        progress
    }

    fn done(&self, step: Step) {
        if let Some(waiting) = &self.waiting
            && let Ok(mut waiting) = waiting.lock()
        {
            waiting.retain(|s| *s != step);
        }
        self.draw();
    }

    fn draw(&self) {
        let Some(waiting) = self.waiting.as_ref().and_then(|w| w.lock().ok()) else {
            return;
        };
        let names: Vec<&str> = waiting.iter().map(|s| name(*s)).collect();
        let _ = write!(io::stderr(), "\r\x1b[2Kasking: {}", names.join(", "));
    }

    fn end(&self) {
        if self.waiting.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Network => "this machine",
        Step::Router => "router",
        Step::Coordinator => "coordinator",
        Step::Relays => "relays",
        Step::AccountServer => "account server",
    }
}
