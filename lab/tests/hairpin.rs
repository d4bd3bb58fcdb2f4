//! Two LANs behind one NAT that can't reach each other by private addresses.

use std::sync::Arc;
use std::time::Duration;

use ntm_lab::access::Hairpin;
use ntm_lab::attempt::{Attempt, Plan};
use ntm_lab::network::Expectation;
use ntm_lab::servers::{Families, Servers};
use ntm_lab::world::{Weather, World};

use crate::allowed::or_skip;

const RTT: Duration = Duration::from_millis(20);

/// A call between the LANs, and the address that both are seen as.
fn call(hairpin: Hairpin, expected: Expectation) -> anyhow::Result<(Attempt, String)> {
    let mut world = World::build(Weather { rtt: RTT, seed: 1 })?;
    let home = world.add_split_home("home", hairpin)?;
    let (lans, outside) = (home.lans().each_ref().map(Arc::clone), home.outside());
    let [a, b] = [("caller", &lans[0]), ("callee", &lans[1])]
        .map(|(name, lan)| world.add_host_in(name, lan));
    let (a, b) = (a?, b?);
    let servers = Servers::start(&world, Families::Both)?;
    let invitation = servers.invite(2)?;
    let caller = servers.sign_up("caller", &invitation, &a)?;
    let callee = servers.sign_up("callee", &invitation, &b)?;
    caller.add_contact("callee")?;
    callee.add_contact("caller")?;
    let plan = Plan {
        port: 20_000,
        expected,
        rtt: RTT,
    };
    Ok((Attempt::run(&caller, &callee, plan)?, outside.to_string()))
}

#[test]
fn behind_a_nat_without_hairpin_two_lans_meet_at_the_relay() {
    let Some((attempt, _)) = or_skip(|| call(Hairpin::No, Expectation::Relay)) else {
        return;
    };
    assert!(
        attempt.is_ok() && !attempt.is_direct(),
        "{}",
        attempt.transcript
    );
}

#[test]
fn behind_a_nat_with_hairpin_two_lans_meet_directly_by_its_outside_address() {
    let Some((attempt, outside)) = or_skip(|| call(Hairpin::Yes, Expectation::Direct)) else {
        return;
    };
    let said = &attempt.transcript;
    assert!(attempt.is_ok() && attempt.is_direct(), "{said}");
    let by_outside =
        |l: &str| l.contains("new: Direct") && l.contains(&format!("RealAddr({outside}"));
    assert!(said.lines().any(by_outside), "not by {outside}: {said}");
}
