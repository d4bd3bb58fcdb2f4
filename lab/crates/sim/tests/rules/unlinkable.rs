//! Rule 13: whoever watches two networks finds no path id in both, whatever the ends do in between.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use ntm_sim::access::Access;
use ntm_sim::capture::{Capture, Captured, Way};
use ntm_sim::net::{HostId, LinkConfig, Loss, Packet};
use ntm_sim::tap::{Spoof, Verdict};
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::InterfaceId;
use ntm_wire::message::Consent;
use ntm_wire::time::Mono;

use crate::stage::{ETHERNET, Setting, Stage, delay, home, ms, secs, symmetric};
use crate::talk::Talk;

const CELLULAR: InterfaceId = InterfaceId(2);
const LINK: u64 = 10;

/// Two nodes in a talk, and everything that was ever sent.
fn talking(setting: Setting) -> (Stage, Talk) {
    let mut stage = Stage::dark(setting);
    stage.world.capture = Some(Capture::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect(mn, setting.mn, setting.link);
    stage.connect(cn, setting.cn, setting.link);
    stage.world.run_for(secs(8));
    stage.call_works();
    stage.world.run_for(secs(5));
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(2));
    (stage, talk)
}

/// Straight, or over the relay only.
fn settings() -> [(&'static str, Setting); 2] {
    let direct = Setting::default();
    let consent = Consent::RelayOnly;
    let relayed = Setting { consent, ..direct };
    [("direct", direct), ("relayed", relayed)]
}

/// The path id of whatever bears one; what a relay measures for a node before any tunnel does not.
fn path_id(datagram: &Captured) -> Option<u64> {
    let view = Datagram::new_checked(datagram.payload.as_slice()).ok()?;
    let bears = matches!(
        view.kind(),
        PacketType::Data
            | PacketType::TunnelRequest
            | PacketType::TunnelResponse
            | PacketType::Punch
            | PacketType::Leg
            | PacketType::Hint
    );
    bears.then(|| view.selector())
}

/// What somebody at the link of the network with this address sees: all that comes from it, and all that anybody sends
/// to it, although nobody may be there any more.
fn seen_at(stage: &Stage, addr: IpAddr) -> BTreeSet<u64> {
    let all = &stage.world.capture.as_ref().unwrap().datagrams;
    let there = |d: &&Captured| d.src.ip() == addr || d.dst.ip() == addr;
    all.iter().filter(there).filter_map(path_id).collect()
}

/// What passes between a host and its own network, whatever that is. What comes in at first was under way on the last
/// link of the network before.
fn seen_between(stage: &Stage, host: HostId, from: Mono, until: Mono) -> BTreeSet<u64> {
    let all = &stage.world.capture.as_ref().unwrap().datagrams;
    let since = |way| {
        if way == Way::Sent {
            from
        } else {
            from + ms(LINK + 1)
        }
    };
    let then = |d: &&Captured| d.host == host && since(d.way) <= d.at && d.at <= until;
    all.iter().filter(then).filter_map(path_id).collect()
}

fn addr(stage: &Stage, host: HostId, on: InterfaceId) -> IpAddr {
    let mut locals = stage.node(host).locals().iter();
    locals.find(|l| l.interface == on).unwrap().addr.0.ip()
}

/// The networks that a host has been in, as their watchers saw them.
#[derive(Default)]
struct Networks(Vec<IpAddr>);

impl Networks {
    fn note(&mut self, stage: &Stage, host: HostId, on: InterfaceId) {
        self.0.push(addr(stage, host, on));
    }

    fn are_unlinkable(&self, stage: &Stage, what: &str) {
        let seen: Vec<_> = self.0.iter().map(|a| seen_at(stage, *a)).collect();
        for (n, one) in seen.iter().enumerate() {
            assert!(one.len() >= 2, "{what}: both directions in network {n}");
            for (m, other) in seen.iter().enumerate().skip(n + 1) {
                let both: Vec<_> = one.intersection(other).collect();
                assert!(both.is_empty(), "{what}: {both:x?} in networks {n} and {m}");
            }
        }
    }
}

/// Another network at once, and talk there.
fn go(stage: &mut Stage, talk: &mut Talk, networks: &mut Networks, host: HostId) {
    stage.connect_on((host, ETHERNET), Access::PublicV4, delay(LINK));
    networks.note(stage, host, ETHERNET);
    talk.run(stage, secs(2));
}

#[test]
fn rule_13_after_a_move_no_id_of_before_is_seen_in_the_new_network() {
    for (what, setting) in settings() {
        let (mut stage, mut talk) = talking(setting);
        let (mn, mut networks) = (stage.mn, Networks::default());
        networks.note(&stage, mn, ETHERNET);
        for _ in 0..6 {
            go(&mut stage, &mut talk, &mut networks, mn);
            assert_eq!(stage.is_direct(mn), what == "direct");
        }
        networks.are_unlinkable(&stage, what);
        let since = stage.world.now();
        talk.run(&mut stage, secs(1));
        assert!(talk.gap_since(since) <= ms(40), "{what}: the talk goes on");
    }
}

#[test]
fn rule_13_behind_nats_it_is_the_same() {
    for access in [home(), symmetric()] {
        let (mut stage, mut talk) = talking(Setting {
            mn: access,
            cn: access,
            ..Setting::default()
        });
        let mn = stage.mn;
        let (mut since, mut seen) = (Mono::from_micros(0), Vec::new());
        for _ in 0..5 {
            talk.run(&mut stage, secs(2));
            seen.push(seen_between(&stage, mn, since, stage.world.now()));
            stage.world.run_for(Duration::from_micros(1));
            since = stage.world.now();
            stage.connect_on((mn, ETHERNET), access, delay(LINK));
        }
        for (n, one) in seen.iter().enumerate() {
            assert!(one.len() >= 2, "{access:?}");
            let later = seen.iter().skip(n + 1);
            assert!(later.into_iter().all(|o| one.is_disjoint(o)), "{access:?}");
        }
    }
}

#[test]
fn rule_13_two_networks_at_once_have_no_id_in_common_before_in_and_after_a_soft_hand_over() {
    for (what, setting) in settings() {
        let (mut stage, mut talk) = talking(setting);
        let (mn, mut networks) = (stage.mn, Networks::default());
        networks.note(&stage, mn, ETHERNET);
        // The second interface comes up and stands by.
        stage.connect_on((mn, CELLULAR), Access::PublicV4, delay(LINK));
        networks.note(&stage, mn, CELLULAR);
        talk.run(&mut stage, secs(3));
        stage.world.unplug(mn, ETHERNET);
        talk.run(&mut stage, secs(3));
        let before = talk.lost(&mut stage);
        // The preferred one is there again, elsewhere; the other goes a while later.
        talk.restart(&stage);
        stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(LINK));
        networks.note(&stage, mn, ETHERNET);
        talk.run(&mut stage, secs(1));
        stage.world.unplug(mn, CELLULAR);
        talk.run(&mut stage, secs(2));
        assert_eq!(talk.lost(&mut stage), before, "{what}: nothing is lost");
        networks.are_unlinkable(&stage, what);
    }
}

#[test]
fn rule_13_both_may_move_at_once_and_neither_is_linked() {
    for (what, setting) in settings() {
        for apart in [0, 5, 20, 50] {
            let (mut stage, mut talk) = talking(setting);
            let ends = [stage.mn, stage.cn];
            let mut networks = ends.map(|_| Networks::default());
            for (end, networks) in ends.iter().zip(&mut networks) {
                networks.note(&stage, *end, ETHERNET);
            }
            for _ in 0..4 {
                for (end, networks) in ends.iter().zip(&mut networks) {
                    stage.connect_on((*end, ETHERNET), Access::PublicV4, delay(LINK));
                    networks.note(&stage, *end, ETHERNET);
                    talk.run(&mut stage, ms(apart));
                }
                talk.run(&mut stage, secs(2));
            }
            let since = stage.world.now();
            talk.run(&mut stage, secs(1));
            assert!(talk.gap_since(since) <= ms(40), "{what}, {apart} ms");
            assert_eq!(stage.is_direct(stage.mn), what == "direct");
            for networks in &networks {
                networks.are_unlinkable(&stage, what);
            }
        }
    }
}

/// Of what MN sends while `is_wanted`, the first datagrams of each network are lost, late or sent again.
fn trouble(stage: &mut Stage, what: Trouble) {
    let (mn, mut count) = (stage.mn, 0_usize);
    let tap = move |_: Mono, from: HostId, packet: &Packet| {
        let view = Datagram::new_checked(packet.payload.as_slice());
        if from != mn || !view.is_ok_and(|d| d.kind() == PacketType::Data) {
            return Verdict::pass();
        }
        count += 1;
        let again = Spoof {
            after: ms(60),
            src: packet.src,
            dst: packet.dst,
            payload: packet.payload.clone(),
        };
        let is_claim = packet.payload.len() == 1200;
        match what {
            Trouble::ClaimsAreLost => Verdict {
                is_dropped: is_claim && count % 3 != 0,
                ..Verdict::default()
            },
            Trouble::ClaimsComeLate => Verdict {
                is_dropped: is_claim,
                spoofed: is_claim.then_some(again).into_iter().collect(),
                ..Verdict::default()
            },
            Trouble::AllIsSentAgain => Verdict {
                spoofed: vec![again],
                ..Verdict::default()
            },
        }
    };
    stage.world.set_tap(tap);
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    ClaimsAreLost,
    ClaimsComeLate,
    AllIsSentAgain,
}

#[test]
fn rule_13_claims_that_are_lost_late_or_sent_again_link_nothing_and_lose_no_tunnel() {
    let all = [
        Trouble::ClaimsAreLost,
        Trouble::ClaimsComeLate,
        Trouble::AllIsSentAgain,
    ];
    for trouble_of in all {
        let (mut stage, mut talk) = talking(Setting::default());
        let (mn, mut networks) = (stage.mn, Networks::default());
        networks.note(&stage, mn, ETHERNET);
        trouble(&mut stage, trouble_of);
        for _ in 0..6 {
            let moved = stage.world.now();
            go(&mut stage, &mut talk, &mut networks, mn);
            let gap = talk.gap_since(moved);
            assert!(gap <= ms(500), "{trouble_of:?}: {gap:?}");
        }
        networks.are_unlinkable(&stage, &format!("{trouble_of:?}"));
    }
}

#[test]
fn rule_13_a_relay_that_restarts_after_moves_binds_the_legs_under_the_ids_in_use() {
    let (_, relayed) = settings()[1];
    let (mut stage, mut talk) = talking(relayed);
    let (mn, mut networks) = (stage.mn, Networks::default());
    networks.note(&stage, mn, ETHERNET);
    for _ in 0..5 {
        go(&mut stage, &mut talk, &mut networks, mn);
    }
    for relay in 0..2 {
        let rs = stage.rs(relay);
        stage.world.restart(rs);
    }
    talk.run(&mut stage, secs(5));
    let since = stage.world.now();
    talk.run(&mut stage, secs(1));
    assert!(talk.gap_since(since) <= ms(40), "{}", stage.world.story(60));
    networks.are_unlinkable(&stage, "restarted");
}

#[test]
fn rule_13_ids_outlive_the_keys() {
    for (what, setting) in settings() {
        let (mut stage, mut talk) = talking(setting);
        let (mn, mut networks) = (stage.mn, Networks::default());
        networks.note(&stage, mn, ETHERNET);
        go(&mut stage, &mut talk, &mut networks, mn);
        let before = seen_at(&stage, networks.0[1]);
        stage.world.run_for(secs(700));
        assert!(stage.tunnel(mn).rekeys >= 1, "{what}");
        assert_eq!(seen_at(&stage, networks.0[1]), before, "{what}");
        talk.restart(&stage);
        go(&mut stage, &mut talk, &mut networks, mn);
        networks.are_unlinkable(&stage, what);
        let since = stage.world.now();
        talk.run(&mut stage, secs(1));
        assert!(talk.gap_since(since) <= ms(40), "{what}");
    }
}

/// CN's link is dead while MN goes through ten networks; how long after it lives again the talk goes on.
fn deaf(setting: Setting, has_relays: bool) -> (Stage, Networks, Duration) {
    let (mut stage, mut talk) = talking(setting);
    let (mn, cn, mut networks) = (stage.mn, stage.cn, Networks::default());
    networks.note(&stage, mn, ETHERNET);
    if !has_relays {
        for relay in 0..2 {
            let rs = stage.rs(relay);
            stage.world.power_off(rs);
        }
    }
    let with = |loss| LinkConfig {
        loss,
        ..delay(LINK)
    };
    let dead = with(Loss::Random(1.0));
    stage.world.net.configure_access(cn, ETHERNET, dead);
    for _ in 0..10 {
        stage.connect_on((mn, ETHERNET), Access::PublicV4, delay(LINK));
        networks.note(&stage, mn, ETHERNET);
        talk.run(&mut stage, ms(400));
    }
    let lives = stage.world.now();
    stage
        .world
        .net
        .configure_access(cn, ETHERNET, with(Loss::None));
    let number = talk.sent();
    talk.run(&mut stage, secs(20));
    let there = talk.first_after(number).unwrap().since(lives);
    let back = talk.first_back_since(lives).unwrap().since(lives);
    (stage, networks, there.max(back))
}

#[test]
fn rule_13_who_moved_ten_times_while_the_peer_was_deaf_gets_through_by_the_relay() {
    let (what, relayed) = settings()[1];
    let (stage, networks, took) = deaf(relayed, true);
    assert!(took <= secs(1), "{took:?}");
    networks.are_unlinkable(&stage, what);
    let (stage, _, took) = deaf(settings()[0].1, true);
    assert!(took <= secs(1), "{took:?}");
    assert!(stage.is_direct(stage.mn) && stage.is_direct(stage.cn));
}

#[test]
fn rule_13_and_straight_where_no_relay_is_left() {
    let (stage, networks, took) = deaf(settings()[0].1, false);
    assert!(took <= secs(3), "{took:?}");
    assert!(stage.is_direct(stage.mn) && stage.is_direct(stage.cn));
    // The first three of the ten have their own ids; where nobody answers there is no fourth.
    let first = Networks(networks.0[..4].to_vec());
    first.are_unlinkable(&stage, "straight");
}

#[test]
fn rule_13_a_hint_is_about_the_id_that_was_sent_and_no_other_network_sees_it() {
    let (_, relayed) = settings()[1];
    let (mut stage, mut talk) = talking(relayed);
    let (mn, mut networks) = (stage.mn, Networks::default());
    networks.note(&stage, mn, ETHERNET);
    go(&mut stage, &mut talk, &mut networks, mn);
    for relay in 0..2 {
        let rs = stage.rs(relay);
        stage.world.restart(rs);
    }
    talk.run(&mut stage, secs(2));
    let hints = &stage.world.capture.as_ref().unwrap().datagrams;
    let is_hint = |d: &&Captured| {
        let view = Datagram::new_checked(d.payload.as_slice());
        d.host == mn && d.way == Way::Received && view.is_ok_and(|v| v.kind() == PacketType::Hint)
    };
    assert!(hints.iter().any(|d| is_hint(&d)), "the relay hinted");
    networks.are_unlinkable(&stage, "hints");
}
