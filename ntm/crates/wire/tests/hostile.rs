//! Bytes from anybody: no panic, no second form of anything, nothing cut short accepted.

use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::codec::Codec;
use ntm_wire::header::{Datagram, HEADER_LEN};
use ntm_wire::message::{FRAME_LEN, Message, MessageType, Messages, emit_all};
use ntm_wire::ticket::Ticket;
use ntm_wire::token::RelayToken;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fuzzing;
use crate::golden::message_goldens;
use crate::samples;

/// The body of a golden message alone, with its type.
fn bodies() -> Vec<(String, MessageType, Vec<u8>)> {
    let values = samples::messages()
        .into_iter()
        .chain(samples::variants().into_iter().map(|(_, m)| m));
    message_goldens()
        .into_iter()
        .zip(values)
        .map(|((name, bytes), m)| (name, m.kind(), bytes[FRAME_LEN..].to_vec()))
        .collect()
}

#[test]
fn every_truncation_of_every_message_is_refused() {
    for (name, kind, body) in bodies() {
        for len in 0..body.len() {
            let cut = Message::parse_body(kind, &body[..len]);
            assert!(cut.is_err(), "{name} cut to {len} bytes reads as {cut:?}");
        }
    }
}

#[test]
fn every_truncation_of_every_frame_is_refused() {
    for (name, bytes) in message_goldens() {
        for len in 1..bytes.len() {
            let cut = Messages::parse_all(&bytes[..len]);
            assert!(cut.is_err(), "{name} cut to {len} bytes reads as {cut:?}");
        }
    }
}

#[test]
fn bytes_behind_a_message_are_refused() {
    for (name, kind, mut body) in bodies() {
        body.push(0);
        let long = Message::parse_body(kind, &body);
        assert!(long.is_err(), "{name} with one byte more reads as {long:?}");
    }
}

#[test]
fn padding_that_is_not_zero_is_refused() {
    assert_eq!(Messages::parse_all(&[0, 0, 2, 0, 0]), Ok(vec![]));
    assert!(Messages::parse_all(&[0, 0, 2, 0, 1]).is_err());
}

#[test]
fn every_truncation_of_certificate_ticket_and_tokens_is_refused() {
    let (certificate, ticket) = (samples::certificate().emit(), samples::ticket().emit());
    let (leg, measure) = (samples::leg_token().emit(), samples::measure_token().emit());
    for len in 0..certificate.len() {
        assert!(
            IdentityCertificate::parse(&certificate[..len]).is_err(),
            "{len}"
        );
    }
    for len in 0..ticket.len() {
        assert!(Ticket::parse(&ticket[..len]).is_err(), "{len}");
    }
    for len in 0..leg.len() {
        assert!(RelayToken::parse(&leg[..len]).is_err(), "{len}");
    }
    for len in 0..measure.len() {
        assert!(RelayToken::parse(&measure[..len]).is_err(), "{len}");
    }
}

#[test]
fn a_datagram_shorter_than_a_header_or_of_another_version_or_type_is_refused() {
    for len in 0..HEADER_LEN {
        assert!(
            Datagram::new_checked(vec![0x11; len]).is_err(),
            "{len} bytes"
        );
    }
    for first in 0..=u8::MAX {
        let known = first >> 4 == 1 && (1..=14).contains(&(first & 0xf));
        let datagram = Datagram::new_checked([first; HEADER_LEN]);
        assert_eq!(datagram.is_ok(), known, "first byte {first:#04x}");
    }
}

/// One way to spoil a good message.
#[derive(Clone, Debug)]
enum Spoil {
    Set(usize, u8),
    Flip(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Cut(usize),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = 0..1200usize;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(i, b)| Spoil::Set(i, b)),
        (at.clone(), 0..8u8).prop_map(|(i, bit)| Spoil::Flip(i, bit)),
        (at.clone(), any::<u8>()).prop_map(|(i, b)| Spoil::Insert(i, b)),
        at.clone().prop_map(Spoil::Remove),
        at.prop_map(Spoil::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, spoil: &Spoil) {
    let n = bytes.len().max(1);
    match *spoil {
        Spoil::Set(i, b) => bytes.get_mut(i % n).into_iter().for_each(|x| *x = b),
        Spoil::Flip(i, bit) => bytes
            .get_mut(i % n)
            .into_iter()
            .for_each(|x| *x ^= 1 << bit),
        Spoil::Insert(i, b) => bytes.insert(i % n, b),
        Spoil::Remove(i) if !bytes.is_empty() => drop(bytes.remove(i % n)),
        Spoil::Remove(_) => {}
        Spoil::Cut(i) => bytes.truncate(i % n),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_have_one_form(bytes in vec(any::<u8>(), 0..600)) {
        fuzzing::ALL.iter().for_each(|(_, run)| run(&bytes));
    }

    /// A frame of a known type in front, so that the bodies' readers are reached.
    #[test]
    fn arbitrary_bodies_never_panic_and_have_one_form(
        kind in prop::sample::select(MessageType::ALL.to_vec()),
        body in vec(any::<u8>(), 0..300),
    ) {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        fuzzing::messages(&[&[kind as u8], &length[..], &body].concat());
    }

    #[test]
    fn a_spoiled_message_is_refused_or_is_another_message_in_its_one_form(
        which in any::<prop::sample::Index>(),
        spoils in vec(spoil(), 1..4),
    ) {
        let all = bodies();
        let (_, kind, mut body) = all[which.index(all.len())].clone();
        spoils.iter().for_each(|s| apply(&mut body, s));
        if let Ok(Some(m)) = Message::parse_body(kind, &body) {
            let again = emit_all(&[m]);
            prop_assert_eq!(&again[FRAME_LEN..], &body[..]);
        }
    }

    #[test]
    fn a_spoiled_certificate_ticket_or_token_has_one_form(
        which in 0..4usize,
        spoils in vec(spoil(), 1..4),
    ) {
        let mut bytes = match which {
            0 => samples::certificate().emit(),
            1 => samples::ticket().emit(),
            2 => samples::leg_token().emit(),
            _ => samples::measure_token().emit(),
        };
        spoils.iter().for_each(|s| apply(&mut bytes, s));
        fuzzing::documents(&bytes);
    }
}
