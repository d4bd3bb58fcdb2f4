//! `ntm doctor` against servers on loopback: what it finds, says, and how it exits.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use ntm::cli::exit::Exit;
use serde_json::Value;

use crate::command::{json, ntm, serve, text};
use crate::harness::World;

const NAMES: [&str; 2] = ["alice.example.org", "bob.example.org"];

async fn alice() -> (World, tempfile::TempDir) {
    let world = World::start(&NAMES).await;
    let dir = tempfile::tempdir().unwrap();
    world.device("laptop", "alice").keep(dir.path());
    (world, dir)
}

/// The report, and that it came in time with this exit code in both forms.
async fn examined(profile: &Path, exit: Exit) -> Value {
    let start = Instant::now();
    let output = ntm(profile, &["--json", "doctor"]).await;
    let took = start.elapsed();
    ended(&output, exit);
    assert!(
        took < Duration::from_secs(8),
        "five seconds, and some for a busy machine: {took:?}"
    );
    let report = json(&output);
    assert_eq!(report["exit"], exit.code());
    report
}

fn ended(output: &Output, exit: Exit) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(i32::from(exit.code())),
        "{out}{err}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_measures_every_server_and_says_what_to_expect() {
    let (_world, dir) = alice().await;
    // Nobody plays the account server here: that is the one thing wrong.
    let report = examined(dir.path(), Exit::AccountServerUnreachable).await;
    let door = &report["coordinator"][0];
    assert_eq!(door["state"], "open", "{report}");
    assert!(door["rtt_ms"].as_f64().unwrap() < 1000.0);
    assert_eq!(
        door["largest_packet"], 1500,
        "loopback takes more than is tried"
    );
    assert!(
        report["clock_ahead_ms"].as_f64().unwrap().abs() < 1000.0,
        "one machine, one clock"
    );
    assert_eq!(report["relays"][0]["id"], "rs1");
    assert!(report["relays"][0]["rtt_ms"].as_f64().is_some(), "{report}");
    let by: Vec<&str> = report["seen"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["by"].as_str().unwrap())
        .collect();
    assert_eq!(by, ["coordinator", "rs1"]);
    assert_eq!(report["nat"]["mapping"], "none");
    assert_eq!(report["expect"], "direct");
    assert_eq!(report["problems"].as_array().unwrap().len(), 1, "{report}");

    let words = text(&ntm(dir.path(), &["doctor"]).await.stdout);
    for line in [
        "answers, round trip",
        "relay",
        "Calls go directly",
        "! account server",
    ] {
        assert!(words.contains(line), "{line}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_works_before_a_sign_in_and_says_so() {
    let empty = tempfile::tempdir().unwrap();
    let report = examined(empty.path(), Exit::NotSignedIn).await;
    assert_eq!(report["problems"][0]["code"], "not_signed_in");
    assert!(report["interfaces"].is_array());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_tells_a_coordinator_that_does_not_run() {
    let (mut world, dir) = alice().await;
    world.stop_coordinator().await;
    let report = examined(dir.path(), Exit::CoordinatorUnreachable).await;
    assert_eq!(report["coordinator"][0]["state"], "refused", "{report}");
    assert_eq!(report["expect"], "coordinator-down");
    assert!(report["relays"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_tells_a_relay_that_does_not_run() {
    let (mut world, dir) = alice().await;
    world.stop_relay().await;
    let report = examined(dir.path(), Exit::RelayUnreachable).await;
    assert!(report["relays"][0]["rtt_ms"].is_null(), "{report}");
    assert_eq!(report["nat"]["mapping"], "none", "the coordinator sees it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_leaves_a_running_node_alone_and_asks_it() {
    let (_world, dir) = alice().await;
    let (mut echo, _) = serve(dir.path(), &["echo"]).await;
    // It writes what it knows every two seconds.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let report = examined(dir.path(), Exit::AccountServerUnreachable).await;
    assert_eq!(report["coordinator"][0]["state"], "open");
    assert_eq!(report["seen"].as_array().unwrap().len(), 2, "{report}");
    assert!(echo.try_wait().unwrap().is_none(), "the other node lives");
}
