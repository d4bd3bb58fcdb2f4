//! Nothing secret reaches a log, at any level.

use std::io::Write;
use std::sync::{Arc, Mutex};

use ntm::account::{self, ServerRef};
use ntm::net::{UdpSocket, lookup_host_on};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Device, World, fqdn};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The ways in which bytes end up in a log.
fn forms(bytes: &[u8]) -> Vec<String> {
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let debug = format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    let spaced_hex = bytes
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<Vec<_>>()
        .join(" ");
    let hex_debug = format!("{bytes:02x?}").trim_matches(['[', ']']).to_owned();
    let escaped = bytes.escape_ascii().to_string();
    vec![
        hex.to_uppercase(),
        hex,
        debug,
        spaced_hex,
        hex_debug,
        escaped,
        base64(bytes),
    ]
}

/// Without padding, so that it is found inside a longer text too.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (triples, _) = bytes.as_chunks::<3>();
    let four = |t: &[u8; 3]| {
        let n = u32::from(t[0]) << 16 | u32::from(t[1]) << 8 | u32::from(t[2]);
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(n >> shift & 63) as usize]))
    };
    triples.iter().flat_map(four).collect()
}

/// Nine bytes are enough to know a secret by; three offsets, for base64 inside a longer text.
fn traces(secret: &[u8]) -> Vec<String> {
    (0..3)
        .chain([secret.len() / 2])
        .flat_map(|at| forms(&secret[at..at + 9]))
        .collect()
}

fn secrets_of(device: &Device) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("node key", device.secrets.node_key.expose().to_vec()),
        ("identity key", device.secrets.identity.expose().to_vec()),
        ("ticket", device.membership.ticket.0.clone()),
    ]
}

#[tokio::test]
async fn no_log_holds_a_secret() {
    const PASSWORD: &str = "correct horse battery staple";
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish();
    // The test's runtime has this one thread.
    let guard = tracing::subscriber::set_default(subscriber);

    let world = World::start(&["alice.example.org", "bob.example.org"]).await;
    let (alice, bob) = (
        world.device("laptop", "alice"),
        world.device("phone", "bob"),
    );
    let bob_node = bob.node(&[]).await;
    let alice_node = alice.node(&[]).await;
    let server = UdpSocket::bind_on(&bob_node, "[::]:7").await.unwrap();
    let addr = lookup_host_on(&alice_node, "bob.example.org:7")
        .await
        .unwrap()
        .next()
        .unwrap();
    let client = UdpSocket::bind_on(&alice_node, "[::]:0").await.unwrap();
    client
        .send_to(b"a word that only bob may read", addr)
        .await
        .unwrap();
    server.recv_from(&mut [0; 100]).await.unwrap();
    let nobody = ServerRef {
        url: "https://127.0.0.1:1".into(),
        domain: fqdn("example.org"),
        pin: None,
    };
    account::sign_in(&nobody, "alice", PASSWORD, "laptop")
        .await
        .unwrap_err();
    tracing::trace!("{alice_node:?} {:?} {:?}", alice.secrets, alice.config(&[]));
    alice_node.shutdown().await;
    drop(guard);

    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("TRACE") && log.contains("registered") || log.contains("Registered"),
        "the log was captured"
    );
    let mut secrets = secrets_of(&alice);
    secrets.extend(secrets_of(&bob));
    secrets.push(("password", PASSWORD.as_bytes().to_vec()));
    secrets.push(("content", b"a word that only bob may read".to_vec()));
    for (what, secret) in secrets {
        for trace in traces(&secret) {
            assert!(!log.contains(&trace), "the log shows the {what}: {trace}");
        }
    }
    assert!(
        !log.contains(PASSWORD) && !log.contains("only bob may read"),
        "in clear"
    );
}

#[test]
fn the_search_finds_a_secret_in_each_form() {
    let secret: Vec<u8> = (7..39).collect();
    let shown = [
        format!("{secret:?}"),
        format!("{secret:02x?}"),
        secret.iter().map(|b| format!("{b:02x}")).collect(),
        secret.iter().map(|b| format!("{b:02X}")).collect(),
        base64(&secret),
        base64(&[&[1, 2][..], &secret].concat()),
    ];
    for log in shown {
        assert!(
            traces(&secret).iter().any(|t| log.contains(t)),
            "not found in {log}"
        );
    }
}
