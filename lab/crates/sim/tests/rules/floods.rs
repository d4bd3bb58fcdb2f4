//! Rule 10: no directed floods.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;

use ntm_sim::access::Access;
use ntm_sim::capture::{Capture, Way};
use ntm_sim::process::Process;
use ntm_wire::header::{Datagram, Header, PADDED_LEN, PacketType};
use ntm_wire::id::InterfaceId;

use super::stranger;
use crate::stage::{Setting, Stage, delay, secs, symmetric};

#[test]
fn rule_10_an_address_that_never_answers_gets_three_probes_and_no_more() {
    let mut stage = Stage::dark(Setting::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect(mn, symmetric(), delay(10));
    stage.connect(cn, symmetric(), delay(10));
    stage.world.run_for(secs(8));
    stage.world.capture = Some(Capture::default());
    stage.call_works();
    stage.world.run_for(secs(300));
    let capture = stage.world.capture.take().unwrap();
    let mut answered = BTreeMap::new();
    let mut probes: BTreeMap<SocketAddr, u32> = BTreeMap::new();
    for d in capture.datagrams.iter().filter(|d| d.host == mn) {
        if d.way == Way::Received {
            answered.insert(d.src, ());
        }
        let view = Datagram::new_checked(d.payload.as_slice()).unwrap();
        if d.way == Way::Sent && view.kind() == PacketType::Data {
            *probes.entry(d.dst).or_default() += 1;
        }
    }
    probes.retain(|to, _| !answered.contains_key(to));
    assert!(!probes.is_empty(), "behind a symmetric NAT nobody answers");
    assert!(probes.values().all(|n| *n <= 3), "{probes:?}");
}

#[test]
fn rule_10_servers_answer_strangers_with_no_more_than_they_got() {
    let mut stage = Stage::ready(Setting::default());
    let stranger = stranger(&mut stage);
    let mut asked = BTreeMap::new();
    for server in [stage.dc(0), stage.dc(1), stage.rs(0), stage.rs(1)] {
        let (_, place) = stage.world.net.attachments(server).next().unwrap();
        let to = SocketAddr::new(IpAddr::V4(place.v4.unwrap()), 7930);
        for len in [17, 40, 100, 600, PADDED_LEN] {
            for kind in PacketType::ALL {
                let bytes = forged(&stage, server, kind, len);
                asked.insert(to, asked.get(&to).copied().unwrap_or(0) + bytes.len());
                stage.world.with_process(stranger, |p, _| {
                    if let Process::Sink(sink) = p {
                        sink.send(InterfaceId(0), to, bytes);
                    }
                });
            }
        }
    }
    stage.world.run_for(secs(10));
    let Process::Sink(sink) = &stage.world.host(stranger).unwrap().process else {
        panic!("a sink")
    };
    let mut got: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for (_, from, bytes) in &sink.received {
        *got.entry(*from).or_default() += bytes.len();
    }
    for (server, bytes) in got {
        let asked = asked[&server];
        assert!(bytes <= asked, "{server} sent {bytes} for {asked}");
    }
}

/// A datagram that names the server's key, as far as anybody can.
fn forged(stage: &Stage, server: ntm_sim::net::HostId, kind: PacketType, len: usize) -> Vec<u8> {
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
    let (_, place) = stage.world.net.attachments(dc).next().unwrap();
    let to = SocketAddr::new(IpAddr::V4(place.v4.unwrap()), 7930);
    let mut answers = Vec::new();
    for len in [PADDED_LEN - 1, PADDED_LEN] {
        let hello = forged(&stage, dc, PacketType::Hello, len);
        stage.world.with_process(stranger, |p, _| {
            if let Process::Sink(sink) = p {
                sink.send(InterfaceId(0), to, hello);
            }
        });
        stage.world.run_for(secs(1));
        if let Process::Sink(sink) = &stage.world.host(stranger).unwrap().process {
            answers.push(sink.received.len());
        }
    }
    assert_eq!(answers, [0, 1], "a challenge for the padded one only");
}

#[test]
fn rule_10_no_node_is_directed_to_more_than_eight_addresses() {
    let mut stage = Stage::dark(Setting::default());
    let (mn, cn) = (stage.mn, stage.cn);
    // Twelve interfaces.
    for n in 1..=12u8 {
        let addrs = (Some(Ipv4Addr::new(198, 51, 100, n)), None);
        let interface = InterfaceId(u16::from(n));
        stage
            .world
            .plug(cn, interface, ntm_sim::net::CORE, addrs, delay(10));
    }
    stage.connect(mn, Access::PublicV4, delay(10));
    stage.world.run_for(secs(8));
    stage.world.capture = Some(Capture::default());
    stage.call_works();
    stage.world.run_for(secs(60));
    let capture = stage.world.capture.take().unwrap();
    let asked: std::collections::BTreeSet<SocketAddr> = capture
        .datagrams
        .iter()
        .filter(|d| d.host == mn && d.way == Way::Sent)
        .filter(|d| {
            let view = Datagram::new_checked(d.payload.as_slice()).unwrap();
            view.kind() == PacketType::TunnelRequest && d.dst.port() != 7930
        })
        .map(|d| d.dst)
        .collect();
    assert!((1..=8).contains(&asked.len()), "{asked:?}");
}
