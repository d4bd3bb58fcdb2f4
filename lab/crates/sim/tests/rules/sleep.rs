//! Rule 11: whoever sleeps is woken by a call, seldom enough.

use ntm_proto::ResolveError;
use ntm_sim::access::Access;
use ntm_sim::app::{Outcome, Patience};
use ntm_sim::process::{NodeHost, Process};
use ntm_wire::key::SecretKey;
use ntm_wire::message::DirectionError;
use ntm_wire::push::PushToken;

use crate::stage::{Setting, Stage, delay, secs};

/// CN's device starts again with a push token.
fn with_token() -> Stage {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(5));
    let mut config = stage.node(stage.cn).config().clone();
    config.push_token = Some(PushToken::wake_service(&SecretKey::new([7; 32])));
    let (rng, now) = (stage.world.rng.split(), stage.world.now_at(stage.cn));
    let node = Process::Node(Box::new(NodeHost::new(config, rng, now)));
    stage.world.power_off(stage.cn);
    stage.cn = stage.world.add_host("sleepy", node);
    stage.connect(stage.cn, Access::PublicV4, delay(10));
    stage.world.run_for(secs(8));
    assert!(stage.node(stage.cn).node.status().registered);
    stage
}

fn asleep() -> Stage {
    let mut stage = with_token();
    let lie_down = |n: &mut NodeHost, now| n.fall_asleep(now);
    stage.world.with_node(stage.cn, lie_down).unwrap();
    stage.world.run_for(secs(120));
    assert!(!stage.node(stage.cn).node.status().registered);
    stage
}

fn wakes(stage: &Stage) -> u64 {
    let dc = stage.world.coordinator(stage.dc(1)).unwrap();
    dc.coordinator.counters().wakes
}

/// Once, without trying again as a person would.
fn call(stage: &mut Stage) -> Outcome {
    let (mn, name) = (stage.mn, stage.cn_name.clone());
    let once = |n: &mut NodeHost, now| n.call(now, &name, Patience(secs(0)));
    let id = stage.world.with_node(mn, once).unwrap();
    let call = stage.finish(stage.mn, id);
    call.outcome().cloned().unwrap()
}

fn offline() -> Outcome {
    Outcome::Failed(ResolveError::Refused(DirectionError::PeerOffline))
}

#[test]
fn rule_11_a_call_wakes_whoever_sleeps_and_works() {
    let mut stage = asleep();
    let addrs = stage.node(stage.cn).node.status().addrs;
    stage.call_works();
    assert_eq!(wakes(&stage), 1);
    let status = stage.node(stage.cn).node.status();
    assert!(status.registered);
    assert_eq!(status.addrs, addrs, "its addresses are for ever");
}

#[test]
fn rule_11_whoever_sleeps_again_is_woken_again() {
    let mut stage = asleep();
    stage.call_works();
    stage.world.run_for(secs(60));
    let lie_down = |n: &mut NodeHost, now| n.fall_asleep(now);
    stage.world.with_node(stage.cn, lie_down).unwrap();
    stage.world.run_for(secs(60));
    stage.call_works();
    assert_eq!(wakes(&stage), 2);
}

#[test]
fn rule_11_a_sleeper_that_no_push_reaches_is_offline_and_not_pushed_again_soon() {
    let mut stage = asleep();
    stage.world.power_off(stage.cn);
    let began = stage.world.now();
    assert_eq!(call(&mut stage), offline());
    let took = stage.world.now().since(began);
    assert!(took >= secs(10), "it was given its time: {took:?}");
    assert_eq!(call(&mut stage), offline());
    assert_eq!(wakes(&stage), 1);
}

#[test]
fn rule_11_whoever_left_for_good_is_offline_at_once() {
    let mut stage = with_token();
    let leave = |n: &mut NodeHost, now| n.leave(now);
    stage.world.with_node(stage.cn, leave).unwrap();
    stage.world.run_for(secs(1));
    let began = stage.world.now();
    assert_eq!(call(&mut stage), offline());
    let took = stage.world.now().since(began);
    assert!(took < secs(1), "nobody is waited for: {took:?}");
    assert_eq!(wakes(&stage), 0);
}
