//! What crosses on the way.

use std::time::Duration;

use voice_call::core::{By, EndReason, State};

use crate::bench::{SECOND, World};

fn in_call(world: &World, phone: usize) -> usize {
    world.phones[phone].agent.calls()
}

#[test]
fn two_who_call_each_other_at_once_talk() {
    for second_is_late in [0, 5, 19, 21, 39, 41, 300] {
        let mut world = World::pair();
        let at_alice = world.call(0, "bob.example.org");
        world.run(Duration::from_millis(second_is_late));
        let at_bob = world.call(1, "alice.example.org");
        world.run(SECOND * 6);
        assert_eq!(
            world.state(0, at_alice),
            State::Active,
            "{second_is_late} ms"
        );
        assert_eq!(world.state(1, at_bob), State::Active, "{second_is_late} ms");
        assert_eq!((in_call(&world, 0), in_call(&world, 1)), (1, 1));
        world.hang_up(0, at_alice);
        world.run(SECOND);
        assert_eq!((in_call(&world, 0), in_call(&world, 1)), (0, 0));
    }
}

#[test]
fn calling_whoever_is_just_ringing_here_takes_the_call() {
    let mut world = World::pair();
    let at_alice = world.call(0, "bob.example.org");
    world.run(SECOND);
    let rang = world.ringing(1).unwrap();
    let at_bob = world.call(1, "alice.example.org");
    world.run(SECOND);
    assert_eq!(
        world.ended(1, rang),
        Some(EndReason::Replaced { by: at_bob })
    );
    assert_eq!(world.state(0, at_alice), State::Active);
    assert_eq!(world.state(1, at_bob), State::Active);
}

#[test]
fn a_glare_whose_other_side_gives_up_rings_after_all() {
    let mut world = World::pair();
    // alice's name comes first: hers goes on, so bob's is asked for patience.
    world.cut.push(world.ip(1));
    let at_alice = world.call(0, "bob.example.org");
    world.run(Duration::from_millis(10));
    let at_bob = world.call(1, "alice.example.org");
    world.run(Duration::from_millis(15));
    world.cut.clear();
    world.run(Duration::from_millis(85));
    world.cut.push(world.ip(0));
    world.hang_up(0, at_alice);
    world.run(Duration::from_millis(300));
    world.cut.clear();
    world.run(SECOND * 8);
    let rings = world.ringing(0).unwrap();
    world.accept(0, rings);
    world.run(SECOND);
    assert_eq!(world.state(1, at_bob), State::Active);
}

#[test]
fn a_cancel_that_crosses_with_the_answer_ends_the_call_on_both_sides() {
    for late in [0, 10, 19, 20, 21, 30, 39, 41] {
        let mut world = World::pair();
        let ours = world.call(0, "bob.example.org");
        world.run(SECOND);
        let theirs = world.ringing(1).unwrap();
        world.accept(1, theirs);
        world.run(Duration::from_millis(late));
        world.hang_up(0, ours);
        world.run(SECOND * 2);
        assert!(world.ended(0, ours).is_some());
        assert_eq!(
            world.ended(1, theirs),
            Some(EndReason::HungUp { by: By::There }),
            "{late} ms"
        );
        assert_eq!((in_call(&world, 0), in_call(&world, 1)), (0, 0));
    }
}

#[test]
fn a_cancel_sent_before_anything_was_heard_stops_the_ringing() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.hang_up(0, ours);
    world.run(SECOND * 2);
    let theirs = world.ringing(1).unwrap();
    assert_eq!(world.ended(1, theirs), Some(EndReason::Cancelled));
}

#[test]
fn a_cancel_that_overtakes_its_invite_stops_the_ringing_too() {
    let mut world = World::pair();
    world.weather.delay = SECOND;
    let ours = world.call(0, "bob.example.org");
    world.weather.delay = Duration::from_millis(10);
    world.hang_up(0, ours);
    world.run(SECOND * 4);
    let theirs = world.ringing(1).unwrap();
    assert_eq!(world.ended(1, theirs), Some(EndReason::Cancelled));
}

#[test]
fn both_hang_up_at_once() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.hang_up(0, ours);
    world.hang_up(1, theirs);
    world.run(SECOND);
    assert_eq!(
        world.ended(0, ours),
        Some(EndReason::HungUp { by: By::Here })
    );
    assert_eq!(
        world.ended(1, theirs),
        Some(EndReason::HungUp { by: By::Here })
    );
}

#[test]
fn doubles_of_everything_change_nothing() {
    let mut world = World::pair();
    world.weather.doubles = 100;
    let (ours, theirs) = world.talk();
    let rang = world.phones[1].events.len();
    assert_eq!(rang, 2, "incoming and answered, once each");
    world.with(0, |a, now| a.hold(now, ours, true));
    world.run(SECOND);
    world.text(0, "bob.example.org", "hello");
    world.run(SECOND);
    world.hang_up(0, ours);
    world.run(SECOND);
    assert_eq!(
        world.ended(1, theirs),
        Some(EndReason::HungUp { by: By::There })
    );
    assert_eq!(world.phones[1].events.len(), rang + 3, "held, text, ended");
}

#[test]
fn an_invite_that_comes_again_after_the_call_does_not_ring() {
    let mut world = World::pair();
    let (ours, _) = world.talk();
    let invite = world.sent[0].clone();
    world.hang_up(0, ours);
    world.run(SECOND * 5);
    let before = world.phones[1].events.len();
    world.inject(invite.from, 1, &invite.bytes);
    world.run(SECOND);
    assert_eq!(world.phones[1].events.len(), before);
}

/// With the mistake that this is about, time would stand still here.
#[test]
fn a_hold_that_is_taken_back_before_it_may_be_said_again_is_forgotten() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    for held in [true, false] {
        world.with(0, |a, now| a.hold(now, ours, held));
        world.with(1, |a, now| a.hold(now, theirs, held));
        // Both are told 491, and wait for at least 100 ms.
        world.run(SECOND * 6 / 100);
    }
    world.run(SECOND * 10);
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.state(1, theirs), State::Active);
}
