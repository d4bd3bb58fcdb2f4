//! Who is there, told among those who both want it.

use std::collections::BTreeSet;
use std::time::Duration;

use ntm::wire::fqdn::Fqdn;
use voice_call::core::{EndReason, Event, Presence};

use crate::bench::{SECOND, World, device, name};

const ALICE: &str = "alice.example.org";
const BOB: &str = "bob.example.org";
const HOUR: Duration = Duration::from_secs(3600);

fn people(names: &[&str]) -> BTreeSet<Fqdn> {
    names.iter().map(|n| name(n)).collect()
}

fn share(world: &mut World, phone: usize, with: &[&str]) {
    let with = people(with);
    world.with(phone, |a, now| a.share_presence(now, &with));
    world.run(SECOND);
}

/// What a telephone was told, in order.
fn told(world: &World, phone: usize) -> Vec<(String, Presence)> {
    let events = world.phones[phone].events.iter();
    let told = events.filter_map(|e| {
        if let Event::Presence { person, presence } = e {
            Some((person.to_string(), *presence))
        } else {
            None
        }
    });
    told.collect()
}

fn last(world: &World, phone: usize) -> Option<Presence> {
    told(world, phone).last().map(|(_, p)| *p)
}

/// Both share with each other, and both know that the other is there.
fn friends() -> World {
    let mut world = World::pair();
    share(&mut world, 0, &[BOB]);
    share(&mut world, 1, &[ALICE]);
    assert_eq!(last(&world, 0), Some(Presence::Open));
    assert_eq!(last(&world, 1), Some(Presence::Open));
    world
}

#[test]
fn whoever_comes_second_tells_the_first_by_the_same_question() {
    let world = friends();
    let first = (BOB.to_owned(), Presence::Untold);
    let then = (BOB.to_owned(), Presence::Open);
    assert_eq!(told(&world, 0), [first, then], "bob shared a second later");
    assert_eq!(told(&world, 1), [(ALICE.to_owned(), Presence::Open)]);
    let questions = world.titles(0);
    let asked = questions.iter().filter(|t| t.starts_with("OPTIONS"));
    assert_eq!(asked.count(), 2, "one each: {questions:?}");
}

#[test]
fn in_an_hour_of_being_there_nothing_is_said() {
    let mut world = friends();
    let before = world.sent.len();
    world.run(HOUR);
    assert_eq!(world.titles(before), Vec::<String>::new());
    let due = world.phones.iter().filter_map(|p| p.agent.poll_timeout());
    assert_eq!(due.count(), 0, "no timer wakes the device up");
}

#[test]
fn a_hand_over_says_nothing_either() {
    let mut world = friends();
    let before = world.sent.len();
    let bob = world.phones[1].device.clone();
    world.with(0, |a, now| a.handle_restored(now, &bob));
    world.run(SECOND);
    assert_eq!(world.titles(before), Vec::<String>::new());
}

#[test]
fn who_does_not_share_is_not_told_of_and_learns_nothing() {
    let mut world = World::new(&[
        "laptop.alice.example.org",
        "phone.bob.example.org",
        "pc.mallory.example.org",
    ]);
    share(&mut world, 0, &[BOB]);
    // Mallory shares with alice, who does not know her; bob shares with nobody.
    share(&mut world, 2, &[ALICE, BOB]);
    let untold = |n: &str| (n.to_owned(), Presence::Untold);
    assert_eq!(told(&world, 2), [untold(ALICE), untold(BOB)]);
    assert_eq!(told(&world, 0), [untold(BOB)]);
    assert_eq!(told(&world, 1), []);
    let answers: Vec<String> = world
        .sent
        .iter()
        .filter(|f| f.title().starts_with("SIP/2.0 200"))
        .map(|f| String::from_utf8_lossy(&f.bytes).into_owned())
        .collect();
    assert_eq!(answers.len(), 3);
    assert!(
        answers.iter().all(|a| !a.contains("X-Presence")),
        "{answers:?}"
    );
}

#[test]
fn a_stranger_s_question_is_answered_as_if_presence_was_never_heard_of() {
    let mut world = World::pair();
    let answer = |world: &mut World, field: &str| {
        let text = format!(
            "OPTIONS sip:{ALICE} SIP/2.0\r\nv: SIP/2.0/UDP [fd01:203:405:1::c8];branch=z9hG4bKx\r\n\
             f: <sip:x@y.z>;tag=1\r\nt: <sip:{ALICE}>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n{field}l: 0\r\n\r\n"
        );
        let mallory = device(200, "pc.mallory.example.org");
        let from = std::net::SocketAddr::new(mallory.v6.into(), 5060);
        let before = world.sent.len();
        world.inject(from, 0, text.as_bytes());
        world.run(SECOND);
        assert_eq!(world.sent.len(), before + 1);
        String::from_utf8_lossy(&world.sent[before].bytes).into_owned()
    };
    share(&mut world, 0, &[BOB]);
    let without_tag = |a: String| a.split(";tag=").next().map(str::to_owned);
    let plain = without_tag(answer(&mut world, ""));
    let asked = without_tag(answer(&mut world, "X-Presence: open\r\n"));
    assert_eq!(plain, asked);
    let tail = answer(&mut world, "X-Presence: open\r\n");
    assert!(!tail.contains("Presence"), "{tail}");
}

#[test]
fn a_device_that_is_stopped_says_so() {
    let mut world = friends();
    world.with(1, |a, now| a.stop(now));
    world.run(SECOND);
    assert_eq!(last(&world, 0), Some(Presence::Closed));
}

#[test]
fn who_no_longer_shares_seems_gone_and_is_told_of_no_more() {
    let mut world = friends();
    share(&mut world, 1, &[]);
    assert_eq!(last(&world, 0), Some(Presence::Closed));
    let before = told(&world, 1).len();
    world.with(0, |a, now| a.stop(now));
    world.run(SECOND);
    assert_eq!(told(&world, 1).len(), before);
}

#[test]
fn one_device_of_two_that_goes_leaves_the_person_there() {
    let mut world = World::new(&[
        "laptop.alice.example.org",
        "phone.bob.example.org",
        "tablet.bob.example.org",
    ]);
    share(&mut world, 1, &[ALICE]);
    share(&mut world, 2, &[ALICE]);
    share(&mut world, 0, &[BOB]);
    assert_eq!(last(&world, 0), Some(Presence::Open));
    world.with(1, |a, now| a.stop(now));
    world.run(SECOND);
    assert_eq!(last(&world, 0), Some(Presence::Open));
    world.with(2, |a, now| a.stop(now));
    world.run(SECOND);
    assert_eq!(last(&world, 0), Some(Presence::Closed));
}

#[test]
fn a_tunnel_that_was_closed_means_gone_and_one_that_fell_silent_means_unknown_until_it_is_back() {
    let mut world = friends();
    let bob = world.phones[1].device.clone();
    world.with(0, |a, _| a.handle_gone(&bob.name, false));
    assert_eq!(last(&world, 0), Some(Presence::Unknown));
    world.with(0, |a, now| a.handle_restored(now, &bob));
    world.run(SECOND);
    assert_eq!(last(&world, 0), Some(Presence::Open), "asked once more");
    world.with(0, |a, _| a.handle_gone(&bob.name, true));
    assert_eq!(last(&world, 0), Some(Presence::Closed));
}

#[test]
fn who_is_absent_is_told_apart_from_who_can_t_be_asked() {
    let mut world = World::pair();
    for (reason, presence) in [
        (EndReason::Offline, Presence::Absent),
        (EndReason::NoNetwork, Presence::Unknown),
    ] {
        world.verdicts.insert(name(BOB), reason);
        share(&mut world, 0, &[BOB]);
        world.with(0, |a, now| a.refresh_presence(now));
        world.run(SECOND);
        assert_eq!(last(&world, 0), Some(presence), "{reason:?}");
    }
}

#[test]
fn who_does_not_answer_is_unknown_after_a_minute_and_nothing_is_left_of_it() {
    let mut world = World::pair();
    share(&mut world, 0, &[BOB]);
    assert_eq!(last(&world, 0), Some(Presence::Untold));
    world.cut.push(world.ip(1));
    world.with(0, |a, now| a.refresh_presence(now));
    world.run(SECOND * 60);
    assert_eq!(last(&world, 0), Some(Presence::Untold), "it may answer yet");
    world.run(SECOND * 10);
    assert_eq!(last(&world, 0), Some(Presence::Unknown));
    assert_eq!(world.phones[0].agent.remembered(), 0);
}

#[test]
fn a_third_of_all_datagrams_lost_others_doubled_and_late_and_what_was_said_last_holds() {
    for seed in 0..200 {
        let mut world = World::pair();
        world.seed(seed);
        world.weather.loss = 30;
        world.weather.doubles = 50;
        world.weather.jitter = SECOND;
        share(&mut world, 0, &[BOB]);
        share(&mut world, 1, &[ALICE]);
        for _ in 0..5 {
            share(&mut world, 1, &[]);
            share(&mut world, 1, &[ALICE]);
        }
        world.run(SECOND * 70);
        assert_eq!(last(&world, 0), Some(Presence::Open), "seed {seed}");
        share(&mut world, 1, &[]);
        world.run(SECOND * 70);
        assert_eq!(last(&world, 0), Some(Presence::Closed), "seed {seed}");
    }
}

#[test]
fn five_hundred_contacts_are_asked_five_a_second() {
    let mut world = World::pair();
    let names: BTreeSet<Fqdn> = (0..500)
        .map(|n| name(&format!("p{n}.example.org")))
        .collect();
    world.with(0, |a, now| a.share_presence(now, &names));
    world.run(SECOND * 200);
    let due = world.phones[0].agent.poll_timeout();
    assert_eq!(due, None, "all were asked within 100 s, and nobody twice");
}
