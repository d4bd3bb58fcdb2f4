//! The committed fuzz corpus, replayed through the bodies of the fuzz targets.

use std::fs;
use std::path::{Path, PathBuf};

use ntm_wire::codec::Codec;
use ntm_wire::header::{Header, PacketType};
use ntm_wire::message::emit_all;

use crate::fuzzing;
use crate::golden::message_goldens;
use crate::samples;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target)
}

/// Targets of other crates: a machine that takes each sample under a seal that holds. Their bodies need
/// those crates, so only their seeds are made here. The operations are
/// its speakers.
const MACHINES: [(&str, &[u8]); 3] = [
    ("node", &[2]),
    ("coordinator", &[2, 4]),
    ("relay", &[2, 4, 6]),
];

/// One step of a machine's script: operation, 16-bit length, content.
fn step(operation: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[operation], &length[..], content].concat()
}

/// Each golden message from each speaker, then five seconds.
fn scripts(operations: &[u8]) -> Vec<(String, Vec<u8>)> {
    let script = |bytes: &[u8]| {
        let said = operations.iter().flat_map(|op| step(*op, bytes));
        said.chain([1, 0, 50]).collect()
    };
    let goldens = message_goldens().into_iter();
    goldens.map(|(name, b)| (name, script(&b))).collect()
}

/// Where each fuzz target starts: the golden samples.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let named = |name: &str, bytes: Vec<u8>| (name.to_owned(), bytes);
    match target {
        "messages" => message_goldens()
            .into_iter()
            .chain([named("several", emit_all(&samples::messages()[6..9]))])
            .collect(),
        "header" => PacketType::ALL.iter().map(datagram).collect(),
        "documents" => vec![
            named("certificate", samples::certificate().emit()),
            named("ticket", samples::ticket().emit()),
            named("ticket_sealed", samples::sealed_ticket().0),
            named("ticket_sealed_field", samples::sealed_ticket().emit()),
            named("token_leg", samples::leg_token().emit()),
            named("token_leg_sealed", samples::sealed_token().0),
            named("token_leg_sealed_field", samples::sealed_token().emit()),
            named("token_measure", samples::measure_token().emit()),
        ],
        _ => vec![
            named("empty", vec![]),
            named("salted_box", boxed()),
            named("noise_hello", handshake_message(Kind::Hello)),
            named("noise_link", handshake_message(Kind::Link)),
            named("noise_tunnel", handshake_message(Kind::Tunnel)),
            named("noise_one_way", handshake_message(Kind::OneWay)),
        ],
    }
}

fn datagram(kind: &PacketType) -> (String, Vec<u8>) {
    let header = Header {
        kind: *kind,
        selector: 0x0102_0304_0506_0708,
        counter: 0x1112_1314_1516_1718,
    };
    let mut bytes = header.emit();
    bytes.extend(b"body");
    (format!("{kind:?}"), bytes)
}

fn boxed() -> Vec<u8> {
    let key = samples::secret(0x71);
    ntm_wire::seal::seal_salted(&key, "ntm golden", samples::SALT, b"aad", b"content")
}

enum Kind {
    Hello,
    Link,
    Tunnel,
    OneWay,
}

/// A first message that the responders of the `sealed` target accept.
fn handshake_message(kind: Kind) -> Vec<u8> {
    use ntm_wire::noise;
    let (to, from, psk) = (
        samples::pair(0x22),
        samples::pair(0x23),
        samples::secret(0x81),
    );
    let handshake = match kind {
        Kind::Hello => noise::hello_initiator([1; 32], &to.server(), &psk, b"prologue"),
        Kind::Link => noise::link_initiator([1; 32], &from, &to.server(), b"prologue"),
        Kind::Tunnel => noise::tunnel_initiator([1; 32], &from, &to.identity(), &psk, b"prologue"),
        Kind::OneWay => {
            return noise::seal_to_server([1; 32], &to.server(), b"prologue", b"payload").unwrap();
        }
    };
    handshake.unwrap().write(b"payload").unwrap()
}

#[test]
fn the_committed_seeds_are_the_golden_samples() {
    let own = fuzzing::ALL
        .iter()
        .map(|(target, _)| (*target, seeds(target)));
    let machines = MACHINES.iter().map(|(target, ops)| (*target, scripts(ops)));
    for (target, seeds) in own.chain(machines) {
        for (name, bytes) in seeds {
            let file = folder(target).join(format!("seed_{name}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(folder(target)).unwrap();
                fs::write(&file, &bytes).unwrap();
            }
            let committed = fs::read(&file).unwrap_or_default();
            assert_eq!(committed, bytes, "{} is stale", file.display());
        }
    }
}

#[test]
fn every_file_of_the_corpus_passes_its_target() {
    for (target, run) in fuzzing::ALL {
        let mut files: Vec<PathBuf> = fs::read_dir(folder(target))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{target} has no corpus");
        files.iter().for_each(|file| run(&fs::read(file).unwrap()));
    }
}
