//! Thousands of calls in bad weather, each repeatable by its number.

use std::time::Duration;

use voice_call::core::{Decline, Event};

use crate::bench::{SECOND, Weather, World};

const PEOPLE: [&str; 4] = [
    "laptop.alice.example.org",
    "phone.bob.example.org",
    "tablet.bob.example.org",
    "pc.carol.example.org",
];

fn run(seed: u64) -> World {
    let mut world = World::new(&PEOPLE);
    world.seed(seed);
    world.weather = Weather {
        delay: Duration::from_millis(world.random() % 200),
        jitter: Duration::from_millis(world.random() % 400),
        loss: world.random() % 30,
        doubles: world.random() % 20,
    };
    for _ in 0..world.random() % 40 {
        act(&mut world);
        let pause = world.random() % 3000;
        world.run(Duration::from_millis(pause));
    }
    world
}

/// Somebody does something; half of it makes no sense where the call is.
fn act(world: &mut World) {
    let phone = usize::try_from(world.random() % 4).unwrap();
    let known: Vec<_> = world.phones[phone]
        .events
        .iter()
        .filter_map(|e| {
            if let Event::Incoming { call, .. } | Event::Calling { call, .. } = e {
                Some(*call)
            } else {
                None
            }
        })
        .collect();
    let pick = usize::try_from(world.random()).unwrap_or_default();
    let id = known.get(pick % known.len().max(1)).copied();
    match (world.random() % 8, id) {
        (0, _) => drop(world.call(phone, "bob.example.org")),
        (1, _) => drop(world.call(phone, "carol.example.org")),
        (2, _) => drop(world.text(phone, "alice.example.org", "hello")),
        (3 | 4, Some(id)) => world.accept(phone, id),
        (5, Some(id)) => world.hang_up(phone, id),
        (6, Some(id)) => {
            let hold = world.random().is_multiple_of(2);
            world.with(phone, |a, now| a.hold(now, id, hold));
        }
        (_, Some(id)) => world.with(phone, |a, now| a.decline(now, id, Decline::Busy)),
        (_, None) => {}
    }
}

/// Every call has at most one beginning, one answer and one end, in this order.
fn assert_order(world: &World, seed: u64) {
    for phone in &world.phones {
        let mut ended = Vec::new();
        let mut answered = Vec::new();
        for event in &phone.events {
            match event {
                Event::Answered { call, .. } => {
                    assert!(!answered.contains(call) && !ended.contains(call), "{seed}");
                    answered.push(*call);
                }
                Event::Ended { call, .. } => {
                    assert!(!ended.contains(call), "{seed}: {call:?} ended twice");
                    ended.push(*call);
                }
                Event::Incoming { call, .. }
                | Event::Ringing { call, .. }
                | Event::Held { call, .. } => {
                    assert!(!ended.contains(call), "{seed}: {event:?} after the end");
                }
                Event::Calling { .. }
                | Event::Text { .. }
                | Event::TextDone { .. }
                | Event::Presence { .. } => {}
            }
        }
    }
}

#[test]
fn whatever_people_do_in_whatever_weather_both_sides_agree_in_the_end_and_nothing_is_left() {
    for seed in 0..4000 {
        let mut world = run(seed);
        assert_order(&world, seed);
        // The weather clears: whoever still talks talks with somebody who does.
        world.weather = crate::bench::CALM;
        world.run(SECOND * 140);
        let talking: Vec<usize> = world.phones.iter().map(|p| p.agent.calls()).collect();
        assert_eq!(talking.iter().sum::<usize>() % 2, 0, "{seed}: {talking:?}");
        for phone in 0..4 {
            world.with(phone, |a, now| a.stop(now));
        }
        world.run(SECOND * 300);
        assert_order(&world, seed);
        for phone in &world.phones {
            let agent = &phone.agent;
            assert_eq!((agent.calls(), agent.remembered()), (0, 0), "{seed}");
            assert_eq!(agent.poll_timeout(), None, "{seed}: nothing to wait for");
        }
    }
}

#[test]
fn a_run_is_repeated_to_the_bit() {
    let bytes = |seed| {
        let world = run(seed);
        world
            .sent
            .iter()
            .map(|f| (f.at, f.bytes.clone()))
            .collect::<Vec<_>>()
    };
    for seed in 0..50 {
        assert_eq!(bytes(seed), bytes(seed));
    }
}

#[test]
fn a_thousand_calls_in_a_row_leave_nothing() {
    let mut world = World::pair();
    for _ in 0..1000 {
        let (ours, _) = world.talk();
        world.hang_up(0, ours);
        world.run(SECOND);
        world.sent.clear();
        world.phones.iter_mut().for_each(|p| p.events.clear());
    }
    let most = world
        .phones
        .iter()
        .map(|p| p.agent.remembered())
        .max()
        .unwrap();
    assert!(most < 200, "the last minute's only: {most}");
    world.run(SECOND * 300);
    for phone in &world.phones {
        assert_eq!((phone.agent.calls(), phone.agent.remembered()), (0, 0));
    }
}
