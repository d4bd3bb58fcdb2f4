//! What is wrong and what to expect, in words. Pure.

use super::judge::{Carrier, Expectation, Mapping, is_private};
use super::report::{DoorState, Problem, ProblemKind, Report};

/// Beyond this, seals and tickets that carry a time are refused.
const CLOCK_TOLERANCE_MS: f64 = 30_000.0;

/// What is wrong, worst first; `registration`: why the device's node does not stand.
pub(super) fn problems(report: &Report, registration: Option<Problem>) -> Vec<Problem> {
    let all = [
        offline(report),
        coordinator(report),
        clock(report),
        registration.filter(|_| is_connected(report)),
        relays(report),
        account_server(report),
    ];
    all.into_iter().flatten().collect()
}

pub(super) fn problem(kind: ProblemKind, message: impl ToString) -> Problem {
    Problem {
        kind,
        message: message.to_string(),
    }
}

fn is_connected(report: &Report) -> bool {
    report
        .coordinator
        .iter()
        .any(|d| d.state == DoorState::Open)
}

fn offline(report: &Report) -> Option<Problem> {
    (report.expect == Expectation::Offline).then(|| {
        problem(
            ProblemKind::Offline,
            "this machine has no network: connect it and try again",
        )
    })
}

fn coordinator(report: &Report) -> Option<Problem> {
    let message = match report.expect {
        Expectation::UdpBlocked => {
            "the coordinator does not answer, on 7930/udp or on 443/udp: ask whoever runs this network to let one of them out; if other networks fail too, ask the operator"
        }
        Expectation::CoordinatorDown => {
            "the coordinator's machine answers that no coordinator runs there: ask its operator"
        }
        Expectation::Direct
        | Expectation::Mixed
        | Expectation::Relay
        | Expectation::Offline
        | Expectation::Unknown => return None,
    };
    Some(problem(ProblemKind::Coordinator, message))
}

fn clock(report: &Report) -> Option<Problem> {
    let ahead = report
        .clock_ahead_ms
        .filter(|a| a.abs() > CLOCK_TOLERANCE_MS)?;
    let (s, way) = (
        ahead.abs() / 1e3,
        if ahead > 0.0 { "ahead of" } else { "behind" },
    );
    Some(problem(
        ProblemKind::Clock,
        format!("this clock is {s:.0} s {way} the coordinator's: set it, best by the network"),
    ))
}

fn relays(report: &Report) -> Option<Problem> {
    let silent = report.relays.iter().all(|r| r.rtt_ms.is_none());
    (silent && !report.relays.is_empty()).then(|| {
        problem(
            ProblemKind::Relays,
            "no relay answers: calls that can't go directly will fail; check that 7930/udp may leave this network, or ask the operator",
        )
    })
}

fn account_server(report: &Report) -> Option<Problem> {
    let server = report.account_server.as_ref()?;
    let error = server.error.as_ref()?;
    Some(problem(
        ProblemKind::AccountServer,
        format!(
            "account server {}: {error}; calls work until the ticket runs out",
            server.url
        ),
    ))
}

/// One or two sentences on what calls will be like.
pub fn expect(report: &Report) -> String {
    match report.expect {
        Expectation::Direct => direct(report),
        Expectation::Mixed => mixed(report),
        Expectation::Relay => "Only 443/udp gets out of this network: calls work, over a relay.".to_owned(),
        Expectation::UdpBlocked => "Nothing works from here: UDP is blocked, or the server is down. Ask whoever runs this network to let 7930/udp or 443/udp out.".to_owned(),
        Expectation::CoordinatorDown => "Nothing works until the coordinator runs again; calls under way go on.".to_owned(),
        Expectation::Offline => "Nothing works without a network.".to_owned(),
        Expectation::Unknown => "Servers are known only after a sign-in; run `ntm sign-in`, then this again.".to_owned(),
    }
}

fn direct(report: &Report) -> String {
    let first = match report.nat.mapping {
        Mapping::None => {
            "Calls go directly to nearly everybody: this device has an address of its own."
        }
        Mapping::EndpointIndependent => {
            "Calls go directly to most people; a relay helps where the other side's network is stricter."
        }
        Mapping::AddressDependent | Mapping::AddressAndPortDependent | Mapping::Unknown => {
            "Calls go directly to most people: the router opens a port when asked."
        }
    };
    format!("{first}{}", relay_note(report))
}

fn mixed(report: &Report) -> String {
    let first = match report.nat.mapping {
        Mapping::Unknown => {
            "Calls work. How many of them go directly can't be told: servers at two addresses would have to see this device."
        }
        Mapping::None
        | Mapping::EndpointIndependent
        | Mapping::AddressDependent
        | Mapping::AddressAndPortDependent => {
            "Calls go directly to people with an open network, and over a relay to the rest: this NAT shows everybody another address."
        }
    };
    let v6 = if report.ipv6.global {
        " To people with IPv6 they go directly."
    } else {
        ""
    };
    format!("{first}{v6}{}", relay_note(report))
}

fn relay_note(report: &Report) -> &'static str {
    if relays(report).is_some() {
        " No relay answers, so the others can't be called."
    } else {
        ""
    }
}

/// The NAT in plain words.
pub fn nat(report: &Report) -> String {
    let mapping = match report.nat.mapping {
        Mapping::None => "none: servers see this device's own address",
        Mapping::EndpointIndependent => {
            "shows one address to everybody (endpoint-independent): good for direct calls"
        }
        Mapping::AddressDependent => {
            "shows another address to each server (address-dependent): hard to reach directly"
        }
        Mapping::AddressAndPortDependent => {
            "shows another address to each server and port (address-and-port-dependent): hard to reach directly"
        }
        Mapping::Unknown if report.nat.observers == 0 => "unknown: no server saw this device",
        Mapping::Unknown
            if !report.ipv4.global && report.seen.iter().any(|s| !is_private(s.addr.ip())) =>
        {
            "there is one; how it maps takes servers at two addresses to tell"
        }
        Mapping::Unknown => "unknown: takes servers at two addresses to tell",
    };
    mapping.to_owned()
}

/// The carrier's NAT in plain words.
pub fn carrier(report: &Report) -> &'static str {
    match report.nat.carrier {
        Carrier::No => "no",
        Carrier::Yes => {
            "yes: the provider shares one address among customers, so opening a port on the own router does not help"
        }
        Carrier::Unknown => "not to be seen from here",
    }
}
