//! Rules 1, 4 and 9: keys, counters, epochs, replicas.

use std::collections::BTreeSet;

use ntm_sim::capture::{Capture, Way};
use ntm_sim::net::{HostId, LinkConfig, Packet};
use ntm_sim::tap::Verdict;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::time::Mono;

use crate::stage::{Setting, Stage, delay, ms, secs};

#[test]
fn rule_01_a_process_start_has_keys_of_its_own_and_replays_of_an_earlier_one_do_nothing() {
    let mut stage = Stage::dark(Setting::default());
    stage.world.capture = Some(Capture::default());
    let (mn, dc) = (stage.mn, stage.dc(0));
    stage.connect(mn, ntm_sim::access::Access::PublicV4, delay(10));
    stage.world.run_for(secs(60));
    let earlier = stage.world.capture.take().unwrap().datagrams;
    stage.world.restart(mn);
    stage.world.run_for(secs(10));
    let assigned = stage.node(mn).node.status().addrs;
    let control: Vec<Vec<u8>> = earlier
        .into_iter()
        .filter(|d| d.host == mn && d.way == Way::Sent && d.dst.port() == 7930)
        .filter(|d| kind_of(&d.payload) == Some(PacketType::Control))
        .map(|d| d.payload)
        .collect();
    assert!(control.len() > 2, "there is something to replay");
    let sent_by_now = stage.world.injected.len();
    replay_all(&mut stage, mn, control.clone());
    stage.world.run_for(secs(60));
    let caught = &stage.world.injected[sent_by_now..];
    assert_eq!(caught.len(), control.len());
    assert!(caught.iter().all(|i| i.host == dc && i.counted > 0));
    let status = stage.node(mn).node.status();
    assert!(status.registered && status.addrs == assigned);
}

/// The host's next datagram brings all of these along.
fn replay_all(stage: &mut Stage, from: HostId, payloads: Vec<Vec<u8>>) {
    let mut left = payloads;
    let dc = stage.deployment.domains[0].addrs.clone();
    stage
        .world
        .set_tap(move |_: Mono, host: HostId, packet: &Packet| {
            let mut verdict = Verdict::pass();
            if host == from && dc.contains(&packet.dst.ip()) {
                let all = core::mem::take(&mut left).into_iter();
                verdict.injected = all.map(|p| (ms(1), p)).collect();
            }
            verdict
        });
}

fn kind_of(payload: &[u8]) -> Option<PacketType> {
    Datagram::new_checked(payload).ok().map(|v| v.kind())
}

#[test]
fn rule_01_no_two_datagrams_of_a_node_to_its_coordinator_share_session_and_counter() {
    let mut stage = Stage::dark(Setting::default());
    stage.world.capture = Some(Capture::default());
    let mn = stage.mn;
    stage.connect(mn, ntm_sim::access::Access::PublicV4, delay(10));
    for _ in 0..3 {
        stage.world.run_for(secs(50));
        stage.world.restart(mn);
    }
    let mut seen = BTreeSet::new();
    for d in stage.world.capture.take().unwrap().datagrams {
        let is_control = kind_of(&d.payload) == Some(PacketType::Control);
        if d.host == mn && d.way == Way::Sent && is_control {
            let view = Datagram::new_checked(d.payload.as_slice()).unwrap();
            assert!(
                seen.insert((view.selector(), view.counter())),
                "a nonce twice"
            );
        }
    }
    assert!(seen.len() > 5, "control was sent");
}

#[test]
fn rule_04_an_application_gets_each_datagram_once_though_the_network_doubles_them() {
    let twice = LinkConfig {
        duplicate: 1.0,
        ..delay(10)
    };
    let mut stage = Stage::ready(Setting {
        link: twice,
        ..Setting::default()
    });
    stage.call_works();
    stage.world.run_for(secs(5));
    let before = stage.node(stage.cn).app.echoed;
    let (mn, to) = (stage.mn, stage.tunnel(stage.mn).peer.addrs.v6);
    for n in 0..50u8 {
        stage.world.with_node(mn, |node, now| {
            let from = node.node.udp_bind(None, 0).unwrap();
            node.node
                .udp_send(now, from, (to, 7).into(), &[n; 20])
                .unwrap();
        });
        stage.world.run_for(ms(5));
    }
    stage.world.run_for(secs(1));
    assert_eq!(stage.node(stage.cn).app.echoed - before, 50);
    let counters = stage.node(stage.cn).node.counters();
    assert!(counters.replayed >= 50, "the doubles are counted");
}

#[test]
fn rule_04_keys_are_renewed_without_a_gap() {
    let mut stage = Stage::ready(Setting::default());
    stage.call_works();
    stage.world.run_for(secs(5));
    let (mn, cn, to) = (stage.mn, stage.cn, stage.tunnel(stage.mn).peer.addrs.v6);
    let before = stage.node(cn).app.echoed;
    let bind = |n: &mut ntm_sim::process::NodeHost, _| n.node.udp_bind(None, 0).unwrap();
    let from = stage.world.with_node(mn, bind).unwrap();
    let sent = 7000;
    for _ in 0..sent {
        stage.world.with_node(mn, |node, now| {
            let sent = node.node.udp_send(now, from, (to, 7).into(), b"speech");
            assert_eq!(sent, Ok(()));
        });
        stage.world.run_for(ms(200));
    }
    stage.world.run_for(secs(1));
    assert!(stage.tunnel(mn).rekeys >= 2, "1,400 s are two renewals");
    assert_eq!(stage.node(cn).app.echoed - before, sent, "nothing is lost");
}

#[test]
fn rule_04_a_restarted_peer_gets_a_new_tunnel_that_replaces_the_old_one() {
    let mut stage = Stage::ready(Setting::default());
    stage.call_works();
    let cn = stage.cn;
    stage.world.restart(cn);
    stage.world.run_for(secs(10));
    let (name, cn) = (stage.mn_name.clone(), stage.cn);
    let id = stage.call_from(cn, &name);
    let call = stage.finish(cn, id);
    assert_eq!(call.outcome(), Some(&ntm_sim::app::Outcome::Working));
    assert!(stage.send(b"through the new tunnel"));
}

#[test]
fn rule_09_a_coordinator_without_state_challenges_first_and_its_nodes_come_back() {
    let mut stage = Stage::ready(Setting::default());
    let (mn, dc) = (stage.mn, stage.dc(0));
    let addrs = stage.node(mn).node.status().addrs;
    stage.world.capture = Some(Capture::default());
    stage.world.restart(dc);
    stage.world.run_for(secs(60));
    let capture = stage.world.capture.take().unwrap();
    let from_dc = capture.datagrams.iter().filter(|d| {
        let for_node = kind_of(&d.payload) != Some(PacketType::Control)
            && kind_of(&d.payload) != Some(PacketType::LinkAccept);
        d.host == dc && d.way == Way::Sent && for_node
    });
    let kinds: Vec<_> = from_dc.map(|d| kind_of(&d.payload)).collect();
    let challenge = kinds.iter().position(|k| *k == Some(PacketType::Challenge));
    let accept = kinds.iter().position(|k| *k == Some(PacketType::Accept));
    assert!(challenge < accept && challenge.is_some(), "{kinds:?}");
    let status = stage.node(mn).node.status();
    assert!(status.registered, "the node is back");
    assert_eq!(status.addrs, addrs, "with the addresses it had");
    assert!(
        stage
            .world
            .coordinator(dc)
            .unwrap()
            .coordinator
            .registered()
            > 0
    );
}

#[test]
fn rule_09_a_node_whose_clock_went_back_still_registers_above_its_highest_epoch() {
    let mut stage = Stage::ready(Setting::default());
    let mn = stage.mn;
    stage.world.host_mut(mn).unwrap().clock_off_ms = -60_000;
    stage.world.restart(mn);
    stage.world.run_for(secs(20));
    assert!(
        stage.node(mn).node.status().registered,
        "{}",
        stage.world.story(40)
    );
}
