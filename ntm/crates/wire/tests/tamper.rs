//! No bit of a sealed thing can be turned.

use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::id::RsId;
use ntm_wire::message::{Message, MessageType, emit_all};
use ntm_wire::noise::{self, Handshake};
use ntm_wire::seal::{BadSeal, OpeningKey, SealingKey, open_salted, seal_salted};
use ntm_wire::ticket::{SealedTicket, Ticket, TicketError};
use ntm_wire::token::{RelayToken, SealedToken};

use crate::samples;

/// Every copy of `bytes` with one bit turned, and every shorter copy.
fn altered(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flips = (0..bytes.len() * 8).map(|at| {
        let mut copy = bytes.to_vec();
        copy[at / 8] ^= 1 << (at % 8);
        copy
    });
    flips.chain((0..bytes.len()).map(|len| bytes[..len].to_vec()))
}

/// Asserts that `open` takes `bytes` and no altered copy of them.
fn assert_unalterable<T, E>(bytes: &[u8], open: impl Fn(&[u8]) -> Result<T, E>) {
    assert!(open(bytes).is_ok(), "the unaltered one opens");
    for copy in altered(bytes) {
        let at = copy.iter().zip(bytes).position(|(a, b)| a != b);
        assert!(
            open(&copy).is_err(),
            "opens with {} of {} bytes, altered at {at:?}",
            copy.len(),
            bytes.len()
        );
    }
}

fn datagram(kind: PacketType, content: &[u8]) -> Vec<u8> {
    let header = Header {
        kind,
        selector: 0x0102_0304_0506_0708,
        counter: 0x0300_0000_0000_0102,
    };
    let mut bytes = header.emit();
    bytes.extend_from_slice(content);
    let key = SealingKey::new(&samples::secret(0x71));
    key.seal(
        header.counter,
        &[header.first_byte()],
        &mut bytes,
        HEADER_LEN,
    );
    bytes
}

/// As a receiver does it: the selector finds the key, the type its handler.
fn open_datagram(bytes: &[u8], kind: PacketType) -> Result<Vec<u8>, BadSeal> {
    let mut bytes = bytes.to_vec();
    let datagram = Datagram::new_checked(bytes.as_mut_slice()).map_err(|_| BadSeal)?;
    if datagram.kind() != kind || datagram.selector() != 0x0102_0304_0506_0708 {
        return Err(BadSeal);
    }
    let (counter, aad) = (datagram.counter(), datagram.aad());
    let key = OpeningKey::new(&samples::secret(0x71));
    key.open(counter, &aad, datagram.into_body_mut())
        .map(|body| body.to_vec())
}

#[test]
fn no_bit_of_a_data_packet_can_be_turned() {
    let bytes = datagram(PacketType::Data, b"\x01a virtual packet");
    assert_unalterable(&bytes, |b| open_datagram(b, PacketType::Data));
}

#[test]
fn no_bit_of_any_message_in_a_control_packet_can_be_turned() {
    for message in samples::messages() {
        let bytes = datagram(PacketType::Control, &emit_all(&[message]));
        assert_unalterable(&bytes, |b| open_datagram(b, PacketType::Control));
    }
}

#[test]
fn a_packet_of_one_type_does_not_open_as_another() {
    for sealed_as in PacketType::ALL {
        for read_as in PacketType::ALL {
            let mut bytes = datagram(sealed_as, b"content");
            bytes[0] = bytes[0] & 0xf0 | read_as as u8;
            let opens = open_datagram(&bytes, read_as).is_ok();
            assert_eq!(opens, sealed_as == read_as, "{sealed_as:?} as {read_as:?}");
        }
    }
}

#[test]
fn no_bit_of_a_ticket_can_be_turned() {
    let link = samples::secret(0x61);
    assert_unalterable(&samples::sealed_ticket().0, |b| {
        Ticket::open(&SealedTicket(b.to_vec()), &link)
    });
    let other = Ticket::open(&samples::sealed_ticket(), &samples::secret(0x60));
    assert_eq!(other, Err(TicketError::NotForUs), "another coordinator's");
}

#[test]
fn no_bit_of_a_token_can_be_turned() {
    let link = samples::secret(0x62);
    for token in [samples::sealed_token(), samples::sealed_measure_token()] {
        assert_unalterable(&token.0, |b| {
            RelayToken::open(&SealedToken(b.to_vec()), &link)
        });
        assert!(RelayToken::open(&token, &samples::secret(0x63)).is_err());
    }
}

#[test]
fn a_ticket_is_no_token_even_under_one_key() {
    let link = samples::secret(0x61);
    let token = SealedToken(samples::sealed_ticket().0);
    assert!(RelayToken::open(&token, &link).is_err());
}

#[test]
fn no_bit_of_a_salted_box_can_be_turned_nor_its_label_aad_or_key() {
    let key = samples::secret(0x71);
    let boxed = seal_salted(&key, "ntm leg to node", samples::SALT, b"a", b"content");
    assert_unalterable(&boxed, |b| open_salted(&key, "ntm leg to node", b"a", b));
    assert!(open_salted(&key, "ntm leg from node", b"a", &boxed).is_err());
    assert!(open_salted(&key, "ntm leg to node", b"b", &boxed).is_err());
    assert!(open_salted(&samples::secret(1), "ntm leg to node", b"a", &boxed).is_err());
}

#[test]
fn a_labels_end_is_no_contexts_start() {
    let key = samples::secret(0x71);
    let (a, b) = (
        ntm_wire::kdf::derive(&key, "ntm leg", &[b" bind"]),
        ntm_wire::kdf::derive(&key, "ntm leg bind", &[]),
    );
    assert_ne!(a, b);
}

#[test]
fn no_bit_of_a_leg_bind_can_be_turned() {
    let message = samples::messages()
        .into_iter()
        .find(|m| m.kind() == MessageType::LegBind);
    let Some(Message::LegBind(bind)) = message else {
        unreachable!("every type has a sample")
    };
    let leg_key = samples::secret(0x71);
    assert!(bind.is_authentic(RsId(7), &leg_key));
    assert!(!bind.is_authentic(RsId(8), &leg_key), "another relay's");
    assert!(!bind.is_authentic(RsId(7), &samples::secret(0x72)));
    let bytes = ntm_wire::codec::Codec::emit(&bind);
    assert_unalterable(&bytes, |b| {
        let bind =
            <ntm_wire::message::LegBind as ntm_wire::codec::Codec>::parse(b).map_err(drop)?;
        bind.is_authentic(RsId(7), &leg_key).then_some(()).ok_or(())
    });
}

/// Both ends of one handshake, fresh each time.
struct Pattern<'a> {
    initiator: &'a dyn Fn(&[u8]) -> Handshake,
    responder: &'a dyn Fn(&[u8]) -> Handshake,
}

impl Pattern<'_> {
    fn second(&self, first: &[u8]) -> Vec<u8> {
        let mut b = (self.responder)(b"prologue");
        b.read(first).unwrap();
        b.set_node_key(&samples::secret(0x51)).ok();
        b.write(b"second").unwrap()
    }

    fn assert_unalterable(&self) {
        let first = (self.initiator)(b"prologue").write(b"first").unwrap();
        assert_unalterable(&first, |m| (self.responder)(b"prologue").read(m));
        assert!(
            (self.responder)(b"another").read(&first).is_err(),
            "prologue"
        );
        assert_unalterable(&self.second(&first), |m| {
            let mut a = (self.initiator)(b"prologue");
            a.write(b"first").unwrap();
            a.read(m)
        });
    }
}

#[test]
fn no_bit_of_a_hello_can_be_turned() {
    let (dc, key) = (samples::pair(0x22), samples::secret(0x51));
    let initiator = |p: &[u8]| noise::hello_initiator([1; 32], &dc.server(), &key, p).unwrap();
    Pattern {
        initiator: &initiator,
        responder: &|p| noise::hello_responder([2; 32], &dc, p).unwrap(),
    }
    .assert_unalterable();
    let mut a = initiator(b"prologue");
    let mut b = noise::hello_responder([2; 32], &dc, b"prologue").unwrap();
    b.read(&a.write(b"first").unwrap()).unwrap();
    b.set_node_key(&samples::secret(0x52)).unwrap();
    let answer = b.write(b"second").unwrap();
    assert!(
        a.read(&answer).is_err(),
        "a coordinator without the node key"
    );
}

#[test]
fn no_bit_of_a_link_can_be_turned() {
    let (dc, rs) = (samples::pair(0x22), samples::pair(0x23));
    Pattern {
        initiator: &|p| noise::link_initiator([1; 32], &rs, &dc.server(), p).unwrap(),
        responder: &|p| noise::link_responder([2; 32], &dc, &rs.server(), p).unwrap(),
    }
    .assert_unalterable();
    let mut stranger =
        noise::link_initiator([1; 32], &samples::pair(0x29), &dc.server(), b"prologue").unwrap();
    let first = stranger.write(b"first").unwrap();
    let mut dc_end = noise::link_responder([2; 32], &dc, &rs.server(), b"prologue").unwrap();
    assert!(dc_end.read(&first).is_err(), "another server's key");
}

#[test]
fn no_bit_of_a_tunnel_handshake_can_be_turned() {
    let (mn, cn, psk) = (
        samples::pair(0x21),
        samples::pair(0x24),
        samples::secret(0x81),
    );
    let initiator =
        |p: &[u8]| noise::tunnel_initiator([1; 32], &mn, &cn.identity(), &psk, p).unwrap();
    Pattern {
        initiator: &initiator,
        responder: &|p| noise::tunnel_responder([2; 32], &cn, &mn.identity(), &psk, p).unwrap(),
    }
    .assert_unalterable();
    let first = initiator(b"prologue").write(b"first").unwrap();
    let wrong = samples::secret(0x82);
    let mut cn_end =
        noise::tunnel_responder([2; 32], &cn, &mn.identity(), &wrong, b"prologue").unwrap();
    assert!(cn_end.read(&first).is_err(), "another path key");
}

#[test]
fn no_bit_of_a_one_way_message_can_be_turned() {
    let rs = samples::pair(0x23);
    let sealed = noise::seal_to_server([1; 32], &rs.server(), b"prologue", b"payload").unwrap();
    assert_unalterable(&sealed, |m| noise::open_at_server(&rs, b"prologue", m));
    assert!(noise::open_at_server(&rs, b"another", &sealed).is_err());
    assert!(noise::open_at_server(&samples::pair(0x24), b"prologue", &sealed).is_err());
}

#[test]
fn a_handshake_that_is_not_over_has_no_keys() {
    let (dc, key) = (samples::pair(0x22), samples::secret(0x51));
    let mut a = noise::hello_initiator([1; 32], &dc.server(), &key, b"prologue").unwrap();
    assert!(a.write(b"first").is_ok());
    assert!(a.finish().is_err());
}
