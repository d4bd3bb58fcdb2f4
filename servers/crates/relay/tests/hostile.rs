//! Section 9: whatever is forged, altered, replayed, truncated or unknown is dropped and counted.

use core::time::Duration;

use ntm_relay::DropReason;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType, VERSION};
use ntm_wire::message::{KeepAlive, LegBind, Message};
use ntm_wire::token::{Grant, RelayToken};

use crate::world::{KEY_ID, Node, RS, World, addr, rs_key, secret};

/// Sends it and asserts that it only counted as a drop: `answers` datagrams came back.
#[track_caller]
fn assert_dropped(world: &mut World, node: &Node, datagram: &[u8], answers: usize) {
    let (dropped, legs) = (world.relay.counters().dropped_total(), world.relay.legs());
    let sent = world.send(node.addr, datagram);
    assert_eq!(world.relay.counters().dropped_total(), dropped + 1);
    assert_eq!(world.relay.legs(), legs);
    assert!(sent.len() <= answers, "{sent:?}");
    for answer in sent {
        assert!(
            answer.payload.len() <= datagram.len(),
            "longer than the question"
        );
    }
}

#[test]
fn every_altered_or_cut_bind_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let bind = world.bind(&[a.leg_bind().into()]);
    for at in (0..bind.len()).step_by(7) {
        world.pass(Duration::from_secs(1));
        let mut altered = bind.clone();
        altered[at] ^= 0x40;
        assert_dropped(&mut world, &a, &altered, 0);
        assert_dropped(&mut world, &a, &bind[..at], 0);
    }
    assert_eq!(world.relay.legs(), 0);
}

#[test]
fn every_altered_or_cut_leg_packet_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    let alive = KeepAlive {
        tx: ntm_wire::id::TxId(1),
        is_reply: false,
    };
    let packet = a.leg_packet(&mut world, &[alive.into()]);
    for at in 0..packet.len() {
        world.pass(Duration::from_secs(1));
        let mut altered = packet.clone();
        altered[at] ^= 0x80;
        // An altered path id gets a hint.
        assert_dropped(&mut world, &a, &altered, usize::from((1..9).contains(&at)));
        assert_dropped(&mut world, &a, &packet[..at], 0);
    }
    assert_eq!(
        a.tell(&mut world, &[alive_message()]).len(),
        1,
        "the genuine one is answered"
    );
}

#[test]
fn under_pressure_a_bind_without_cookie_gets_no_answer_and_legs_that_stand_are_served() {
    let mut world = World::new();
    let (a, b) = world.bound_pair();
    let stranger = world.bind(&[a.leg_bind().into()]);
    world.relay.always_challenge();
    assert_eq!(world.send(addr("192.0.2.9:5000"), &stranger).len(), 1);
    world.relay.set_pressed(true);
    assert!(world.send(addr("192.0.2.9:5000"), &stranger).is_empty());
    assert_eq!(world.dropped(DropReason::BindLimited), 1);
    let sent = world.send(a.addr, &a.data());
    assert_eq!(sent[0].to, b.addr);
}

#[test]
fn a_bind_must_be_padded_and_for_this_server() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let short = world.bind_of(&[a.leg_bind().into()], 600);
    assert!(world.send(a.addr, &short).is_empty());
    assert_eq!(world.dropped(DropReason::Unpadded), 1);
    let mut other = world.bind(&[a.leg_bind().into()]);
    other[1] ^= 1;
    assert!(world.send(a.addr, &other).is_empty());
    assert_eq!(world.dropped(DropReason::BadBind), 1);
}

#[test]
fn a_bind_with_a_wrong_mac_or_family_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let bind = |key, counter, v6, rs| LegBind::new(a.token.clone(), counter, 0, v6, rs, key);
    let mut tampered = a.leg_bind();
    tampered.counter += 1;
    let wrong = [
        bind(&secret(0), a.counter, false, RS),
        bind(&a.key, a.counter, true, RS),
        bind(&a.key, a.counter, false, ntm_wire::id::RsId(8)),
        tampered,
    ];
    let n = wrong.len() as u64;
    for bind in wrong {
        let datagram = world.bind(&[bind.into()]);
        assert!(world.send(a.addr, &datagram).is_empty());
    }
    assert_eq!(world.dropped(DropReason::BadMac), n);
    assert_eq!(world.relay.legs(), 0);
}

#[test]
fn a_token_that_is_forged_altered_foreign_or_of_another_kind_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let wall = world.now.wall;
    let token = |grant, rs| RelayToken {
        grant,
        rs,
        leg_key: a.key.clone(),
        expires: wall + crate::world::TOKEN_LIFE,
    };
    let leg = |from_node, to_node| Grant::Leg {
        from_node: ntm_wire::id::PathId(from_node),
        to_node: ntm_wire::id::PathId(to_node),
        limit_kbps: 0,
    };
    let mut altered = token(leg(1, 2), RS).seal(&secret(9), KEY_ID, wall, [1; 16]);
    altered.0[30] ^= 1;
    let tokens = [
        altered,
        token(leg(1, 2), RS).seal(&secret(8), KEY_ID, wall, [2; 16]),
        token(leg(1, 2), RS).seal(&secret(9), KEY_ID + 1, wall, [3; 16]),
        token(leg(1, 2), ntm_wire::id::RsId(8)).seal(&secret(9), KEY_ID, wall, [4; 16]),
        token(Grant::Measure { id: 5 }, RS).seal(&secret(9), KEY_ID, wall, [5; 16]),
        token(leg(1, 1), RS).seal(&secret(9), KEY_ID, wall, [6; 16]),
        ntm_wire::token::SealedToken(vec![0; 3]),
    ];
    let n = tokens.len() as u64;
    for token in tokens {
        let bind = LegBind::new(token, a.counter, 0, false, RS, &a.key);
        let datagram = world.bind(&[bind.into()]);
        assert!(world.send(a.addr, &datagram).is_empty());
    }
    assert_eq!(world.dropped(DropReason::BadToken), n);
    assert_eq!(world.relay.legs(), 0);
}

#[test]
fn a_token_removed_by_key_rotation_binds_nothing_new() {
    let mut world = World::new();
    let (mut a, _) = world.bound_pair();
    world.relay.remove_key(KEY_ID);
    a.counter += 1;
    let bind = world.bind(&[a.leg_bind().into()]);
    assert!(world.send(a.addr, &bind).is_empty());
    assert_eq!(
        (world.dropped(DropReason::BadToken), world.relay.legs()),
        (1, 2)
    );
}

#[test]
fn a_token_for_another_legs_path_id_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    let mut thief = world.node(a.from_node, 0x666, addr("203.0.113.66:4000"), 0);
    thief.counter = a.counter + 1;
    let bind = world.bind(&[thief.leg_bind().into()]);
    assert!(world.send(thief.addr, &bind).is_empty());
    assert_eq!(world.dropped(DropReason::PathTaken), 1);
}

#[test]
fn binds_and_leg_packets_with_other_messages_are_dropped() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    for messages in [
        &[][..],
        &[alive_message()],
        &[a.leg_bind().into(), alive_message()],
    ] {
        let bind = world.bind(messages);
        assert!(world.send(a.addr, &bind).is_empty());
    }
    assert_eq!(world.dropped(DropReason::BadBind), 3);
    assert!(a.tell(&mut world, &[a.leg_bind().into()]).is_empty());
    assert_eq!(world.dropped(DropReason::BadLeg), 1);
}

#[test]
fn what_is_not_for_a_relay_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    for kind in [
        PacketType::Hello,
        PacketType::Challenge,
        PacketType::Accept,
        PacketType::Hint,
        PacketType::BindChallenge,
    ] {
        assert_dropped(&mut world, &a, &a.packet(kind, 1200), 0);
    }
    assert_eq!(world.dropped(DropReason::NotForRelay), 5);
    for kind in [
        PacketType::Control,
        PacketType::LinkHello,
        PacketType::LinkAccept,
    ] {
        assert_dropped(&mut world, &a, &a.packet(kind, 1200), 0);
    }
    assert_eq!(world.dropped(DropReason::BadLink), 3);
}

#[test]
fn noise_of_every_length_and_first_byte_is_dropped() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    for first in 0..=255_u8 {
        for len in [0, 1, HEADER_LEN - 1, HEADER_LEN, HEADER_LEN + 32, 1200] {
            let mut junk = vec![0xcd; len];
            junk.iter_mut().take(1).for_each(|b| *b = first);
            assert_dropped(&mut world, &a, &junk, 1);
        }
    }
    let versions = (0..=255_u8).filter(|b| b >> 4 != VERSION).count();
    assert!(world.dropped(DropReason::Malformed) > 6 * versions as u64);
}

#[test]
fn rule_02_a_flood_of_strangers_leaves_no_state_and_few_hints() {
    let mut world = World::new();
    let header = |kind, selector| Header {
        kind,
        selector,
        counter: 0,
    };
    let (mut hints, mut challenges, mut answered) = (0, 0, 0);
    for n in 0..200_000_u64 {
        let from = addr(&format!(
            "{}.{}.{}.9:{}",
            1 + n % 200,
            n / 200 % 250,
            n / 50_000,
            2000 + n % 60_000
        ));
        let kind = [PacketType::Data, PacketType::Leg, PacketType::Bind][n as usize % 3];
        let selector = if kind == PacketType::Bind {
            rs_key().server().selector()
        } else {
            n
        };
        let mut junk = header(kind, selector).emit();
        junk.resize(1200, n as u8);
        for sent in world.send(from, &junk) {
            answered += sent.payload.len();
            let answer = Datagram::new_checked(sent.payload.as_slice()).unwrap();
            if answer.kind() == PacketType::BindChallenge {
                challenges += 1;
            } else {
                hints += 1;
            }
        }
    }
    assert_eq!(world.relay.legs(), 0);
    assert!(hints <= 5_001, "{hints} hints in no time at all");
    assert!(challenges > 60_000, "{challenges} challenges");
    assert!(answered < 200_000 * 1200 / 50);
    assert!(
        world.relay.poll_timeout().is_none(),
        "nothing to look after"
    );
    assert!(
        world.dropped(DropReason::Challenged) > 60_000,
        "Diffie-Hellmans are rationed"
    );
}

#[test]
fn one_stranger_gets_few_hints_and_takes_none_from_others() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let sent = (0..1000)
        .filter(|_| !world.send(a.addr, &a.data()).is_empty())
        .count();
    assert_eq!(sent, 8);
    let (other, _) = world.pair_with(2, 0);
    assert_eq!(world.send(other.addr, &other.data()).len(), 1);
}

#[test]
fn a_hint_is_never_longer_than_its_question() {
    let mut world = World::new();
    let (a, _) = world.pair();
    let mut len = HEADER_LEN;
    while world
        .send(a.addr, &a.packet(PacketType::Data, len))
        .is_empty()
    {
        len += 1;
    }
    world.pass(Duration::from_secs(10));
    let sent = world.send(a.addr, &a.packet(PacketType::Data, len));
    assert_eq!(sent[0].payload.len(), len);
}

fn alive_message() -> Message {
    KeepAlive {
        tx: ntm_wire::id::TxId(1),
        is_reply: false,
    }
    .into()
}
