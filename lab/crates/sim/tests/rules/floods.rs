//! Rule 10: no directed floods.

use core::net::{Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;

use ntm_sim::access::Access;
use ntm_sim::capture::{Capture, Way};
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::InterfaceId;

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
