//! What goes from leg to leg.

use core::time::Duration;

use ntm_relay::{DropReason, Forward};
use ntm_wire::header::{Datagram, PacketType};

use crate::world::{World, addr, is_hint, rs_key};

const RELAYED: [PacketType; 4] = [
    PacketType::Data,
    PacketType::TunnelRequest,
    PacketType::TunnelResponse,
    PacketType::Punch,
];

#[test]
fn packets_pass_both_ways_unchanged() {
    let mut world = World::new();
    let (a, b) = world.bound_pair();
    for kind in RELAYED {
        for (from, to) in [(&a, &b), (&b, &a)] {
            let packet = from.packet(kind, 1200);
            let sent = world.send(from.addr, &packet);
            assert_eq!(sent.len(), 1, "{kind:?}");
            assert_eq!((sent[0].to, &sent[0].payload), (to.addr, &packet));
        }
    }
    assert_eq!(world.relay.counters().forwarded, 8);
    assert_eq!(world.relay.counters().dropped_total(), 0);
}

#[test]
fn packets_pass_before_either_end_has_confirmed() {
    let mut world = World::new();
    let (mut a, mut b) = world.pair();
    a.bind(&mut world);
    b.bind(&mut world);
    assert_eq!(world.send(a.addr, &a.data())[0].to, b.addr);
    assert_eq!(world.send(b.addr, &b.data())[0].to, a.addr);
}

#[test]
fn the_hot_path_copies_nothing() {
    let mut world = World::new();
    let (a, b) = world.bound_pair();
    let to = world.relay.forward(world.now, a.addr, &mut a.data());
    assert_eq!(to, Forward::To(b.addr));
    assert!(world.sent().is_empty());
}

#[test]
fn a_packet_from_another_address_is_not_forwarded() {
    let mut world = World::new();
    let (a, _) = world.bound_pair();
    let stranger = addr("203.0.113.66:4000");
    let sent = world.send(stranger, &a.data());
    assert_eq!(world.dropped(DropReason::WrongAddress), 1);
    assert_eq!(
        sent.len(),
        1,
        "only a hint, in case the node's NAT has re-bound"
    );
    assert_eq!(sent[0].to, stranger);
    assert!(is_hint(&sent[0].payload, &rs_key().server(), a.from_node));
}

#[test]
fn a_packet_under_the_path_id_of_the_other_direction_is_not_forwarded() {
    let mut world = World::new();
    let (mut a, b) = world.bound_pair();
    a.from_node = b.from_node;
    world.send(a.addr, &a.data());
    assert_eq!(world.dropped(DropReason::WrongAddress), 1);
    assert_eq!(world.relay.counters().forwarded, 0);
}

#[test]
fn what_is_under_way_from_the_old_address_still_passes_after_a_move() {
    let mut world = World::new();
    let (mut a, b) = world.bound_pair();
    let old = a.addr;
    a.addr = addr("198.51.100.9:6000");
    a.bind_and_confirm(&mut world);
    assert_eq!(world.send(old, &a.data())[0].to, b.addr);
    world.pass(Duration::from_secs(3));
    world.send(old, &a.data());
    assert_eq!(world.relay.counters().forwarded, 1);
    assert_eq!(world.dropped(DropReason::WrongAddress), 1);
}

#[test]
fn a_leg_is_held_to_the_limit_in_its_token() {
    let mut world = World::new();
    let (mut a, mut b) = world.pair_with(1, 64);
    a.bind_and_confirm(&mut world);
    b.bind_and_confirm(&mut world);
    for _ in 0..10_000 {
        world.pass(Duration::from_millis(1));
        let _ = world.relay.forward(world.now, a.addr, &mut a.data());
    }
    let bytes = world.relay.counters().forwarded_bytes;
    assert!(
        (80_000..=89_000).contains(&bytes),
        "{bytes} bytes in 10 s at 64 kbit/s"
    );
    assert!(world.dropped(DropReason::OverLimit) > 9_000);
}

#[test]
fn one_path_never_leads_into_another() {
    let mut world = World::with(400, None);
    let mut pairs: Vec<_> = (1..=100).map(|n| world.pair_with(n, 0)).collect();
    for (a, b) in &mut pairs {
        a.bind_and_confirm(&mut world);
        b.bind_and_confirm(&mut world);
    }
    for (a, b) in &pairs {
        assert_eq!(world.send(a.addr, &a.data())[0].to, b.addr);
        assert_eq!(world.send(b.addr, &b.data())[0].to, a.addr);
    }
}

fn path_of(packet: &[u8]) -> u64 {
    Datagram::new_checked(packet).unwrap().selector()
}

#[test]
fn rule_13_each_leg_has_the_ids_of_the_network_that_its_node_is_in() {
    let mut world = World::new();
    let (mut a, mut b) = world.bound_pair();
    for n in 1..=6 {
        a.go(addr(&format!("198.51.100.{n}:6000")));
        a.bind_and_confirm(&mut world);
        if n % 2 == 0 {
            b.go(addr(&format!("[2001:db8:9::{n}]:5000")));
            b.bind_and_confirm(&mut world);
        }
        for (from, to) in [(&a, &b), (&b, &a)] {
            let packet = from.data();
            let sent = world.send(from.addr, &packet);
            assert_eq!((sent.len(), sent[0].to), (1, to.addr));
            assert_eq!(path_of(&sent[0].payload), to.ids().1);
            assert_eq!(sent[0].payload[9..], packet[9..], "and nothing else");
        }
    }
}

#[test]
fn rule_13_while_a_node_moves_each_address_has_its_own_ids() {
    let mut world = World::new();
    let (a, b) = world.bound_pair();
    let mut moved = a.clone();
    moved.go(addr("198.51.100.9:6000"));
    let response = moved.bind(&mut world);
    let to = |world: &mut World| -> Vec<_> {
        let sent = world.send(b.addr, &b.data());
        sent.iter().map(|t| (t.to, path_of(&t.payload))).collect()
    };
    let (old, new) = ((a.addr, a.ids().1), (moved.addr, moved.ids().1));
    assert_eq!(to(&mut world), [new, old]);
    for at in [&a, &moved] {
        assert_eq!(world.send(at.addr, &at.data())[0].to, b.addr);
    }
    moved.confirm(&mut world, &response);
    assert_eq!(to(&mut world), [new]);
}

#[test]
fn rule_13_an_id_that_no_bind_has_told_of_opens_nothing() {
    let mut world = World::new();
    let (mut a, _) = world.bound_pair();
    for _ in 0..5 {
        a.attachment += 1;
        let sent = world.send(a.addr, &a.data());
        assert!(is_hint(&sent[0].payload, &rs_key().server(), a.ids().0));
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.dropped(DropReason::UnknownPath), 5);
    a.bind_and_confirm(&mut world);
    assert_eq!(world.send(a.addr, &a.data()).len(), 1, "and it goes on");
}

#[test]
fn rule_13_after_a_restart_a_leg_is_bound_under_the_ids_in_use() {
    let mut world = World::new();
    let (mut a, mut b) = world.bound_pair();
    a.go(addr("198.51.100.9:6000"));
    a.attachment = 9;
    a.bind_and_confirm(&mut world);
    world.restart();
    world.pass(Duration::from_secs(5));
    for node in [&mut a, &mut b] {
        let sent = world.send(node.addr, &node.data());
        assert!(is_hint(&sent[0].payload, &rs_key().server(), node.ids().0));
        node.counter = world.now.wall.as_millis();
        node.bind_and_confirm(&mut world);
    }
    let sent = world.send(b.addr, &b.data());
    assert_eq!((sent[0].to, path_of(&sent[0].payload)), (a.addr, a.ids().1));
}

#[test]
fn rule_13_nobody_tells_the_relay_of_another_attachment_than_the_nodes() {
    let mut world = World::new();
    let (mut a, _) = world.bound_pair();
    a.counter += 1;
    let mut bind = a.leg_bind();
    bind.attachment = 1;
    let datagram = world.bind(&[bind.into()]);
    assert!(world.send(a.addr, &datagram).is_empty());
    assert_eq!(world.dropped(DropReason::BadMac), 1);
}
