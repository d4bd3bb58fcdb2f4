//! What a packet costs: sealing and opening with header and replay window beside the bare AEAD, and
//! what a session costs: derivation and handshakes.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use std::hint::black_box;
use std::time::Duration;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::kdf::derive;
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::noise::{self, Handshake};
use ntm_wire::replay::ReplayWindow;
use ntm_wire::seal::{OpeningKey, SealingKey, TAG_LEN, open_salted, seal_salted};

/// A voice packet, and a full one.
const SIZES: [usize; 2] = [160, 1350];

fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

fn header(counter: u64) -> Header {
    Header {
        kind: PacketType::Data,
        selector: 0x0102_0304_0506_0708,
        counter,
    }
}

/// One packet from sender to receiver, in place in `wire`, which is as long as header and content.
fn seal_and_open(
    seal: &SealingKey,
    open: &OpeningKey,
    window: &mut ReplayWindow,
    counter: u64,
    wire: &mut Vec<u8>,
) -> usize {
    let header = header(counter);
    wire[0] = header.first_byte();
    wire[1..9].copy_from_slice(&header.selector.to_be_bytes());
    wire[9..HEADER_LEN].copy_from_slice(&counter.to_be_bytes());
    seal.seal(counter, &[header.first_byte()], wire, HEADER_LEN);
    let datagram = Datagram::new_checked(&mut wire[..]).unwrap();
    let (counter, aad) = (datagram.counter(), datagram.aad());
    assert!(window.is_fresh(counter));
    let len = open
        .open(counter, &aad, datagram.into_body_mut())
        .unwrap()
        .len();
    window.mark(counter);
    wire.truncate(HEADER_LEN + len);
    len
}

fn packets(c: &mut Criterion) {
    let mut group = c.benchmark_group("packet");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("seal+open {size} B"), |b| {
            let (seal, open) = (SealingKey::new(&secret(1)), OpeningKey::new(&secret(1)));
            let (mut window, mut counter) = (ReplayWindow::default(), 0);
            let mut wire = Vec::with_capacity(HEADER_LEN + size + TAG_LEN);
            wire.resize(HEADER_LEN + size, 7);
            b.iter(|| {
                counter += 1;
                black_box(seal_and_open(&seal, &open, &mut window, counter, &mut wire))
            });
        });
        group.bench_function(format!("bare AEAD {size} B"), |b| bare(b, size));
    }
    group.finish();
}

/// The same two AEAD calls alone.
fn bare(b: &mut criterion::Bencher<'_>, size: usize) {
    let cipher = Aes256Gcm::new(&[1; 32].into());
    let (mut body, mut counter) = (vec![7; size], 0u64);
    b.iter(|| {
        counter += 1;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&counter.to_be_bytes());
        let nonce: Nonce<_> = nonce.into();
        let tag = cipher
            .encrypt_inout_detached(&nonce, b"a", body.as_mut_slice().into())
            .unwrap();
        cipher
            .decrypt_inout_detached(&nonce, b"a", body.as_mut_slice().into(), &tag)
            .unwrap();
        black_box(&body);
    });
}

fn boxes(c: &mut Criterion) {
    let mut group = c.benchmark_group("key");
    let key = secret(1);
    group.bench_function("derive", |b| {
        b.iter(|| derive(&key, "ntm bench", &[black_box(b"context")]));
    });
    group.bench_function("salted box 100 B, seal+open", |b| {
        let content = [7; 100];
        b.iter(|| {
            let sealed = seal_salted(&key, "ntm bench", [9; 16], b"a", black_box(&content));
            open_salted(&key, "ntm bench", b"a", &sealed).unwrap()
        });
    });
    group.finish();
}

/// Both messages and both ends' keys, the two builders included.
fn exchange(mut a: Handshake, mut b: Handshake, node_key: Option<&SecretKey>) {
    b.read(&a.write(b"").unwrap()).unwrap();
    if let Some(key) = node_key {
        b.set_node_key(key).unwrap();
    }
    a.read(&b.write(b"").unwrap()).unwrap();
    black_box((a.finish().unwrap(), b.finish().unwrap()));
}

fn handshakes(c: &mut Criterion) {
    let mut group = c.benchmark_group("handshake, both ends");
    let pair = |n| KeyPair::from_private(secret(n));
    let (x, y, psk) = (pair(2), pair(3), secret(4));
    group.bench_function("Hello (NKpsk2)", |bench| {
        bench.iter(|| {
            let a = noise::hello_initiator([1; 32], &y.server(), &psk, b"p").unwrap();
            let b = noise::hello_responder([2; 32], &y, b"p").unwrap();
            exchange(a, b, Some(&psk));
        });
    });
    group.bench_function("Link (KK)", |bench| {
        bench.iter(|| {
            let a = noise::link_initiator([1; 32], &x, &y.server(), b"p").unwrap();
            let b = noise::link_responder([2; 32], &y, &x.server(), b"p").unwrap();
            exchange(a, b, None);
        });
    });
    group.bench_function("Tunnel (KKpsk0)", |bench| {
        bench.iter(|| {
            let a = noise::tunnel_initiator([1; 32], &x, &y.identity(), &psk, b"p").unwrap();
            let b = noise::tunnel_responder([2; 32], &y, &x.identity(), &psk, b"p").unwrap();
            exchange(a, b, None);
        });
    });
    group.bench_function("Bind (N), opened", |bench| {
        let sealed = noise::seal_to_server([1; 32], &y.server(), b"p", &[0; 1100]).unwrap();
        bench.iter_batched(
            || sealed.clone(),
            |sealed| noise::open_at_server(&y, b"p", &sealed).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
}

criterion_group! { name = benches; config = config(); targets = packets, boxes, handshakes }
criterion_main!(benches);
