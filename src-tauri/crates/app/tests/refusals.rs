//! Calls that are not answered, and what can't be done: each has its own words, and the application stays
//! usable.

use voice_app::view::CallState;
use voice_app::{AnswerRule, App, AppConfig};

use crate::harness::World;
use crate::people::{Person, profile};

const NAMES: [&str; 3] = ["alice.example.org", "bob.example.org", "echo.example.org"];

async fn ends(alice: &mut Person, name: &str) -> (&'static str, String) {
    alice.app.call(name).await.unwrap();
    let ended = alice.until(CallState::Ended).await.ended.unwrap();
    (ended.reason, ended.words)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_t_be_reached_is_told_apart() {
    let world = World::start(&NAMES).await;
    let bob = Person::start(&world, "bob", AnswerRule::Busy, 700.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Ask, 440.0).await;
    assert_eq!(ends(&mut alice, "nobody").await.0, "no_such_person");
    assert_eq!(ends(&mut alice, "alice").await.0, "yourself");
    assert_eq!(ends(&mut alice, "echo").await.0, "offline");
    let (reason, words) = ends(&mut alice, "bob").await;
    assert_eq!(reason, "busy");
    assert!(words.contains("bob@example.org"), "{words}");
    let history = alice.app.snapshot().await.unwrap().history;
    assert_eq!(history.len(), 4, "it is usable all the same: {history:?}");
    alice.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_may_be_declined_and_is_not_missed_then() {
    let world = World::start(&NAMES).await;
    let mut bob = Person::start(&world, "bob", AnswerRule::Ask, 700.0).await;
    let mut alice = Person::start(&world, "alice", AnswerRule::Ask, 440.0).await;
    alice.app.call("bob@example.org").await.unwrap();
    let ringing = bob.until(CallState::RingingHere).await;
    bob.app.decline(ringing.id).await.unwrap();
    let ended = alice.until(CallState::Ended).await.ended.unwrap();
    assert_eq!(ended.words, "bob@example.org can't talk now");
    bob.until(CallState::Ended).await;
    let past = bob.app.snapshot().await.unwrap().history;
    assert!(!past[0].missed, "{past:?}");
    alice.app.stop().await;
    bob.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_t_be_done_says_so_with_a_code() {
    let world = World::start(&NAMES).await;
    let empty = tempfile::tempdir().unwrap();
    let nobody = App::start(AppConfig::new(empty.path().to_owned())).await;
    assert_eq!(nobody.unwrap_err().code, "not-signed-in");
    let alice = Person::start(&world, "alice", AnswerRule::Ask, 440.0).await;
    let again = App::start(AppConfig::new(alice.folder().to_owned())).await;
    assert_eq!(again.unwrap_err().code, "already-running");
    for name in ["", "b b", "@@", "sip:"] {
        assert_eq!(
            alice.app.call(name).await.unwrap_err().code,
            "bad-input",
            "{name:?}"
        );
    }
    assert_eq!(alice.app.accept(99).await.unwrap_err().code, "no-such-call");
    assert_eq!(
        alice.app.hang_up(99).await.unwrap_err().code,
        "no-such-call"
    );
    assert_eq!(
        alice.app.record(None).await.unwrap_err().code,
        "no-such-call"
    );
    assert_eq!(
        alice.app.send_text("bob", "").await.unwrap_err().code,
        "bad-input"
    );
    assert_eq!(
        alice.app.remove_contact("eve").await.unwrap_err().code,
        "no-such-contact"
    );
    alice.app.stop().await;
    assert_eq!(alice.app.call("bob").await.unwrap_err().code, "system");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_can_start_again_where_it_stopped() {
    let world = World::start(&NAMES).await;
    let folder = profile(&world, "alice");
    for _ in 0..2 {
        let (app, _) = App::start(AppConfig::new(folder.path().to_owned()))
            .await
            .unwrap();
        app.stop().await;
    }
}
