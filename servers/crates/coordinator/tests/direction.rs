//! From a name to a tunnel, at one DC.

use ntm_coordinator::Event;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{Epoch, TxId};
use ntm_wire::key::SecretKey;
use ntm_wire::message::{Consent, DirectionError, Role, RouteDirectionRequest, RouteOrder};
use ntm_wire::push::PushToken;
use ntm_wire::token::{Grant, RelayToken};

use crate::node::got;
use crate::world::{World, real};

const ALICE: &str = "phone.alice.dc1.example";
const BOB: &str = "pc.bob.dc1.example";

fn pair() -> (World, usize, usize) {
    let mut w = World::one();
    let a = w.join(0, ALICE, "198.51.100.1:5000");
    let b = w.join(0, BOB, "198.51.100.2:5000");
    (w, a, b)
}

fn answer(w: &World, n: usize) -> Result<Vec<String>, DirectionError> {
    let responses = got!(w.nodes[n], DirectionResponse);
    let names = |v: &Vec<Fqdn>| v.iter().map(ToString::to_string).collect();
    responses
        .last()
        .expect("an answer")
        .result
        .as_ref()
        .map(names)
        .map_err(|e| *e)
}

#[test]
fn both_ends_are_directed_over_the_same_path_the_callee_first() {
    let (mut w, a, b) = pair();
    w.log.clear();
    w.direct(a, BOB);
    let to: Vec<_> = w.log.iter().map(|(_, to, _)| *to).collect();
    let (dc, alice, bob) = (
        w.dcs[0].addr,
        real("198.51.100.1:5000"),
        real("198.51.100.2:5000"),
    );
    assert_eq!(
        to,
        [dc, bob, dc, alice, dc],
        "request, direction, consent, direction, response"
    );
    let caller = got!(w.nodes[a], RouteDirection)[0].clone();
    let callee = got!(w.nodes[b], RouteDirection)[0].clone();
    assert_eq!((caller.role, callee.role), (Role::Caller, Role::Callee));
    assert_eq!(
        (caller.path_out, caller.path_in),
        (callee.path_in, callee.path_out)
    );
    assert_eq!(caller.path_key, callee.path_key);
    assert_eq!(
        (caller.peer.fqdn.to_string(), callee.peer.fqdn.to_string()),
        (BOB.into(), ALICE.into())
    );
    assert_eq!(caller.order, RouteOrder::Direct);
    assert_eq!(caller.peer_candidates[0].addr, bob);
    assert!(caller.peer_v4.is_some() && callee.peer_v4.is_some());
    assert_eq!(
        (caller.own_epoch, callee.peer_epoch),
        (w.nodes[a].epoch, w.nodes[a].epoch)
    );
    assert_eq!(answer(&w, a), Ok(vec![BOB.into()]));
    assert_eq!(w.dcs[0].dc.counters().directed, 1);
}

#[test]
fn the_leg_tokens_open_at_their_relays_and_fit_together() {
    let (mut w, a, b) = pair();
    w.direct(a, BOB);
    let (caller, callee) = (
        got!(w.nodes[a], RouteDirection)[0].clone(),
        got!(w.nodes[b], RouteDirection)[0].clone(),
    );
    assert_eq!(caller.legs.len(), 2, "the chosen relay and the stand-by");
    for (near, far) in caller.legs.iter().zip(&callee.legs) {
        assert_eq!(near.rs, far.rs);
        let link = SecretKey::new([near.rs.0 as u8 + 160; 32]);
        let open = |leg: &ntm_wire::message::Leg| RelayToken::open(&leg.token, &link).unwrap();
        let grant = Grant::Leg {
            from_node: caller.path_out,
            to_node: caller.path_in,
            limit_kbps: 0,
        };
        assert_eq!(open(near).grant, grant);
        let grant = Grant::Leg {
            from_node: caller.path_in,
            to_node: caller.path_out,
            limit_kbps: 0,
        };
        assert_eq!(open(far).grant, grant);
        assert_eq!(
            (open(near).leg_key, open(far).leg_key),
            (near.leg_key.clone(), far.leg_key.clone())
        );
    }
}

#[test]
fn an_account_rings_all_its_devices_the_most_recently_used_first() {
    let (mut w, a, b) = pair();
    w.pass(1);
    let tablet = w.join(0, "tablet.bob.dc1.example", "198.51.100.3:5000");
    w.direct(a, "bob.dc1.example");
    assert_eq!(
        answer(&w, a),
        Ok(vec!["tablet.bob.dc1.example".into(), BOB.into()])
    );
    assert_eq!(got!(w.nodes[b], RouteDirection).len(), 1);
    assert_eq!(got!(w.nodes[tablet], RouteDirection).len(), 1);
    let directions = got!(w.nodes[a], RouteDirection);
    assert_eq!(directions.len(), 2);
    assert_eq!(directions[0].for_request, directions[1].for_request);
    assert_ne!(directions[0].path_out, directions[1].path_out);
}

#[test]
fn ones_own_account_means_ones_other_devices() {
    let (mut w, a, _) = pair();
    w.direct(a, "alice.dc1.example");
    assert_eq!(answer(&w, a), Err(DirectionError::OwnName));
    w.direct(a, ALICE);
    assert_eq!(answer(&w, a), Err(DirectionError::OwnName));
    w.join(0, "laptop.alice.dc1.example", "198.51.100.4:5000");
    w.direct(a, "alice.dc1.example");
    assert_eq!(answer(&w, a), Ok(vec!["laptop.alice.dc1.example".into()]));
}

#[test]
fn an_unknown_name_and_an_offline_one_are_two_answers() {
    let (mut w, a, _) = pair();
    w.dcs[0]
        .dc
        .set_names(vec!["pc.carol.dc1.example".parse().unwrap()]);
    for (name, error) in [
        ("carol.dc1.example", DirectionError::PeerOffline),
        ("pc.carol.dc1.example", DirectionError::PeerOffline),
        ("karol.dc1.example", DirectionError::UnknownName),
        ("x.pc.carol.dc1.example", DirectionError::UnknownName),
        ("someone.elsewhere.example", DirectionError::NoCoordinator),
    ] {
        w.direct(a, name);
        assert_eq!(answer(&w, a), Err(error), "{name}");
    }
}

#[test]
fn who_refuses_is_not_connected_and_who_wants_the_relay_shows_no_address() {
    let (mut w, a, b) = pair();
    w.nodes[b].consent = Consent::Refuse;
    w.direct(a, BOB);
    assert_eq!(answer(&w, a), Err(DirectionError::Refused));
    assert!(got!(w.nodes[a], RouteDirection).is_empty());
    w.nodes[b].consent = Consent::RelayOnly;
    w.direct(a, BOB);
    let direction = got!(w.nodes[a], RouteDirection)[0].clone();
    assert_eq!(direction.order, RouteOrder::RelayOnly);
    assert!(
        direction.peer_candidates.is_empty(),
        "a stranger learns no real address"
    );
}

#[test]
fn a_request_that_comes_twice_is_answered_once_more_and_directed_once() {
    let (mut w, a, b) = pair();
    let request = w.nodes[a].direction(BOB);
    w.control(a, std::slice::from_ref(&request));
    w.control(a, &[request]);
    assert_eq!(got!(w.nodes[a], DirectionResponse).len(), 2);
    assert_eq!(got!(w.nodes[b], RouteDirection).len(), 1);
    assert_eq!(w.dcs[0].dc.counters().directions, 1);
}

#[test]
fn one_direction_per_pair_of_epochs_and_another_after_a_move() {
    let (mut w, a, b) = pair();
    w.direct(a, BOB);
    w.direct(a, BOB);
    let directions = got!(w.nodes[a], RouteDirection);
    assert_eq!(directions.len(), 2, "both requests are answered");
    assert_eq!(
        directions[0].path_out, directions[1].path_out,
        "with the same path"
    );
    assert_ne!(directions[0].for_request, directions[1].for_request);
    assert_eq!(
        got!(w.nodes[b], RouteDirection).len(),
        1,
        "the callee is directed once"
    );
    w.nodes[a].epoch = w.nodes[a].epoch.next();
    let request = w.nodes[a].registration();
    w.control(a, &[request]);
    w.direct(a, BOB);
    assert_eq!(
        got!(w.nodes[b], RouteDirection).len(),
        2,
        "it moved: a new direction"
    );
    w.nodes[b].epoch = Epoch {
        counter: 9,
        ..w.nodes[b].epoch
    };
    let request = w.nodes[b].registration();
    w.control(b, &[request]);
    w.direct(a, BOB);
    assert_eq!(
        got!(w.nodes[b], RouteDirection).len(),
        3,
        "the callee moved too"
    );
}

#[test]
fn two_nodes_that_ask_for_each_other_are_both_directed() {
    let (mut w, a, b) = pair();
    let (ask, back) = (w.nodes[a].direction(BOB), w.nodes[b].direction(ALICE));
    let (ask, back) = (w.nodes[a].control(&[ask]), w.nodes[b].control(&[back]));
    w.send(a, ask);
    w.send(b, back);
    w.settle();
    for n in [a, b] {
        let mut roles: Vec<_> = got!(w.nodes[n], RouteDirection)
            .iter()
            .map(|d| d.role)
            .collect();
        roles.sort();
        assert_eq!(roles, [Role::Caller, Role::Callee]);
        assert!(answer(&w, n).is_ok());
    }
}

#[test]
fn a_silent_callee_is_asked_five_times_and_then_the_caller_is_told() {
    let (mut w, a, b) = pair();
    w.dead.push(w.nodes[b].addr);
    w.log.clear();
    w.direct(a, BOB);
    w.pass(8);
    let bob = real("198.51.100.2:5000");
    assert_eq!(w.log.iter().filter(|(_, to, _)| *to == bob).count(), 5);
    assert_eq!(answer(&w, a), Err(DirectionError::PeerOffline));
    assert_eq!(w.dcs[0].dc.counters().retransmissions, 4);
}

#[test]
fn a_sleeping_node_is_woken_and_finds_its_direction() {
    let (mut w, a, b) = pair();
    w.nodes[b].push_token = Some(PushToken::new(b"token of bob".to_vec()));
    let request = w.nodes[b].registration();
    w.control(b, &[request]);
    w.pass(50);
    w.control(
        a,
        &[ntm_wire::message::KeepAlive {
            tx: TxId(5),
            is_reply: false,
        }
        .into()],
    );
    w.pass(30);
    assert_eq!(w.dcs[0].dc.registered(), 1, "bob sleeps");
    w.direct(a, BOB);
    let wakes = |w: &World| {
        w.dcs[0]
            .events
            .iter()
            .filter(|e| matches!(e, Event::Wake { token, .. } if token.expose() == b"token of bob"))
            .count()
    };
    assert_eq!(wakes(&w), 1);
    w.pass(4);
    w.direct(a, BOB);
    assert_eq!(wakes(&w), 1, "one push is enough");
    w.nodes[b].epoch = Epoch {
        counter: 1,
        start_ms: w.now.wall.as_millis(),
    };
    let pull = RouteDirectionRequest {
        tx: TxId(77),
        wake_id: 0,
    };
    let hello = w.nodes[b].hello(&[pull.into()]);
    w.send(b, hello);
    w.settle();
    assert!(
        !got!(w.nodes[b], RouteDirection).is_empty(),
        "its direction came with the Accept"
    );
    assert_eq!(answer(&w, a), Ok(vec![BOB.into()]));
}

#[test]
fn a_node_that_does_not_wake_is_offline_after_ten_seconds_and_not_pushed_again_soon() {
    let (mut w, a, b) = pair();
    w.nodes[b].push_token = Some(PushToken::new(b"token of bob".to_vec()));
    let request = w.nodes[b].registration();
    w.control(b, &[request]);
    w.pass(50);
    w.control(
        a,
        &[ntm_wire::message::KeepAlive {
            tx: TxId(5),
            is_reply: false,
        }
        .into()],
    );
    w.pass(30);
    w.direct(a, BOB);
    w.pass(11);
    assert_eq!(answer(&w, a), Err(DirectionError::PeerOffline));
    w.direct(a, BOB);
    assert_eq!(answer(&w, a), Err(DirectionError::PeerOffline));
    assert_eq!(
        w.dcs[0].dc.counters().wakes,
        1,
        "at most one push per pair in half a minute"
    );
}

#[test]
fn a_node_that_asks_too_often_is_told_to_wait() {
    let (mut w, a, _) = pair();
    for _ in 0..60 {
        w.direct(a, "nobody.dc1.example");
    }
    assert_eq!(answer(&w, a), Err(DirectionError::TooMany));
    w.pass(2);
    w.control(a, &[]);
    w.direct(a, "nobody.dc1.example");
    assert_eq!(answer(&w, a), Err(DirectionError::UnknownName));
}
