//! Several devices of one person ring, and one takes it.

use voice_call::core::{Decline, EndReason, State};

use crate::bench::{SECOND, World};

const ALL: [&str; 4] = [
    "laptop.alice.example.org",
    "phone.bob.example.org",
    "tablet.bob.example.org",
    "desk.bob.example.org",
];

#[test]
fn one_takes_it_and_the_others_show_that_it_was_answered_elsewhere() {
    let mut world = World::new(&ALL);
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let [phone, tablet, desk] = [1, 2, 3].map(|n| world.ringing(n).unwrap());
    world.accept(2, tablet);
    world.run(SECOND);
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.state(2, tablet), State::Active);
    for (n, id) in [(1, phone), (3, desk)] {
        assert_eq!(world.ended(n, id), Some(EndReason::AnsweredElsewhere));
    }
    let cancels = world
        .sent
        .iter()
        .filter(|f| f.title().starts_with("CANCEL"));
    let why = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
    let texts = cancels.map(|f| String::from_utf8(f.bytes.clone()).unwrap());
    let texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), 2);
    assert!(texts.iter().all(|t| t.contains(why)), "{texts:?}");
}

#[test]
fn two_take_it_at_the_same_moment_and_one_has_it() {
    let mut world = World::new(&ALL);
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let [phone, tablet] = [1, 2].map(|n| world.ringing(n).unwrap());
    world.accept(1, phone);
    world.accept(2, tablet);
    world.run(SECOND * 2);
    assert_eq!(world.state(0, ours), State::Active);
    let active = [(1, phone), (2, tablet)].map(|(n, id)| world.state(n, id) == State::Active);
    assert_eq!(active.iter().filter(|a| **a).count(), 1, "{active:?}");
    world.hang_up(0, ours);
    world.run(SECOND);
    assert!((0..4).all(|n| world.phones[n].agent.calls() == 0));
}

#[test]
fn one_is_busy_and_the_others_ring_on() {
    let mut world = World::new(&ALL);
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let [phone, tablet] = [1, 2].map(|n| world.ringing(n).unwrap());
    world.with(1, |a, now| a.decline(now, phone, Decline::Busy));
    world.run(SECOND);
    assert_eq!(world.state(0, ours), State::Ringing);
    world.accept(2, tablet);
    world.run(SECOND);
    assert_eq!(world.state(0, ours), State::Active);
}

#[test]
fn declining_on_one_device_declines_on_all() {
    let mut world = World::new(&ALL);
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let [phone, tablet, desk] = [1, 2, 3].map(|n| world.ringing(n).unwrap());
    world.with(1, |a, now| a.decline(now, phone, Decline::Declined));
    world.run(SECOND);
    assert_eq!(world.ended(0, ours), Some(EndReason::Declined));
    for (n, id) in [(2, tablet), (3, desk)] {
        assert_eq!(world.ended(n, id), Some(EndReason::DeclinedElsewhere));
    }
}

#[test]
fn busy_on_all_is_busy_and_an_unanswered_one_decides_for_nobody() {
    let mut world = World::new(&ALL);
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    for n in [1, 2, 3] {
        assert_eq!(world.ended(0, ours), None);
        let id = world.ringing(n).unwrap();
        world.with(n, |a, now| a.decline(now, id, Decline::Busy));
        world.run(SECOND);
    }
    assert_eq!(world.ended(0, ours), Some(EndReason::Busy));
}

#[test]
fn one_device_is_called_by_its_own_name() {
    let mut world = World::new(&ALL);
    world.call(0, "tablet.bob.example.org");
    world.run(SECOND);
    assert!(world.ringing(2).is_some());
    assert!(world.ringing(1).is_none() && world.ringing(3).is_none());
}

#[test]
fn a_device_that_does_not_hear_the_cancel_in_an_outage_stops_ringing_by_itself() {
    let mut world = World::new(&ALL);
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let [phone, tablet] = [1, 2].map(|n| world.ringing(n).unwrap());
    world.cut.push(world.ip(1));
    world.accept(2, tablet);
    world.run(SECOND * 90);
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.ended(1, phone), Some(EndReason::Cancelled));
}

#[test]
fn glare_with_several_devices_on_both_sides_ends_in_one_call() {
    let mut world = World::new(&[
        "laptop.alice.example.org",
        "phone.alice.example.org",
        "phone.bob.example.org",
        "tablet.bob.example.org",
    ]);
    let at_alice = world.call(0, "bob.example.org");
    let at_bob = world.call(2, "alice.example.org");
    world.run(SECOND * 3);
    assert_eq!(world.state(0, at_alice), State::Active);
    assert_eq!(world.state(2, at_bob), State::Active);
    for n in [1, 3] {
        let id = world.ringing(n).unwrap();
        assert_eq!(
            world.ended(n, id),
            Some(EndReason::AnsweredElsewhere),
            "{n}"
        );
    }
}
