//! What the forward decision costs, over one flow and over many; and what a bind costs.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that can't be set up has no result"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ntm_relay::{Config, DcLink, Forward, Relay};
use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{PathId, RsId};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{LegBind, LegBindConfirm, Message, Messages, emit_all, pad_to};
use ntm_wire::noise::seal_to_server;
use ntm_wire::seal::{open_salted, seal_salted};
use ntm_wire::time::{Mono, Now, Wall};
use ntm_wire::token::{Grant, RelayToken};

const RS: RsId = RsId(1);

fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

fn now() -> Now {
    Now {
        mono: Mono::from_micros(1_000_000),
        wall: Wall::from_secs(1_750_000_000),
    }
}

fn relay(max_legs: usize) -> Relay {
    let config = Config {
        rs: RS,
        key: KeyPair::from_private(secret(1)),
        dcs: vec![DcLink {
            key_id: 1,
            link: secret(2),
            key: KeyPair::from_private(secret(3)).server(),
            addr: None,
        }],
        v4: None,
        v6: None,
        max_legs,
    };
    Relay::new(config, [7; 32])
}

/// A Bind datagram; path ids are as random as a DC's.
fn bind(from_node: u64, to_node: u64, kbps: u32, counter: u64) -> Vec<u8> {
    let token = RelayToken {
        grant: Grant::Leg {
            from_node: PathId(from_node),
            to_node: PathId(to_node),
            limit_kbps: kbps,
        },
        rs: RS,
        leg_key: secret(4),
        expires: Wall::from_secs(2_000_000_000),
    };
    let token = token.seal(&secret(2), 1, now().wall, [0; 16]);
    let bind = LegBind::new(token, counter, 0, false, RS, &secret(4));
    let header = Header {
        kind: PacketType::Bind,
        selector: KeyPair::from_private(secret(1)).server().selector(),
        counter: 0,
    };
    let mut out = header.emit();
    let prologue = [b"ntm bind 1".as_slice(), &out].concat();
    let mut content = emit_all(&[bind.into()]);
    pad_to(&mut content, PADDED_LEN - 65);
    let server = KeyPair::from_private(secret(1)).server();
    out.extend(seal_to_server([9; 32], &server, &prologue, &content).unwrap());
    out
}

/// The Leg packet that sends the cookie in `answer` back.
fn confirm(from_node: u64, answer: &[u8]) -> Vec<u8> {
    let d = Datagram::new_checked(answer).unwrap();
    let content = open_salted(&secret(4), "ntm leg to node", &d.aad(), d.body()).unwrap();
    let messages = Messages::parse_all(&content).unwrap();
    let [Message::LegBindResponse(response)] = messages.as_slice() else {
        unreachable!("a bind is answered with {messages:?}")
    };
    let confirm = LegBindConfirm {
        counter: response.counter,
        cookie: response.cookie,
    };
    let header = Header {
        kind: PacketType::Leg,
        selector: from_node,
        counter: 0,
    };
    let mut out = header.emit();
    let (aad, content) = ([header.first_byte()], emit_all(&[confirm.into()]));
    out.extend(seal_salted(
        &secret(4),
        "ntm leg from node",
        [0; 16],
        &aad,
        &content,
    ));
    out
}

fn path(n: u32) -> u64 {
    let hash = sha256(&[&n.to_be_bytes()]);
    hash.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
}

fn addr(n: u32) -> RealAddr {
    let [_, a, b, c] = n.to_be_bytes();
    RealAddr(([10, a, b, c], 4000).into())
}

/// A relay with `flows` bound pairs, and one packet of each flow with its source.
fn with_flows(flows: u32, kbps: u32) -> (Relay, Vec<(RealAddr, Vec<u8>)>) {
    let mut relay = relay(2 * flows as usize);
    let mut packets = Vec::new();
    let mut at = now();
    let mut bind_leg = |n: u32, from_node, to_node| {
        // Far enough apart for the limit on binds.
        at.mono = at.mono + core::time::Duration::from_millis(1);
        let mut datagram = bind(from_node, to_node, kbps, at.wall.as_millis());
        relay.handle_datagram(at, addr(n), &mut datagram);
        let answer = relay.poll_transmit().unwrap().payload;
        relay.handle_datagram(at, addr(n), &mut confirm(from_node, &answer));
    };
    for n in 0..flows {
        let (p, q) = (path(2 * n), path(2 * n + 1));
        bind_leg(2 * n, p, q);
        bind_leg(2 * n + 1, q, p);
        let header = Header {
            kind: PacketType::Data,
            selector: p,
            counter: 1,
        };
        let mut packet = header.emit();
        packet.resize(120, 0);
        packets.push((addr(2 * n), packet));
    }
    assert_eq!(relay.counters().confirmed, 2 * u64::from(flows));
    (relay, packets)
}

fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("forward");
    group.throughput(Throughput::Elements(1));
    for (name, flows, kbps) in [
        ("1 flow", 1, 0),
        ("1,000 flows", 1000, 0),
        ("1,000 flows, limited", 1000, u32::MAX),
        ("10,000 flows", 10_000, 0),
    ] {
        let (mut relay, mut packets) = with_flows(flows, kbps);
        let mut at = now();
        let (mut n, count) = (0, packets.len());
        group.bench_function(name, |b| {
            b.iter(|| {
                let (from, packet) = &mut packets[n % count];
                n += 1;
                at.mono = at.mono + core::time::Duration::from_micros(3);
                let to = relay.forward(at, *from, black_box(packet));
                debug_assert!(matches!(to, Forward::To(_)), "{to:?}");
                black_box(to)
            });
        });
    }
    group.finish();
}

fn strangers(c: &mut Criterion) {
    let (mut relay, packets) = with_flows(1000, 0);
    let mut at = now();
    let mut n = 0_u64;
    let mut packet = packets[0].1.clone();
    c.bench_function("forward/unknown path", |b| {
        b.iter(|| {
            n += 1;
            at.mono = at.mono + core::time::Duration::from_micros(3);
            packet[1..9].copy_from_slice(&n.to_be_bytes());
            let outcome = relay.forward(at, packets[0].0, &mut packet);
            while relay.poll_transmit().is_some() {}
            assert_eq!(outcome, Forward::Dropped);
        });
    });
}

fn binds(c: &mut Criterion) {
    let mut relay = relay(2);
    let datagram = bind(1, 2, 0, now().wall.as_millis());
    let mut at = now();
    c.bench_function("bind", |b| {
        b.iter(|| {
            at.mono = at.mono + core::time::Duration::from_millis(10);
            relay.handle_datagram(at, addr(1), &mut datagram.clone());
            assert!(relay.poll_transmit().is_some());
        });
    });
}

criterion_group!(benches, forward, strangers, binds);
criterion_main!(benches);
