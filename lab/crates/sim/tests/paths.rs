//! What a node says of the ways to its peer.

use ntm_proto::{PathState, PathStatus, Reason, Route};
use ntm_sim::access::Access;
use ntm_sim::net::{LinkConfig, Loss};
use ntm_wire::id::InterfaceId;

use crate::stage::{ETHERNET, Setting, Stage, delay, home, ms, secs};
use crate::talk::Talk;

const CELLULAR: InterfaceId = InterfaceId(2);

fn of(paths: &[PathStatus], on: InterfaceId, direct: bool) -> Option<PathStatus> {
    let is_on = |p: &PathStatus| p.interface.as_ref().is_some_and(|i| i.number == on);
    let is_kind = |p: &PathStatus| matches!(p.route, Route::Direct { .. }) == direct;
    paths.iter().find(|p| is_on(p) && is_kind(p)).cloned()
}

#[test]
fn every_path_is_told_with_its_interface_and_what_it_is_good_for() {
    let mut stage = Stage::ready(Setting {
        mn: home(),
        link: delay(20),
        ..Setting::default()
    });
    let mn = stage.mn;
    stage.connect_on((mn, CELLULAR), Access::PublicV4, delay(30));
    stage.world.with_node(mn, |n, _| {
        n.node.name_interface(ETHERNET, "wlan0");
        n.node.name_interface(CELLULAR, "wwan0");
    });
    stage.call_works();
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(10));
    let paths = stage.tunnel(mn).paths;
    let wifi = of(&paths, ETHERNET, true).expect("straight by Wi-Fi");
    assert_eq!(paths[0], wifi, "the one in use comes first");
    assert_eq!(wifi.state, PathState::InUse);
    assert_eq!(wifi.interface.unwrap().name.as_deref(), Some("wlan0"));
    assert_eq!(wifi.loss, Some(0.0));
    assert!(wifi.heard_ago.unwrap() <= ms(60), "the peer talks");
    assert!(wifi.local.is_some_and(|a| a.is_ipv4()));
    assert!(wifi.rtt.unwrap() >= ms(80), "two links of 20 ms each way");
    let cellular = of(&paths, CELLULAR, true).expect("straight by the other");
    assert_eq!(cellular.state, PathState::Standby);
    assert!(cellular.rtt.unwrap() >= ms(100));
    assert_eq!(cellular.interface.unwrap().name.as_deref(), Some("wwan0"));
    let relay = of(&paths, ETHERNET, false).expect("over the relay");
    assert_eq!(relay.state, PathState::Standby);
}

#[test]
fn loss_on_the_way_in_use_is_that_of_the_peers_packets() {
    let mut stage = Stage::ready(Setting {
        link: LinkConfig {
            loss: Loss::Random(0.05),
            ..delay(10)
        },
        ..Setting::default()
    });
    stage.call_works();
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(10));
    let loss = stage.tunnel(stage.mn).paths[0].loss.unwrap();
    assert!(
        (0.03..0.25).contains(&loss),
        "two links of 5 % each: {loss}"
    );
}

#[test]
fn a_hand_over_names_the_interface_it_left_and_the_one_it_went_to() {
    let mut stage = Stage::ready(Setting::default());
    let mn = stage.mn;
    stage.connect_on((mn, CELLULAR), Access::PublicV4, delay(10));
    stage.world.with_node(mn, |n, _| {
        n.node.name_interface(ETHERNET, "wlan0");
        n.node.name_interface(CELLULAR, "wwan0");
    });
    stage.call_works();
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(5));
    stage.world.unplug(mn, ETHERNET);
    talk.run(&mut stage, secs(15));
    let told = &stage.node(mn).app.handovers;
    let gone = told.last().expect("a hand-over");
    let name = |i: &Option<ntm_proto::Interface>| i.as_ref().and_then(|i| i.name.clone());
    assert_eq!(name(&gone.old_interface).as_deref(), Some("wlan0"));
    assert_eq!(name(&gone.new_interface).as_deref(), Some("wwan0"));
    let peers = stage.node(stage.cn).app.handovers.last();
    let peers = peers.expect("the peer tells of the move too");
    assert_eq!(peers.old_interface, peers.new_interface);
}

#[test]
fn back_home_is_told_when_the_voice_comes_there_and_not_while_the_old_network_still_brings_it() {
    let mut stage = Stage::ready(Setting {
        mn: home(),
        cn: home(),
        link: delay(20),
        ..Setting::default()
    });
    let mn = stage.mn;
    stage.connect_on((mn, CELLULAR), home(), delay(30));
    stage.call_works();
    let mut talk = Talk::new(&mut stage, ms(20));
    talk.run(&mut stage, secs(5));
    stage.world.unplug(mn, ETHERNET);
    talk.run(&mut stage, secs(5));
    stage.connect_on((mn, ETHERNET), home(), delay(20));
    talk.run(&mut stage, secs(12));
    let back = stage.node(mn).app.handovers.last().expect("back home");
    assert_eq!(back.reason, Reason::BetterInterface);
    let number = |i: &Option<ntm_proto::Interface>| i.as_ref().map(|i| i.number);
    assert_eq!(number(&back.old_interface), Some(CELLULAR));
    assert_eq!(number(&back.new_interface), Some(ETHERNET));
    assert!(back.data_resumed.is_some(), "the peer talks");
}
