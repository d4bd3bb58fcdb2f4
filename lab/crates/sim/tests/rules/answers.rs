//! Rule 10: before an address is proved, no answer is longer than its question.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};

use ntm_sim::capture::Way;
use ntm_sim::net::HostId;
use ntm_sim::process::Process;
use ntm_wire::header::{Datagram, Header, PADDED_LEN, PacketType};

use super::legs::relayed;
use super::{answers, say, stranger};
use crate::stage::{Setting, Stage};

/// Of each type, to each server.
const OF_EACH: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Server {
    Coordinator,
    Relay,
    /// One that asks every bind for a cookie.
    BusyRelay,
}

/// What came back for what.
type Answered = BTreeMap<(Server, PacketType), BTreeSet<PacketType>>;

/// All that a server ever says to an address that has proved nothing, when what it is asked was heard
/// on somebody else's wire, so that every seal, cookie and token in it is right. Nothing else is answered.
const OVERHEARD: [(Server, PacketType, PacketType); 12] = {
    use PacketType::{
        Bind, BindChallenge, Challenge, Data, Hello, Hint, Leg, LinkAccept, LinkHello,
        TunnelRequest, TunnelResponse,
    };
    use Server::{BusyRelay, Coordinator, Relay};
    [
        (Coordinator, Hello, Challenge),
        (Coordinator, LinkHello, LinkAccept),
        // Stale: the leg has a higher counter. A measurement is answered once, and was.
        (Relay, Bind, Leg),
        (Relay, Leg, Hint),
        (Relay, Data, Hint),
        (Relay, TunnelRequest, Hint),
        (Relay, TunnelResponse, Hint),
        (BusyRelay, Bind, BindChallenge),
        (BusyRelay, Leg, Hint),
        (BusyRelay, Data, Hint),
        (BusyRelay, TunnelRequest, Hint),
        (BusyRelay, TunnelResponse, Hint),
    ]
};

#[test]
fn rule_10_what_was_overheard_is_answered_to_a_stranger_with_no_more_than_it_was() {
    let mut stage = relayed();
    let stranger = stranger(&mut stage);
    let mut answered = replay(&mut stage, stranger, [Server::Coordinator, Server::Relay]);
    for relay in [stage.rs(0), stage.rs(1)] {
        stage.world.with_process(relay, |p, _| {
            if let Process::Relay(relay) = p {
                relay.relay.always_challenge();
            }
        });
    }
    answered.extend(replay(&mut stage, stranger, [Server::BusyRelay; 2]));
    let mut expected = Answered::new();
    for (server, asked, answer) in OVERHEARD {
        expected.entry((server, asked)).or_default().insert(answer);
    }
    assert_eq!(answered, expected);
    assert!(stage.send(b"nobody was disturbed"));
}

/// Says again what the servers were told, each datagram by itself.
fn replay(stage: &mut Stage, by: HostId, servers: [Server; 2]) -> Answered {
    let mut answered = Answered::new();
    let mut said: BTreeMap<(HostId, PacketType), usize> = BTreeMap::new();
    for d in stage.world.capture.clone().unwrap().datagrams {
        let kind = Datagram::new_checked(d.payload.as_slice()).unwrap().kind();
        let (Some(server), Way::Received) = (server_at(stage, d.host, servers), d.way) else {
            continue;
        };
        let said = said.entry((d.host, kind)).or_default();
        if d.dst.is_ipv6() || *said == OF_EACH {
            continue;
        }
        *said += 1;
        let kinds = ask(stage, by, d.dst, d.payload);
        if !kinds.is_empty() {
            answered.entry((server, kind)).or_default().extend(kinds);
        }
    }
    answered
}

fn server_at(stage: &Stage, host: HostId, servers: [Server; 2]) -> Option<Server> {
    let server = match &stage.world.host(host)?.process {
        Process::Coordinator(_) => servers[0],
        Process::Relay(_) => servers[1],
        Process::Node(_) | Process::Sink(_) => return None,
    };
    let is_relay = matches!(stage.world.host(host)?.process, Process::Relay(_));
    (is_relay || server == Server::Coordinator).then_some(server)
}

/// What comes back for this one datagram: of which types, and not more than it was.
fn ask(stage: &mut Stage, by: HostId, to: SocketAddr, question: Vec<u8>) -> Vec<PacketType> {
    let (before, len) = (answers(stage, by).len(), question.len());
    let asked = format!("{:?} of {len} bytes to {to}", question[0] & 0xf);
    say(stage, by, to, question);
    let answers = answers(stage, by).split_off(before);
    let bytes: usize = answers.iter().map(Vec::len).sum();
    assert!(bytes <= len, "{bytes} for {asked}");
    let kind = |a: &Vec<u8>| Datagram::new_checked(a.as_slice()).unwrap().kind();
    answers.iter().map(kind).collect()
}

/// What a stranger can make up, who knows the servers' keys and nothing else: of every type and length.
#[test]
fn rule_10_what_is_made_up_is_answered_with_no_more_than_it_was() {
    let mut stage = Stage::ready(Setting::default());
    let stranger = stranger(&mut stage);
    for server in [stage.dc(0), stage.dc(1), stage.rs(0), stage.rs(1)] {
        let to = address(&stage, server);
        for len in [17, 40, 49, 60, 100, 600, PADDED_LEN] {
            for kind in PacketType::ALL {
                let question = forged(&stage, server, kind, len);
                ask(&mut stage, stranger, to, question);
            }
        }
    }
}

fn address(stage: &Stage, server: HostId) -> SocketAddr {
    let (_, place) = stage.world.net.attachments(server).next().unwrap();
    SocketAddr::new(IpAddr::V4(place.v4.unwrap()), 7930)
}

/// A datagram that names the server's key, as far as anybody can.
fn forged(stage: &Stage, server: HostId, kind: PacketType, len: usize) -> Vec<u8> {
    let domains = stage.deployment.domains.iter().map(|d| (d.host, &d.key));
    let relays = stage.deployment.relays.iter().map(|r| (r.host, &r.key));
    let key = domains.chain(relays).find(|(host, _)| *host == server);
    let header = Header {
        kind,
        selector: key.unwrap().1.server().selector(),
        counter: 1,
    };
    // A zero first: a Hello without cookie.
    let mut bytes = [header.emit(), vec![0]].concat();
    bytes.resize(len, 0x5a);
    bytes
}

#[test]
fn rule_10_a_short_hello_gets_no_answer() {
    let mut stage = Stage::ready(Setting::default());
    let stranger = stranger(&mut stage);
    let dc = stage.dc(0);
    let to = address(&stage, dc);
    let answers = [PADDED_LEN - 1, PADDED_LEN].map(|len| {
        let hello = forged(&stage, dc, PacketType::Hello, len);
        ask(&mut stage, stranger, to, hello)
    });
    assert_eq!(answers, [vec![], vec![PacketType::Challenge]]);
}
