//! What goes from leg to leg.

use core::time::Duration;

use ntm_relay::{DropReason, Forward};
use ntm_wire::header::PacketType;

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
    let to = world.relay.forward(world.now, a.addr, &a.data());
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
        let _ = world.relay.forward(world.now, a.addr, &a.data());
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
