//! A coordinator with a node that is registered and a peer DC that is linked: strangers' datagrams, and
//! whatever those two may say under a seal that holds.
#![no_main]

#[path = "../machines/people.rs"]
mod people;
#[path = "../machines/script.rs"]
mod script;

use ntm_coordinator::{
    Config, Coordinator, Event, Ipv4Block, Limits, PeerDc, RelayConfig, ResolveError,
};
use ntm_wire::codec::Codec;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{DcId, RsId};
use ntm_wire::kdf::{derive, hmac_sha256, sha256};
use ntm_wire::key::SecretKey;
use ntm_wire::message::pad_to;
use ntm_wire::noise::{NOISE_OVERHEAD, hello_initiator, link_initiator};
use ntm_wire::seal::{SealingKey, open_salted};
use ntm_wire::transmit::Transmit;
use people::{addr, now, pair, secret};
use script::{Step, steps};

const DC: u8 = 0x22;
const PEER: u8 = 0x23;

struct World {
    dc: Coordinator,
    ms: u64,
    seeds: u8,
    /// Receiver's session id, key and counter of the node's session and of the peer's.
    sessions: Vec<(u64, SealingKey, u64)>,
}

fn config() -> Config {
    Config {
        dc: DcId(1),
        key: pair(DC),
        domains: vec![people::name("example.org")],
        prefix: people::PREFIX,
        v4_blocks: vec![Ipv4Block {
            base: [100, 64, 0, 0].into(),
            prefix_len: 18,
        }],
        ticket_link: secret(0x61),
        relays: vec![RelayConfig {
            rs: RsId(7),
            key: pair(0x25).server(),
            link: secret(0x62),
            key_id: 3,
            v4: Some("198.51.100.9:7930".parse().expect("an address")),
            v6: None,
        }],
        peers: vec![PeerDc {
            domains: vec![people::name("example.net")],
            key: pair(PEER).server(),
            addr: Some(addr(3)),
            same_operator: true,
            authority: people::authority(),
        }],
        limits: Limits::default(),
    }
}

impl World {
    fn new() -> Self {
        let dc = Coordinator::new(config(), [1; 32], Vec::new()).expect("a good configuration");
        let mut world = Self {
            dc,
            ms: 0,
            seeds: 0,
            sessions: Vec::new(),
        };
        world.dc.set_names(vec![
            people::name("phone.alice.example.org"),
            people::name("phone.bob.example.org"),
        ]);
        world
    }

    fn seed(&mut self) -> [u8; 32] {
        self.seeds = self.seeds.wrapping_add(1);
        [self.seeds; 32]
    }

    fn hand(&mut self, host: u8, mut datagram: Vec<u8>) -> Vec<Transmit> {
        self.dc
            .handle_datagram(now(self.ms), addr(host), &mut datagram);
        self.settle()
    }

    /// Does what the coordinator asks of its driver; returns what it sent.
    fn settle(&mut self) -> Vec<Transmit> {
        while let Some(event) = self.dc.poll_event() {
            match event {
                Event::Store(a) => self.dc.handle_stored(now(self.ms), a.node, Ok(())),
                Event::Resolve { query, .. } => {
                    self.dc
                        .handle_resolved(now(self.ms), query, Err(ResolveError::NotFound));
                }
                _ => {}
            }
        }
        std::iter::from_fn(|| self.dc.poll_transmit()).collect()
    }

    /// A Hello with `messages`, its cookie fetched first; the session it opens is kept.
    fn hello(&mut self, messages: &[u8]) {
        let (dc, sid) = (pair(DC).server(), 100 + self.sessions.len() as u64);
        let header = Header {
            kind: PacketType::Hello,
            selector: dc.selector(),
            counter: sid,
        };
        let prologue = [b"ntm hello 1".as_slice(), &header.emit()].concat();
        let payload = payload(sid, messages);
        let Ok(mut handshake) = hello_initiator(self.seed(), &dc, &secret(0x51), &prologue) else {
            return;
        };
        let Ok(noise) = handshake.write(&payload) else {
            return;
        };
        let plain = [&header.emit()[..], &[0], &noise].concat();
        let Some(challenge) = self.hand(2, plain).pop() else {
            return;
        };
        let key = SecretKey::new(sha256(&[b"ntm challenge key", &dc.0, &noise[..32]]));
        let d = Datagram::new_checked(&challenge.payload).expect("a Challenge");
        let cookie = open_salted(&key, "ntm challenge", &d.aad(), d.body()).expect("its seal");
        let again = [&header.emit()[..], &[24], &cookie[..24], &noise].concat();
        for answer in self.hand(2, again) {
            let d = Datagram::new_checked(&answer.payload).expect("an answer");
            if d.kind() != PacketType::Accept {
                continue;
            }
            let payload = handshake.read(d.body()).expect("an Accept");
            let dc_sid = u64::from_be_bytes(*payload.first_chunk().expect("a session id"));
            let keys = handshake.finish().expect("its keys");
            self.sessions.push((dc_sid, SealingKey::new(&keys.send), 0));
            break;
        }
    }

    /// A LinkHello of the peer DC with `messages`; the session it opens is kept.
    fn link(&mut self, messages: &[u8]) {
        let (own, dc) = (pair(PEER), pair(DC).server());
        let header = Header {
            kind: PacketType::LinkHello,
            selector: own.server().selector(),
            counter: 200 + self.sessions.len() as u64,
        };
        let prologue = [b"ntm link 1".as_slice(), &header.emit()].concat();
        let Ok(mut handshake) = link_initiator(self.seed(), &own, &dc, &prologue) else {
            return;
        };
        let Ok(noise) = handshake.write(messages) else {
            return;
        };
        for answer in self.hand(3, [header.emit(), noise].concat()) {
            let d = Datagram::new_checked(&answer.payload).expect("an answer");
            if d.kind() == PacketType::LinkAccept && handshake.read(d.body()).is_ok() {
                let keys = handshake.finish().expect("its keys");
                self.sessions
                    .push((d.counter(), SealingKey::new(&keys.send), 0));
                break;
            }
        }
    }

    fn control(&mut self, which: usize, content: &[u8]) {
        let host = if which == 0 { 2 } else { 3 };
        let Some((sid, key, counter)) = self.sessions.get_mut(which) else {
            return;
        };
        let header = Header {
            kind: PacketType::Control,
            selector: *sid,
            counter: *counter,
        };
        let mut datagram = header.emit();
        datagram.extend_from_slice(content);
        key.seal(*counter, &[header.first_byte()], &mut datagram, HEADER_LEN);
        *counter += 1;
        self.hand(host, datagram);
    }

    fn wait(&mut self, tenths: u8) {
        self.ms += u64::from(tenths) * 100;
        for _ in 0..64 {
            let due = self
                .dc
                .poll_timeout()
                .is_some_and(|t| t <= now(self.ms).mono);
            if !due {
                return;
            }
            self.dc.handle_timeout(now(self.ms));
            self.settle();
        }
        panic!("its timer never rests");
    }
}

fn payload(sid: u64, messages: &[u8]) -> Vec<u8> {
    let ticket = people::ticket(0x21, "phone.alice.example.org")
        .seal(&secret(0x61), [4; 16])
        .emit();
    let mut body = messages.to_vec();
    pad_to(
        &mut body,
        PADDED_LEN - HEADER_LEN - 1 - NOISE_OVERHEAD - ticket.len() - 32,
    );
    let key = derive(&secret(0x51), "ntm hello proof", &[]);
    let dc = pair(DC).server();
    let proof = hmac_sha256(&key, &[&sid.to_be_bytes(), &dc.0, &sha256(&[&body])]);
    [&ticket[..], &proof, &body].concat()
}

/// A Registration Request of the node: the session needs one to stand.
fn registration() -> Vec<u8> {
    use ntm_wire::message::{RegistrationRequest, emit_all};
    emit_all(&[RegistrationRequest {
        tx: ntm_wire::id::TxId(1),
        epoch: ntm_wire::id::Epoch {
            start_ms: now(0).wall.as_millis(),
            counter: 1,
        },
        candidates: Vec::new(),
        nat: ntm_wire::addr::NatVerdict::Unknown,
        push_token: Some(ntm_wire::push::PushToken::new(vec![1])),
        relay_rtts: Vec::new(),
    }
    .into()])
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut world = World::new();
    world.hello(&registration());
    assert_eq!(world.sessions.len(), 1, "the node is registered");
    world.link(&[]);
    assert_eq!(world.sessions.len(), 2, "the peer is linked");
    for step in steps(bytes) {
        match step {
            Step::Raw(content) => drop(world.hand(9, content.to_vec())),
            Step::Wait(tenths) => world.wait(tenths),
            Step::Sealed(2 | 3, content) => world.control(0, content),
            Step::Sealed(4 | 5, content) => world.control(1, content),
            Step::Sealed(6, content) if content.len() < 500 => world.hello(content),
            Step::Sealed(_, content) => world.link(content),
        }
    }
});
