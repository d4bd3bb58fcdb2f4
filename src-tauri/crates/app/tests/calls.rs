//! Calls that are answered.

use std::time::Duration;

use voice_app::AnswerRule;
use voice_app::history::History;
use voice_app::settings::Settings;
use voice_app::view::CallState;

use crate::harness::World;
use crate::people::Person;

const NAMES: [&str; 3] = ["alice.example.org", "bob.example.org", "echo.example.org"];
/// People talk for so long.
const TALK: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn two_people_hear_each_other_and_the_history_of_both_has_it() {
    let world = World::start(&NAMES).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Always, 700.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Busy, 440.0).await;
    let call = alice.app.call("bob").await.unwrap();
    alice.until(CallState::Talking).await;
    bob.until(CallState::Talking).await;
    tokio::time::sleep(TALK).await;
    alice.app.hang_up(call.id).await.unwrap();
    let ended = alice.until(CallState::Ended).await;
    assert_eq!(ended.ended.unwrap().words, "you hung up");
    let theirs = bob.until(CallState::Ended).await;
    assert_eq!(theirs.ended.unwrap().words, "alice@example.org hung up");
    for (person, pitch, with) in [
        (&alice, 700.0, "bob@example.org"),
        (&bob, 440.0, "alice@example.org"),
    ] {
        let past = person.app.snapshot().await.unwrap().history;
        assert_eq!(
            (&*past[0].with, past.len(), past[0].missed),
            (with, 1, false)
        );
        assert!(past[0].seconds >= 3, "{past:?}");
        person.app.stop().await;
        let (there, all) = person.heard(pitch);
        // The first packets wait for the jitter buffer, and a busy machine starts late.
        assert!(
            there > all * 0.6 && all > 2.5,
            "heard {there} s of {all} s with {with}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_says_back_what_it_hears_to_several_at_once() {
    let world = World::start(&NAMES).await;
    let echo = Person::start(&world, "echo", AnswerRule::Echo, 100.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Busy, 440.0).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Busy, 700.0).await;
    let calls = [
        alice.app.call("echo").await.unwrap().id,
        bob.app.call("echo").await.unwrap().id,
    ];
    alice.until(CallState::Talking).await;
    bob.until(CallState::Talking).await;
    tokio::time::sleep(TALK).await;
    for (person, call, pitch) in [(&alice, calls[0], 440.0), (&bob, calls[1], 700.0)] {
        person.app.hang_up(call).await.unwrap();
        person.app.stop().await;
        let (there, all) = person.heard(pitch);
        assert!(there > all * 0.4 && all > 2.5, "heard {there} s of {all} s");
    }
    echo.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_holds_the_line_and_takes_it_up_again() {
    let world = World::start(&NAMES).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Always, 700.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Busy, 440.0).await;
    let call = alice.app.call("bob").await.unwrap();
    alice.until(CallState::Talking).await;
    bob.until(CallState::Talking).await;
    alice.app.hold(call.id, true).await.unwrap();
    assert!(bob.until(CallState::Held).await.held_there);
    alice.app.hold(call.id, false).await.unwrap();
    bob.until(CallState::Talking).await;
    bob.app.stop().await;
    alice.until(CallState::Ended).await;
    alice.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_another_leaves_the_first_on_hold_and_may_go_back() {
    let world = World::start(&NAMES).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Always, 700.0).await;
    let echo = Person::start(&world, "echo", AnswerRule::Echo, 100.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Busy, 440.0).await;
    let first = alice.app.call("bob").await.unwrap().id;
    alice.until(CallState::Talking).await;
    bob.until(CallState::Talking).await;
    let second = alice.app.call("echo").await.unwrap().id;
    assert!(bob.until(CallState::Held).await.held_there);
    alice
        .until_states(&[(first, CallState::Held), (second, CallState::Talking)])
        .await;
    alice.app.hold(first, false).await.unwrap();
    bob.until(CallState::Talking).await;
    alice
        .until_states(&[(first, CallState::Talking), (second, CallState::Held)])
        .await;
    for person in [&alice, &bob, &echo] {
        person.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn muted_is_what_every_call_says_and_the_key_that_is_held_at_the_end_is_let_go() {
    let world = World::start(&NAMES).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Always, 700.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Busy, 440.0).await;
    alice.app.mute(true).await.unwrap();
    let call = alice.app.call("bob").await.unwrap();
    alice.until_shown_as(true).await;
    alice.app.mute(false).await.unwrap();
    alice.until_shown_as(false).await;
    let settings = alice.app.snapshot().await.unwrap().settings;
    let settings = Settings {
        push_to_talk: true,
        ..settings
    };
    alice.app.set_settings(settings).await.unwrap();
    alice.until_shown_as(true).await;
    alice.app.push_to_talk(true).await.unwrap();
    alice.until_shown_as(false).await;
    alice.app.hang_up(call.id).await.unwrap();
    alice.until(CallState::Ended).await;
    bob.until(CallState::Ended).await;
    assert!(alice.app.snapshot().await.unwrap().muted);
    alice.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_in_rings_aloud_and_one_that_ends_with_the_program_is_in_its_history() {
    let world = World::start(&NAMES).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Ask, 700.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Busy, 440.0).await;
    alice.app.call("bob").await.unwrap();
    let call = bob.until(CallState::RingingHere).await;
    bob.until_loud().await;
    bob.app.accept(call.id).await.unwrap();
    alice.until(CallState::Talking).await;
    alice.app.stop().await;
    let past = History::load(alice.folder()).unwrap().latest(9);
    assert_eq!((past.len(), &*past[0].ended), (1, "stopped"), "{past:?}");
    bob.until(CallState::Ended).await;
    bob.app.stop().await;
}
