//! A device that sleeps until somebody calls it.

use ntm_lab::command::Background;
use ntm_lab::deployment::Deployment;

fn two_people() -> Deployment {
    let d = Deployment::start().unwrap();
    d.sign_up_first("alice").unwrap();
    d.sign_up("bob", &d.invite("alice").unwrap()).unwrap();
    d
}

/// `ntm echo --sleep 1` as bob, once it sleeps.
fn sleeping_bob(d: &Deployment) -> Background {
    let run = d.ntm("bob").unwrap().args(["echo", "--sleep", "1"]);
    let mut bob = run.start(&d.folder().join("bob.log")).unwrap();
    wait_for(&mut bob, "sleeps:", 1);
    bob
}

/// Until it has said this so often.
fn wait_for(who: &mut Background, text: &str, times: usize) {
    let is_said = |said: &str| (said.matches(text).count() >= times).then_some(());
    who.wait_for(text, is_said).unwrap();
}

/// Exit code and the last line of a ping of bob.
fn ping(d: &Deployment) -> (Option<i32>, serde_json::Value) {
    let run = d.ntm("alice").unwrap();
    let run = run.args(["--json", "ping", "--count", "3", "--interval", "0.1", "bob"]);
    let outcome = run.finish().unwrap();
    let last = outcome.stdout.lines().last().unwrap_or_default().to_owned();
    let report = serde_json::from_str(&last).unwrap_or_else(
        |e| serde_json::json!({ "unreadable": e.to_string(), "stderr": outcome.stderr }),
    );
    (outcome.code, report)
}

#[test]
fn a_ping_wakes_whoever_sleeps_each_time_anew() {
    let d = two_people();
    let mut bob = sleeping_bob(&d);
    let (code, report) = ping(&d);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["received"], 3, "{report}");
    wait_for(&mut bob, "woken: somebody calls", 1);
    wait_for(&mut bob, "sleeps:", 2);
    assert_eq!(bob.terminate().unwrap(), Some(0));
}

#[test]
fn whoever_slept_and_was_cut_off_is_offline_by_name() {
    let d = two_people();
    sleeping_bob(&d).kill().unwrap();
    let (code, report) = ping(&d);
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(report["error"]["code"], "peer_offline", "{report}");
}

#[test]
fn a_sleeper_is_found_again_after_the_server_started_anew() {
    let mut d = two_people();
    let mut bob = sleeping_bob(&d);
    assert_eq!(d.stop_server().unwrap(), Some(0));
    d.restart_server().unwrap();
    wait_for(&mut bob, "the coordinator started anew", 1);
    wait_for(&mut bob, "sleeps:", 2);
    let (code, report) = ping(&d);
    assert_eq!(code, Some(0), "{report}");
}
