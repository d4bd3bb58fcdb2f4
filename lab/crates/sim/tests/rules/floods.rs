//! Rule 10: no directed floods.

use core::net::{Ipv4Addr, SocketAddr};
use std::collections::BTreeMap;

use ntm_sim::access::Access;
use ntm_sim::capture::{Capture, Way};
use ntm_wire::header::{Datagram, HEADER_LEN, PacketType};
use ntm_wire::id::InterfaceId;
use ntm_wire::seal::SALTED_OVERHEAD;

use super::{answers, pass_on, stranger};
use crate::stage::{ETHERNET, Setting, Stage, delay, ms, secs, symmetric};
use crate::talk::Talk;

const PUNCH: usize = HEADER_LEN + SALTED_OVERHEAD;

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

/// Each punch of CN is at MN before it is, from a stranger.
fn pass_punches_on(stage: &mut Stage) {
    let cn = stage.cn;
    pass_on(stage, move |from, packet| {
        let view = Datagram::new_checked(packet.payload.as_slice());
        from == cn && view.is_ok_and(|v| v.kind() == PacketType::Punch)
    });
}

#[test]
fn rule_10_whoever_passes_a_punch_on_draws_three_times_its_bytes_and_no_more() {
    let mut stage = Stage::ready(Setting::default());
    let thief = stranger(&mut stage);
    pass_punches_on(&mut stage);
    stage.call_works();
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(2));
    let mn = stage.mn;
    stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(10));
    talk.run(&mut stage, secs(6));
    let (asked, drawn): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
        answers(&stage, thief).into_iter().partition(|d| {
            let view = Datagram::new_checked(d.as_slice()).unwrap();
            view.kind() == PacketType::TunnelRequest
        });
    assert!(!asked.is_empty(), "the stranger was believed to be CN");
    let bytes: usize = drawn.iter().map(Vec::len).sum();
    assert!(bytes <= 3 * PUNCH, "{bytes} bytes in {}", drawn.len());
}
