//! A machine that slept wakes up in another network: its clocks jump, and its tunnels go on.

use core::time::Duration;

use ntm_sim::access::Access;
use ntm_sim::net::HostId;
use ntm_wire::time::Mono;

use crate::stage::{ETHERNET, Setting, Stage, delay, home, ms, secs, symmetric};
use crate::talk::Talk;

const VOICE: Duration = Duration::from_millis(20);
const LINK: u64 = 20;
const R: Duration = Duration::from_millis(80);
const HOUR: Duration = Duration::from_secs(3600);

fn talking(mn: Access, cn: Access) -> (Stage, Talk) {
    let mut stage = Stage::ready(Setting {
        seed: 11,
        mn,
        cn,
        link: delay(LINK),
        server_delay: ms(0),
        ..Setting::default()
    });
    stage.call_works();
    let mut talk = Talk::new(&mut stage, VOICE);
    talk.run(&mut stage, secs(3));
    (stage, talk)
}

/// The lid is closed: no packet, no timer, until it is opened where the machine has another address.
fn sleep(stage: &mut Stage, host: HostId, how_long: Duration, wakes_in: Access) {
    stage.world.power_off(host);
    stage.world.run_for(how_long);
    stage.world.host_mut(host).unwrap().is_on = true;
    stage.connect_on((host, ETHERNET), wakes_in, delay(LINK));
    let slept = |n: &mut ntm_sim::process::NodeHost, now| n.node.handle_slept(now, how_long);
    stage.world.with_node(host, slept);
}

fn networks() -> [(Access, Access, Access); 4] {
    let v6 = Access::V6 {
        is_firewalled: false,
    };
    [
        (home(), home(), home()),
        (symmetric(), symmetric(), symmetric()),
        (Access::PublicV4, v6, Access::PublicV4),
        (v6, home(), home()),
    ]
}

/// The first packet that MN sent after `number`, and CN's first that came since.
fn resumed(talk: &Talk, number: u32, since: Mono) -> (Duration, Duration) {
    let there = talk.first_after(number).unwrap().since(since);
    (there, talk.first_back_since(since).unwrap().since(since))
}

#[test]
fn a_laptop_that_slept_for_an_hour_carries_on_within_a_round_trip_of_its_new_address() {
    for (from, to, cn) in networks() {
        let (mut stage, mut talk) = talking(from, cn);
        let mn = stage.mn;
        sleep(&mut stage, mn, HOUR, to);
        let (usable, number) = (stage.world.now(), talk.sent());
        talk.restart(&stage);
        talk.run(&mut stage, secs(3));
        let (there, back) = resumed(&talk, number, usable);
        println!("{from:?} to {to:?}: {there:?} there, {back:?} back");
        let bar = R + ms(10) + VOICE;
        assert!(
            there <= bar && back <= bar,
            "{there:?} {back:?}\n{}",
            stage.world.story(80)
        );
    }
}

#[test]
fn the_peer_is_down_meanwhile_and_is_asked_for_anew_when_somebody_wants_it() {
    let (mut stage, _) = talking(home(), home());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.world.power_off(mn);
    stage.world.run_for(secs(40));
    assert_eq!(
        stage.node(cn).node.status().tunnels,
        0,
        "for people it is down"
    );
    assert!(stage.node(cn).node.tunnels(stage.world.now()).is_empty());
    stage.world.restart(mn);
    stage.world.run_for(secs(5));
    stage.call_works();
    assert_eq!(stage.node(cn).node.status().tunnels, 1);
}

#[test]
fn a_peer_that_never_comes_back_is_forgotten_after_two_hours() {
    let (mut stage, _) = talking(home(), home());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.world.power_off(mn);
    stage.world.run_for(HOUR * 2 + secs(60));
    stage.world.host_mut(mn).unwrap().is_on = true;
    let slept = |n: &mut ntm_sim::process::NodeHost, now| n.node.handle_slept(now, HOUR * 2);
    stage.world.with_node(mn, slept);
    stage.world.run_for(secs(5));
    assert_eq!(stage.node(cn).node.status().tunnels, 0);
    stage.world.run_for(secs(40));
    stage.call_works();
}
