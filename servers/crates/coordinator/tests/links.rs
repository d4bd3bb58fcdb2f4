//! Between servers: two DCs, and a DC and its relay.

use ntm_coordinator::{Coordinator, Event};
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::id::{RsId, TxId};
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{
    Consent, DirectionError, Message, Messages, RelayDirection, RelayDirectionResponse, RelayOrder,
    RelayReport, RouteOrder, emit_all,
};
use ntm_wire::noise::{SessionKeys, link_initiator};
use ntm_wire::seal::{OpeningKey, SealingKey};

use crate::node::got;
use crate::world::{World, config, dc_addr, dc_key, domain, peer, real};

const ALICE: &str = "phone.alice.dc1.example";
const BOB: &str = "pc.bob.dc2.example";

/// Two operators that know each other's keys; the name service knows where.
fn two() -> (World, usize, usize) {
    let (mut one, mut two) = (config(1), config(2));
    one.peers.push(peer(2, None));
    two.peers.push(peer(1, None));
    let mut w = World::new(vec![one, two]);
    w.records.insert(domain(1), dc_addr(1));
    w.records.insert(domain(2), dc_addr(2));
    let a = w.join(0, ALICE, "198.51.100.1:5000");
    let b = w.join(1, BOB, "198.51.100.2:5000");
    w.log.clear();
    (w, a, b)
}

fn answer(w: &World, n: usize) -> Result<usize, DirectionError> {
    got!(w.nodes[n], DirectionResponse)
        .last()
        .expect("an answer")
        .result
        .as_ref()
        .map(Vec::len)
        .map_err(|e| *e)
}

#[test]
fn two_dcs_exchange_information_in_the_first_flight() {
    let (mut w, a, b) = two();
    w.direct(a, BOB);
    let kinds: Vec<_> = w.log.iter().map(|(_, to, kind)| (*to, *kind)).collect();
    use PacketType::{Control, LinkAccept, LinkHello};
    let (alice, bob) = (real("198.51.100.1:5000"), real("198.51.100.2:5000"));
    let expected = [
        (dc_addr(1), Control),   // Direction Request
        (dc_addr(2), LinkHello), // Information Request
        (dc_addr(1), LinkAccept),
        (bob, Control),        // Route Direction to CN first
        (dc_addr(2), Control), // its Response
        (dc_addr(1), Control), // Information Response
        (alice, Control),      // Direction Response, Route Direction to MN
        (dc_addr(1), Control), // its Response
    ];
    assert_eq!(kinds, expected);
    let (caller, callee) = (
        got!(w.nodes[a], RouteDirection)[0].clone(),
        got!(w.nodes[b], RouteDirection)[0].clone(),
    );
    assert_eq!(
        (caller.path_out, caller.path_in),
        (callee.path_in, callee.path_out)
    );
    assert_eq!(caller.path_key, callee.path_key);
    assert_eq!(caller.order, RouteOrder::Direct);
    assert_eq!(
        (caller.peer_v4, callee.peer_v4),
        (None, None),
        "virtual IPv4 means nothing between operators"
    );
    assert_eq!(answer(&w, a), Ok(1));
    assert!(w.dcs.iter().all(|d| d.dc.counters().dropped.total() == 0));
}

#[test]
fn the_second_direction_uses_the_link_that_stands() {
    let (mut w, a, b) = two();
    w.direct(a, BOB);
    w.join(1, "tablet.bob.dc2.example", "198.51.100.3:5000");
    w.log.clear();
    w.direct(a, "bob.dc2.example");
    assert!(
        w.log
            .iter()
            .all(|(_, _, kind)| *kind == PacketType::Control)
    );
    assert_eq!(answer(&w, a), Ok(2), "both devices");
    let tx = got!(w.nodes[a], DirectionResponse).last().unwrap().tx;
    let directions = got!(w.nodes[a], RouteDirection);
    assert_eq!(
        directions.iter().filter(|d| d.for_request == tx).count(),
        2,
        "the others follow one by one"
    );
    // And the other way round, over the same link.
    w.log.clear();
    w.direct(b, ALICE);
    assert!(answer(&w, b).is_ok());
}

#[test]
fn the_errors_of_the_other_dc_come_through() {
    let (mut w, a, b) = two();
    w.dcs[1]
        .dc
        .set_names(vec!["pc.carol.dc2.example".parse().unwrap()]);
    for (name, error) in [
        ("carol.dc2.example", DirectionError::PeerOffline),
        ("dave.dc2.example", DirectionError::UnknownName),
        ("dave.dc3.example", DirectionError::NoCoordinator),
    ] {
        w.direct(a, name);
        assert_eq!(answer(&w, a), Err(error), "{name}");
    }
    w.nodes[b].consent = Consent::Refuse;
    w.direct(a, BOB);
    assert_eq!(answer(&w, a), Err(DirectionError::Refused));
    w.nodes[b].consent = Consent::RelayOnly;
    w.direct(a, BOB);
    assert_eq!(
        got!(w.nodes[a], RouteDirection)[0].order,
        RouteOrder::RelayOnly
    );
}

#[test]
fn a_dc_that_does_not_answer_is_told_by_name() {
    let (mut w, a, _) = two();
    w.dead.push(dc_addr(2));
    w.direct(a, BOB);
    w.pass(9);
    assert_eq!(answer(&w, a), Err(DirectionError::CoordinatorUnreachable));
    assert_eq!(
        w.log
            .iter()
            .filter(|(_, _, kind)| *kind == PacketType::LinkHello)
            .count(),
        5
    );
}

#[test]
fn a_dc_that_restarted_is_found_again_without_a_word() {
    let (mut w, a, b) = two();
    w.direct(a, BOB);
    let mut again = config(2);
    again.peers.push(peer(1, None));
    let saved = w.dcs[1].stored.clone();
    w.dcs[1].dc = Coordinator::new(again, [99; 32], saved).unwrap();
    w.register(b);
    w.pass(10);
    let before = got!(w.nodes[a], RouteDirection).len();
    w.control(a, &[]);
    w.direct(a, BOB);
    w.pass(2);
    assert_eq!(
        got!(w.nodes[a], RouteDirection).len(),
        before + 1,
        "the second try is a LinkHello"
    );
    assert_eq!(answer(&w, a), Ok(1));
}

#[test]
fn a_caller_that_another_authority_vouches_for_is_not_believed() {
    let (mut w, a, b) = two();
    let mut wrong = config(2);
    let mut stranger = peer(1, None);
    stranger.authority = peer(2, None).authority;
    wrong.peers.push(stranger);
    let saved = w.dcs[1].stored.clone();
    w.dcs[1].dc = Coordinator::new(wrong, [99; 32], saved).unwrap();
    w.register(b);
    w.direct(a, BOB);
    assert_eq!(w.dcs[1].dc.counters().dropped.bad_certificate, 1);
    assert!(got!(w.nodes[b], RouteDirection).is_empty());
    let (mut w, a, _) = two();
    let mut wrong = config(1);
    let mut stranger = peer(2, None);
    stranger.authority = peer(1, None).authority;
    wrong.peers.push(stranger);
    let saved = w.dcs[0].stored.clone();
    w.dcs[0].dc = Coordinator::new(wrong, [99; 32], saved).unwrap();
    w.register(a);
    w.direct(a, BOB);
    assert!(
        got!(w.nodes[a], RouteDirection).is_empty(),
        "nor is a callee"
    );
    assert_eq!(answer(&w, a), Err(DirectionError::CoordinatorUnreachable));
}

#[test]
fn a_server_without_a_pinned_key_is_not_heard() {
    let (mut w, _, _) = two();
    let stranger = KeyPair::from_private(SecretKey::new([5; 32]));
    let hello = Relay::hello(&stranger, 1, &[]).1;
    w.inject(0, real("192.0.2.99:7930"), hello);
    assert_eq!(w.dcs[0].dc.counters().dropped.unknown_server, 1);
    // Nor one that only claims the name of a pinned key.
    let (_, mut hello) = Relay::hello(&stranger, 2, &[]);
    hello[1..9].copy_from_slice(&dc_key(2).server().selector().to_be_bytes());
    w.inject(0, real("192.0.2.99:7930"), hello);
    assert_eq!(w.dcs[0].dc.counters().dropped.bad_seal, 1);
}

/// A relay's end of its link.
struct Relay {
    sid: u64,
    dc_sid: u64,
    keys: SessionKeys,
    counter: u64,
}

impl Relay {
    fn hello(
        own: &KeyPair,
        sid: u64,
        messages: &[Message],
    ) -> (ntm_wire::noise::Handshake, Vec<u8>) {
        let header = Header {
            kind: PacketType::LinkHello,
            selector: own.server().selector(),
            counter: sid,
        };
        let prologue = [b"ntm link 1".as_slice(), &header.emit()].concat();
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&sid.to_be_bytes());
        let mut handshake = link_initiator(seed, own, &dc_key(1).server(), &prologue).unwrap();
        let noise = handshake.write(&emit_all(messages)).unwrap();
        (handshake, [header.emit(), noise].concat())
    }

    fn connect(w: &mut World, n: u8, sid: u64, messages: &[Message]) -> (Self, Vec<Message>) {
        let own = KeyPair::from_private(SecretKey::new([n + 150; 32]));
        let (mut handshake, hello) = Self::hello(&own, sid, messages);
        w.inject(0, real("192.0.2.10:7930"), hello.clone());
        let accept = w.dcs[0].dc.poll_transmit().unwrap();
        assert!(accept.payload.len() <= hello.len(), "nothing to amplify");
        let d = Datagram::new_checked(&accept.payload).unwrap();
        assert_eq!((d.kind(), d.selector()), (PacketType::LinkAccept, sid));
        let replies = Messages::parse_all(&handshake.read(d.body()).unwrap()).unwrap();
        let keys = handshake.finish().unwrap();
        (
            Self {
                sid,
                dc_sid: d.counter(),
                keys,
                counter: 0,
            },
            replies,
        )
    }

    fn send(&mut self, w: &mut World, messages: &[Message]) {
        let header = Header {
            kind: PacketType::Control,
            selector: self.dc_sid,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = header.emit();
        out.extend(emit_all(messages));
        SealingKey::new(&self.keys.send).seal(
            header.counter,
            &[header.first_byte()],
            &mut out,
            HEADER_LEN,
        );
        w.inject(0, real("192.0.2.10:7930"), out);
    }

    fn receive(&self, w: &mut World) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(mut t) = w.dcs[0].dc.poll_transmit() {
            let d = Datagram::new_checked(t.payload.as_mut_slice()).unwrap();
            assert_eq!(d.selector(), self.sid);
            let (counter, aad) = (d.counter(), d.aad());
            let content = OpeningKey::new(&self.keys.recv)
                .open(counter, &aad, d.into_body_mut())
                .unwrap();
            all.extend(Messages::parse_all(content).unwrap());
        }
        all
    }
}

fn report(rs: u32, load: u8) -> Message {
    RelayReport {
        tx: TxId(rs),
        rs: RsId(rs),
        v4: None,
        v6: None,
        load,
        legs: 0,
        draining: false,
    }
    .into()
}

#[test]
fn a_relay_that_reports_is_up_and_one_that_is_silent_is_down() {
    let mut w = World::one();
    let (mut rs, replies) = Relay::connect(&mut w, 10, 1, &[report(10, 0)]);
    assert!(matches!(replies[..], [Message::KeepAlive(ref k)] if k.is_reply && k.tx == TxId(10)));
    w.settle();
    assert!(w.dcs[0].events.contains(&Event::RelayUp(RsId(10))));
    for _ in 0..5 {
        w.pass(10);
        rs.send(&mut w, &[report(10, 50)]);
        assert_eq!(rs.receive(&mut w).len(), 1);
    }
    assert!(!w.dcs[0].events.contains(&Event::RelayDown(RsId(10))));
    w.pass(36);
    assert!(w.dcs[0].events.contains(&Event::RelayDown(RsId(10))));
}

#[test]
fn a_relay_may_report_only_itself_and_ask_for_nothing() {
    let mut w = World::one();
    let (mut rs, _) = Relay::connect(&mut w, 10, 1, &[report(10, 0)]);
    rs.send(&mut w, &[report(11, 0)]);
    assert_eq!(rs.receive(&mut w), []);
    assert_eq!(w.dcs[0].dc.counters().dropped.out_of_order, 1);
}

#[test]
fn a_drained_relay_is_told_until_it_obeys_and_gets_no_new_legs() {
    let mut w = World::one();
    let (mut rs, _) = Relay::connect(&mut w, 10, 1, &[report(10, 0)]);
    let now = w.now;
    w.dcs[0].dc.drain_relay(now, RsId(10));
    let orders = rs.receive(&mut w);
    let [
        Message::RelayDirection(RelayDirection {
            tx,
            order: RelayOrder::Drain,
        }),
    ] = orders[..]
    else {
        panic!("{orders:?}")
    };
    rs.send(&mut w, &[RelayDirectionResponse { tx }.into()]);
    w.pass(9);
    assert_eq!(rs.receive(&mut w), [], "it obeyed: nothing is sent again");
    let a = w.join(0, ALICE, "198.51.100.1:5000");
    w.join(0, "pc.eve.dc1.example", "198.51.100.2:5000");
    w.direct(a, "eve.dc1.example");
    let legs: Vec<_> = got!(w.nodes[a], RouteDirection)[0]
        .legs
        .iter()
        .map(|l| l.rs)
        .collect();
    assert_eq!(legs, [RsId(11)]);
}

#[test]
fn a_revoked_nodes_paths_are_cut_at_the_relays() {
    let mut w = World::one();
    let (rs, _) = Relay::connect(&mut w, 10, 1, &[report(10, 0)]);
    let a = w.join(0, ALICE, "198.51.100.1:5000");
    w.join(0, "pc.eve.dc1.example", "198.51.100.2:5000");
    w.direct(a, "eve.dc1.example");
    let path = got!(w.nodes[a], RouteDirection)[0].path_out;
    let (now, id) = (w.now, w.nodes[a].id);
    w.dcs[0].dc.revoke(now, id);
    let orders = rs.receive(&mut w);
    let is_cut = |m: &Message| matches!(m, Message::RelayDirection(d) if d.order == RelayOrder::Revoke { path });
    assert!(orders.iter().any(is_cut), "{orders:?}");
}
