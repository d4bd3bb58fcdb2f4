//! Texts in and out of a call.

use voice_call::core::{EndReason, Event, MAX_TEXT, TextError, TextId, TextOutcome};

use crate::bench::{SECOND, World, name};

fn heard(world: &World, phone: usize) -> Vec<String> {
    let texts = world.phones[phone].events.iter().filter_map(|e| {
        if let Event::Text { from, text } = e {
            Some(format!("{}: {text}", from.name))
        } else {
            None
        }
    });
    texts.collect()
}

#[test]
fn a_text_arrives_once_with_its_sender_and_is_reported() {
    let mut world = World::pair();
    let id = world.text(0, "bob.example.org", "こんにちは");
    world.run(SECOND);
    assert_eq!(heard(&world, 1), ["laptop.alice.example.org: こんにちは"]);
    let bob = world.phones[1].device.clone();
    let delivered = TextOutcome::Delivered { device: bob };
    assert_eq!(world.outcome(0, id), Some(delivered));
}

#[test]
fn every_device_of_a_person_has_the_text() {
    let mut world = World::new(&[
        "laptop.alice.example.org",
        "phone.bob.example.org",
        "tablet.bob.example.org",
    ]);
    world.text(0, "bob.example.org", "both");
    world.run(SECOND);
    assert_eq!((heard(&world, 1).len(), heard(&world, 2).len()), (1, 1));
}

#[test]
fn a_text_to_nobody_or_into_silence_is_reported_as_well() {
    let mut world = World::pair();
    world
        .verdicts
        .insert(name("bob.example.org"), EndReason::Offline);
    let id = world.text(0, "bob.example.org", "hello");
    let reason = EndReason::Offline;
    assert_eq!(world.outcome(0, id), Some(TextOutcome::Failed { reason }));
    world.verdicts.clear();
    world.cut.push(world.ip(1));
    let id = world.text(0, "bob.example.org", "hello");
    world.run(SECOND * 60);
    assert_eq!(world.outcome(0, id), None);
    world.run(SECOND * 10);
    let reason = EndReason::NoAnswer;
    assert_eq!(world.outcome(0, id), Some(TextOutcome::Failed { reason }));
}

#[test]
fn half_of_all_datagrams_lost_and_every_text_arrives_once() {
    let mut world = World::pair();
    world.weather.loss = 50;
    let ids: Vec<TextId> = (0..20)
        .map(|n| {
            world.run(SECOND);
            world.text(0, "bob.example.org", &format!("text {n}"))
        })
        .collect();
    world.run(SECOND * 70);
    let mut all = heard(&world, 1);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), heard(&world, 1).len(), "none twice");
    assert_eq!(all.len(), 20);
    for id in ids {
        let outcome = world.outcome(0, id);
        assert!(
            matches!(outcome, Some(TextOutcome::Delivered { .. })),
            "{outcome:?}"
        );
    }
}

#[test]
fn what_is_too_long_or_empty_is_not_tried() {
    let mut world = World::pair();
    let long = "x".repeat(MAX_TEXT + 1);
    let try_it = |world: &mut World, text: &str| {
        world.with(0, |a, _| {
            a.send_text(TextId(99), name("bob.example.org"), text)
        })
    };
    assert_eq!(try_it(&mut world, &long), Err(TextError::TooLong));
    assert_eq!(try_it(&mut world, ""), Err(TextError::Empty));
    assert!(world.sent.is_empty());
}

#[test]
fn a_flood_of_texts_from_one_device_is_stopped_and_others_get_through() {
    let mut world = World::new(&[
        "laptop.alice.example.org",
        "phone.bob.example.org",
        "pc.carol.example.org",
    ]);
    for n in 0..200 {
        world.text(0, "bob.example.org", &format!("{n}"));
    }
    world.text(2, "bob.example.org", "from carol");
    world.run(SECOND);
    let all = heard(&world, 1);
    assert_eq!(all.iter().filter(|t| t.starts_with("laptop")).count(), 50);
    assert!(all.contains(&"pc.carol.example.org: from carol".to_owned()));
}
