//! A node with IPv6 only learns the NAT64's prefix from its router, where no resolver tells it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ntm_lab::conversation::{Conversation, Line};
use ntm_lab::heard;
use ntm_lab::network::Network;
use ntm_lab::servers::{Families, Servers};
use ntm_lab::world::{Weather, World};

use crate::allowed::or_skip;

const LIFETIME: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(30);
/// The first one may come before the node listens.
const AGAIN: Duration = Duration::from_millis(500);

fn registered(lines: &[Line]) -> Option<()> {
    lines.iter().any(heard::is_registered).then_some(())
}

/// The node of a network whose router advertises, when it is registered or never will be.
fn node_that_hears() -> anyhow::Result<(bool, Vec<Line>)> {
    let mut world = World::build(Weather::default())?;
    let number = world.add_access("nat64", Network::Nat64)?;
    let lan = Arc::clone(world.access(number)?.lan());
    let host = world.add_host_in("host", &lan)?;
    let servers = Servers::start(&world, Families::V4)?;
    let device = servers.sign_up("alice", &servers.invite(1)?, &host)?;
    let access = world.access(number)?;
    access.silence_names()?;
    let run = device.ntm()?.args(["--log", heard::FILTER, "echo"]);
    let node: Conversation = run.converse()?;
    let until = Instant::now() + PATIENCE;
    let mut is_there = false;
    while !is_there && Instant::now() < until {
        access.advertise_nat64(LIFETIME)?;
        is_there = node.wait_err(Instant::now() + AGAIN, registered).is_some();
    }
    Ok((is_there, node.err()))
}

#[test]
fn a_router_that_advertises_its_nat64_is_enough_to_reach_an_ipv4_server() {
    let Some((is_there, said)) = or_skip(node_that_hears) else {
        return;
    };
    let says = |what: &str| said.iter().any(|l| l.text.contains(what));
    assert!(is_there && says("Advertised(Some"), "{said:#?}");
    assert!(!says("Resolved(Some"), "a resolver told it: {said:#?}");
}
