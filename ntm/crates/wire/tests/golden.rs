//! Golden bytes: the wire format can't change unnoticed. `UPDATE_GOLDEN=1` writes the files anew.

use std::fs;
use std::path::{Path, PathBuf};

use ntm_wire::codec::Codec;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::kdf::{derive, hmac_sha256, sha256};
use ntm_wire::key::SecretKey;
use ntm_wire::message::{Message, MessageType, Messages, Role, emit_all, pad_to};
use ntm_wire::noise::{self, Handshake, SessionKeys};
use ntm_wire::path_id::{self, Attachments, LegDirection};
use ntm_wire::seal::{SealingKey, open_salted, seal_salted};

use crate::samples;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.hex"))
}

fn to_hex(bytes: &[u8]) -> String {
    let line = |chunk: &[u8]| -> String { chunk.iter().map(|b| format!("{b:02x}")).collect() };
    bytes.chunks(32).map(|c| line(c) + "\n").collect()
}

/// Compares `bytes` with the golden file, or writes it when the environment asks for that.
fn assert_golden(name: &str, bytes: &[u8]) {
    let (file, hex) = (path(name), to_hex(bytes));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &hex).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        hex,
        golden,
        "the bytes of {name} are not those of {}: every node in the field speaks the old ones",
        file.display()
    );
}

/// Name and framed bytes of each message sample.
pub(crate) fn message_goldens() -> Vec<(String, Vec<u8>)> {
    let numbered = samples::messages().into_iter().map(|m| {
        let name = format!("message_{:02}_{}", m.kind() as u8, snake(m.kind()));
        (name, emit_all(&[m]))
    });
    let variants = samples::variants()
        .into_iter()
        .map(|(name, m)| (format!("variant_{name}"), emit_all(&[m])));
    numbered.chain(variants).collect()
}

fn snake(kind: MessageType) -> String {
    let mut out = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[test]
fn every_message_type_has_a_golden_sample() {
    let kinds: Vec<MessageType> = samples::messages().iter().map(Message::kind).collect();
    assert_eq!(kinds, MessageType::ALL);
}

#[test]
fn every_message_has_its_golden_bytes_and_reads_back() {
    let values = samples::messages()
        .into_iter()
        .chain(samples::variants().into_iter().map(|(_, m)| m));
    for ((name, bytes), value) in message_goldens().into_iter().zip(values) {
        assert_golden(&name, &bytes);
        assert_eq!(Messages::parse_all(&bytes).unwrap(), [value], "{name}");
    }
}

#[test]
fn several_messages_and_padding_have_their_golden_bytes() {
    let all = samples::messages();
    let mut bytes = emit_all(&all[7..10]);
    pad_to(&mut bytes, 600);
    assert_eq!(bytes.len(), 600);
    assert_golden("framing", &bytes);
    assert_eq!(Messages::parse_all(&bytes).unwrap(), all[7..10]);
}

#[test]
fn every_packet_type_has_its_golden_header() {
    let mut bytes = Vec::new();
    for kind in PacketType::ALL {
        let header = Header {
            kind,
            selector: 0x0102_0304_0506_0708,
            counter: 0x1112_1314_1516_1718,
        };
        bytes.extend(header.emit());
        assert_eq!(
            Datagram::new_checked(header.emit()).unwrap().header(),
            header
        );
    }
    assert_golden("header", &bytes);
}

#[test]
fn certificate_ticket_and_tokens_have_their_golden_bytes() {
    assert_golden("certificate", &samples::certificate().emit());
    assert_golden("ticket", &samples::ticket().emit());
    assert_golden("ticket_sealed", &samples::sealed_ticket().emit());
    assert_golden("token_leg", &samples::leg_token().emit());
    assert_golden("token_leg_sealed", &samples::sealed_token().emit());
    assert_golden("token_measure", &samples::measure_token().emit());
    assert_golden(
        "token_measure_sealed",
        &samples::sealed_measure_token().emit(),
    );
}

#[test]
fn names_and_ids_have_their_golden_bytes() {
    let server = samples::pair(0x22).server();
    let mut bytes = samples::certificate().node_id().emit();
    bytes.extend(server.selector().to_be_bytes());
    bytes.extend(samples::sealed_token().hash());
    bytes.extend(Fqdn::parse("Alice@Example.org").unwrap().emit());
    assert_golden("ids", &bytes);
}

#[test]
fn path_ids_have_their_golden_bytes() {
    let key = samples::secret(0x71);
    let between = Attachments {
        sender: 1,
        receiver: 0x0203,
    };
    let ids = [
        path_id::direct(&key, Role::Caller, between),
        path_id::direct(&key, Role::Callee, between),
        path_id::leg(&key, LegDirection::FromNode, 1),
        path_id::leg(&key, LegDirection::ToNode, 0x0102_0304),
    ];
    let bytes: Vec<u8> = ids.iter().flat_map(Codec::emit).collect();
    assert_golden("path_ids", &bytes);
}

#[test]
fn derivation_and_seals_have_their_golden_bytes() {
    let key = samples::secret(0x71);
    assert_golden(
        "derive",
        derive(&key, "ntm golden", &[b"a", b"bc"]).expose(),
    );
    assert_golden("hmac", &hmac_sha256(&key, &[b"a", b"bc"]));
    assert_golden("sha256", &sha256(&[b"a", b"bc"]));
    let boxed = seal_salted(&key, "ntm golden", samples::SALT, b"aad", b"content");
    assert_golden("salted_box", &boxed);
    assert_eq!(
        open_salted(&key, "ntm golden", b"aad", &boxed).unwrap(),
        b"content"
    );
    let mut sealed = b"head content".to_vec();
    SealingKey::new(&key).seal(0x0102, b"aad", &mut sealed, 5);
    assert_golden("session_seal", &sealed);
}

/// The bytes of both messages and both session keys.
fn run(mut a: Handshake, mut b: Handshake, node_key: Option<&SecretKey>) -> (Vec<u8>, SessionKeys) {
    let first = a.write(b"first payload").unwrap();
    assert_eq!(b.read(&first).unwrap(), b"first payload");
    if let Some(key) = node_key {
        b.set_node_key(key).unwrap();
    }
    let second = b.write(b"second payload").unwrap();
    assert_eq!(a.read(&second).unwrap(), b"second payload");
    let (ours, theirs) = (a.finish().unwrap(), b.finish().unwrap());
    assert_eq!((&ours.send, &ours.recv), (&theirs.recv, &theirs.send));
    let mut bytes = [first, second].concat();
    bytes.extend(ours.send.expose());
    bytes.extend(ours.recv.expose());
    (bytes, ours)
}

#[test]
fn the_hello_handshake_has_its_golden_bytes() {
    let (dc, key) = (samples::pair(0x22), samples::secret(0x51));
    let a = noise::hello_initiator([1; 32], &dc.server(), &key, b"prologue").unwrap();
    let b = noise::hello_responder([2; 32], &dc, b"prologue").unwrap();
    assert_golden("noise_hello", &run(a, b, Some(&key)).0);
}

#[test]
fn the_link_handshake_has_its_golden_bytes() {
    let (dc, rs) = (samples::pair(0x22), samples::pair(0x23));
    let a = noise::link_initiator([1; 32], &rs, &dc.server(), b"prologue").unwrap();
    let b = noise::link_responder([2; 32], &dc, &rs.server(), b"prologue").unwrap();
    assert_golden("noise_link", &run(a, b, None).0);
}

#[test]
fn the_tunnel_handshake_has_its_golden_bytes() {
    let (mn, cn, psk) = (
        samples::pair(0x21),
        samples::pair(0x24),
        samples::secret(0x81),
    );
    let a = noise::tunnel_initiator([1; 32], &mn, &cn.identity(), &psk, b"prologue").unwrap();
    let b = noise::tunnel_responder([2; 32], &cn, &mn.identity(), &psk, b"prologue").unwrap();
    assert_golden("noise_tunnel", &run(a, b, None).0);
}

#[test]
fn the_one_way_message_has_its_golden_bytes() {
    let rs = samples::pair(0x23);
    let sealed = noise::seal_to_server([1; 32], &rs.server(), b"prologue", b"payload").unwrap();
    assert_eq!(
        noise::open_at_server(&rs, b"prologue", &sealed).unwrap(),
        b"payload"
    );
    assert_golden("noise_one_way", &sealed);
}
