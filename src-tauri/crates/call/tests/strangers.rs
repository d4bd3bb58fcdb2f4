//! Others of the overlay: they may call and write, and that is all.

use std::net::SocketAddr;

use proptest::prelude::*;
use voice_call::core::{EndReason, Event, Limits, State};

use crate::bench::{SECOND, World};

const MALLORY: &str = "[fd01:203:405:1::bad]:5060";

fn mallory() -> SocketAddr {
    MALLORY.parse().unwrap()
}

/// Everything that was said in a call, said again by somebody else.
#[test]
fn a_stranger_who_knows_every_tag_can_neither_end_nor_hold_a_call() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    world.with(0, |a, now| a.hold(now, ours, true));
    world.run(SECOND);
    world.with(0, |a, now| a.hold(now, ours, false));
    world.run(SECOND);
    // What alice would say, taken from a world of the same seeds in which she does.
    let mut other = World::pair();
    let (again, _) = other.talk();
    other.hang_up(0, again);
    let bye = other.sent.iter().find(|f| f.title().starts_with("BYE"));
    let bye = String::from_utf8(bye.unwrap().bytes.clone()).unwrap();
    let bye = bye.replace("CSeq: 2", "CSeq: 900");
    for to in [0, 1] {
        world.inject(mallory(), to, bye.as_bytes());
        let update = bye.replace("BYE", "UPDATE");
        world.inject(mallory(), to, update.as_bytes());
    }
    let said = world.sent.clone();
    for sent in said {
        for to in [0, 1] {
            world.inject(mallory(), to, &sent.bytes);
        }
    }
    world.run(SECOND * 5);
    assert_eq!(world.state(0, ours), State::Active);
    assert_eq!(world.state(1, theirs), State::Active);
    let strangers: u64 = [0, 1]
        .map(|n: usize| world.phones[n].agent.counters().strangers)
        .iter()
        .sum();
    assert!(strangers > 5, "{strangers}");
    // The same words from alice herself do end it.
    let alice = SocketAddr::new(world.ip(0), 5060);
    world.inject(alice, 1, bye.as_bytes());
    world.run(SECOND);
    assert!(
        world.ended(1, theirs).is_some(),
        "the test's BYE is a true one"
    );
}

#[test]
fn a_stranger_can_not_cancel_a_call_that_rings() {
    let mut world = World::pair();
    world.call(0, "bob.example.org");
    world.run(SECOND);
    let theirs = world.ringing(1).unwrap();
    let head = cancel(&String::from_utf8(world.sent[0].bytes.clone()).unwrap());
    world.inject(mallory(), 1, head.as_bytes());
    world.run(SECOND);
    assert_eq!(world.state(1, theirs), State::Ringing);
    let alice = SocketAddr::new(world.ip(0), 5060);
    world.inject(alice, 1, head.as_bytes());
    world.run(SECOND);
    assert_eq!(
        world.ended(1, theirs),
        Some(EndReason::Cancelled),
        "a true one"
    );
}

#[test]
fn a_stranger_can_not_answer_a_call() {
    let mut world = World::pair();
    let ours = world.call(0, "bob.example.org");
    world.run(SECOND);
    let theirs = world.ringing(1).unwrap();
    world.cut.push(world.ip(1));
    world.accept(1, theirs);
    let answer = world.sent.last().unwrap().clone();
    assert_eq!(answer.title(), "SIP/2.0 200 OK");
    world.inject(mallory(), 0, &answer.bytes);
    world.run(SECOND);
    assert_eq!(world.state(0, ours), State::Ringing);
}

#[test]
fn nobody_aims_sound_at_somebody_else() {
    let mut world = World::pair();
    world.call(0, "bob.example.org");
    let invite = String::from_utf8(world.sent[0].bytes.clone()).unwrap();
    let aimed = invite.replace("IN IP6 fd01:203:405:1::1", "IN IP6 fd01:203:405:1::7");
    let aimed = aimed.replace("branch=z9", "branch=z8");
    assert_ne!(aimed, invite);
    world.cut.push(world.ip(1));
    world.run(SECOND);
    world.cut.clear();
    let alice = SocketAddr::new(world.ip(0), 5060);
    let before = world.sent.len();
    world.inject(alice, 1, aimed.as_bytes());
    world.run(std::time::Duration::from_millis(1));
    assert_eq!(world.titles(before), ["SIP/2.0 488 Not Acceptable Here"]);
    assert_eq!(world.ringing(1), None);
}

/// The CANCEL of an INVITE.
fn cancel(invite: &str) -> String {
    let cancel = invite.replace("INVITE", "CANCEL");
    let head = cancel.split("\r\n\r\n").next().unwrap();
    head.split("\r\nl: ").next().unwrap().to_owned() + "\r\nl: 0\r\n\r\n"
}

/// So many of one device, each for a call of its own.
fn invites_from(from: SocketAddr, count: usize) -> Vec<String> {
    let mut maker = World::pair();
    maker.call(0, "bob.example.org");
    let invite = String::from_utf8(maker.sent[0].bytes.clone()).unwrap();
    let invite = invite.replace("fd01:203:405:1::1", &from.ip().to_string());
    let numbered = |n| {
        let one = invite.replace("i: ", &format!("i: {n}x"));
        one.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{n}x"))
    };
    (0..count).map(numbered).collect()
}

fn invites(world: &mut World, from: SocketAddr, count: usize) {
    for one in invites_from(from, count) {
        world.inject(from, 1, one.as_bytes());
    }
}

fn rang(world: &World) -> usize {
    let events = world.phones[1].events.iter();
    events
        .filter(|e| matches!(e, Event::Incoming { .. }))
        .count()
}

#[test]
fn one_device_rings_four_times_at_most_and_others_still_get_through() {
    let mut world = World::pair();
    invites(&mut world, mallory(), 10_000);
    world.run(SECOND);
    assert_eq!(rang(&world), 4);
    assert!(world.phones[1].agent.remembered() <= 8);
    world.call(0, "bob.example.org");
    world.run(SECOND);
    assert_eq!(rang(&world), 5);
}

#[test]
fn who_gives_up_again_and_again_rings_no_more_for_a_while_and_fills_no_memory() {
    let names = ["laptop.alice.example.org", "phone.bob.example.org"];
    let limits = Limits {
        remembered: 64,
        ..Limits::default()
    };
    let mut world = World::with_limits(&names, limits);
    let mut calls = invites_from(mallory(), 1001);
    let last = calls.pop().unwrap();
    for invite in calls {
        world.inject(mallory(), 1, invite.as_bytes());
        world.inject(mallory(), 1, cancel(&invite).as_bytes());
        world.run(SECOND / 1000);
        assert!(
            world.phones[1].agent.remembered() <= 64,
            "no ACK ever comes"
        );
    }
    let often = rang(&world);
    assert_eq!(often, 21);
    world.call(0, "bob.example.org");
    world.run(SECOND);
    assert_eq!(rang(&world), often + 1, "others get through");
    world.run(SECOND * 10);
    world.inject(mallory(), 1, last.as_bytes());
    world.run(SECOND);
    assert_eq!(rang(&world), often + 2, "and it is forgiven");
}

#[test]
fn a_thousand_devices_together_have_a_limit_too() {
    let limits = Limits {
        calls: 50,
        remembered: 100,
        ..Limits::default()
    };
    let mut world = World::with_limits(
        &["laptop.alice.example.org", "phone.bob.example.org"],
        limits,
    );
    for n in 0..1000 {
        let from = format!("[fd01:203:405:1::1:{n:x}]:5060").parse().unwrap();
        invites(&mut world, from, 5);
    }
    world.run(SECOND);
    let agent = &world.phones[1].agent;
    assert_eq!(agent.calls(), 50);
    assert!(agent.remembered() <= 100, "{}", agent.remembered());
    assert!(agent.counters().refused >= 4000);
    world.run(SECOND * 200);
    let agent = &world.phones[1].agent;
    assert_eq!(
        (agent.calls(), agent.remembered()),
        (0, 0),
        "and all of it goes"
    );
}

#[test]
fn remembered_answers_have_a_limit() {
    let limits = Limits {
        remembered: 64,
        ..Limits::default()
    };
    let mut world = World::with_limits(
        &["laptop.alice.example.org", "phone.bob.example.org"],
        limits,
    );
    for n in 0..5000 {
        world.text(0, "bob.example.org", &format!("{n}"));
        world.run(SECOND / 2);
        assert!(world.phones[1].agent.remembered() <= 64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn garbage_is_counted_and_harms_nothing(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 1..8)
    ) {
        let mut world = World::pair();
        let calls = world.talk();
        let alice = SocketAddr::new(world.ip(0), 5060);
        for datagram in &datagrams {
            world.inject(alice, 1, datagram);
        }
        world.run(SECOND);
        prop_assert_eq!(world.state(1, calls.1), State::Active);
        prop_assert_eq!(world.phones[1].agent.counters().malformed, datagrams.len() as u64);
    }

    /// Harder than noise: true messages with some bytes changed, cut out or put in, from the very peer.
    #[test]
    fn what_was_said_and_altered_panics_nowhere_and_leaves_nothing(
        edits in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..4u8, any::<prop::sample::Index>(), "[;:,<>\"@\\[\\]\r\n =/a-z0-9]{1,3}"),
            1..24,
        )
    ) {
        let mut world = World::pair();
        let calls = world.talk();
        world.with(0, |a, now| a.hold(now, calls.0, true));
        world.text(0, "bob.example.org", "hello");
        world.run(SECOND);
        world.hang_up(0, calls.0);
        world.run(SECOND);
        let said = world.sent.clone();
        for (which, kind, place, text) in &edits {
            let sent = which.get(&said);
            let mut bytes = sent.bytes.clone();
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = text.as_bytes()[0],
                1 => { bytes.remove(at); }
                2 => { bytes.splice(at..at, text.bytes()); }
                _ => bytes.truncate(at),
            }
            let to = usize::from(sent.from.ip() == world.ip(0));
            world.inject(sent.from, to, &bytes);
        }
        world.run(SECOND * 300);
        for phone in &world.phones {
            prop_assert_eq!((phone.agent.calls(), phone.agent.remembered()), (0, 0));
        }
    }
}
