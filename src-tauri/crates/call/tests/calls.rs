//! What two people do with a telephone.

use std::time::Duration;

use voice_call::core::{By, Decline, EndReason, Event, State};
use voice_call::sdp::Codec;

use crate::bench::{SECOND, World, name};

#[test]
fn a_call_rings_is_answered_and_is_hung_up() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    assert_eq!(world.state(0, ours), State::Calling);
    world.run(SECOND);
    assert_eq!(world.state(0, ours), State::Ringing);
    let theirs = world.ringing(1).unwrap();
    world.accept(1, theirs);
    world.run(SECOND);
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.state(1, theirs), State::Active);
    world.hang_up(0, ours);
    world.run(SECOND);
    assert_eq!(
        world.ended(0, ours),
        Some(EndReason::HungUp { by: By::Here })
    );
    assert_eq!(
        world.ended(1, theirs),
        Some(EndReason::HungUp { by: By::There })
    );
    let methods = world.titles(0);
    assert_eq!(
        methods,
        [
            "INVITE sip:bob@example.org SIP/2.0",
            "SIP/2.0 180 Ringing",
            "SIP/2.0 200 OK",
            "ACK sip:[fd01:203:405:1::2]:5060 SIP/2.0",
            "BYE sip:[fd01:203:405:1::2]:5060 SIP/2.0",
            "SIP/2.0 200 OK",
        ],
        "six datagrams are a call"
    );
}

#[test]
fn the_called_side_may_hang_up_as_well() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.hang_up(1, theirs);
    world.run(SECOND);
    assert_eq!(
        world.ended(0, ours),
        Some(EndReason::HungUp { by: By::There })
    );
    assert_eq!(
        world.ended(1, theirs),
        Some(EndReason::HungUp { by: By::Here })
    );
}

#[test]
fn both_sides_learn_where_sound_goes_and_as_what() {
    let mut world = World::pair();
    world.talk();
    let media = |phone: usize| {
        let events = &world.phones[phone].events;
        let answered = events.iter().find_map(|e| {
            if let Event::Answered { media, device, .. } = e {
                Some((*media, device.clone()))
            } else {
                None
            }
        });
        answered.unwrap()
    };
    let ((at_alice, bob), (at_bob, alice)) = (media(0), media(1));
    assert_eq!(at_alice.remote.to_string(), "[fd01:203:405:1::2]:20000");
    assert_eq!(at_bob.remote.to_string(), "[fd01:203:405:1::1]:16384");
    for media in [at_alice, at_bob] {
        assert_eq!((media.codec, media.payload_type), (Codec::Opus, 111));
        assert_eq!((media.ptime, media.dred), (20, Some(12)));
        assert_eq!(media.report_extension, Some(1));
        assert!(media.fec && media.dtx);
    }
    assert_eq!(bob.name, name("phone.bob.example.org"));
    assert_eq!(alice.name, name("laptop.alice.example.org"));
}

#[test]
fn busy_and_declined_are_told_apart() {
    for (how, reason) in [
        (Decline::Busy, EndReason::Busy),
        (Decline::Declined, EndReason::Declined),
    ] {
        let mut world = World::pair();
        let ours = world.call(0, "bob.example.org");
        world.run(SECOND);
        let theirs = world.ringing(1).unwrap();
        world.with(1, |a, now| a.decline(now, theirs, how));
        world.run(SECOND);
        assert_eq!(world.ended(0, ours), Some(reason));
        assert_eq!(world.ended(1, theirs), Some(reason));
    }
}

#[test]
fn a_call_that_the_caller_takes_back_is_missed() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let theirs = world.ringing(1).unwrap();
    world.hang_up(0, ours);
    world.run(SECOND);
    assert_eq!(world.ended(0, ours), Some(EndReason::Cancelled));
    assert_eq!(world.ended(1, theirs), Some(EndReason::Cancelled));
}

#[test]
fn nobody_answers_for_sixty_seconds_and_not_a_second_less() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.run(Duration::from_millis(59_900));
    assert_eq!(world.state(0, ours), State::Ringing);
    world.run(SECOND);
    assert_eq!(world.ended(0, ours), Some(EndReason::NoAnswer));
    let theirs = world.ringing(1).unwrap();
    assert_eq!(world.ended(1, theirs), Some(EndReason::Cancelled), "missed");
}

#[test]
fn a_device_without_a_telephone_is_told_from_one_that_nobody_takes() {
    let mut world = World::pair();
    world.cut.push(world.ip(1));
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND * 61);
    assert_eq!(world.ended(0, ours), Some(EndReason::NoResponse));
}

#[test]
fn what_the_overlay_says_of_a_name_is_what_the_person_is_told() {
    for reason in [
        EndReason::NoSuchPerson,
        EndReason::Offline,
        EndReason::NotAllowed,
        EndReason::NoNetwork,
        EndReason::Unreachable,
        EndReason::Untrusted,
        EndReason::IdentityChanged,
        EndReason::VersionTooOld,
    ] {
        let mut world = World::pair();
        world.verdicts.insert(name("bob.example.org"), reason);
        let ours = world.call(0, "bob.example.org");
        assert_eq!(world.ended(0, ours), Some(reason));
        assert!(world.sent.is_empty());
    }
}

#[test]
fn nobody_calls_himself() {
    let mut world = World::pair();
    for own in ["alice.example.org", "laptop.alice.example.org"] {
        let id = world.call(0, own);
        assert_eq!(world.ended(0, id), Some(EndReason::Yourself));
    }
}

#[test]
fn either_side_holds_and_resumes_and_the_other_is_told() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    let held = |world: &World, phone: usize| {
        let events = world.phones[phone].events.iter().rev();
        let mut held = events.filter_map(|e| {
            if let Event::Held { here, there, .. } = e {
                Some((*here, *there))
            } else {
                None
            }
        });
        held.next()
    };
    world.with(0, |a, now| a.hold(now, ours, true));
    assert_eq!(held(&world, 0), Some((true, false)), "at once");
    world.run(SECOND);
    assert_eq!(held(&world, 1), Some((false, true)));
    assert_eq!(world.state(1, theirs), State::Held);
    world.with(1, |a, now| a.hold(now, theirs, true));
    world.run(SECOND);
    assert_eq!(held(&world, 0), Some((true, true)));
    world.with(0, |a, now| a.hold(now, ours, false));
    world.run(SECOND);
    assert_eq!(held(&world, 1), Some((true, false)));
    world.with(1, |a, now| a.hold(now, theirs, false));
    world.run(SECOND);
    assert_eq!(held(&world, 0), Some((false, false)));
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.state(1, theirs), State::Active);
}

#[test]
fn both_hold_at_the_same_moment_and_both_know_in_the_end() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.with(0, |a, now| a.hold(now, ours, true));
    world.with(1, |a, now| a.hold(now, theirs, true));
    world.run(SECOND * 5);
    for phone in [0, 1] {
        let last = world.phones[phone].events.last().unwrap();
        assert!(
            matches!(
                last,
                Event::Held {
                    here: true,
                    there: true,
                    ..
                }
            ),
            "{phone}: {last:?}"
        );
    }
}

#[test]
fn events_are_lines_of_json_for_a_script() {
    let mut world = World::pair();
    let (ours, _) = world.talk();
    world.hang_up(0, ours);
    let lines: Vec<String> = world.phones[0]
        .events
        .iter()
        .map(|e| serde_json::to_string(e).unwrap())
        .collect();
    let bob = r#"{"person":"bob@example.org","device":"phone.bob.example.org"}"#;
    assert_eq!(
        lines,
        [
            format!(r#"{{"event":"calling","call":2,"name":"bob@example.org","devices":[{bob}]}}"#),
            format!(r#"{{"event":"ringing","call":2,"device":{bob}}}"#),
            format!(
                r#"{{"event":"answered","call":2,"device":{bob},"media":{{"remote":"[fd01:203:405:1::2]:20000","codec":"opus","payload_type":111,"red":112,"ptime":20,"report_extension":1,"dred":12,"fec":true,"dtx":true}}}}"#
            ),
            format!(
                r#"{{"event":"ended","call":2,"reason":"hung_up","by":"here","device":{bob}}}"#
            ),
        ]
    );
}
