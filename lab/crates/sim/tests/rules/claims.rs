//! Rules 3, 4 and 16 at a move: who is followed, with how much, and what arrives twice.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use ntm_proto::Route;
use ntm_sim::access::Access;
use ntm_sim::capture::{Capture, Way};
use ntm_sim::net::{HostId, LinkConfig, Packet};
use ntm_sim::tap::{Spoof, Verdict};
use ntm_wire::header::PacketType;
use ntm_wire::time::Mono;

use super::{answers, pass_on, sent, stranger};
use crate::stage::{ETHERNET, Setting, Stage, delay, ms, secs, symmetric};
use crate::talk::Talk;

/// UDP payload of a voice packet, and of a probe that claims.
const VOICE: usize = 118;
const CLAIM: usize = 1200;

/// Both with public addresses, talking directly.
fn talking() -> (Stage, Talk, HostId) {
    let mut stage = Stage::ready(Setting {
        domains: 1,
        ..Setting::default()
    });
    let thief = stranger(&mut stage);
    stage.call_works();
    stage.world.run_for(secs(3));
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(2));
    assert!(stage.is_direct(stage.mn) && stage.is_direct(stage.cn));
    (stage, talk, thief)
}

fn remote(stage: &Stage, host: HostId) -> Option<SocketAddr> {
    match stage.tunnel(host).route {
        Route::Direct { remote } => Some(remote.0),
        Route::Relay { .. } => None,
    }
}

/// The first datagram of MN of this length is at CN before it is, from the thief.
fn race(stage: &mut Stage, len: usize) {
    let (mn, mut is_done) = (stage.mn, false);
    pass_on(stage, move |from, packet| {
        let is_it = from == mn && packet.payload.len() == len && packet.dst.port() != 7930;
        is_it && !core::mem::replace(&mut is_done, true)
    });
}

fn bytes_at(stage: &Stage, host: HostId) -> usize {
    answers(stage, host).iter().map(Vec::len).sum()
}

#[test]
fn rule_03_data_from_a_new_address_without_a_claim_only_starts_a_probe() {
    let (mut stage, mut talk, thief) = talking();
    let (cn, route) = (stage.cn, remote(&stage, stage.cn));
    race(&mut stage, VOICE);
    talk.run(&mut stage, secs(5));
    assert_eq!(remote(&stage, cn), route, "the tunnel stays");
    let got = answers(&stage, thief);
    assert!((1..=3).contains(&got.len()), "it is asked: {got:?}");
    assert!(bytes_at(&stage, thief) <= 3 * VOICE, "{got:?}");
    assert_eq!(talk.lost(&mut stage), 0, "whoever brought it, it came");
}

#[test]
fn rule_03_a_claim_passed_on_by_a_stranger_brings_him_three_times_its_bytes_and_no_tunnel() {
    let (mut stage, mut talk, thief) = talking();
    let (mn, cn) = (stage.mn, stage.cn);
    race(&mut stage, CLAIM);
    let start = stage.world.now();
    stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(10));
    talk.run(&mut stage, secs(6));
    let at = bytes_at(&stage, thief);
    assert!((1..=3 * CLAIM).contains(&at), "{at} bytes");
    let own = stage.node(mn).locals()[0].addr.0;
    assert_eq!(remote(&stage, cn), Some(own), "{}", stage.world.story(80));
    let gap = talk.gap_since(start);
    assert!(gap <= ms(500), "{gap:?}");
}

/// Every datagram between the two is at the other end before it is, from the thief.
fn race_all(stage: &mut Stage) {
    let ends = [stage.mn, stage.cn];
    pass_on(stage, move |from, packet| {
        ends.contains(&from) && packet.dst.port() != 7930
    });
}

#[test]
fn rule_03_a_double_from_the_validated_address_proves_that_it_lives() {
    let (mut stage, mut talk, _) = talking();
    let routes = [stage.mn, stage.cn].map(|h| remote(&stage, h));
    race_all(&mut stage);
    for second in 0..20 {
        talk.run(&mut stage, secs(1));
        let now = [stage.mn, stage.cn].map(|h| remote(&stage, h));
        assert_eq!(now, routes, "in second {second}\n{}", stage.world.story(60));
    }
    assert_eq!(talk.lost(&mut stage), 0, "whoever brought it, it came");
}

#[test]
fn rule_03_what_was_recorded_does_not_keep_a_dead_way_alive() {
    let (mut stage, mut talk, _) = talking();
    let mn = stage.mn;
    let began = stage.world.now();
    // From a second on nothing of MN comes straight to CN but what it said before, again and again.
    let mut recorded = Vec::new();
    stage
        .world
        .set_tap(move |now: Mono, from: HostId, packet: &Packet| {
            if from != mn || packet.dst.port() == 7930 {
                return Verdict::pass();
            }
            if now < began + secs(1) {
                recorded.push(packet.clone());
                return Verdict::pass();
            }
            let again = recorded.iter().rev().take(3).map(|p| Spoof {
                after: ms(0),
                src: p.src,
                dst: p.dst,
                payload: p.payload.clone(),
            });
            Verdict {
                is_dropped: true,
                spoofed: again.collect(),
                ..Verdict::default()
            }
        });
    talk.run(&mut stage, secs(1));
    let start = stage.world.now();
    talk.run(&mut stage, secs(5));
    assert!(!stage.is_direct(mn), "{}", stage.world.story(9000));
    let gap = talk.gap_since(start);
    // A way that is dead in one direction only is found as late as an idle one.
    assert!(gap <= secs(3), "{gap:?}");
}

#[test]
fn rule_03_a_claim_that_comes_after_a_later_one_moves_nothing() {
    let (mut stage, mut talk, _) = talking();
    let (mn, cn) = (stage.mn, stage.cn);
    let began = stage.world.now();
    // What claims the first new address straight to CN is held back until the second one is claimed too.
    stage
        .world
        .set_tap(move |now: Mono, from: HostId, packet: &Packet| {
            let is_early = now < began + ms(500);
            let is_claim = packet.payload.len() == CLAIM && packet.dst.port() != 7930;
            if from == mn && is_early && is_claim {
                return Verdict {
                    is_dropped: true,
                    spoofed: vec![Spoof {
                        after: secs(2),
                        src: packet.src,
                        dst: packet.dst,
                        payload: packet.payload.clone(),
                    }],
                    ..Verdict::default()
                };
            }
            Verdict::pass()
        });
    stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(10));
    talk.run(&mut stage, secs(1));
    stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(10));
    let second = stage.world.now() + ms(200);
    talk.run(&mut stage, secs(4));
    let own = stage.node(mn).locals()[0].addr.0;
    assert_eq!(remote(&stage, cn), Some(own));
    let gap = talk.gap_since(second);
    assert!(gap <= ms(40), "the old claim stole nothing: {gap:?}");
}

#[test]
fn rule_04_what_goes_two_ways_is_the_same_bytes_and_is_delivered_once() {
    let (mut stage, mut talk, _) = talking();
    stage.world.capture = Some(Capture::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(10));
    talk.run(&mut stage, secs(2));
    // The path id says which way it goes.
    let same = |payload: &[u8]| payload[9..].to_vec();
    let mut ways: BTreeMap<Vec<u8>, Vec<SocketAddr>> = BTreeMap::new();
    for voice in sent(&stage, mn, PacketType::Data) {
        let to = ways.entry(same(&voice.payload)).or_default();
        to.push(voice.dst);
    }
    let doubled = ways.values().filter(|to| to.len() > 1).count();
    assert!(doubled > 0, "while it is in doubt a packet goes two ways");
    let captured = &stage.world.capture.as_ref().unwrap().datagrams;
    let at_cn = captured
        .iter()
        .filter(|d| d.host == cn && d.way == Way::Received);
    let is_doubled = |d: &[u8]| ways.get(&same(d)).is_some_and(|to| to.len() > 1);
    let copies = at_cn.filter(|d| d.payload.len() > 9 && is_doubled(&d.payload));
    assert!(copies.count() > doubled, "several copies arrive");
    assert_eq!(talk.doubles(), 0, "and one is delivered");
}

#[test]
fn rule_16_a_move_into_a_network_of_smaller_packets_takes_no_longer() {
    let gap = |mtu| {
        let mut stage = Stage::ready(Setting {
            domains: 1,
            mn: symmetric(),
            cn: symmetric(),
            ..Setting::default()
        });
        stage.call_works();
        stage.world.run_for(secs(5));
        let mut talk = Talk::new(&mut stage, ms(20));
        talk.run(&mut stage, secs(3));
        let (mn, start) = (stage.mn, stage.world.now());
        let link = LinkConfig { mtu, ..delay(10) };
        stage.connect_on((mn, ETHERNET), symmetric(), link);
        talk.run(&mut stage, secs(3));
        talk.gap_since(start)
    };
    assert_eq!(gap(Some(1280)), gap(None));
}
