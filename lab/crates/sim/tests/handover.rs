//! Hand-overs in virtual time: how soon data is at the peer again, and what is lost.

use core::time::Duration;

use ntm_proto::{Order, Passage};
use ntm_sim::access::Access;
use ntm_sim::net::{HostId, LinkConfig, Loss};
use ntm_sim::process::NodeHost;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use crate::stage::{ETHERNET, Setting, Stage, delay, home, ms, secs, symmetric};
use crate::talk::Talk;

const WIFI: InterfaceId = ETHERNET;
const CELLULAR: InterfaceId = InterfaceId(2);
const VOICE: Duration = Duration::from_millis(20);
/// Each access link, one way: 40 ms from node to node over the core.
const LINK: u64 = 20;
/// From node to node and back.
const R: Duration = Duration::from_millis(80);

/// What a hand-over did.
#[derive(Debug)]
struct Outcome {
    /// From the moment MN could send again to the first packet at CN that was sent since.
    to_data: Duration,
    /// The longest silence at either end.
    gap: Duration,
    lost: usize,
}

fn talking(seed: u64, mn: Access, cn: Access) -> (Stage, Talk) {
    talking_with(Setting {
        seed,
        mn,
        cn,
        ..setting()
    })
}

/// Servers at the core: by the relay it is as far as straight.
fn setting() -> Setting {
    Setting {
        link: delay(LINK),
        server_delay: ms(0),
        ..Setting::default()
    }
}

fn talking_with(setting: Setting) -> (Stage, Talk) {
    let mut stage = Stage::ready(setting);
    stage.call_works();
    stage.world.run_for(secs(3));
    let mut talk = Talk::new(&mut stage, VOICE);
    talk.run(&mut stage, secs(3));
    (stage, talk)
}

fn outcome(stage: &mut Stage, talk: &mut Talk, usable: Mono, number: u32) -> Outcome {
    let first = talk.first_after(number);
    assert!(first.is_some(), "nothing came:\n{}", stage.world.story(120));
    Outcome {
        to_data: first.unwrap().since(usable),
        gap: talk.gap_since(usable),
        lost: talk.lost(stage),
    }
}

/// The address in use goes, and another is there at once.
fn renumber(seed: u64, from: Access, to: Access, cn: Access) -> Outcome {
    let (mut stage, mut talk) = talking(seed, from, cn);
    let (usable, number) = (stage.world.now(), talk.sent());
    let mn = stage.mn;
    stage.connect_on((mn, WIFI), to, delay(LINK));
    talk.run(&mut stage, secs(5));
    outcome(&mut stage, &mut talk, usable, number)
}

/// Every pair of networks that a hand-over of MN may go between.
fn cases() -> Vec<(&'static str, Access, Access, Access)> {
    let v6 = Access::V6 {
        is_firewalled: false,
    };
    vec![
        (
            "public to public",
            Access::PublicV4,
            Access::PublicV4,
            Access::PublicV4,
        ),
        ("home to home", home(), home(), home()),
        ("public to home", Access::PublicV4, home(), home()),
        ("symmetric both", symmetric(), symmetric(), symmetric()),
        ("v4 to v6, CN on v4", Access::PublicV4, v6, Access::PublicV4),
        ("v6 to v4, CN on v4", v6, Access::PublicV4, Access::PublicV4),
        ("v6 to v6", v6, v6, v6),
    ]
}

#[test]
fn data_is_at_the_peer_half_a_round_trip_after_the_new_address_can_be_used() {
    for (name, from, to, cn) in cases() {
        let o = renumber(1, from, to, cn);
        println!("{name}: {o:?}");
        // The sender's next packet may be an interval away.
        assert!(o.to_data <= R / 2 + ms(5) + VOICE, "{name}: {o:?}");
        assert!(o.gap <= R + ms(10) + VOICE, "{name}: {o:?}");
    }
}

/// What the application at `host` was told since `from`, in milliseconds from then.
fn passages(stage: &Stage, host: HostId, from: Mono) -> Vec<(u128, Passage)> {
    let told = stage.node(host).app.passages.iter();
    let told = told.filter(|(at, _)| *at >= from);
    told.map(|(at, p)| (at.since(from).as_millis(), *p))
        .collect()
}

#[test]
fn the_application_hears_at_once_that_what_it_sends_may_be_lost_and_when_it_arrives_again() {
    let (mut stage, mut talk) = talking(1, Access::PublicV4, Access::PublicV4);
    let (mn, cn) = (stage.mn, stage.cn);
    let gone = stage.world.now();
    stage.world.unplug(mn, WIFI);
    talk.run(&mut stage, ms(300));
    stage.connect_on((mn, WIFI), Access::PublicV4, delay(LINK));
    talk.run(&mut stage, secs(5));
    let expected = [
        (0, Passage::Blocked),
        (300, Passage::Unproved),
        // The relay, half way to the peer, passes on at once what comes for the new address.
        (340, Passage::Proved),
    ];
    assert_eq!(passages(&stage, mn, gone), expected, "the one that moves");
    // Nothing comes in for 280 ms after what was under way; then the claim comes, and its proof.
    let seen = passages(&stage, cn, gone);
    let states: Vec<Passage> = seen.iter().map(|(_, p)| *p).collect();
    assert_eq!(states, [Passage::Unproved, Passage::Proved], "{seen:?}");
    assert!(seen[1].0 <= 300 + 120 + 5, "{seen:?}");
}

#[test]
fn an_address_that_comes_in_several_steps_is_used_at_the_last_of_them() {
    let (mut stage, mut talk) = talking_with(Setting {
        seed: 2,
        mn: Access::PublicV4,
        cn: Access::PublicV4,
        server_delay: ms(60),
        ..setting()
    });
    let mn = stage.mn;
    stage.world.unplug(mn, WIFI);
    talk.run(&mut stage, ms(5));
    stage.connect_on((mn, WIFI), home(), delay(LINK));
    talk.run(&mut stage, ms(5));
    let (usable, number) = (stage.world.now(), talk.sent());
    stage.connect_on((mn, WIFI), home(), delay(LINK));
    talk.run(&mut stage, secs(5));
    let o = outcome(&mut stage, &mut talk, usable, number);
    assert!(o.to_data <= R / 2 + ms(5) + VOICE, "{o:?}");
    let told = &stage.node(mn).app.handovers;
    assert_eq!(told.len(), 1, "it is one hand-over: {told:#?}");
}

#[test]
fn the_published_order_takes_several_round_trips_and_arrives() {
    for (name, from, to, cn) in cases() {
        let (mut stage, mut talk) = talking(1, from, cn);
        for host in [stage.mn, stage.cn] {
            let publish = |n: &mut NodeHost, _| n.node.set_order(Order::Published);
            stage.world.with_node(host, publish);
        }
        let (usable, number, mn) = (stage.world.now(), talk.sent(), stage.mn);
        stage.connect_on((mn, WIFI), to, delay(LINK));
        talk.run(&mut stage, secs(5));
        let o = outcome(&mut stage, &mut talk, usable, number);
        println!("{name}: {o:?}");
        assert!(o.to_data > R * 2 && o.to_data < secs(3), "{name}: {o:?}");
    }
}

/// The preferred interface comes up, and the other goes a round trip later; what that lost.
fn soft(stage: &mut Stage, talk: &mut Talk, from: Access, to: Access) -> usize {
    let mn = stage.mn;
    stage.connect_on((mn, CELLULAR), from, delay(LINK));
    talk.run(stage, secs(2));
    stage.world.unplug(mn, WIFI);
    talk.run(stage, secs(3));
    let before = talk.lost(stage);
    stage.connect_on((mn, WIFI), to, delay(LINK));
    talk.run(stage, R);
    stage.world.unplug(mn, CELLULAR);
    talk.run(stage, secs(2));
    talk.lost(stage) - before
}

#[test]
fn soft_nothing_is_lost() {
    for (name, from, to, cn) in cases() {
        for seed in 0..15 {
            let (mut stage, mut talk) = talking(seed, home(), cn);
            let lost = soft(&mut stage, &mut talk, from, to);
            assert_eq!(lost, 0, "{name}, seed {seed}:\n{}", stage.world.story(100));
        }
    }
}

#[test]
fn soft_nothing_is_lost_where_the_relay_is_as_far_as_the_peer() {
    for seed in 0..15 {
        let (mut stage, mut talk) = talking_with(Setting {
            seed,
            mn: home(),
            cn: home(),
            server_delay: ms(LINK),
            ..setting()
        });
        let lost = soft(&mut stage, &mut talk, home(), home());
        assert_eq!(lost, 0, "seed {seed}:\n{}", stage.world.story(120));
    }
}

#[test]
fn hard_with_another_interface_up_what_was_under_way_is_lost_and_no_more() {
    for (name, from, to, cn) in cases() {
        let (mut stage, mut talk) = talking(3, from, cn);
        let mn = stage.mn;
        stage.connect_on((mn, CELLULAR), to, delay(LINK));
        talk.run(&mut stage, secs(2));
        let (usable, number) = (stage.world.now(), talk.sent());
        stage.world.unplug(mn, WIFI);
        talk.run(&mut stage, secs(5));
        let o = outcome(&mut stage, &mut talk, usable, number);
        println!("{name}: {o:?}");
        let under_way = 2 * (R.as_millis() / VOICE.as_millis()) as usize;
        assert!(o.lost <= under_way, "{name}: {o:?}");
        assert!(o.gap <= R + ms(10) + VOICE, "{name}: {o:?}");
    }
}

#[test]
fn a_silent_death_is_noticed_within_300_ms_and_repaired_by_the_other_interface() {
    for (name, from, to, cn) in cases() {
        let (mut stage, mut talk) = talking(5, from, cn);
        let mn = stage.mn;
        stage.connect_on((mn, CELLULAR), to, delay(LINK));
        talk.run(&mut stage, secs(3));
        let dead = LinkConfig {
            loss: Loss::Random(1.0),
            ..delay(LINK)
        };
        let start = stage.world.now();
        stage.world.net.configure_access(mn, WIFI, dead);
        talk.run(&mut stage, secs(5));
        let gap = talk.gap_since(start);
        println!("{name}: {gap:?}");
        assert!(
            gap <= ms(300) + R + VOICE + ms(10),
            "{name}: {gap:?}\n{}",
            stage.world.story(150)
        );
    }
}

#[test]
fn a_node_whose_preferred_interface_fell_silent_can_still_be_called() {
    let (mut stage, mut talk) = talking(6, home(), home());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect_on((mn, CELLULAR), home(), delay(LINK));
    talk.run(&mut stage, secs(3));
    let dead = LinkConfig {
        loss: Loss::Random(1.0),
        ..delay(LINK)
    };
    stage.world.net.configure_access(mn, WIFI, dead);
    // Its coordinator and its relays find out by their keep-alives.
    stage.world.run_for(secs(120));
    stage.world.restart(cn);
    stage.world.run_for(secs(5));
    let name = stage.node(mn).config().certificate.fqdn.clone();
    let id = stage.call_from(cn, &name);
    let call = stage.finish(cn, id);
    assert_eq!(
        call.outcome(),
        Some(&ntm_sim::app::Outcome::Working),
        "{}",
        stage.world.story(100)
    );
}

#[test]
fn both_may_move_at_once() {
    for (name, from, to, cn) in cases() {
        for (seed, apart) in [(1, 0), (2, 20), (3, 50)] {
            let (mut stage, mut talk) = talking(seed, from, cn);
            let (mn, cn_host) = (stage.mn, stage.cn);
            let start = stage.world.now();
            stage.connect_on((mn, WIFI), to, delay(LINK));
            talk.run(&mut stage, ms(apart));
            stage.connect_on((cn_host, WIFI), cn, delay(LINK));
            talk.run(&mut stage, secs(5));
            let gap = talk.gap_since(start);
            println!("{name}, {apart} ms apart: {gap:?}");
            assert!(
                gap <= R * 5 / 2 + ms(20),
                "{name}, {apart} ms apart: {gap:?}\n{}",
                stage.world.story(150)
            );
        }
    }
}

#[test]
fn after_a_move_between_two_homes_the_direct_way_is_found_again_without_the_coordinator() {
    let (mut stage, mut talk) = talking(4, home(), home());
    let (mn, dc) = (stage.mn, stage.dc(0));
    assert!(stage.is_direct(mn));
    stage.world.power_off(dc);
    let start = stage.world.now();
    stage.connect_on((mn, WIFI), home(), delay(LINK));
    talk.run(&mut stage, secs(3));
    assert!(
        stage.is_direct(mn) && stage.is_direct(stage.cn),
        "{}",
        stage.world.story(150)
    );
    assert!(talk.gap_since(start) <= R + ms(10) + VOICE);
}

#[test]
fn a_coordinator_that_the_system_refuses_to_send_to_is_asked_every_other_way_at_once() {
    let mut stage = Stage::ready(Setting {
        seed: 8,
        link: delay(LINK),
        ..Setting::default()
    });
    stage.call_works();
    let (mn, dc) = (stage.mn, stage.dc(0));
    stage.connect_on((mn, CELLULAR), home(), delay(LINK));
    let dead = LinkConfig {
        loss: Loss::Random(1.0),
        ..delay(LINK)
    };
    stage.world.net.configure_access(mn, WIFI, dead);
    stage.connect_on((mn, WIFI), home(), dead);
    let refuse = |n: &mut NodeHost, now| {
        let to = n.node.status().dc.unwrap();
        n.node.handle_unreachable(now, WIFI, to);
        n.node.handle_unreachable(now, WIFI, to);
        n.node.handle_unreachable(now, WIFI, to);
    };
    let before = stage
        .world
        .coordinator(dc)
        .unwrap()
        .coordinator
        .counters()
        .received;
    stage.world.with_node(mn, refuse);
    stage.world.run_for(ms(LINK + 5));
    let after = stage
        .world
        .coordinator(dc)
        .unwrap()
        .coordinator
        .counters()
        .received;
    assert!(after > before, "nothing came by the other interface");
}
