//! A node that is registered: strangers' datagrams, and whatever its DC may say under a seal that holds.
#![no_main]

#[path = "../machines/people.rs"]
mod people;
#[path = "../machines/script.rs"]
mod script;

use ntm_proto::{Authority, Config, ConsentPolicy, DcEndpoint, LocalAddr, Node};
use ntm_wire::codec::{Codec, Reader};
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::id::{Epoch, InterfaceId, TxId};
use ntm_wire::message::{Message, Messages, Registered, RegistrationResponse, emit_all};
use ntm_wire::noise::hello_responder;
use ntm_wire::seal::SealingKey;
use ntm_wire::ticket::SealedTicket;
use people::{addr, now, pair, secret};
use script::{Step, steps};

const DC: u8 = 0x22;
const NAME: &str = "phone.alice.example.org";

struct World {
    node: Node,
    ms: u64,
    session: (u64, SealingKey, u64),
}

fn config() -> Config {
    let ticket = people::ticket(0x21, NAME);
    Config {
        certificate: ticket.certificate.clone(),
        identity: pair(0x21),
        node_key: secret(0x51),
        ticket: ticket.seal(&secret(0x61), [4; 16]),
        ticket_expires: ticket.expires,
        dc: DcEndpoint {
            key: pair(DC).server(),
            addrs: vec![addr(1)],
        },
        authorities: vec![Authority {
            domain: people::name("example.org"),
            key: people::authority(),
        }],
        pins: Vec::new(),
        push_token: None,
        consent: ConsentPolicy::contacts(vec![people::name("alice.example.org")]),
    }
}

/// A node and the session that the harness, as its DC, has with it.
fn world() -> World {
    let mut node = Node::new(config(), [5; 32], now(0));
    let local = LocalAddr {
        attachment: 0,
        interface: InterfaceId(1),
        addr: addr(2),
    };
    node.handle_interfaces(now(0), &[local]);
    node.register(now(0));
    let hello = node.poll_transmit().expect("a Hello").payload;
    let d = Datagram::new_checked(&hello).expect("a Hello");
    let prologue = [b"ntm hello 1".as_slice(), &hello[..HEADER_LEN]].concat();
    let mut handshake = hello_responder([6; 32], &pair(DC), &prologue).expect("a handshake");
    let content = handshake.read(&d.body()[1..]).expect("the node's message");
    handshake.set_node_key(&secret(0x51)).expect("a key");
    let header = Header {
        kind: PacketType::Accept,
        selector: d.counter(),
        counter: 0,
    };
    let payload = [&77u64.to_be_bytes()[..], &registered(tx_of(&content))].concat();
    let mut accept = [header.emit(), handshake.write(&payload).expect("an answer")].concat();
    node.handle_datagram(now(0), InterfaceId(1), addr(1), &mut accept);
    assert!(node.status().registered, "the node is registered");
    let keys = handshake.finish().expect("keys");
    World {
        node,
        ms: 0,
        session: (d.counter(), SealingKey::new(&keys.send), 0),
    }
}

fn tx_of(content: &[u8]) -> TxId {
    let mut r = Reader::new(content);
    SealedTicket::read(&mut r).expect("a ticket");
    r.take(32, "proof").expect("a proof");
    let messages = Messages::parse_all(r.rest()).expect("messages");
    let tx = messages.iter().find_map(|m| match m {
        Message::RegistrationRequest(m) => Some(m.tx),
        _ => None,
    });
    tx.expect("a Registration Request")
}

fn registered(tx: TxId) -> Vec<u8> {
    let result = Ok(Registered {
        addrs: ntm_wire::addr::VirtualAddrs {
            v6: people::certificate(0x21, NAME).virtual_v6,
            v4: [100, 64, 0, 5].into(),
        },
        observed: addr(2),
        nat: ntm_wire::addr::NatVerdict::None,
        relays: Vec::new(),
        keep_alive_s: 20,
        highest_epoch: Epoch::default(),
        dc_time_ms: now(0).wall.as_millis(),
    });
    emit_all(&[RegistrationResponse { tx, result }.into()])
}

impl World {
    fn hand(&mut self, host: u8, mut datagram: Vec<u8>) {
        self.node
            .handle_datagram(now(self.ms), InterfaceId(1), addr(host), &mut datagram);
        self.settle();
    }

    fn settle(&mut self) {
        while self.node.poll_transmit().is_some() {}
        while self.node.poll_event().is_some() {}
    }

    fn control(&mut self, content: &[u8]) {
        let (sid, key, counter) = &mut self.session;
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
                .node
                .poll_timeout()
                .is_some_and(|t| t <= now(self.ms).mono);
            if !due {
                return;
            }
            self.node.handle_timeout(now(self.ms));
            self.settle();
        }
        panic!("its timer never rests");
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut world = world();
    world.settle();
    for step in steps(bytes) {
        match step {
            Step::Raw(content) => world.hand(9, content.to_vec()),
            Step::Wait(tenths) => world.wait(tenths),
            Step::Sealed(7, content) => {
                if let Ok(name) = ntm_wire::fqdn::Fqdn::parse(&String::from_utf8_lossy(content)) {
                    world.node.resolve(now(world.ms), &name);
                    world.settle();
                }
            }
            Step::Sealed(_, content) => world.control(content),
        }
    }
});
