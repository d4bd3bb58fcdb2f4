//! Coming, staying, leaving.

use ntm_coordinator::{Coordinator, Event, OfflineReason};
use ntm_wire::addr::{NatVerdict, VirtualAddrs};
use ntm_wire::header::PacketType;
use ntm_wire::id::{Epoch, TxId};
use ntm_wire::message::{Deregistration, KeepAlive, RegistrationError, RegistrationResponse};
use ntm_wire::time::Wall;

use crate::node::got;
use crate::world::{START, World, config, real};

const PHONE: &str = "phone.alice.dc1.example";

fn last_result(w: &World, n: usize) -> Result<VirtualAddrs, RegistrationError> {
    got!(w.nodes[n], RegistrationResponse)
        .last()
        .expect("an answer")
        .result
        .clone()
        .map(|r| r.addrs)
}

#[test]
fn a_node_is_registered_in_two_round_trips() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    let kinds: Vec<_> = w.log.iter().map(|(_, _, kind)| *kind).collect();
    assert_eq!(
        kinds,
        [
            PacketType::Hello,
            PacketType::Challenge,
            PacketType::Hello,
            PacketType::Accept
        ]
    );
    let responses = got!(w.nodes[n], RegistrationResponse);
    let registered = responses[0].result.as_ref().unwrap();
    assert_eq!(registered.observed, real("198.51.100.1:5000"));
    assert_eq!(
        registered.nat,
        NatVerdict::None,
        "the address seen is its own"
    );
    assert_eq!(registered.relays.len(), 2);
    assert_eq!(
        registered.addrs.v6,
        w.dcs[0].authority.prefix.address_of(&w.nodes[n].id)
    );
    assert_eq!(w.dcs[0].dc.registered(), 1);
    assert_eq!(w.dcs[0].dc.counters().dropped.total(), 0);
}

#[test]
fn the_addresses_are_stored_before_the_node_is_told() {
    let mut w = World::one();
    w.store_works = false;
    let n = w.add(0, PHONE, "198.51.100.1:5000");
    w.register(n);
    assert_eq!(last_result(&w, n), Err(RegistrationError::Storage));
    assert!(!w.nodes[n].has_session());
    w.store_works = true;
    w.register(n);
    assert!(last_result(&w, n).is_ok());
}

#[test]
fn the_addresses_are_the_same_after_a_restart_of_the_dc() {
    let mut w = World::one();
    let a = w.join(0, PHONE, "198.51.100.1:5000");
    let b = w.join(0, "laptop.bob.dc1.example", "198.51.100.2:5000");
    let before = (last_result(&w, a).unwrap(), last_result(&w, b).unwrap());
    let saved = w.dcs[0].stored.clone();
    w.dcs[0].dc = Coordinator::new(config(1), [77; 32], saved).unwrap();
    // In the other order, so that the pool alone would give other addresses.
    w.register(b);
    w.register(a);
    assert_eq!(
        (last_result(&w, a).unwrap(), last_result(&w, b).unwrap()),
        before
    );
    assert_eq!(w.dcs[0].stored.len(), 2, "nothing is stored twice");
}

#[test]
fn an_exhausted_block_is_told_so() {
    let mut small = config(1);
    small.v4_blocks[0].prefix_len = 24;
    let taken = (1..=254u8).map(|i| ntm_coordinator::Assignment {
        node: ntm_wire::id::NodeId([i; 16]),
        fqdn: format!("d.a{i}.dc1.example").parse().unwrap(),
        addrs: VirtualAddrs {
            v6: small.prefix.address_of(&ntm_wire::id::NodeId([i; 16])),
            v4: [100, 64, 64, i].into(),
        },
    });
    let mut w = World::one();
    w.dcs[0].dc = Coordinator::new(small.clone(), [1; 32], taken.collect()).unwrap();
    let n = w.add(0, PHONE, "198.51.100.1:5000");
    w.register(n);
    assert_eq!(last_result(&w, n), Err(RegistrationError::BlockExhausted));
    assert_eq!(w.dcs[0].dc.registered(), 0);
}

#[test]
fn an_expired_ticket_is_told_so_under_the_nodes_key() {
    let mut w = World::one();
    w.now.wall = START + ntm_wire::ticket::TICKET_LIFETIME * 2;
    let n = w.add(0, PHONE, "198.51.100.1:5000");
    w.register(n);
    assert_eq!(last_result(&w, n), Err(RegistrationError::TicketExpired));
    assert!(!w.nodes[n].has_session());
}

#[test]
fn a_clock_that_is_off_by_a_day_is_told_so() {
    let day = 86_400_000;
    let mut w = World::one();
    w.now.wall = Wall::from_millis(START.as_millis() - day);
    let n = w.add(0, PHONE, "198.51.100.1:5000");
    w.register(n);
    assert_eq!(
        last_result(&w, n),
        Err(RegistrationError::ClockWrong),
        "the DC's clock is behind"
    );
    let mut w = World::one();
    let n = w.add(0, PHONE, "198.51.100.1:5000");
    w.nodes[n].epoch.start_ms += day;
    w.register(n);
    assert_eq!(
        last_result(&w, n),
        Err(RegistrationError::ClockWrong),
        "the node's clock is ahead"
    );
}

#[test]
fn a_revoked_device_is_told_so() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    let (now, id) = (w.now, w.nodes[n].id);
    w.dcs[0].dc.revoke(now, id);
    w.settle();
    assert_eq!(w.dcs[0].dc.registered(), 0);
    assert!(w.dcs[0].events.contains(&Event::Offline {
        node: id,
        reason: OfflineReason::Revoked
    }));
    w.register(n);
    assert_eq!(last_result(&w, n), Err(RegistrationError::Revoked));
}

#[test]
fn a_registration_renewed_on_the_session_costs_one_round_trip() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    w.log.clear();
    w.nodes[n].addr = real("198.51.100.77:6000");
    w.nodes[n].epoch = w.nodes[n].epoch.next();
    let request = w.nodes[n].registration();
    w.control(n, &[request]);
    assert_eq!(w.log.len(), 2);
    let responses = got!(w.nodes[n], RegistrationResponse);
    assert_eq!(
        responses[1].result.as_ref().unwrap().observed,
        real("198.51.100.77:6000")
    );
    assert_eq!(
        responses[1].result.as_ref().unwrap().nat,
        NatVerdict::Unknown
    );
}

#[test]
fn a_lower_epoch_is_void_and_the_highest_is_named() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    let newest = Epoch {
        start_ms: START.as_millis() + 1000,
        counter: 9,
    };
    w.nodes[n].epoch = newest;
    let request = w.nodes[n].registration();
    w.control(n, &[request]);
    w.nodes[n].epoch = Epoch {
        start_ms: START.as_millis(),
        counter: 3,
    };
    let request = w.nodes[n].registration();
    w.control(n, &[request]);
    assert_eq!(last_result(&w, n), Err(RegistrationError::StaleEpoch));
    w.register(n);
    let responses = got!(w.nodes[n], RegistrationResponse);
    let registered = responses.last().unwrap().result.as_ref().unwrap();
    assert_eq!(
        registered.highest_epoch, newest,
        "a node that starts anew can jump above it"
    );
    assert_eq!(w.dcs[0].dc.counters().dropped.stale_epoch, 2);
}

#[test]
fn a_keep_alive_is_answered_and_silence_takes_a_node_offline() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    for i in 0..6 {
        w.pass(20);
        w.control(
            n,
            &[KeepAlive {
                tx: TxId(i),
                is_reply: false,
            }
            .into()],
        );
    }
    assert_eq!(got!(w.nodes[n], KeepAlive).len(), 6);
    assert_eq!(w.dcs[0].dc.registered(), 1, "two minutes of keep-alives");
    w.pass(60);
    assert_eq!(w.dcs[0].dc.registered(), 1, "three may get lost");
    w.pass(10);
    assert_eq!(w.dcs[0].dc.registered(), 0);
    let id = w.nodes[n].id;
    assert!(w.dcs[0].events.contains(&Event::Offline {
        node: id,
        reason: OfflineReason::Silent
    }));
}

#[test]
fn a_node_that_leaves_is_gone_at_once_and_may_come_back() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    let epoch = w.nodes[n].epoch;
    w.control(
        n,
        &[Deregistration {
            tx: TxId(1),
            epoch: Epoch {
                counter: 0,
                ..epoch
            },
        }
        .into()],
    );
    assert_eq!(w.dcs[0].dc.registered(), 1, "an older epoch says nothing");
    w.control(n, &[Deregistration { tx: TxId(2), epoch }.into()]);
    assert_eq!(w.dcs[0].dc.registered(), 0);
    w.register(n);
    assert_eq!(w.dcs[0].dc.registered(), 1);
}

#[test]
fn a_dc_that_forgot_everything_is_healed_by_one_hello() {
    let mut w = World::one();
    let n = w.join(0, PHONE, "198.51.100.1:5000");
    let saved = w.dcs[0].stored.clone();
    w.dcs[0].dc = Coordinator::new(config(1), [78; 32], saved).unwrap();
    w.control(
        n,
        &[KeepAlive {
            tx: TxId(1),
            is_reply: false,
        }
        .into()],
    );
    assert_eq!(got!(w.nodes[n], KeepAlive).len(), 0, "the session is gone");
    let request = w.nodes[n].direction("bob.dc1.example");
    let hello = w.nodes[n].hello(&[request]);
    w.send(n, hello);
    w.settle();
    assert_eq!(w.dcs[0].dc.registered(), 1);
    assert_eq!(
        got!(w.nodes[n], DirectionResponse).len(),
        1,
        "what waited came along in the Hello"
    );
}

#[test]
fn a_lost_accept_is_sent_again_and_opens_no_second_session() {
    let mut w = World::one();
    let n = w.add(0, PHONE, "198.51.100.1:5000");
    let hello = w.nodes[n].hello(&[]);
    w.send(n, hello);
    let challenge = w.dcs[0].dc.poll_transmit().unwrap().payload;
    let hello = w.nodes[n].hello_with_cookie(&challenge);
    w.send(n, hello.clone());
    let store = w.dcs[0].dc.poll_event();
    let Some(Event::Store(assignment)) = store else {
        panic!("{store:?}")
    };
    let now = w.now;
    w.send(n, hello.clone());
    w.dcs[0].dc.handle_stored(now, assignment.node, Ok(()));
    let first = w.dcs[0].dc.poll_transmit().unwrap();
    w.send(n, hello);
    let second = w.dcs[0].dc.poll_transmit().unwrap();
    assert_eq!(first, second);
    assert!(w.dcs[0].dc.poll_transmit().is_none());
    assert_eq!(w.dcs[0].dc.counters().sessions, 1);
    let RegistrationResponse { result, .. } = {
        w.nodes[n].receive(second.payload);
        got!(w.nodes[n], RegistrationResponse)[0].clone()
    };
    assert!(result.is_ok());
}
