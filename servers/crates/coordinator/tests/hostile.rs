//! What strangers and bystanders may try.

use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::id::{Epoch, TxId};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{SecretKey, ServerKey};
use ntm_wire::message::KeepAlive;
use ntm_wire::seal::open_salted;

use crate::node::got;
use crate::world::{World, real};

const PHONE: &str = "phone.alice.dc1.example";
const HERE: &str = "198.51.100.1:5000";

/// A Hello with a good cookie, not delivered yet.
fn ready(w: &mut World, n: usize) -> Vec<u8> {
    let hello = w.nodes[n].hello(&[]);
    w.send(n, hello);
    let challenge = w.dcs[0].dc.poll_transmit().expect("a challenge").payload;
    w.nodes[n].hello_with_cookie(&challenge)
}

/// What anybody can read out of a Challenge who saw the Hello.
fn cookie_in(challenge: &[u8], dc: ServerKey, noise: &[u8]) -> Vec<u8> {
    let key = SecretKey::new(sha256(&[b"ntm challenge key", &dc.0, &noise[..32]]));
    let d = Datagram::new_checked(challenge).unwrap();
    let content = open_salted(&key, "ntm challenge", &d.aad(), d.body()).unwrap();
    content[..24].to_vec()
}

fn is_silent(w: &mut World) -> bool {
    w.dcs[0].dc.poll_transmit().is_none() && w.dcs[0].dc.poll_event().is_none()
}

#[test]
fn a_challenge_is_no_longer_than_the_hello_and_short_hellos_get_none() {
    let mut w = World::one();
    let n = w.add(0, PHONE, HERE);
    let hello = w.nodes[n].hello(&[]);
    w.send(n, hello[..1199].to_vec());
    assert!(is_silent(&mut w));
    assert_eq!(w.dcs[0].dc.counters().dropped.short_hello, 1);
    w.send(n, hello.clone());
    let challenge = w.dcs[0].dc.poll_transmit().unwrap();
    assert!(challenge.payload.len() < hello.len() / 5);
}

#[test]
fn under_pressure_nobody_new_is_challenged_and_whoever_has_a_cookie_or_a_session_is_served() {
    let mut w = World::one();
    let (old, new, late) = (
        w.join(0, PHONE, HERE),
        w.add(0, "tablet.alice.dc1.example", HERE),
        w.add(0, "watch.alice.dc1.example", HERE),
    );
    let hello = ready(&mut w, new);
    w.dcs[0].dc.set_pressed(true);
    let stranger = w.nodes[late].hello(&[]);
    w.send(late, stranger.clone());
    assert!(is_silent(&mut w));
    assert_eq!(w.dcs[0].dc.counters().dropped.rate_limited, 1);
    w.send(new, hello);
    w.settle();
    assert_eq!(w.dcs[0].dc.counters().sessions, 2);
    let alive = KeepAlive {
        tx: TxId(1),
        is_reply: false,
    };
    let control = w.nodes[old].control(&[alive.into()]);
    w.send(old, control);
    assert!(w.dcs[0].dc.poll_transmit().is_some());
    w.dcs[0].dc.set_pressed(false);
    w.send(late, stranger);
    assert!(w.dcs[0].dc.poll_transmit().is_some(), "a challenge");
}

#[test]
fn a_cookie_is_good_from_its_own_address_and_for_two_minutes() {
    let mut w = World::one();
    let n = w.add(0, PHONE, HERE);
    let hello = ready(&mut w, n);
    w.inject(0, real("198.51.100.66:5000"), hello.clone());
    let again = w.dcs[0].dc.poll_transmit().unwrap();
    assert_eq!(
        again.payload[0] & 0xf,
        PacketType::Challenge as u8,
        "a fresh cookie, nothing else"
    );
    w.pass(121);
    w.send(n, hello);
    let again = w.dcs[0].dc.poll_transmit().unwrap();
    assert_eq!(again.payload[0] & 0xf, PacketType::Challenge as u8);
    assert_eq!(w.dcs[0].dc.counters().dropped.bad_cookie, 2);
    assert_eq!(w.dcs[0].dc.counters().sessions, 0);
}

#[test]
fn a_hello_with_any_byte_altered_leaves_no_state() {
    let mut w = World::one();
    let n = w.add(0, PHONE, HERE);
    let hello = ready(&mut w, n);
    for at in (0..hello.len()).step_by(37) {
        let mut altered = hello.clone();
        altered[at] ^= 0x10;
        w.send(n, altered);
        while let Some(t) = w.dcs[0].dc.poll_transmit() {
            assert_eq!(t.payload[0] & 0xf, PacketType::Challenge as u8, "byte {at}");
        }
        assert!(w.dcs[0].dc.poll_event().is_none(), "byte {at}");
    }
    let counters = *w.dcs[0].dc.counters();
    assert_eq!(counters.sessions, 0);
    assert!(counters.dropped.bad_seal > 20, "{counters:?}");
    w.send(n, hello);
    w.settle();
    assert_eq!(
        w.dcs[0].dc.counters().sessions,
        1,
        "the true one is still welcome"
    );
}

#[test]
fn datagrams_cut_anywhere_are_dropped_and_counted() {
    let mut w = World::one();
    let n = w.join(0, PHONE, HERE);
    let control = w.nodes[n].control(&[KeepAlive {
        tx: TxId(1),
        is_reply: false,
    }
    .into()]);
    for len in 0..control.len() {
        let before = w.dcs[0].dc.counters().dropped.total();
        w.send(n, control[..len].to_vec());
        assert_eq!(
            w.dcs[0].dc.counters().dropped.total(),
            before + 1,
            "cut at {len}"
        );
        assert!(is_silent(&mut w), "cut at {len}");
    }
    w.send(n, control);
    w.settle();
    assert_eq!(got!(w.nodes[n], KeepAlive).len(), 1);
}

#[test]
fn a_control_message_altered_or_replayed_is_dropped() {
    let mut w = World::one();
    let n = w.join(0, PHONE, HERE);
    let control = w.nodes[n].control(&[KeepAlive {
        tx: TxId(1),
        is_reply: false,
    }
    .into()]);
    for at in 0..control.len() {
        let mut altered = control.clone();
        altered[at] ^= 1;
        w.send(n, altered);
        assert!(is_silent(&mut w), "byte {at}");
    }
    w.send(n, control.clone());
    w.settle();
    w.inject(0, real("198.51.100.66:5000"), control);
    assert!(is_silent(&mut w));
    assert_eq!(w.dcs[0].dc.counters().dropped.replayed, 1);
}

#[test]
fn a_replayed_hello_gives_no_second_state_and_moves_nobody() {
    let mut w = World::one();
    let n = w.add(0, PHONE, HERE);
    let hello = ready(&mut w, n);
    w.send(n, hello.clone());
    w.settle();
    w.send(n, hello.clone());
    w.settle();
    assert_eq!(w.dcs[0].dc.counters().sessions, 1);
    assert_eq!(w.dcs[0].dc.counters().duplicates, 1);
    // A bystander gets itself a cookie and sends the recorded handshake from its own address, once
    // the DC has forgotten the Accept.
    w.pass(40);
    w.control(
        n,
        &[KeepAlive {
            tx: TxId(1),
            is_reply: false,
        }
        .into()],
    );
    w.pass(50);
    w.control(
        n,
        &[KeepAlive {
            tx: TxId(2),
            is_reply: false,
        }
        .into()],
    );
    w.pass(50);
    let thief = real("198.51.100.66:5000");
    let noise = &hello[42..];
    w.inject(0, thief, [&hello[..17], &[0], noise, &[0; 24]].concat());
    let challenge = w.dcs[0].dc.poll_transmit().unwrap().payload;
    let cookie = cookie_in(&challenge, w.dcs[0].authority.dc, noise);
    w.inject(0, thief, [&hello[..17], &[24], &cookie, noise].concat());
    let accept = w.dcs[0].dc.poll_transmit().unwrap();
    assert_eq!(
        accept.to, thief,
        "whoever asks is answered, under keys that a thief lacks"
    );
    w.log.clear();
    w.control(
        n,
        &[KeepAlive {
            tx: TxId(3),
            is_reply: false,
        }
        .into()],
    );
    let b = w.join(0, "pc.bob.dc1.example", "198.51.100.2:5000");
    w.direct(b, PHONE);
    assert_eq!(
        got!(w.nodes[n], RouteDirection).len(),
        1,
        "it is still reached where it is"
    );
    assert!(w.log.iter().all(|(_, to, _)| *to != thief));
}

#[test]
fn a_recorded_hello_from_another_address_waits_until_the_node_uses_it() {
    let mut w = World::one();
    let n = w.join(0, PHONE, HERE);
    w.nodes[n].addr = real("198.51.100.66:5000");
    let before = w.nodes[n].got.len();
    // The same epoch as before: it may be a recording.
    let hello = w.nodes[n].hello(&[]);
    w.send(n, hello);
    w.settle();
    assert!(w.nodes[n].got.len() > before, "it is answered");
    let b = w.join(0, "pc.bob.dc1.example", "198.51.100.2:5000");
    w.log.clear();
    w.direct(b, PHONE);
    let to: Vec<_> = w.log.iter().map(|(_, to, _)| *to).collect();
    assert!(
        to.contains(&real(HERE)) && !to.contains(&real("198.51.100.66:5000")),
        "{to:?}"
    );
    w.control(
        n,
        &[KeepAlive {
            tx: TxId(3),
            is_reply: false,
        }
        .into()],
    );
    w.pass(1);
    assert_eq!(
        got!(w.nodes[n], RouteDirection).len(),
        1,
        "used, the session is the one in use"
    );
}

#[test]
fn a_ticket_for_another_dc_and_a_proof_under_another_key_are_dropped() {
    let mut w = World::one();
    let n = w.add(0, PHONE, HERE);
    let good = w.nodes[n].ticket.clone();
    w.nodes[n].ticket.0[40] ^= 1;
    let hello = ready(&mut w, n);
    w.send(n, hello);
    assert!(is_silent(&mut w));
    assert_eq!(w.dcs[0].dc.counters().dropped.bad_ticket, 1);
    w.nodes[n].ticket = good;
    w.nodes[n].node_key = SecretKey::new([9; 32]);
    let hello = ready(&mut w, n);
    w.send(n, hello);
    assert!(is_silent(&mut w));
    assert_eq!(w.dcs[0].dc.counters().dropped.bad_proof, 1);
}

#[test]
fn hellos_beyond_the_rate_of_their_address_cost_nothing() {
    let mut w = World::one();
    let n = w.add(0, PHONE, HERE);
    for i in 0..300u32 {
        w.nodes[n].epoch = Epoch {
            counter: i + 1,
            ..w.nodes[n].epoch
        };
        let hello = ready(&mut w, n);
        w.send(n, hello);
        w.settle();
    }
    let counters = w.dcs[0].dc.counters();
    assert_eq!(counters.sessions, 200, "the burst");
    assert_eq!(counters.dropped.rate_limited, 100);
}

#[test]
fn types_and_sessions_that_no_dc_knows_are_counted() {
    let mut w = World::one();
    let from = real(HERE);
    for kind in PacketType::ALL {
        let header = Header {
            kind,
            selector: 1,
            counter: 1,
        };
        w.inject(0, from, [header.emit(), vec![0; 1300]].concat());
    }
    w.inject(0, from, vec![0x2f; 100]);
    assert!(is_silent(&mut w));
    let dropped = w.dcs[0].dc.counters().dropped;
    assert_eq!(dropped.total(), PacketType::ALL.len() as u64 + 1);
    assert_eq!(
        (
            dropped.unexpected_type,
            dropped.unknown_session,
            dropped.wrong_key
        ),
        (10, 2, 1)
    );
}

#[test]
fn messages_a_node_may_not_send_change_nothing() {
    let mut w = World::one();
    let n = w.join(0, PHONE, HERE);
    let b = w.join(0, "pc.bob.dc1.example", "198.51.100.2:5000");
    w.nodes[b].answers = false;
    w.direct(n, "pc.bob.dc1.example");
    let tx = got!(w.nodes[b], RouteDirection)[0].tx;
    // Alice answers for Bob.
    let forged = ntm_wire::message::RouteDirectionResponse {
        tx,
        consent: ntm_wire::message::Consent::All,
    };
    w.control(
        n,
        &[forged.into(), ntm_wire::message::WakeUp { id: 1 }.into()],
    );
    assert_eq!(w.dcs[0].dc.counters().dropped.out_of_order, 2);
    assert!(got!(w.nodes[n], RouteDirection).is_empty());
}
