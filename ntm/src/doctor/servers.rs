//! What coordinator, relays and account server say, each asked with a bound on the time.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ntm_proto::{RegisterError, Status};
use ntm_wire::addr::RealAddr;
use ntm_wire::header::NTM_PORT;
use ntm_wire::key::ServerKey;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::door::try_door;
use super::judge::{is_private, median};
use super::report::{AccountServer, Door, DoorState, Problem, ProblemKind, Relay, Sight};
use super::words::problem;
use crate::account::Session;
use crate::config::Config;
use crate::error::{StartError, WaitError};
use crate::nat64::Prefix;
use crate::node::Node;
use crate::profile::Profile;

/// The port beside [`NTM_PORT`] that DC and RS may answer on.
const WEB_PORT: u16 = 443;
const REGISTRATION: Duration = Duration::from_millis(1800);
const ACCOUNT_SERVER: Duration = Duration::from_secs(3);
/// Measurements of each relay, each with so long to be answered.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(400);

/// What a registered node learns.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Who sees it where.
    pub sights: Vec<Sight>,
    /// The relays there are.
    pub relays: Vec<Relay>,
    /// Why it is not registered.
    pub problem: Option<Problem>,
}

/// The known addresses first, as this network reaches them, then the ports of each where the
/// coordinator may answer too.
pub(super) fn places(known: &[SocketAddr], nat64: Option<Prefix>) -> Vec<(SocketAddr, bool)> {
    let reached = known.iter().map(|a| match (a.ip(), nat64) {
        (IpAddr::V4(ip), Some(prefix)) if !is_private(a.ip()) => {
            SocketAddr::new(prefix.synthesize(ip).into(), a.port())
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => *a,
    });
    let mut out: Vec<(SocketAddr, bool)> = reached.map(|a| (a, true)).collect();
    let ips: Vec<IpAddr> = out.iter().map(|(a, _)| a.ip()).collect();
    for ip in ips {
        for port in [NTM_PORT, WEB_PORT] {
            let addr = SocketAddr::new(ip, port);
            if out.iter().all(|(a, _)| *a != addr) {
                out.push((addr, false));
            }
        }
    }
    out
}

/// Knocks everywhere at once.
pub(super) async fn doors(key: ServerKey, places: Vec<(SocketAddr, bool)>) -> Vec<Door> {
    let mut knocks = JoinSet::new();
    for (n, (addr, known)) in places.into_iter().enumerate() {
        knocks.spawn(async move { (n, try_door(key, addr, known).await) });
    }
    let mut doors = knocks.join_all().await;
    doors.sort_by_key(|(n, _)| *n);
    doors.into_iter().map(|(_, door)| door).collect()
}

/// Registers by the doors that are open, and measures the relays.
pub(super) async fn register(mut config: Config, doors: &[Door]) -> Seen {
    let is_open = |d: &&Door| d.state == DoorState::Open;
    if !doors.iter().any(|d| is_open(&d)) {
        return failed(RegisterError::CoordinatorUnreachable);
    }
    // The others after them: where only 443 is open, the node goes by what it had to leave out.
    let (open, others): (Vec<&Door>, Vec<&Door>) = doors.iter().partition(is_open);
    let known = others.into_iter().filter(|d| d.known);
    config.identity.dc.addrs = open
        .into_iter()
        .chain(known)
        .map(|d| RealAddr(d.addr))
        .collect();
    let node = match Node::start(config).await {
        Ok(node) => node,
        Err(error) => return not_started(&error),
    };
    let seen = match timeout(REGISTRATION, node.wait_registered()).await {
        Ok(Ok(_)) => measure(&node).await,
        Ok(Err(WaitError::Register(error))) => failed(error),
        Ok(Err(WaitError::Stopped)) => Seen::default(),
        Err(_) => failed(RegisterError::CoordinatorUnreachable),
    };
    node.shutdown().await;
    seen
}

fn failed(error: RegisterError) -> Seen {
    Seen {
        problem: Some(problem(ProblemKind::Registration(error), error)),
        ..Seen::default()
    }
}

fn not_started(error: &StartError) -> Seen {
    let kind = match error {
        StartError::PortInUse { .. } => ProblemKind::PortInUse,
        StartError::Socket(_) | StartError::Random => ProblemKind::Machine,
    };
    Seen {
        problem: Some(problem(kind, error)),
        ..Seen::default()
    }
}

async fn measure(node: &Node) -> Seen {
    let mut samples: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut seen = Seen::default();
    for round in 0..ROUNDS {
        if round > 0 {
            node.measure();
        }
        let Some(status) = measured(node).await else {
            break;
        };
        for r in &status.relays {
            let rtt = r.rtt.map(|d| d.as_secs_f64() * 1e3);
            samples.entry(name(r)).or_default().extend(rtt);
        }
        note(&mut seen, &status);
    }
    for relay in &mut seen.relays {
        relay.rtt_ms = samples.remove(&relay.id).and_then(median);
    }
    seen
}

/// The status once all relays have answered, or at the end of the round.
async fn measured(node: &Node) -> Option<Status> {
    let steps = 20;
    for _ in 0..steps {
        sleep(ROUND / steps).await;
        let status = node.status().await?;
        if status.relays.iter().all(|r| r.rtt.is_some()) {
            return Some(status);
        }
    }
    node.status().await
}

fn note(seen: &mut Seen, status: &Status) {
    let by_dc = status.dc.zip(status.observed).map(|(dc, addr)| Sight {
        by: "coordinator".to_owned(),
        observer: dc.0,
        addr: addr.0,
    });
    let by_relays = status.relays.iter().flat_map(|r| {
        r.sights.iter().map(|s| Sight {
            by: name(r),
            observer: s.observer.0,
            addr: s.observed.0,
        })
    });
    for sight in by_dc.into_iter().chain(by_relays) {
        if !seen.sights.contains(&sight) {
            seen.sights.push(sight);
        }
    }
    seen.relays = status.relays.iter().map(relay).collect();
}

fn name(r: &ntm_proto::RelayStatus) -> String {
    format!("rs{}", r.rs)
}

fn relay(r: &ntm_proto::RelayStatus) -> Relay {
    Relay {
        id: name(r),
        rtt_ms: None,
        load_percent: u32::from(r.load) * 100 / 255,
    }
}

/// Asks the account server for something that only a device it knows gets.
pub(super) async fn account_server(profile: &Profile) -> AccountServer {
    let asked = async { Session::new(profile)?.devices().await };
    let error = match timeout(ACCOUNT_SERVER, asked).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in 3 s: check the network, or ask its operator".to_owned()),
    };
    AccountServer {
        url: profile.membership().server.clone(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ports_of_every_address_are_tried_and_none_twice() {
        let addr = |a: &str| a.parse::<SocketAddr>().unwrap();
        let known = [addr("203.0.113.1:7930"), addr("203.0.113.1:9000")];
        let expected = [
            (addr("203.0.113.1:7930"), true),
            (addr("203.0.113.1:9000"), true),
            (addr("203.0.113.1:443"), false),
        ];
        assert_eq!(places(&known, None), expected);
    }

    #[test]
    fn behind_a_nat64_ipv4_addresses_are_knocked_at_in_its_words() {
        let prefix = Prefix {
            addr: "64:ff9b::".parse().unwrap(),
            len: 96,
        };
        let known = ["203.0.113.1:7930".parse().unwrap()];
        let (first, is_known) = places(&known, Some(prefix))[0];
        assert_eq!(first, "[64:ff9b::203.0.113.1]:7930".parse().unwrap());
        assert!(is_known);
    }
}
