//! What each fuzz target of `ntm-wire` does with its bytes. The tests of `ntm-wire` include this file
//! and replay the committed corpus through it, so that it holds without a fuzzer too.
//!
//! A target returns when all is well, whatever the bytes are, and panics when a promise is broken:
//! no panic on any input, one form of everything, nothing altered opens.

use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::codec::Codec;
use ntm_wire::header::{DataCounter, Datagram, HEADER_LEN};
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{Messages, emit_all};
use ntm_wire::noise::{self, BadHandshake, Handshake};
use ntm_wire::seal::{OpeningKey, SALT_LEN, SealingKey, open_salted, seal_salted};
use ntm_wire::ticket::{SealedTicket, Ticket};
use ntm_wire::token::{RelayToken, SealedToken};

/// A target's body.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const ALL: &[(&str, Target)] = &[
    ("messages", messages),
    ("header", header),
    ("documents", documents),
    ("sealed", sealed),
];

/// The keys of the golden samples, so that a corpus made of them opens.
const LINK_TO_AS: u8 = 0x61;
const LINK_TO_RS: u8 = 0x62;

/// Framed messages: what parses has one form.
pub fn messages(bytes: &[u8]) {
    let Ok(messages) = Messages::parse_all(bytes) else {
        return;
    };
    let again = emit_all(&messages);
    if again.len() == bytes.len() {
        assert_eq!(again, bytes, "a second form of {messages:?}");
    } else {
        assert!(again.len() < bytes.len(), "longer than it came");
        let reread = Messages::parse_all(&again);
        assert_eq!(reread.as_ref(), Ok(&messages), "without its padding");
    }
}

/// The outer header: what is accepted is emitted again byte for byte.
pub fn header(bytes: &[u8]) {
    let Ok(datagram) = Datagram::new_checked(bytes) else {
        return;
    };
    let mut again = datagram.header().emit();
    assert_eq!(again.len(), HEADER_LEN);
    assert_eq!(datagram.aad(), [bytes[0]]);
    assert_eq!(datagram.path_id().0, datagram.selector());
    again.extend_from_slice(datagram.body());
    assert_eq!(again, bytes);
    let counter = DataCounter::from_u64(datagram.counter());
    assert_eq!(counter.to_u64(), datagram.counter());
}

/// Certificate, ticket and token, plain and sealed: one form each.
pub fn documents(bytes: &[u8]) {
    one_form::<IdentityCertificate>(bytes);
    one_form::<Ticket>(bytes);
    one_form::<RelayToken>(bytes);
    one_form::<SealedTicket>(bytes);
    one_form::<SealedToken>(bytes);
    let ticket = Ticket::open(&SealedTicket(bytes.to_vec()), &secret(LINK_TO_AS));
    drop(ticket.map(|t| t.certificate.account()));
    let token = SealedToken(bytes.to_vec());
    let _ = (RelayToken::key_id(&token), token.hash());
    drop(RelayToken::open(&token, &secret(LINK_TO_RS)));
}

fn one_form<T: Codec>(bytes: &[u8]) {
    if let Ok(value) = T::parse(bytes) {
        assert_eq!(value.emit(), bytes, "a second form");
    }
}

/// Sealed bytes: nothing panics on any, and what was sealed opens only unaltered.
pub fn sealed(bytes: &[u8]) {
    handshakes_refuse(bytes);
    let key = secret(0x71);
    let whole = [&[0; HEADER_LEN][..], bytes].concat();

    let mut session = whole.clone();
    SealingKey::new(&key).seal(7, b"a", &mut session, HEADER_LEN);
    let mut body = session.split_off(HEADER_LEN);
    let opened = OpeningKey::new(&key)
        .open(7, b"a", &mut body.clone())
        .map(|b| b.to_vec());
    assert_eq!(opened.as_deref(), Ok(bytes));
    alter(&mut body, bytes);
    assert!(OpeningKey::new(&key).open(7, b"a", &mut body).is_err());

    let mut salted = seal_salted(&key, "ntm fuzz", [3; SALT_LEN], b"a", bytes);
    assert_eq!(
        open_salted(&key, "ntm fuzz", b"a", &salted).as_deref(),
        Ok(bytes)
    );
    alter(&mut salted, bytes);
    assert!(open_salted(&key, "ntm fuzz", b"a", &salted).is_err());
    drop(open_salted(&key, "ntm golden", b"aad", bytes));
}

/// Flips one bit that the input picks.
fn alter(sealed: &mut [u8], by: &[u8]) {
    let pick: usize = by.iter().map(|b| usize::from(*b)).sum();
    let at = pick % (sealed.len() * 8);
    sealed[at / 8] ^= 1 << (at % 8);
}

/// Each handshake reads the bytes as its peer's message.
fn handshakes_refuse(bytes: &[u8]) {
    let (own, peer, psk) = (pair(0x22), pair(0x23), secret(0x81));
    let read = |handshake: Result<Handshake, BadHandshake>| {
        if let Ok(mut handshake) = handshake {
            drop(handshake.read(bytes));
        }
    };
    read(noise::hello_responder([2; 32], &own, b"prologue"));
    read(noise::link_responder(
        [2; 32],
        &own,
        &peer.server(),
        b"prologue",
    ));
    read(noise::tunnel_responder(
        [2; 32],
        &own,
        &peer.identity(),
        &psk,
        b"prologue",
    ));
    drop(noise::open_at_server(&own, b"prologue", bytes));
}

fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

fn pair(n: u8) -> KeyPair {
    KeyPair::from_private(secret(n))
}
