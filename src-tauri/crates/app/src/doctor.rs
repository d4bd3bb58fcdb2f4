//! The examination of this network, in lines that a person reads.

use ntm::Profile;
use ntm::doctor::report::{DoorState, ProblemKind, Report, Sight};
use ntm::doctor::{Seen, Step, Subject, examine, words};
use ntm::doctor::{judge::Expectation, report};
use ntm::proto::Status;

use crate::view::{DoctorLine, Verdict};

/// Examines the network of a device whose node runs in this process, or of no device.
pub async fn look(profile: Option<Profile>, running: Option<&Status>) -> Report {
    let subject = Subject {
        profile,
        running: running.map(seen),
        ..Subject::default()
    };
    examine(subject, &|step: Step| tracing::debug!(?step, "examined")).await
}

/// What was found, what it means for calls first. A topic is a word that stays the same; several doors or relays have
/// a line each.
pub fn lines(report: &Report) -> Vec<DoctorLine> {
    let mut lines = vec![calls(report)];
    lines.push(interfaces(report));
    lines.push(family("ipv4", report.ipv4));
    lines.push(family("ipv6", report.ipv6));
    lines.push(router_before_it(report));
    lines.extend(report.coordinator.iter().filter(|d| d.known).map(door));
    lines.extend(report.relays.iter().map(relay));
    lines.extend(report.account_server.iter().map(account_server));
    lines.extend(report.clock_ahead_ms.map(clock));
    advise(&mut lines, report);
    lines
}

fn calls(report: &Report) -> DoctorLine {
    let verdict = match report.expect {
        Expectation::Direct => Verdict::Good,
        Expectation::Mixed | Expectation::Relay => Verdict::Limited,
        Expectation::UdpBlocked | Expectation::CoordinatorDown | Expectation::Offline => {
            Verdict::Bad
        }
        Expectation::Unknown => Verdict::Unknown,
    };
    line("calls", verdict, words::expect(report))
}

fn interfaces(report: &Report) -> DoctorLine {
    let names: Vec<&str> = report.interfaces.iter().map(|i| &*i.name).collect();
    if names.is_empty() {
        return line("network", Verdict::Bad, "no network is connected");
    }
    line("network", Verdict::Good, names.join(", "))
}

fn family(name: &str, family: report::Family) -> DoctorLine {
    let (verdict, what) = match (family.usable, family.global) {
        (false, _) => (Verdict::Unknown, "no"),
        (true, false) => (Verdict::Limited, "yes, with a private address"),
        (true, true) => (Verdict::Good, "yes, with a global address"),
    };
    line(name, verdict, what)
}

fn router_before_it(report: &Report) -> DoctorLine {
    use ntm::doctor::judge::Mapping;
    let verdict = match report.nat.mapping {
        Mapping::None | Mapping::EndpointIndependent => Verdict::Good,
        Mapping::AddressDependent | Mapping::AddressAndPortDependent => Verdict::Limited,
        Mapping::Unknown => Verdict::Unknown,
    };
    line("nat", verdict, words::nat(report))
}

fn door(door: &report::Door) -> DoctorLine {
    let (verdict, what) = match door.state {
        DoorState::Open => {
            let rtt = door
                .rtt_ms
                .map_or_else(String::new, |ms| format!(", round trip {ms:.0} ms"));
            (Verdict::Good, format!("{} answers{rtt}", door.addr))
        }
        DoorState::Refused => (Verdict::Bad, format!("nobody listens at {}", door.addr)),
        DoorState::Silent => (Verdict::Bad, format!("{} does not answer", door.addr)),
        DoorState::Unreachable => (Verdict::Limited, format!("no route to {}", door.addr)),
    };
    line("coordinator", verdict, what)
}

fn relay(relay: &report::Relay) -> DoctorLine {
    match relay.rtt_ms {
        Some(ms) => line(
            "relay",
            Verdict::Good,
            format!(
                "{}: round trip {ms:.0} ms, load {} %",
                relay.id, relay.load_percent
            ),
        ),
        None => line(
            "relay",
            Verdict::Bad,
            format!("{} does not answer", relay.id),
        ),
    }
}

fn account_server(server: &report::AccountServer) -> DoctorLine {
    match &server.error {
        None => line("accounts", Verdict::Good, format!("{} answers", server.url)),
        Some(error) => line("accounts", Verdict::Bad, format!("{}: {error}", server.url)),
    }
}

fn clock(ahead_ms: f64) -> DoctorLine {
    let way = if ahead_ms < 0.0 { "behind" } else { "ahead of" };
    let words = format!("{:.2} s {way} the coordinator's", ahead_ms.abs() / 1e3);
    line("clock", Verdict::Good, words)
}

/// A problem's words are what to do; they belong to the line it is about, or are one.
fn advise(lines: &mut Vec<DoctorLine>, report: &Report) {
    for problem in &report.problems {
        let topic = topic(problem.kind);
        let about = lines.iter_mut().find(|l| l.topic == topic);
        match about {
            Some(line) => {
                line.verdict = Verdict::Bad;
                line.advice = Some(problem.message.clone());
            }
            None => lines.push(line(topic, Verdict::Bad, problem.message.clone())),
        }
    }
}

fn topic(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Offline => "network",
        ProblemKind::Coordinator => "coordinator",
        ProblemKind::Clock => "clock",
        ProblemKind::Relays => "relay",
        ProblemKind::AccountServer => "accounts",
        ProblemKind::NotSignedIn | ProblemKind::Registration(_) => "account",
        ProblemKind::Profile | ProblemKind::PortInUse | ProblemKind::Machine => "machine",
    }
}

/// What a node that runs in this process knows: a second one would end it.
fn seen(status: &Status) -> Seen {
    let sight = |by: String, observer, addr| Sight { by, observer, addr };
    let by_dc = status.dc.zip(status.observed);
    let by_dc = by_dc.map(|(dc, addr)| sight("coordinator".to_owned(), dc.0, addr.0));
    let by_relays = status.relays.iter().flat_map(|r| {
        let sights = r.sights.iter();
        sights.map(move |s| sight(format!("rs{}", r.rs), s.observer.0, s.observed.0))
    });
    Seen {
        relays: status.relays.iter().map(relay_seen).collect(),
        sights: by_dc.into_iter().chain(by_relays).collect(),
        problem: None,
    }
}

fn relay_seen(relay: &ntm::proto::RelayStatus) -> report::Relay {
    report::Relay {
        id: format!("rs{}", relay.rs),
        rtt_ms: relay.rtt.map(|d| d.as_secs_f64() * 1e3),
        load_percent: u32::from(relay.load) * 100 / 255,
    }
}

fn line(topic: &str, verdict: Verdict, words: impl Into<String>) -> DoctorLine {
    DoctorLine {
        topic: topic.to_owned(),
        verdict,
        words: words.into(),
        advice: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_words_in_the_window() {
        let kinds = [
            ProblemKind::Offline,
            ProblemKind::Coordinator,
            ProblemKind::Clock,
            ProblemKind::Relays,
            ProblemKind::AccountServer,
            ProblemKind::NotSignedIn,
            ProblemKind::Machine,
        ];
        let problems = kinds.map(|kind| report::Problem {
            kind,
            message: String::new(),
        });
        let report = Report {
            problems: problems.into(),
            ..Report::default()
        };
        let words = include_str!("../../../../ui/src/i18n/en.ts");
        for DoctorLine { topic, .. } in lines(&report) {
            let key = format!("\"topic.{topic}\"");
            assert!(words.contains(&key), "{key}");
        }
    }

    #[test]
    fn without_a_network_the_first_line_says_so_and_another_says_what_to_do() {
        let report = Report {
            expect: Expectation::Offline,
            problems: vec![report::Problem {
                kind: ProblemKind::Offline,
                message: "connect to a network".to_owned(),
            }],
            ..Report::default()
        };
        let lines = lines(&report);
        assert_eq!(
            (&*lines[0].topic, lines[0].verdict),
            ("calls", Verdict::Bad)
        );
        let network = lines.iter().find(|l| l.topic == "network").unwrap();
        assert_eq!(network.advice.as_deref(), Some("connect to a network"));
    }
}
