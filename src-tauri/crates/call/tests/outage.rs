//! The network is away for a while. A call does not notice.

use std::time::Duration;

use voice_call::core::{By, CallId, EndReason, State};

use crate::bench::{SECOND, World, name};

/// Lets time pass while sound is heard on both sides.
fn talk_on(world: &mut World, calls: (CallId, CallId), how_long: Duration) {
    let end = world.now + how_long;
    while world.now < end {
        world.run(Duration::from_millis(400));
        world.with(0, |a, now| a.handle_heard(now, calls.0));
        world.with(1, |a, now| a.handle_heard(now, calls.1));
    }
}

fn assert_alive(world: &World, (ours, theirs): (CallId, CallId)) {
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.state(1, theirs), State::Active);
}

#[test]
fn a_call_with_sound_sends_no_datagram_of_sip_for_as_long_as_it_lasts() {
    let mut world = World::pair();
    let calls = world.talk();
    let before = world.sent.len();
    talk_on(&mut world, calls, SECOND * 3600);
    assert_eq!(world.titles(before), Vec::<String>::new());
    assert_alive(&world, calls);
}

#[test]
fn a_change_of_network_sends_no_datagram_of_sip() {
    let mut world = World::pair();
    let calls = world.talk();
    let before = world.sent.len();
    for _ in 0..50 {
        talk_on(&mut world, calls, SECOND * 10);
        let cut = [world.ip(0), world.ip(1)];
        world.cut.extend(cut);
        world.run(SECOND * 8);
        world.cut.clear();
        let [alice, bob] = [0, 1].map(|n: usize| world.phones[n].device.clone());
        world.with(0, |a, now| a.handle_restored(now, &bob));
        world.with(1, |a, now| a.handle_restored(now, &alice));
    }
    assert_eq!(world.titles(before), Vec::<String>::new());
    assert_alive(&world, calls);
}

#[test]
fn a_call_outlives_an_outage_of_eight_seconds_and_of_sixty_whatever_the_overlay_says() {
    for verdict in [None, Some(EndReason::Offline), Some(EndReason::NoNetwork)] {
        for length in [8, 60] {
            let mut world = World::pair();
            let calls = world.talk();
            talk_on(&mut world, calls, SECOND * 30);
            for device in ["phone.bob.example.org", "laptop.alice.example.org"] {
                verdict.map(|v| world.verdicts.insert(name(device), v));
            }
            world.cut.push(world.ip(1));
            world.run(SECOND * length);
            world.cut.clear();
            world.verdicts.clear();
            talk_on(&mut world, calls, SECOND * 30);
            assert_alive(&world, calls);
            world.hang_up(0, calls.0);
            world.run(SECOND);
            let by = By::There;
            assert_eq!(world.ended(1, calls.1), Some(EndReason::HungUp { by }));
        }
    }
}

#[test]
fn a_call_never_ends_while_the_overlay_says_that_the_other_side_is_registered() {
    let mut world = World::pair();
    let (ours, _) = world.talk();
    world.cut.push(world.ip(1));
    world.run(SECOND * 3600);
    assert_eq!(world.state(0, ours), State::Active);
    world
        .verdicts
        .insert(name("phone.bob.example.org"), EndReason::Unreachable);
    world.run(SECOND * 3600);
    assert_eq!(
        world.state(0, ours),
        State::Active,
        "directed, so registered"
    );
}

#[test]
fn a_device_that_is_gone_from_the_overlay_is_lost_after_ninety_seconds_of_silence() {
    let mut world = World::pair();
    let (ours, _) = world.talk();
    world.cut.push(world.ip(1));
    world
        .verdicts
        .insert(name("phone.bob.example.org"), EndReason::Offline);
    world.run(SECOND * 85);
    assert_eq!(world.state(0, ours), State::Active);
    world.run(SECOND * 20);
    assert_eq!(world.ended(0, ours), Some(EndReason::ConnectionLost));
}

#[test]
fn without_anybody_to_ask_a_silent_call_waits_five_minutes() {
    let mut world = World::pair();
    let (ours, _) = world.talk();
    world.cut.push(world.ip(1));
    world
        .verdicts
        .insert(name("phone.bob.example.org"), EndReason::NoNetwork);
    world.run(SECOND * 295);
    assert_eq!(world.state(0, ours), State::Active);
    world.run(SECOND * 20);
    assert_eq!(world.ended(0, ours), Some(EndReason::ConnectionLost));
}

#[test]
fn a_telephone_that_was_started_anew_knows_nothing_of_the_call_and_says_so() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    // Killed: no goodbye.
    let fresh = World::pair().phones.remove(1);
    world.phones[1].agent = fresh.agent;
    assert_eq!(world.state(1, theirs), State::Idle);
    world.run(SECOND * 25);
    assert_eq!(world.ended(0, ours), Some(EndReason::ConnectionLost));
}

#[test]
fn an_outage_of_eight_seconds_at_any_moment_of_the_set_up_delays_it_only() {
    for start in 0..24 {
        let mut world = World::pair();
        let ours = world.call(0, "bob.example.org");
        world.run(Duration::from_millis(start * 5));
        world.cut.push(world.ip(1));
        if start >= 8 {
            let theirs = world.ringing(1).unwrap();
            world.accept(1, theirs);
        }
        world.run(SECOND * 8);
        world.cut.clear();
        world.run(SECOND * 4);
        let theirs = world.ringing(1).unwrap();
        world.accept(1, theirs);
        world.run(SECOND);
        assert_alive(&world, (ours, theirs));
    }
}

#[test]
fn an_answer_that_is_not_confirmed_for_sixty_seconds_does_not_end_the_call() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.run(Duration::from_millis(100));
    let theirs = world.ringing(1).unwrap();
    world.cut.push(world.ip(1));
    world.accept(1, theirs);
    world.run(SECOND * 55);
    assert_eq!(world.state(1, theirs), State::Active, "no ACK is no reason");
    world.cut.clear();
    world.run(SECOND * 5);
    assert_alive(&world, (ours, theirs));
}

#[test]
fn a_restored_way_is_used_at_once_for_what_waits() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let theirs = world.ringing(1).unwrap();
    world.cut.push(world.ip(1));
    world.accept(1, theirs);
    world.run(SECOND * 20);
    world.cut.clear();
    let alice = world.phones[0].device.clone();
    world.with(1, |a, now| a.handle_restored(now, &alice));
    world.run(Duration::from_millis(41));
    assert_alive(&world, (ours, theirs));
}

#[test]
fn a_hold_in_an_outage_reaches_the_other_side_afterwards() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.cut.push(world.ip(1));
    world.with(0, |a, now| a.hold(now, ours, true));
    world.run(SECOND * 60);
    assert_eq!(world.state(1, theirs), State::Active);
    world.cut.clear();
    world.run(SECOND * 5);
    assert_eq!(world.state(1, theirs), State::Held);
}

#[test]
fn a_hang_up_in_an_outage_reaches_the_other_side_afterwards() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.cut.push(world.ip(1));
    world.hang_up(0, ours);
    world.run(SECOND * 60);
    assert_eq!(world.state(1, theirs), State::Active);
    world.cut.clear();
    world.run(SECOND * 4);
    // Whichever comes first: the BYE, or the answer that there is no such call.
    assert!(world.ended(1, theirs).is_some());
}

#[test]
fn who_answers_and_hangs_up_within_an_outage_is_understood_afterwards() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let theirs = world.ringing(1).unwrap();
    world.cut.push(world.ip(1));
    world.accept(1, theirs);
    world.run(SECOND);
    world.hang_up(1, theirs);
    world.run(SECOND * 8);
    assert_eq!(world.state(0, ours), State::Ringing);
    world.cut.clear();
    world.run(SECOND * 5);
    let by = By::There;
    assert_eq!(world.ended(0, ours), Some(EndReason::HungUp { by }));
}

#[test]
fn a_held_line_stays_for_hours_with_a_question_every_twenty_seconds() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.with(0, |a, now| a.hold(now, ours, true));
    world.run(SECOND);
    let before = world.sent.len();
    world.run(SECOND * 3600);
    assert_eq!(world.state(0, ours), State::Held);
    assert_eq!(world.state(1, theirs), State::Held);
    let sent = world.sent.len() - before;
    assert!(sent <= 2 * 181, "{sent}");
}
