//! A relay with a bound leg and a linked DC: strangers' datagrams, and whatever those two may say
//! under a seal that holds.
#![no_main]

#[path = "../machines/people.rs"]
#[expect(dead_code, reason = "a relay needs fewer people than the others")]
mod people;
#[path = "../machines/script.rs"]
mod script;

use ntm_relay::{Config, DcLink, Relay};
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{PathId, RsId};
use ntm_wire::message::{LegBind, emit_all, pad_to};
use ntm_wire::noise::{NOISE_OVERHEAD, link_initiator, seal_to_server};
use ntm_wire::seal::{SealingKey, seal_salted};
use ntm_wire::token::{Grant, LEG_TOKEN_LIFETIME, RelayToken};
use people::{addr, now, pair, secret};
use script::{Step, steps};

const RS: u8 = 0x25;
const DC: u8 = 0x22;
const PATH: PathId = PathId(0x0102_0304_0506_0708);

struct World {
    relay: Relay,
    ms: u64,
    seeds: u8,
    session: Option<(u64, SealingKey, u64)>,
}

fn config() -> Config {
    Config {
        rs: RsId(7),
        key: pair(RS),
        dcs: vec![DcLink {
            key_id: 3,
            link: secret(0x62),
            key: pair(DC).server(),
            addr: Some(addr(1)),
        }],
        v4: Some("198.51.100.9:7930".parse().expect("an address")),
        v6: None,
        max_legs: 100,
    }
}

/// A bind of the leg with a counter, framed.
fn bind(counter: u64) -> Vec<u8> {
    let token = RelayToken {
        grant: Grant::Leg {
            from_node: PATH,
            to_node: PathId(0x1112_1314_1516_1718),
            limit_kbps: 2000,
        },
        rs: RsId(7),
        leg_key: secret(0x71),
        expires: now(0).wall + LEG_TOKEN_LIFETIME,
    };
    let sealed = token.seal(&secret(0x62), 3, now(0).wall, [4; 16]);
    emit_all(&[LegBind::new(sealed, counter, 0, false, RsId(7), &secret(0x71)).into()])
}

impl World {
    fn new() -> Self {
        Self {
            relay: Relay::new(config(), [1; 32]),
            ms: 0,
            seeds: 0,
            session: None,
        }
    }

    fn seed(&mut self) -> [u8; 32] {
        self.seeds = self.seeds.wrapping_add(1);
        [self.seeds; 32]
    }

    fn hand(&mut self, host: u8, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
        self.relay
            .handle_datagram(now(self.ms), addr(host), &mut datagram);
        self.settle()
    }

    fn settle(&mut self) -> Vec<Vec<u8>> {
        while self.relay.poll_event().is_some() {}
        std::iter::from_fn(|| self.relay.poll_transmit().map(|t| t.payload)).collect()
    }

    /// A Bind packet with `messages`.
    fn bind(&mut self, messages: &[u8]) {
        let rs = pair(RS).server();
        let header = Header {
            kind: PacketType::Bind,
            selector: rs.selector(),
            counter: 0,
        };
        let prologue = [b"ntm bind 1".as_slice(), &header.emit()].concat();
        let mut payload = messages.to_vec();
        pad_to(&mut payload, PADDED_LEN - HEADER_LEN - NOISE_OVERHEAD);
        if let Ok(noise) = seal_to_server(self.seed(), &rs, &prologue, &payload) {
            self.hand(2, [header.emit(), noise].concat());
        }
    }

    /// A Leg packet with `messages`.
    fn leg(&mut self, messages: &[u8]) {
        let header = Header {
            kind: PacketType::Leg,
            selector: PATH.0,
            counter: 0,
        };
        let mut salt = [0; 16];
        salt.copy_from_slice(&self.seed()[..16]);
        let aad = [header.first_byte()];
        let sealed = seal_salted(&secret(0x71), "ntm leg from node", salt, &aad, messages);
        self.hand(2, [header.emit(), sealed].concat());
    }

    /// A LinkHello of the DC with `messages`; the session it opens is kept.
    fn link(&mut self, messages: &[u8]) {
        let (own, rs) = (pair(DC), pair(RS).server());
        let header = Header {
            kind: PacketType::LinkHello,
            selector: own.server().selector(),
            counter: 200 + u64::from(self.seeds),
        };
        let prologue = [b"ntm link 1".as_slice(), &header.emit()].concat();
        let Ok(mut handshake) = link_initiator(self.seed(), &own, &rs, &prologue) else {
            return;
        };
        let Ok(noise) = handshake.write(messages) else {
            return;
        };
        for answer in self.hand(1, [header.emit(), noise].concat()) {
            let d = Datagram::new_checked(&answer).expect("an answer");
            if d.kind() == PacketType::LinkAccept && handshake.read(d.body()).is_ok() {
                let keys = handshake.finish().expect("its keys");
                self.session = Some((d.counter(), SealingKey::new(&keys.send), 0));
                break;
            }
        }
    }

    fn control(&mut self, content: &[u8]) {
        let Some((sid, key, counter)) = self.session.as_mut() else {
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
        self.hand(1, datagram);
    }

    fn wait(&mut self, tenths: u8) {
        self.ms += u64::from(tenths) * 100;
        for _ in 0..64 {
            let due = self
                .relay
                .poll_timeout()
                .is_some_and(|t| t <= now(self.ms).mono);
            if !due {
                return;
            }
            self.relay.handle_timeout(now(self.ms));
            self.settle();
        }
        panic!("its timer never rests");
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut world = World::new();
    world.bind(&bind(now(0).wall.as_millis()));
    assert_eq!(world.relay.legs(), 1, "the leg is bound");
    world.link(&[0; 66]);
    assert!(world.session.is_some(), "the DC is linked");
    for step in steps(bytes) {
        match step {
            Step::Raw(content) => drop(world.hand(9, content.to_vec())),
            Step::Wait(tenths) => world.wait(tenths),
            Step::Sealed(2, content) => world.leg(content),
            Step::Sealed(3, _) => world.bind(&bind(now(world.ms).wall.as_millis())),
            Step::Sealed(4 | 5, content) => world.control(content),
            Step::Sealed(6, content) if content.len() < 1100 => world.bind(content),
            Step::Sealed(_, content) => world.link(content),
        }
    }
});
