//! People of two operators, whose servers have no public certificate.

use std::time::Duration;

use ntm_lab::deployment::{Deployment, succeed};
use ntm_lab::matrix::{Matrix, table};
use ntm_lab::network::Network as N;

use crate::allowed::or_skip;

/// Alice at the first operator, bob at the second.
fn two() -> [Deployment; 2] {
    let both = Deployment::start_two(["one.example", "two.example"]).unwrap();
    both[0].sign_up_first("alice").unwrap();
    both[1].sign_up_first("bob").unwrap();
    both
}

fn add_operator(d: &Deployment, who: &str, args: &[&str]) {
    let run = d.ntm(who).unwrap().args(["operator", "add"]).args(args);
    succeed(run.finish().unwrap()).unwrap();
}

fn key_of(d: &Deployment, who: &str) -> serde_json::Value {
    let run = d.ntm(who).unwrap().args(["--json", "operator", "list"]);
    let said = succeed(run.finish().unwrap()).unwrap().stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    said["operators"][0]["key"].clone()
}

#[test]
fn people_of_two_operators_reach_each_other_and_their_devices_fetch_the_keys_at_the_first_call() {
    let [one, two] = two();
    add_operator(&one, "alice", &["--later", &two.link().unwrap()]);
    add_operator(&two, "bob", &["--later", &one.link().unwrap()]);
    assert!(key_of(&one, "alice").is_null() && key_of(&two, "bob").is_null());
    let bob = two.echo("bob").unwrap();
    let run = one.ntm("alice").unwrap();
    let run = run.args(["--json", "ping", "--count", "3", "bob@two.example"]);
    let said = succeed(run.finish().unwrap()).unwrap().stdout;
    assert!(said.contains("\"loss_percent\":0.0"), "{said}");
    drop(bob);
    let (of_two, of_one) = (key_of(&one, "alice"), key_of(&two, "bob"));
    let shown = |d: &Deployment, key: &serde_json::Value| {
        let line = format!("authority = {key}");
        assert!(d.introduction().unwrap().contains(&line), "{line}");
    };
    shown(&two, &of_two);
    shown(&one, &of_one);
}

#[test]
fn a_callee_that_does_not_know_the_operator_refuses_and_the_caller_is_told_what_to_do() {
    let [one, two] = two();
    let _bob = two.echo("bob").unwrap();
    let refused = |who: &str| {
        let run = one.ntm("alice").unwrap();
        let outcome = run.args(["ping", "--count", "1", who]).finish().unwrap();
        (outcome.code, outcome.stderr)
    };
    let (code, said) = refused("bob@two.example");
    assert_eq!(code, Some(18), "bob does not know alice's operator: {said}");
    add_operator(&two, "bob", &[&one.link().unwrap()]);
    drop(_bob);
    let _bob = two.echo("bob").unwrap();
    let (code, said) = refused("bob@two.example");
    assert_eq!(code, Some(19), "alice does not know bob's: {said}");
    assert!(said.contains("ntm operator add LINK"), "{said}");
}

#[test]
fn devices_in_networks_of_two_operators_connect_the_way_theory_says() {
    let pairs = vec![(N::HomeNat, N::HomeNat), (N::V6Only, N::SymmetricNat)];
    let matrix = Matrix {
        rtt: Duration::from_millis(20),
        operators: 2,
        jobs: 2,
        ..Matrix::of(pairs)
    };
    let Some(rows) = or_skip(|| matrix.run(|_| ())) else {
        return;
    };
    assert!(
        rows.len() == 2 && rows.iter().all(|r| r.is_as_expected()),
        "{}",
        table(&rows)
    );
}
