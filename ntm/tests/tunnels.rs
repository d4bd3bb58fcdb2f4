//! Names become tunnels, or errors by name.

use std::net::IpAddr;
use std::time::Duration;

use ntm::proto::{RegisterError, ResolveError, Route};
use ntm::wire::message::{DirectionError, RegistrationError};
use ntm::{Event, LookupError, Node, WaitError};
use tokio::time::timeout;

use crate::harness::{Minted, World, fqdn};

const NAMES: [&str; 3] = ["alice.example.org", "bob.example.org", "carol.example.org"];
const PATIENCE: Duration = Duration::from_secs(30);

async fn resolve(node: &Node, name: &str) -> Result<Vec<ntm::proto::Peer>, LookupError> {
    timeout(PATIENCE, node.resolve(&fqdn(name)))
        .await
        .expect("a lookup ends")
}

#[tokio::test]
async fn strangers_meet_over_the_relay_and_learn_no_address() {
    let world = World::start(&NAMES).await;
    let bob = world.device("phone", "bob").node(&[]).await;
    let alice = world.device("laptop", "alice").node(&[]).await;
    let peers = resolve(&alice, "bob.example.org").await.unwrap();
    assert_eq!(peers[0].fqdn, *bob.fqdn());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let trip = alice.probe(peers[0].addrs.v6.into()).await.unwrap();
    assert!(matches!(trip.route, Route::Relay { .. }), "{trip:?}");
}

#[tokio::test]
async fn contacts_begin_over_the_relay_and_move_to_the_direct_route() {
    let world = World::start(&NAMES).await;
    let bob = world
        .device("phone", "bob")
        .node(&["alice.example.org"])
        .await;
    let alice = world
        .device("laptop", "alice")
        .node(&["bob.example.org"])
        .await;
    let mut events = alice.events();
    let peers = resolve(&alice, "bob.example.org").await.unwrap();
    let ip = IpAddr::from(peers[0].addrs.v6);
    let direct = async {
        loop {
            let trip = alice.probe(ip).await.unwrap();
            if let Route::Direct { remote } = trip.route {
                break remote;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let remote = timeout(PATIENCE, direct)
        .await
        .expect("the route becomes direct");
    let port = bob
        .status()
        .await
        .and_then(|s| s.observed)
        .map(|a| a.0.port());
    assert_eq!(Some(remote.0.port()), port, "it is bob's own socket");
    assert_eq!(bob.tunnels().await.len(), 1);
    let mut told_of_tunnel = false;
    while let Ok(event) = events.try_recv() {
        told_of_tunnel |=
            matches!(&event, Event::TunnelUp { peer, .. } if peer.fqdn == *bob.fqdn());
    }
    assert!(told_of_tunnel, "the events tell of the tunnel");
}

#[tokio::test]
async fn an_unknown_name_and_an_offline_peer_are_told_apart() {
    let world = World::start(&NAMES).await;
    let alice = world.device("laptop", "alice").node(&[]).await;
    let refused = |e| Err(LookupError::Resolve(ResolveError::Refused(e)));
    assert_eq!(
        resolve(&alice, "nobody.example.org").await,
        refused(DirectionError::UnknownName)
    );
    assert_eq!(
        resolve(&alice, "carol.example.org").await,
        refused(DirectionError::PeerOffline)
    );
    assert_eq!(
        resolve(&alice, "x.elsewhere.net").await,
        refused(DirectionError::NoCoordinator)
    );
}

#[tokio::test]
async fn a_peer_that_shut_down_is_offline() {
    let world = World::start(&NAMES).await;
    let bob = world.device("phone", "bob").node(&[]).await;
    let alice = world.device("laptop", "alice").node(&[]).await;
    bob.shutdown().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let offline = Err(LookupError::Resolve(ResolveError::Refused(
        DirectionError::PeerOffline,
    )));
    assert_eq!(resolve(&alice, "bob.example.org").await, offline);
    assert!(
        bob.status().await.is_none(),
        "a node that shut down answers nothing"
    );
}

#[tokio::test]
async fn a_coordinator_that_is_down_is_named() {
    let mut world = World::start(&NAMES).await;
    let device = world.device("laptop", "alice");
    world.stop_coordinator().await;
    let node = Node::start(device.config(&[])).await.unwrap();
    let error = timeout(PATIENCE, node.wait_registered())
        .await
        .expect("the wait ends")
        .unwrap_err();
    assert_eq!(
        error,
        WaitError::Register(RegisterError::CoordinatorUnreachable)
    );
}

#[tokio::test]
async fn a_coordinator_that_goes_down_is_named_and_tunnels_go_on() {
    let mut world = World::start(&NAMES).await;
    let _bob = world.device("phone", "bob").node(&[]).await;
    let alice = world.device("laptop", "alice").node(&[]).await;
    let peers = resolve(&alice, "bob.example.org").await.unwrap();
    world.stop_coordinator().await;
    let lost = Err(LookupError::Resolve(ResolveError::CoordinatorUnreachable));
    assert_eq!(resolve(&alice, "carol.example.org").await, lost);
    alice
        .probe(peers[0].addrs.v6.into())
        .await
        .expect("the tunnel goes on without the coordinator");
}

#[tokio::test]
async fn a_relay_that_is_down_is_named() {
    let mut world = World::start(&NAMES).await;
    let _bob = world.device("phone", "bob").node(&[]).await;
    let alice = world.device("laptop", "alice").node(&[]).await;
    world.stop_relay().await;
    let error = resolve(&alice, "bob.example.org").await.unwrap_err();
    let no_relay = LookupError::Resolve(ResolveError::Refused(DirectionError::NoRelay));
    let silent = LookupError::Resolve(ResolveError::RelayUnreachable);
    assert!(error == silent || error == no_relay, "{error:?}");
}

#[tokio::test]
async fn an_expired_ticket_and_a_wrong_clock_are_told_apart() {
    let mut world = World::start(&NAMES).await;
    let day = Duration::from_secs(86_400);
    world.minted = Minted {
        ahead: day,
        ..Minted::default()
    };
    let early = Node::start(world.device("laptop", "alice").config(&[]))
        .await
        .unwrap();
    world.minted = Minted {
        behind: 8 * day,
        ..Minted::default()
    };
    let late = Node::start(world.device("tablet", "alice").config(&[]))
        .await
        .unwrap();
    let wrong = WaitError::Register(RegisterError::Refused(RegistrationError::ClockWrong));
    assert_eq!(early.wait_registered().await.unwrap_err(), wrong);
    let error = late.wait_registered().await.unwrap_err();
    let expired = WaitError::Register(RegisterError::Refused(RegistrationError::TicketExpired));
    let known_here = WaitError::Register(RegisterError::TicketExpired);
    assert!(error == expired || error == known_here, "{error:?}");
}

#[tokio::test]
async fn a_restarted_node_has_the_same_virtual_addresses() {
    let world = World::start(&NAMES).await;
    let device = world.device("laptop", "alice");
    let first = device.node(&[]).await;
    let before = first.wait_registered().await.unwrap();
    first.shutdown().await;
    let again = device.node(&[]).await;
    assert_eq!(again.wait_registered().await.unwrap(), before);
}
