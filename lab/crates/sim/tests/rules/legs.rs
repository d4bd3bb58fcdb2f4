//! Rules 2, 3, 8 and 18: legs, claims, measurements, bounds.

use ntm_sim::capture::Capture;
use ntm_wire::header::PacketType;

use super::{answers, say, sent, stranger};
use crate::stage::{Setting, Stage, secs, symmetric};

pub(super) fn relayed() -> Stage {
    let mut stage = Stage::dark(Setting {
        mn: symmetric(),
        cn: symmetric(),
        ..Setting::default()
    });
    stage.world.capture = Some(Capture::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.mn_zone = stage.connect(mn, symmetric(), crate::stage::delay(10));
    stage.cn_zone = stage.connect(cn, symmetric(), crate::stage::delay(10));
    stage.world.run_for(secs(8));
    stage.call_works();
    stage.world.run_for(secs(5));
    assert!(!stage.is_direct(stage.mn), "symmetric NATs need the relay");
    stage
}

#[test]
fn rule_02_a_stolen_bind_moves_no_leg() {
    let mut stage = relayed();
    let thief = stranger(&mut stage);
    for bind in sent(&stage, stage.mn, PacketType::Bind) {
        say(&mut stage, thief, bind.dst, bind.payload);
    }
    let moved: Vec<usize> = answers(&stage, thief).iter().map(Vec::len).collect();
    assert!(stage.send(b"still here"), "the leg stands where it stood");
    let to_thief = answers(&stage, thief);
    assert_eq!(to_thief.len(), moved.len(), "no data reaches the thief");
    assert!(
        moved.iter().all(|len| *len < 1200),
        "no answer longer than the question"
    );
}

#[test]
fn rule_02_a_relay_that_restarted_asks_for_tokens_and_traffic_goes_on() {
    let mut stage = relayed();
    for relay in 0..2 {
        let rs = stage.rs(relay);
        stage.world.restart(rs);
    }
    // Nobody knows yet: each end's first packet brings it the hint.
    let (mn, cn) = (stage.mn, stage.cn);
    stage.send_between(mn, cn, b"lost, perhaps");
    stage.send_between(cn, mn, b"lost, perhaps");
    assert!(stage.send(b"there again"), "{}", stage.world.story(60));
    let hints = (0..2).map(|r| sent(&stage, stage.rs(r), PacketType::Hint).len());
    assert!(hints.sum::<usize>() > 0, "the relay hinted");
}

#[test]
fn rule_02_a_forged_hint_causes_nothing_but_a_rebind() {
    let mut stage = relayed();
    let thief = stranger(&mut stage);
    let (mn, route) = (stage.mn, stage.tunnel(stage.mn).route);
    let outside = sent(&stage, stage.rs(0), PacketType::Data)[0].dst;
    for data in sent(&stage, mn, PacketType::Data) {
        let mut hint = data.payload.clone();
        hint[0] = hint[0] & 0xf0 | PacketType::Hint as u8;
        say(&mut stage, thief, outside, hint);
    }
    assert_eq!(stage.tunnel(mn).route, route);
    assert!(stage.send(b"untouched"));
}

#[test]
fn rule_02_a_node_with_a_wrong_clock_binds_after_one_answer() {
    let mut stage = Stage::dark(Setting {
        mn: symmetric(),
        cn: symmetric(),
        ..Setting::default()
    });
    // Ten minutes slow: certificates bear it, the relay's 30 s do not.
    for host in [stage.mn, stage.cn] {
        stage.world.host_mut(host).unwrap().clock_off_ms = -200_000;
        stage.connect(host, symmetric(), crate::stage::delay(10));
    }
    stage.world.run_for(secs(8));
    stage.call_works();
    stage.world.run_for(secs(5));
    assert!(stage.send(b"relayed all the same"));
    let clock_off: u64 = (0..2)
        .map(|r| {
            stage
                .world
                .relay(stage.rs(r))
                .unwrap()
                .relay
                .counters()
                .clock_off
        })
        .sum();
    assert!(clock_off > 0, "the relay told its time");
}

#[test]
fn rule_03_replayed_data_from_elsewhere_moves_no_tunnel() {
    let mut stage = Stage::dark(Setting::default());
    stage.world.capture = Some(Capture::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect(
        mn,
        ntm_sim::access::Access::PublicV4,
        crate::stage::delay(10),
    );
    stage.connect(
        cn,
        ntm_sim::access::Access::PublicV4,
        crate::stage::delay(10),
    );
    stage.world.run_for(secs(8));
    stage.call_works();
    stage.world.run_for(secs(5));
    let thief = stranger(&mut stage);
    let route = stage.tunnel(cn).route;
    let direct = sent(&stage, mn, PacketType::Data);
    let to_cn = direct.iter().find(|d| d.dst.port() != 7930).unwrap().dst;
    for data in &direct {
        say(&mut stage, thief, to_cn, data.payload.clone());
    }
    assert_eq!(stage.tunnel(cn).route, route, "a replay is no claim");
    assert!(
        answers(&stage, thief).is_empty(),
        "nothing goes to the thief"
    );
    assert!(stage.send(b"where it always went"));
}

#[test]
fn rule_03_a_nat_that_rebinds_is_followed_after_a_probe() {
    let home = crate::stage::home();
    let mut stage = Stage::ready(Setting {
        mn: home,
        ..Setting::default()
    });
    stage.call_works();
    stage.world.run_for(secs(5));
    assert!(stage.is_direct(stage.mn));
    let (zone, outside) = (stage.mn_zone, stage.neighbourhood.fresh_v4());
    stage.world.net.rebind_nat(zone, Some(outside));
    let _ = stage.send(b"from the new address");
    stage.world.run_for(secs(10));
    assert!(stage.send(b"it works"), "{}", stage.world.story(60));
    let (mn, name) = (stage.mn, stage.cn_name.clone());
    let id = stage.call_from(mn, &name);
    let call = stage.finish(mn, id);
    let echo = call.outcome() == Some(&ntm_sim::app::Outcome::Working);
    assert!(echo, "both ways:\n{}", stage.world.story(80));
}

#[test]
fn rule_08_a_relay_measures_for_token_holders_only() {
    let mut stage = relayed();
    let measured = |s: &Stage| s.world.relay(s.rs(0)).unwrap().relay.counters().measured;
    assert!(measured(&stage) > 0, "nodes measure their relays");
    let before = measured(&stage);
    let thief = stranger(&mut stage);
    let mut forged = sent(&stage, stage.mn, PacketType::Bind).remove(0);
    let end = forged.payload.len() - 1;
    forged.payload[end] ^= 1;
    say(&mut stage, thief, forged.dst, forged.payload);
    assert_eq!(measured(&stage), before);
    assert!(answers(&stage, thief).is_empty(), "strangers get no answer");
}

#[test]
fn rule_18_the_callee_binds_its_legs_before_it_answers() {
    let stage = relayed();
    let ids = |kind| {
        sent(&stage, stage.cn, kind)
            .into_iter()
            .map(|d| (d.at, d.id))
    };
    let bind = ids(PacketType::Bind)
        .filter(|(at, _)| stage.node(stage.mn).app.calls()[0].started < *at)
        .min()
        .unwrap();
    let called = stage.node(stage.mn).app.calls()[0].started;
    let response = ids(PacketType::Control)
        .find(|(at, _)| *at > called)
        .unwrap();
    assert!(
        bind.0 <= response.0,
        "bound at {:?}, answered at {:?}",
        bind.0,
        response.0
    );
    assert!(bind.1 < response.1, "in that order");
}
