//! The link to the DC: reports, orders, restarts.

use core::time::Duration;

use ntm_relay::{DropReason, Event, Transmit};
use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::id::{PathId, TxId};
use ntm_wire::message::{
    BindStatus, KeepAlive, Message, Messages, RelayDirection, RelayDirectionResponse, RelayOrder,
    RelayReport, emit_all,
};
use ntm_wire::noise::{Handshake, SessionKeys, link_initiator, link_responder};
use ntm_wire::seal::{OpeningKey, SealingKey};

use crate::world::{Node, RS, World, addr, dc_addr, dc_key, rs_key};

/// A DC by hand: one session, as it stands after the last handshake.
struct Dc {
    sid: u64,
    peer_sid: u64,
    keys: Option<SessionKeys>,
    counter: u64,
}

impl Dc {
    fn new() -> Self {
        Self {
            sid: 100,
            peer_sid: 0,
            keys: None,
            counter: 0,
        }
    }

    /// Takes a LinkHello; what was inside, and the LinkAccept with `reply`.
    fn accept(
        &mut self,
        hello: &[u8],
        reply: impl Fn(&[Message]) -> Vec<Message>,
    ) -> (Vec<Message>, Vec<u8>) {
        let d = Datagram::new_checked(hello).unwrap();
        assert_eq!(
            (d.kind(), d.selector()),
            (PacketType::LinkHello, rs_key().server().selector())
        );
        let prologue = [b"ntm link 1".as_slice(), &d.header().emit()].concat();
        let mut handshake =
            link_responder([5; 32], &dc_key(), &rs_key().server(), &prologue).unwrap();
        let messages = Messages::parse_all(&handshake.read(d.body()).unwrap()).unwrap();
        self.sid += 1;
        let header = Header {
            kind: PacketType::LinkAccept,
            selector: d.counter(),
            counter: self.sid,
        };
        let noise = handshake.write(&emit_all(&reply(&messages))).unwrap();
        self.install(handshake, d.counter());
        (messages, [header.emit(), noise].concat())
    }

    fn install(&mut self, mut handshake: Handshake, peer_sid: u64) {
        self.keys = Some(handshake.finish().unwrap());
        (self.peer_sid, self.counter) = (peer_sid, 0);
    }

    /// Opens a Control packet of the relay.
    fn open(&self, datagram: &[u8]) -> Vec<Message> {
        let mut bytes = datagram.to_vec();
        let d = Datagram::new_checked(bytes.as_mut_slice()).unwrap();
        assert_eq!((d.kind(), d.selector()), (PacketType::Control, self.sid));
        let (counter, aad) = (d.counter(), d.aad());
        let key = OpeningKey::new(&self.keys.as_ref().unwrap().recv);
        let content = key.open(counter, &aad, d.into_body_mut()).unwrap();
        Messages::parse_all(content).unwrap()
    }

    fn control(&mut self, messages: &[Message]) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Control,
            selector: self.peer_sid,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = header.emit();
        let from = out.len();
        out.extend(emit_all(messages));
        let key = SealingKey::new(&self.keys.as_ref().unwrap().send);
        key.seal(header.counter, &[header.first_byte()], &mut out, from);
        out
    }

    /// A LinkHello of the DC with these messages, and the handshake that waits for its answer.
    fn hello(&mut self, seed: u8, messages: &[Message]) -> (Vec<u8>, Handshake) {
        self.sid += 1;
        let header = Header {
            kind: PacketType::LinkHello,
            selector: dc_key().server().selector(),
            counter: self.sid,
        };
        let prologue = [b"ntm link 1".as_slice(), &header.emit()].concat();
        let mut handshake =
            link_initiator([seed; 32], &dc_key(), &rs_key().server(), &prologue).unwrap();
        let noise = handshake.write(&emit_all(messages)).unwrap();
        ([header.emit(), noise].concat(), handshake)
    }
}

fn answer(messages: &[Message]) -> Vec<Message> {
    let tx = report_in(messages).tx;
    vec![KeepAlive { tx, is_reply: true }.into()]
}

fn report_in(messages: &[Message]) -> RelayReport {
    match messages {
        [Message::RelayReport(report)] => report.clone(),
        other => panic!("a report, not {other:?}"),
    }
}

fn order(tx: u32, order: RelayOrder) -> Message {
    RelayDirection {
        tx: TxId(tx),
        order,
    }
    .into()
}

fn obeyed(tx: u32) -> Message {
    RelayDirectionResponse { tx: TxId(tx) }.into()
}

fn one(sent: Vec<Transmit>) -> Vec<u8> {
    match sent.as_slice() {
        [t] => t.payload.clone(),
        other => panic!("one datagram, not {other:?}"),
    }
}

/// A world whose relay has reported in.
fn linked() -> (World, Dc) {
    let mut world = World::with(100, Some(dc_addr()));
    let mut dc = Dc::new();
    world.pass(Duration::ZERO);
    let hello = one(world.sent());
    let (_, accept) = dc.accept(&hello, answer);
    assert!(world.send(dc_addr(), &accept).is_empty());
    assert_eq!(
        world.relay.poll_event(),
        Some(Event::Linked {
            dc: dc_key().server()
        })
    );
    (world, dc)
}

fn give(world: &mut World, dc: &mut Dc, messages: &[Message]) -> Vec<Message> {
    let control = dc.control(messages);
    let sent = world.send(dc_addr(), &control);
    sent.iter().flat_map(|t| dc.open(&t.payload)).collect()
}

#[test]
fn the_first_report_travels_inside_the_link_hello() {
    let mut world = World::with(100, Some(dc_addr()));
    assert!(
        world.relay.poll_timeout() <= Some(world.now.mono),
        "due from the start"
    );
    world.pass(Duration::ZERO);
    let (messages, _) = Dc::new().accept(&one(world.sent()), answer);
    let report = report_in(&messages);
    assert_eq!(
        (report.rs, report.load, report.legs, report.draining),
        (RS, 0, 0, false)
    );
    assert_eq!(
        report.v4.map(|(ip, port)| (ip.to_string(), port)),
        Some(("203.0.113.5".into(), 7930))
    );
    assert!(report.v6.is_some());
}

#[test]
fn later_reports_come_every_ten_seconds_over_the_session() {
    let (mut world, mut dc) = linked();
    for _ in 0..3 {
        world.pass(Duration::from_millis(9_990));
        assert!(world.sent().is_empty());
        world.pass(Duration::from_millis(10));
        let messages = dc.open(&one(world.sent()));
        assert!(give(&mut world, &mut dc, &answer(&messages)).is_empty());
    }
    assert_eq!(world.relay.counters().reports, 4);
}

#[test]
fn draining_and_a_change_of_load_are_reported_at_once_but_not_twice_a_second() {
    let (mut world, mut dc) = linked();
    world.pass(Duration::from_secs(2));
    world.relay.drain(world.now);
    world.pass(Duration::ZERO);
    let messages = dc.open(&one(world.sent()));
    assert!(report_in(&messages).draining);
    give(&mut world, &mut dc, &answer(&messages));

    let mut world = World::with(8, Some(dc_addr()));
    world.pass(Duration::ZERO);
    let (_, accept) = dc.accept(&one(world.sent()), answer);
    world.send(dc_addr(), &accept);
    world.bound_pair();
    world.pass(Duration::from_millis(990));
    assert!(world.sent().is_empty());
    world.pass(Duration::from_millis(10));
    let report = report_in(&dc.open(&one(world.sent())));
    assert_eq!((report.legs, report.load), (2, 63));
}

#[test]
fn an_unanswered_report_is_repeated_with_back_off_and_given_up_by_name() {
    let mut world = World::with(100, Some(dc_addr()));
    let mut at = Vec::new();
    for ms in 0..8_000 {
        world.pass(Duration::from_millis(u64::from(ms > 0)));
        at.extend(world.sent().iter().map(|_| ms));
    }
    assert_eq!(at, [0, 250, 750, 1750, 3750], "byte-identical hellos");
    assert_eq!(
        world.relay.poll_event(),
        Some(Event::Unlinked {
            dc: dc_key().server()
        })
    );
    world.pass(Duration::from_secs(5));
    assert_eq!(world.sent().len(), 1, "and later it tries again");
}

#[test]
fn a_dc_that_restarted_is_found_again_by_a_link_hello_with_the_same_report() {
    let (mut world, dc) = linked();
    world.pass(Duration::from_secs(10));
    let lost = report_in(&dc.open(&one(world.sent())));
    let mut restarted = Dc::new();
    restarted.sid = 900;
    world.pass(Duration::from_millis(250));
    let (messages, accept) = restarted.accept(&one(world.sent()), answer);
    assert_eq!(report_in(&messages), lost);
    world.send(dc_addr(), &accept);
    world.pass(Duration::from_secs(10));
    assert_eq!(report_in(&restarted.open(&one(world.sent()))).rs, RS);
    assert_eq!(world.relay.poll_event(), None, "nobody noticed");
}

#[test]
fn a_forged_link_accept_does_not_spoil_the_genuine_one() {
    let mut world = World::with(100, Some(dc_addr()));
    world.pass(Duration::ZERO);
    let (_, accept) = Dc::new().accept(&one(world.sent()), answer);
    for at in (1..accept.len()).filter(|at| !(9..17).contains(at)) {
        let mut forged = accept.clone();
        forged[at] ^= 1;
        world.send(dc_addr(), &forged);
        world.send(dc_addr(), &accept[..at]);
    }
    assert_eq!(world.relay.poll_event(), None);
    world.send(dc_addr(), &accept);
    assert_eq!(
        world.relay.poll_event(),
        Some(Event::Linked {
            dc: dc_key().server()
        })
    );
}

#[test]
fn an_order_comes_once_however_often_its_packet_does_and_altered_never() {
    let (mut world, mut dc) = linked();
    let control = dc.control(&[order(1, RelayOrder::Drain)]);
    for at in 1..control.len() {
        let mut altered = control.clone();
        altered[at] ^= 2;
        assert!(world.send(dc_addr(), &altered).is_empty());
        assert!(world.send(dc_addr(), &control[..at]).is_empty());
    }
    assert_eq!(world.relay.poll_event(), None);
    let sent = world.send(dc_addr(), &control);
    assert_eq!(dc.open(&one(sent)), [obeyed(1)]);
    assert!(world.send(dc_addr(), &control).is_empty());
    assert_eq!(world.dropped(DropReason::LinkReplayed), 1);
}

#[test]
fn a_dc_drains_its_own_legs_only_and_is_answered_every_time() {
    let (mut world, mut dc) = linked();
    world.bound_pair();
    for tx in [1, 2] {
        assert_eq!(
            give(&mut world, &mut dc, &[order(tx, RelayOrder::Drain)]),
            [obeyed(tx)]
        );
    }
    let drained = Event::Draining {
        dc: Some(dc_key().server()),
    };
    assert_eq!(world.relay.poll_event(), Some(drained));
    assert_eq!(world.relay.poll_event(), None);
    let (mut c, _) = world.pair_with(2, 0);
    assert_eq!(c.bind(&mut world).status, BindStatus::Draining);
    assert!(!world.relay.is_draining(), "another DC may still use it");
}

#[test]
fn a_revoked_path_is_forgotten_and_its_tokens_bind_no_more() {
    let (mut world, mut dc) = linked();
    let (mut a, mut b) = world.bound_pair();
    let revoke = order(
        1,
        RelayOrder::Revoke {
            path: PathId(b.from_node),
        },
    );
    assert_eq!(give(&mut world, &mut dc, &[revoke]), [obeyed(1)]);
    assert_eq!((world.relay.legs(), world.relay.counters().revoked), (0, 2));
    assert_eq!(a.bind(&mut world).status, BindStatus::Expired);
    assert_eq!(b.bind(&mut world).status, BindStatus::Expired);
}

#[test]
fn a_path_revoked_before_it_was_bound_stays_unbound() {
    let (mut world, mut dc) = linked();
    let (mut a, mut b) = world.pair();
    let revoke = order(
        1,
        RelayOrder::Revoke {
            path: PathId(a.to_node),
        },
    );
    give(&mut world, &mut dc, &[revoke]);
    assert_eq!(a.bind(&mut world).status, BindStatus::Expired);
    assert_eq!(b.bind(&mut world).status, BindStatus::Expired);
}

#[test]
fn half_a_path_is_revoked_by_the_id_of_its_unbound_leg() {
    let (mut world, mut dc) = linked();
    let (mut a, _) = world.pair();
    a.bind_and_confirm(&mut world);
    give(
        &mut world,
        &mut dc,
        &[order(
            1,
            RelayOrder::Revoke {
                path: PathId(a.to_node),
            },
        )],
    );
    assert_eq!(world.relay.legs(), 0);
}

#[test]
fn a_limit_holds_for_legs_that_stand_and_for_new_ones() {
    let (mut world, mut dc) = linked();
    let (a, _) = world.bound_pair();
    give(
        &mut world,
        &mut dc,
        &[order(1, RelayOrder::Limit { kbps: 64 })],
    );
    let (mut c, mut d) = world.pair_with(2, 1_000_000);
    c.bind_and_confirm(&mut world);
    d.bind_and_confirm(&mut world);
    for node in [&a, &c] {
        let passed = passed_at_once(&mut world, node);
        assert!(
            (60..=70).contains(&passed),
            "{passed} packets: a second's worth of 64 kbit/s"
        );
    }
    give(
        &mut world,
        &mut dc,
        &[order(2, RelayOrder::Limit { kbps: 0 })],
    );
    assert_eq!(passed_at_once(&mut world, &a), 1000, "0 is no limit");
}

fn passed_at_once(world: &mut World, node: &Node) -> usize {
    let sent = (0..1000).map(|_| world.send(node.addr, &node.data()).len());
    sent.sum()
}

#[test]
fn an_order_in_a_dcs_hello_is_obeyed_once_the_dc_has_used_the_session() {
    let (mut world, mut dc) = linked();
    let (hello, mut handshake) = dc.hello(7, &[order(1, RelayOrder::Drain)]);
    let accept = one(world.send(dc_addr(), &hello));
    assert!(accept.len() <= hello.len(), "no longer than the question");
    assert_eq!(world.relay.poll_event(), None, "a hello may be a replay");
    assert_eq!(
        one(world.send(dc_addr(), &hello)),
        accept,
        "and may come twice"
    );
    let d = Datagram::new_checked(accept.as_slice()).unwrap();
    assert_eq!((d.kind(), d.selector()), (PacketType::LinkAccept, dc.sid));
    let content = handshake.read(d.body()).unwrap();
    let tx = match Messages::parse_all(&content).unwrap().as_slice() {
        [
            Message::KeepAlive(KeepAlive {
                tx,
                is_reply: false,
            }),
        ] => *tx,
        other => panic!("a keep-alive, not {other:?}"),
    };
    dc.install(handshake, d.counter());
    let replies = give(
        &mut world,
        &mut dc,
        &[KeepAlive { tx, is_reply: true }.into()],
    );
    assert_eq!(replies, [obeyed(1)]);
    assert_eq!(
        world.relay.poll_event(),
        Some(Event::Draining {
            dc: Some(dc_key().server())
        })
    );
}

#[test]
fn replayed_hellos_of_a_dc_change_nothing() {
    let (mut world, mut dc) = linked();
    let hellos: Vec<_> = (1..20)
        .map(|n| dc.hello(n, &[order(1, RelayOrder::Drain)]).0)
        .collect();
    dc.sid = 101;
    for hello in &hellos {
        world.send(addr("203.0.113.66:4000"), hello);
        let mut altered = hello.clone();
        altered[40] ^= 1;
        assert!(world.send(dc_addr(), &altered).is_empty());
    }
    assert_eq!(world.relay.poll_event(), None);
    assert_eq!(
        give(
            &mut world,
            &mut dc,
            &[order(9, RelayOrder::Limit { kbps: 5 })]
        ),
        [obeyed(9)]
    );
}
