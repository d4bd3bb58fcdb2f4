//! What a person does on the first day.

use ntm_lab::deployment::{Deployment, succeed};

#[test]
fn two_people_sign_in_and_ping_each_other_by_name_and_keep_their_addresses_over_a_restart() {
    let mut d = Deployment::start().unwrap();
    d.sign_up_first("alice").unwrap();
    d.sign_up("bob", &d.invite("alice").unwrap()).unwrap();
    d.befriend("alice", "bob").unwrap();
    let before = ping(&d);
    assert_eq!(before["loss_percent"], 0.0, "{before}");
    let addresses = || (resolve(&d, "bob"), resolve(&d, "alice"));
    let first = addresses();
    assert_eq!(
        d.stop_server().unwrap(),
        Some(0),
        "SIGTERM ends the server well"
    );
    d.restart_server().unwrap();
    let addresses = || (resolve(&d, "bob"), resolve(&d, "alice"));
    assert_eq!(first, addresses(), "virtual addresses are for ever");
}

#[test]
fn an_invitation_serves_once() {
    let d = Deployment::start().unwrap();
    d.sign_up_first("alice").unwrap();
    let invitation = d.invite("alice").unwrap();
    d.sign_up("bob", &invitation).unwrap();
    let error = d
        .sign_up("carol", &invitation)
        .expect_err("the invitation was used up");
    assert!(error.to_string().contains("invitation"), "{error}");
}

fn ping(d: &Deployment) -> serde_json::Value {
    let _bob = d.echo("bob").unwrap();
    let run = d.ntm("alice").unwrap().args([
        "--json",
        "ping",
        "--count",
        "3",
        "--interval",
        "0.1",
        "bob",
    ]);
    let said = succeed(run.finish().unwrap()).unwrap().stdout;
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

/// The permanent addresses of `whom`, as the other one resolves them.
fn resolve(d: &Deployment, whom: &str) -> String {
    let _answering = d.echo(whom).unwrap();
    let who = if whom == "bob" { "alice" } else { "bob" };
    let said = succeed(
        d.ntm(who)
            .unwrap()
            .args(["resolve", whom])
            .finish()
            .unwrap(),
    )
    .unwrap()
    .stdout;
    said.lines().next().unwrap_or_default().to_owned()
}
