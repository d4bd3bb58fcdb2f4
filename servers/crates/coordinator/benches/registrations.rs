//! How many registrations one core takes, and what a registered node weighs.
//!
//! `cargo bench -p ntm-coordinator --bench registrations [-- NODES]`; prints to standard output.

#![expect(
    unsafe_code,
    reason = "a counting allocator is the measuring instrument"
)]
#![expect(clippy::print_stdout, reason = "a benchmark reports there")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ntm_coordinator::{Config, Coordinator, Event, Ipv4Block, Limits, RelayConfig};
use ntm_wire::addr::{Candidate, CandidateKind, NatVerdict, RealAddr, VirtualPrefix};
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::codec::Codec;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{DcId, Epoch, InterfaceId, NodeId, RsId, TxId};
use ntm_wire::kdf::{derive, hmac_sha256, sha256};
use ntm_wire::key::{IdentityKey, KeyPair, RootKey, SecretKey, ServerKey};
use ntm_wire::message::{KeepAlive, RegistrationRequest, RelayRtt, emit_all, pad_to};
use ntm_wire::noise::{Handshake, NOISE_OVERHEAD, SessionKeys, hello_initiator};
use ntm_wire::seal::{SealingKey, open_salted};
use ntm_wire::ticket::{TICKET_LIFETIME, Ticket};
use ntm_wire::time::{Mono, Now, Wall};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const WALL: Wall = Wall::from_secs(1_800_000_000);
const PREFIX: VirtualPrefix = VirtualPrefix([0xfd, 0, 0, 0, 0, 0, 0, 1]);
const RELAYS: u8 = 2;

struct Node {
    from: RealAddr,
    dc_sid: u64,
    keys: SessionKeys,
    counter: u64,
}

/// A Hello on its way.
struct Caller {
    from: RealAddr,
    handshake: Handshake,
    header: Header,
    noise: Vec<u8>,
}

struct Bench {
    dc: Coordinator,
    key: ServerKey,
    link: SecretKey,
    now: Now,
    seconds: f64,
}

const BATCH: u32 = 1000;

fn main() {
    let count = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(100_000u32);
    let mut bench = Bench::new();
    // What a node's own side needs is kept out of the measure: allocated before, sized at once.
    let mut nodes: Vec<Node> = Vec::with_capacity((count + 1) as usize);
    let before = LIVE.load(Ordering::Relaxed);
    for first in (0..count).step_by(BATCH as usize) {
        nodes.extend(bench.open(first..(first + BATCH).min(count)));
    }
    let rate = f64::from(count) / bench.seconds;
    // One more, after a while: so that the Accepts kept for Hellos that come twice are gone.
    bench.now.mono = bench.now.mono + Duration::from_secs(300);
    nodes.extend(bench.open(count..count + 1));
    let weight = (LIVE.load(Ordering::Relaxed) - before) as f64 / f64::from(count);
    println!(
        "registered:                    {:>9}",
        bench.dc.registered()
    );
    println!("memory:                        {weight:>9.0} bytes/node");
    println!("new sessions:                  {rate:>9.0} /s");
    println!(
        "re-registrations on sessions:  {:>9.0} /s",
        bench.renew(&mut nodes)
    );
    println!(
        "keep-alives on sessions:       {:>9.0} /s",
        bench.keep_alive(&mut nodes)
    );
}

/// Seconds of processor time of this process, where the system tells; else of the clock on the wall.
fn processor_time(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = told.and_then(|t| t.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |n| n / 1e9)
}

impl Bench {
    fn new() -> Self {
        let key = KeyPair::from_private(SecretKey::new([1; 32]));
        let link = SecretKey::new([2; 32]);
        let relay = |n: u8| RelayConfig {
            rs: RsId(u32::from(n)),
            key: ServerKey([n; 32]),
            link: SecretKey::new([n; 32]),
            key_id: 1,
            v4: Some(format!("192.0.2.{n}:7930").parse().unwrap()),
            v6: Some(format!("[2001:db8::{n}]:7930").parse().unwrap()),
        };
        let config = Config {
            dc: DcId(1),
            key: key.clone(),
            domains: vec!["example.org".parse().unwrap()],
            prefix: PREFIX,
            v4_blocks: vec![Ipv4Block {
                base: [100, 64, 0, 0].into(),
                prefix_len: 10,
            }],
            ticket_link: link.clone(),
            relays: (1..=RELAYS).map(relay).collect(),
            peers: Vec::new(),
            limits: Limits {
                max_nodes: 4_000_000,
                ..Limits::default()
            },
        };
        let dc = Coordinator::new(config, [3; 32], Vec::new()).unwrap();
        let now = Now {
            mono: Mono::from_micros(10_000_000),
            wall: WALL,
        };
        Self {
            dc,
            key: key.server(),
            link,
            now,
            seconds: 0.0,
        }
    }

    /// Hello, Challenge, Hello, Accept for each of these nodes.
    fn open(&mut self, nodes: Range<u32>) -> Vec<Node> {
        let callers: Vec<_> = nodes.map(|n| self.caller(n)).collect();
        let hellos = callers.iter().map(|c| (c.from, c.datagram(&[])));
        let challenges = self.give_all(hellos.collect());
        let key = self.key;
        let hellos = callers
            .iter()
            .zip(challenges)
            .map(|(c, ch)| (c.from, c.datagram(&c.cookie(&key, &ch))));
        let accepts = self.give_all(hellos.collect());
        self.now.mono = self.now.mono + Duration::from_millis(100);
        callers
            .into_iter()
            .zip(accepts)
            .map(|(c, accept)| c.finish(&accept))
            .collect()
    }

    fn caller(&self, n: u32) -> Caller {
        let (node_key, ticket) = self.ticket(n);
        let sid = u64::from(n) + 1;
        let header = Header {
            kind: PacketType::Hello,
            selector: self.key.selector(),
            counter: sid,
        };
        let prologue = [b"ntm hello 1".as_slice(), &header.emit()].concat();
        let mut handshake = hello_initiator(seed(n), &self.key, &node_key, &prologue).unwrap();
        let mut body = emit_all(&[registration(n, 1).into()]);
        pad_to(
            &mut body,
            PADDED_LEN - HEADER_LEN - 1 - NOISE_OVERHEAD - ticket.len() - 32,
        );
        let proof_key = derive(&node_key, "ntm hello proof", &[]);
        let proof = hmac_sha256(
            &proof_key,
            &[&sid.to_be_bytes(), &self.key.0, &sha256(&[&body])],
        );
        let noise = handshake
            .write(&[ticket, proof.to_vec(), body].concat())
            .unwrap();
        Caller {
            from: address(n),
            handshake,
            header,
            noise,
        }
    }

    fn ticket(&self, n: u32) -> (SecretKey, Vec<u8>) {
        let identity = IdentityKey(seed(n));
        let certificate = IdentityCertificate {
            fqdn: format!("phone.person{n}.example.org").parse().unwrap(),
            identity,
            virtual_v6: PREFIX.address_of(&NodeId::of(&identity)),
            not_before: WALL,
            not_after: WALL + TICKET_LIFETIME,
            root: RootKey([5; 32]),
            root_signature: [6; 64],
            // A DC does not look at the signatures of its own AS: the ticket's seal is the AS's word.
            authority_signature: [7; 64],
        };
        let node_key = SecretKey::new(seed(n));
        let expires = WALL + TICKET_LIFETIME;
        let ticket = Ticket {
            node_key: node_key.clone(),
            issued: WALL,
            expires,
            certificate,
        };
        (node_key, ticket.seal(&self.link, [n as u8; 16]).emit())
    }

    /// Hands the DC datagrams and returns its answers; only this is timed.
    fn give_all(&mut self, datagrams: Vec<(RealAddr, Vec<u8>)>) -> Vec<Vec<u8>> {
        let mut answers = Vec::with_capacity(datagrams.len());
        let clock = Instant::now();
        let start = processor_time(clock);
        for (from, mut datagram) in datagrams {
            self.dc.handle_datagram(self.now, from, &mut datagram);
            while let Some(event) = self.dc.poll_event() {
                if let Event::Store(assignment) = event {
                    self.dc.handle_stored(self.now, assignment.node, Ok(()));
                }
            }
            answers.extend(self.dc.poll_transmit().map(|t| t.payload));
        }
        self.seconds += processor_time(clock) - start;
        answers
    }

    fn renew(&mut self, nodes: &mut [Node]) -> f64 {
        self.on_sessions(nodes, |n| emit_all(&[registration(n, 2).into()]))
    }

    fn keep_alive(&mut self, nodes: &mut [Node]) -> f64 {
        let message = KeepAlive {
            tx: TxId(1),
            is_reply: false,
        };
        self.on_sessions(nodes, |_| emit_all(&[message.clone().into()]))
    }

    fn on_sessions(&mut self, nodes: &mut [Node], content: impl Fn(u32) -> Vec<u8>) -> f64 {
        self.seconds = 0.0;
        let sealed = (0..)
            .zip(nodes.iter_mut())
            .map(|(n, node)| (node.from, node.seal(&content(n))));
        let answers = self.give_all(sealed.collect());
        assert_eq!(answers.len(), nodes.len(), "every message is answered");
        nodes.len() as f64 / self.seconds
    }
}

impl Caller {
    fn datagram(&self, cookie: &[u8]) -> Vec<u8> {
        [
            self.header.emit(),
            vec![cookie.len() as u8],
            cookie.to_vec(),
            self.noise.clone(),
        ]
        .concat()
    }

    fn cookie(&self, dc: &ServerKey, challenge: &[u8]) -> Vec<u8> {
        let key = SecretKey::new(sha256(&[b"ntm challenge key", &dc.0, &self.noise[..32]]));
        let d = Datagram::new_checked(challenge).unwrap();
        open_salted(&key, "ntm challenge", &d.aad(), d.body()).unwrap()[..24].to_vec()
    }

    fn finish(mut self, accept: &[u8]) -> Node {
        let payload = self.handshake.read(&accept[HEADER_LEN..]).unwrap();
        let dc_sid = u64::from_be_bytes(*payload.first_chunk().unwrap());
        Node {
            from: self.from,
            dc_sid,
            keys: self.handshake.finish().unwrap(),
            counter: 0,
        }
    }
}

impl Node {
    fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Control,
            selector: self.dc_sid,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = header.emit();
        out.extend(content);
        SealingKey::new(&self.keys.send).seal(
            header.counter,
            &[header.first_byte()],
            &mut out,
            HEADER_LEN,
        );
        out
    }
}

fn registration(n: u32, counter: u32) -> RegistrationRequest {
    let host = |interface, addr: String| Candidate {
        kind: CandidateKind::Host,
        interface: InterfaceId(interface),
        addr: RealAddr(addr.parse().unwrap()),
    };
    RegistrationRequest {
        tx: TxId(n + 1),
        epoch: Epoch {
            start_ms: WALL.as_millis(),
            counter,
        },
        candidates: vec![
            host(1, "192.168.1.20:50000".into()),
            host(2, format!("[2001:db8::{:x}]:50000", n & 0xffff)),
        ],
        nat: NatVerdict::Unknown,
        push_token: None,
        relay_rtts: (1..=RELAYS)
            .map(|rs| RelayRtt {
                rs: RsId(u32::from(rs)),
                rtt_ms: 20,
            })
            .collect(),
    }
}

fn address(n: u32) -> RealAddr {
    let [_, a, b, c] = n.to_be_bytes();
    RealAddr(std::net::SocketAddr::from(([60, a, b, c], 50_000)))
}

fn seed(n: u32) -> [u8; 32] {
    sha256(&[&n.to_be_bytes()])
}
