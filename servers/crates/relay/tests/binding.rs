//! Rule 2: who may bind a leg, and when it moves.

use core::time::Duration;

use ntm_relay::{DropReason, Event};
use ntm_wire::header::PacketType;
use ntm_wire::id::PathId;
use ntm_wire::message::{
    BindStatus, KeepAlive, LegBindConfirm, Measure, Message, Probe, ProbeReply,
};
use ntm_wire::token::Grant;

use crate::world::{TOKEN_LIFE, World, addr, is_hint, rs_key, secret};

#[test]
fn rule_02_a_bind_is_answered_with_a_cookie_and_the_address_seen() {
    let mut world = World::new();
    let (mut a, _) = world.pair();
    let response = a.bind(&mut world);
    assert_eq!(response.status, BindStatus::Bound);
    assert_eq!(response.observed, a.addr);
    assert_eq!(response.counter, a.counter);
    assert_eq!(response.rs_time_ms, world.now.wall.as_millis());
    assert_eq!(world.relay.legs(), 1);
    a.confirm(&mut world, &response);
    assert_eq!(world.relay.counters().confirmed, 1);
}

#[test]
fn rule_02_a_lower_counter_never_moves_a_leg() {
    let mut world = World::new();
    let (a, b) = world.bound_pair();
    let mut thief = a.clone();
    thief.addr = addr("203.0.113.66:4000");
    for counter in [a.counter, a.counter - 1] {
        thief.counter = counter;
        let response = thief.bind_with_counter(&mut world);
        assert_eq!(response.status, BindStatus::Stale);
        assert_eq!(response.counter, a.counter, "it tells the highest known");
        assert_eq!(response.cookie, [0; 16]);
    }
    let sent = world.send(b.addr, &b.data());
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, a.addr);
}

#[test]
fn rule_02_the_same_bind_twice_gets_the_same_answer() {
    let mut world = World::new();
    let (mut a, _) = world.pair();
    let first = a.bind(&mut world);
    let again = a.bind_with_counter(&mut world);
    assert_eq!(first, again);
    assert_eq!(world.relay.legs(), 1);
}

#[test]
fn rule_02_without_state_a_counter_far_from_the_clock_is_refused_and_the_time_told() {
    let mut world = World::new();
    let (mut a, _) = world.pair();
    for off in [-30_001, 30_001_i64] {
        a.counter = world.now.wall.as_millis().saturating_add_signed(off);
        let response = a.bind_with_counter(&mut world);
        assert_eq!(response.status, BindStatus::ClockOff, "{off} ms off");
        assert_eq!(response.rs_time_ms, world.now.wall.as_millis());
    }
    assert_eq!(world.relay.legs(), 0);
    a.counter = world.now.wall.as_millis() - 30_000;
    assert_eq!(a.bind_with_counter(&mut world).status, BindStatus::Bound);
}

#[test]
fn rule_02_a_leg_that_stands_needs_no_clock() {
    let mut world = World::new();
    let (mut a, _) = world.bound_pair();
    a.counter += 3_600_000;
    assert_eq!(a.bind(&mut world).status, BindStatus::Bound);
}

#[test]
fn rule_02_expiry_counts_at_the_first_bind_only() {
    let mut world = World::new();
    let (mut a, mut b) = world.pair();
    a.bind_and_confirm(&mut world);
    for _ in 0..TOKEN_LIFE.as_secs() / 60 {
        world.pass(Duration::from_secs(60));
        a.tell(&mut world, &[keep_alive()]);
    }
    b.counter = world.now.wall.as_millis();
    assert_eq!(b.bind(&mut world).status, BindStatus::Expired);
    a.counter = world.now.wall.as_millis();
    assert_eq!(a.bind(&mut world).status, BindStatus::Bound);
    assert_eq!(world.relay.legs(), 1);
}

#[test]
fn rule_02_the_old_address_is_kept_until_the_cookie_comes_back_from_the_new_one() {
    let mut world = World::new();
    let (mut a, b) = world.bound_pair();
    let (old, new) = (a.addr, addr("198.51.100.9:6000"));
    a.addr = new;
    let response = a.bind(&mut world);
    let to = |world: &mut World| -> Vec<_> {
        let sent = world.send(b.addr, &b.data());
        sent.iter().map(|t| t.to).collect()
    };
    assert_eq!(
        to(&mut world),
        [new, old],
        "both, while the new one is in doubt"
    );
    a.confirm(&mut world, &response);
    assert_eq!(to(&mut world), [new]);
}

#[test]
fn rule_02_a_leg_moves_between_the_families() {
    let mut world = World::new();
    let (mut a, b) = world.bound_pair();
    a.addr = addr("[2001:db8:9::9]:6000");
    a.bind_and_confirm(&mut world);
    let sent = world.send(b.addr, &b.data());
    assert_eq!(sent[0].to, a.addr);
}

#[test]
fn rule_02_a_cookie_for_another_address_or_bind_proves_nothing() {
    let mut world = World::new();
    let (mut a, _) = world.bound_pair();
    let home = a.addr;
    a.addr = addr("198.51.100.9:6000");
    let elsewhere = a.bind(&mut world);
    a.addr = addr("203.0.113.66:6000");
    let victim = a.bind(&mut world);
    let confirms = [
        (victim.counter, elsewhere.cookie),
        (elsewhere.counter, elsewhere.cookie),
        (victim.counter, [0; 16]),
    ];
    for (counter, cookie) in confirms {
        a.tell(&mut world, &[LegBindConfirm { counter, cookie }.into()]);
    }
    // Heard by the node at home, and said with the source address forged to be the victim's... but
    // the cookie was never sent there.
    a.addr = home;
    let confirm = LegBindConfirm {
        counter: victim.counter,
        cookie: victim.cookie,
    };
    a.tell(&mut world, &[confirm.into()]);
    assert_eq!(world.dropped(DropReason::BadCookie), 4);
    assert_eq!(
        world.relay.counters().confirmed,
        2,
        "only the two of the set-up"
    );
}

#[test]
fn rule_02_an_address_that_never_confirms_gets_at_most_three_times_its_bind() {
    let mut world = World::new();
    let (mut a, mut b) = world.pair();
    b.bind_and_confirm(&mut world);
    a.counter += 1;
    let bind = world.bind(&[a.leg_bind().into()]);
    let mut got: usize = world
        .send(a.addr, &bind)
        .iter()
        .map(|t| t.payload.len())
        .sum();
    for _ in 0..500 {
        world.pass(Duration::from_millis(20));
        got += bytes_to(&a.addr, &world.send(b.addr, &b.data()));
        got += bytes_to(&a.addr, &world.send(a.addr, &a.data()));
        got += bytes_to(&a.addr, &a.tell(&mut world, &[probe(1)]));
    }
    assert!(
        got <= 3 * bind.len(),
        "{got} bytes for a bind of {}",
        bind.len()
    );
    assert!(
        got > 2 * bind.len(),
        "{got} bytes: the credit is there to be used"
    );
    assert!(world.dropped(DropReason::NoCredit) > 400);
}

#[test]
fn rule_02_a_confirmation_that_got_lost_is_asked_for_again() {
    let mut world = World::new();
    let (mut a, _) = world.pair();
    let first = a.bind(&mut world);
    world.pass(Duration::from_millis(260));
    let sent = world.send(a.addr, &a.data());
    let answer = a.response(&sent.last().unwrap().payload);
    assert_eq!(answer.cookie, first.cookie);
    a.confirm(&mut world, &answer);
    world.pass(Duration::from_millis(260));
    assert!(
        world.send(a.addr, &a.data()).is_empty(),
        "proved: nothing to ask"
    );
}

#[test]
fn rule_02_after_a_restart_a_hint_brings_the_legs_back() {
    let mut world = World::new();
    let (mut a, mut b) = world.bound_pair();
    world.restart();
    world.pass(Duration::from_secs(5));
    let sent = world.send(a.addr, &a.data());
    assert_eq!(sent.len(), 1);
    assert!(is_hint(&sent[0].payload, &rs_key().server(), a.from_node));
    assert!(
        sent[0].payload.len() < a.data().len(),
        "shorter than the question"
    );
    a.bind_and_confirm(&mut world);
    b.bind_and_confirm(&mut world);
    assert_eq!(world.send(a.addr, &a.data())[0].to, b.addr);
}

#[test]
fn rule_02_after_a_restart_a_bind_from_before_is_refused() {
    let mut world = World::new();
    let (mut a, _) = world.pair();
    a.counter += 1;
    let bind = world.bind(&[a.leg_bind().into()]);
    assert_eq!(world.send(a.addr, &bind).len(), 1);
    world.restart();
    world.pass(Duration::from_secs(31));
    let sent = world.send(addr("203.0.113.66:4000"), &bind);
    assert_eq!(a.response(&sent[0].payload).status, BindStatus::ClockOff);
    assert_eq!(world.relay.legs(), 0);
}

#[test]
fn a_renewed_token_of_the_same_path_binds_the_same_leg() {
    let mut world = World::new();
    let (mut a, b) = world.bound_pair();
    let grant = Grant::Leg {
        from_node: PathId(a.from_node),
        to_node: PathId(a.to_node),
        limit_kbps: 0,
    };
    a.key = secret(0x77);
    a.token = world.token(grant, &a.key);
    a.bind_and_confirm(&mut world);
    assert_eq!(world.relay.legs(), 2);
    assert_eq!(world.send(b.addr, &b.data())[0].to, a.addr);
}

#[test]
fn probes_and_keep_alives_are_answered_under_the_leg_key() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    let sent = a.tell(&mut world, &[probe(77), keep_alive()]);
    assert_eq!(sent.len(), 1);
    let reply = ProbeReply {
        id: 77,
        observed: a.addr,
        attachment: 0,
    };
    let alive = KeepAlive {
        tx: ntm_wire::id::TxId(5),
        is_reply: true,
    };
    assert_eq!(a.open(&sent[0].payload), [reply.into(), alive.into()]);
}

#[test]
fn rule_08_a_measure_token_buys_one_answer_and_no_state() {
    let mut world = World::new();
    let key = secret(0x33);
    let token = world.token(Grant::Measure { id: 99 }, &key);
    let mut node = world.pair().0;
    (node.key, node.to_node) = (key, 99);
    let bind = world.bind(&[Measure { token }.into(), probe(5)]);
    let sent = world.send(node.addr, &bind);
    let reply = ProbeReply {
        id: 5,
        observed: node.addr,
        attachment: 0,
    };
    assert_eq!(node.open(&sent[0].payload), [reply.into()]);
    assert_eq!(
        (world.relay.legs(), world.relay.counters().measured),
        (0, 1)
    );
    world.pass(TOKEN_LIFE);
    assert!(
        world.send(node.addr, &bind).is_empty(),
        "the token has expired"
    );
    assert_eq!(world.dropped(DropReason::BadToken), 1);
}

#[test]
fn draining_refuses_new_legs_and_serves_the_old() {
    let mut world = World::new();
    let (mut a, b) = world.bound_pair();
    let (mut c, _) = world.pair_with(2, 0);
    world.relay.drain(world.now);
    assert!(world.relay.is_draining());
    assert_eq!(c.bind(&mut world).status, BindStatus::Draining);
    a.addr = addr("198.51.100.9:6000");
    a.bind_and_confirm(&mut world);
    assert_eq!(world.send(b.addr, &b.data())[0].to, a.addr);
    let events = |world: &mut World| -> Vec<_> {
        core::iter::from_fn(|| world.relay.poll_event()).collect()
    };
    assert_eq!(events(&mut world), [Event::Draining { dc: None }]);
    world.pass(Duration::from_secs(200));
    assert_eq!(events(&mut world), [Event::Drained]);
}

#[test]
fn a_drained_server_without_legs_may_stop_at_once() {
    let mut world = World::new();
    world.relay.drain(world.now);
    world.relay.drain(world.now);
    let events: Vec<_> = core::iter::from_fn(|| world.relay.poll_event()).collect();
    assert_eq!(events, [Event::Draining { dc: None }, Event::Drained]);
}

#[test]
fn a_full_table_takes_no_more_legs_and_makes_room_for_them_later() {
    let mut world = World::with(2, None);
    world.bound_pair();
    let (mut c, _) = world.pair_with(2, 0);
    assert_eq!(c.bind(&mut world).status, BindStatus::Draining);
    assert_eq!((world.relay.legs(), world.relay.load()), (2, 255));
    world.pass(Duration::from_secs(200));
    assert_eq!((world.relay.legs(), world.relay.load()), (0, 0));
    c.counter = world.now.wall.as_millis();
    assert_eq!(c.bind(&mut world).status, BindStatus::Bound);
}

#[test]
fn keep_alives_hold_a_silent_leg() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    for _ in 0..30 {
        world.pass(Duration::from_secs(20));
        a.tell(&mut world, &[keep_alive()]);
    }
    assert_eq!(
        world.relay.legs(),
        1,
        "the other leg is gone after ten minutes"
    );
    assert_eq!(world.relay.counters().idle, 1);
    let sent = world.send(a.addr, &a.packet(PacketType::Data, 120));
    assert!(sent.is_empty());
    assert_eq!(world.dropped(DropReason::NoPeer), 1);
}

fn bytes_to(to: &ntm_wire::addr::RealAddr, sent: &[ntm_relay::Transmit]) -> usize {
    let own = sent.iter().filter(|t| t.to == *to);
    own.map(|t| t.payload.len()).sum()
}

fn probe(id: u32) -> Message {
    Probe {
        id,
        claim: None,
        attachment: 0,
    }
    .into()
}

fn keep_alive() -> Message {
    KeepAlive {
        tx: ntm_wire::id::TxId(5),
        is_reply: false,
    }
    .into()
}
