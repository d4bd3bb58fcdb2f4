//! What a window holds: from signed out to ready, and back.

use std::time::Duration;

use tempfile::TempDir;
use voice_app::contacts::Contact;
use voice_app::settings::Settings;
use voice_app::view::{CallState, RoutePicture, Stage};
use voice_app::{AnswerRule, App, AppConfig, AppEvent, AppEvents, Desk, DeskConfig};

use crate::harness::World;
use crate::people::{on_files, profile};

const NAMES: [&str; 2] = ["alice.example.org", "bob.example.org"];
const PATIENCE: Duration = Duration::from_secs(60);

fn config(folder: &TempDir, answer: AnswerRule) -> DeskConfig {
    DeskConfig {
        app: AppConfig {
            answer,
            sound: Some(on_files(folder.path(), 440.0)),
            ..AppConfig::new(folder.path().to_owned())
        },
        version: "0.1.0".to_owned(),
        locale: "en".to_owned(),
        recordings: folder.path().join("recordings"),
    }
}

/// Waits for an event of which `found` makes something.
async fn until<T>(events: &mut AppEvents, mut found: impl FnMut(AppEvent) -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(it) = found(events.recv().await.unwrap()) {
                return it;
            }
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("it never happened"))
}

async fn until_stage(events: &mut AppEvents, is_it: impl Fn(&Stage) -> bool) -> Stage {
    until(events, |event| match event {
        AppEvent::Window { view } if is_it(&view.stage) => Some(view.stage),
        _ => None,
    })
    .await
}

fn is_ready(stage: &Stage) -> bool {
    matches!(stage, Stage::Ready { .. })
}

async fn opened(folder: &TempDir, answer: AnswerRule) -> (Desk, AppEvents) {
    let (desk, mut events) = Desk::open(config(folder, answer));
    until_stage(&mut events, is_ready).await;
    (desk, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_shows_a_call_its_ways_and_its_place_in_the_history() {
    let world = World::start(&NAMES).await;
    let (alice, bob) = (profile(&world, "alice"), profile(&world, "bob"));
    let (theirs, _heard) = opened(&bob, AnswerRule::Always).await;
    let (desk, mut events) = opened(&alice, AnswerRule::Ask).await;
    let call = desk.app().unwrap().call("bob").await.unwrap().id;
    until(&mut events, |event| match event {
        AppEvent::Call(c) if c.state == CallState::Talking && c.route.is_some() => Some(()),
        _ => None,
    })
    .await;
    desk.watch_route(call, true).await.unwrap();
    for _ in 0..3 {
        let picture = until(&mut events, picture).await;
        assert_eq!(
            (picture.call, &*picture.peer.name),
            (call, "bob@example.org")
        );
        assert!(!picture.paths.is_empty(), "{picture:?}");
        assert_eq!(picture.here.device, "laptop");
    }
    desk.app().unwrap().hang_up(call).await.unwrap();
    let history = until(&mut events, |event| match event {
        AppEvent::History { history } => Some(history),
        _ => None,
    })
    .await;
    assert_eq!(
        (&*history[0].with, history[0].outgoing),
        ("bob@example.org", true)
    );
    let over = desk.watch_route(call, true).await.unwrap_err();
    assert_eq!(over.code, "no-such-call");
    desk.stop().await;
    theirs.stop().await;
}

fn picture(event: AppEvent) -> Option<RoutePicture> {
    match event {
        AppEvent::Route { picture } => Some(*picture),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_in_until_somebody_is_and_after_signing_out_nothing_is_left_of_them() {
    let world = World::start(&NAMES).await;
    let empty = tempfile::tempdir().unwrap();
    let (desk, _events) = Desk::open(config(&empty, AnswerRule::Ask));
    assert_eq!(desk.window().await.stage, Stage::SignedOut);
    assert_eq!(desk.app().unwrap_err().code, "not-signed-in");
    let alice = profile(&world, "alice");
    let (desk, mut events) = opened(&alice, AnswerRule::Ask).await;
    desk.sign_out(true).await.unwrap();
    until_stage(&mut events, |s| *s == Stage::SignedOut).await;
    let left = std::fs::read_dir(alice.path()).unwrap().flatten();
    let left: Vec<_> = left.map(|f| f.file_name().into_string().unwrap()).collect();
    let of_them = [
        "profile.json",
        "keys.json",
        "people.json",
        "contacts.json",
        "history.jsonl",
    ];
    assert!(!left.iter().any(|f| of_them.contains(&&**f)), "{left:?}");
    assert_eq!(desk.sign_out(true).await.unwrap_err().code, "not-signed-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_copy_is_told_that_the_first_runs_and_takes_over_when_it_has_ended() {
    let world = World::start(&NAMES).await;
    let alice = profile(&world, "alice");
    let (first, _) = opened(&alice, AnswerRule::Ask).await;
    let (second, mut events) = Desk::open(config(&alice, AnswerRule::Ask));
    let stage = until_stage(&mut events, |s| matches!(s, Stage::Failed { .. })).await;
    let Stage::Failed { me, error } = stage else {
        unreachable!()
    };
    assert_eq!(error.code, "already-running");
    assert_eq!(me.as_deref(), Some("alice@example.org (laptop)"));
    first.stop().await;
    second.retry().await;
    until_stage(&mut events, is_ready).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_window_changes_it_is_told_as_whole_models() {
    let world = World::start(&NAMES).await;
    let alice = profile(&world, "alice");
    let (desk, mut events) = opened(&alice, AnswerRule::Ask).await;
    let app: App = desk.app().unwrap();
    let dad = Contact {
        nick: "Dad".to_owned(),
        ..app.snapshot().await.unwrap().contacts[0].clone()
    };
    app.set_contact(dad).await.unwrap();
    let contacts = until(&mut events, |event| match event {
        AppEvent::Contacts { contacts } => Some(contacts),
        _ => None,
    })
    .await;
    assert!(
        contacts.len() > 1 && contacts.iter().any(|c| c.nick == "Dad"),
        "{contacts:?}"
    );
    assert_eq!(app.complete("dad").await.unwrap().len(), 1);
    let quiet = Settings {
        push_to_talk: true,
        ..Settings::default()
    };
    app.set_settings(quiet.clone()).await.unwrap();
    let told = until(&mut events, |event| match event {
        AppEvent::Settings { settings } => Some(*settings),
        _ => None,
    })
    .await;
    assert_eq!(told, quiet);
    assert!(
        app.snapshot().await.unwrap().muted,
        "silent until the key is held down"
    );
    app.push_to_talk(true).await.unwrap();
    assert!(!app.snapshot().await.unwrap().muted);
    desk.stop().await;
}
