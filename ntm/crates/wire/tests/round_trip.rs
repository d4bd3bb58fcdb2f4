//! Whatever can be said reads back as it was said.

use std::collections::BTreeSet;

use ntm_wire::addr::RealAddr;
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::codec::Codec;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::{DataCounter, Datagram, Header, PacketType};
use ntm_wire::message::{MessageType, Messages, emit_all, pad_to};
use ntm_wire::ticket::{SealedTicket, Ticket};
use ntm_wire::time::Wall;
use ntm_wire::token::{RelayToken, SealedToken};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::samples;
use crate::strategies;

proptest! {
    #[test]
    fn any_messages_read_back_with_and_without_padding(
        messages in vec(strategies::message(), 0..6),
        fill in 0..1300usize,
    ) {
        let mut bytes = emit_all(&messages);
        prop_assert_eq!(&Messages::parse_all(&bytes).unwrap(), &messages);
        let bare = bytes.len();
        pad_to(&mut bytes, fill);
        prop_assert!(bytes.len() >= fill && bytes.len() <= bare.max(fill + 2));
        prop_assert_eq!(Messages::parse_all(&bytes).unwrap(), messages);
    }

    #[test]
    fn any_certificate_reads_back(value in strategies::certificate()) {
        prop_assert_eq!(IdentityCertificate::parse(&value.emit()).unwrap(), value);
    }

    #[test]
    fn any_ticket_reads_back_from_its_seal(value in strategies::ticket(), salt: [u8; 16]) {
        let link = samples::secret(1);
        let sealed = value.seal(&link, salt);
        prop_assert_eq!(Ticket::open(&sealed, &link).unwrap(), value);
        prop_assert_eq!(SealedTicket::parse(&sealed.emit()).unwrap(), sealed);
    }

    #[test]
    fn any_opaque_ticket_reads_back(value in strategies::sealed_ticket()) {
        prop_assert_eq!(SealedTicket::parse(&value.emit()).unwrap(), value);
    }

    #[test]
    fn any_token_reads_back_from_its_seal(
        value in strategies::relay_token(),
        key_id: u32,
        day in 0..1u64 << 40,
        salt: [u8; 16],
    ) {
        let link = samples::secret(1);
        let sealed = value.seal(&link, key_id, Wall::from_millis(day), salt);
        prop_assert_eq!(RelayToken::key_id(&sealed), Some(key_id));
        prop_assert_eq!(RelayToken::open(&sealed, &link).unwrap(), value);
        prop_assert_eq!(SealedToken::parse(&sealed.emit()).unwrap(), sealed);
    }

    #[test]
    fn any_header_reads_back(
        kind in prop::sample::select(PacketType::ALL.to_vec()),
        selector: u64,
        counter: u64,
        body: Vec<u8>,
    ) {
        let header = Header { kind, selector, counter };
        let mut bytes = header.emit();
        bytes.extend(&body);
        let datagram = Datagram::new_checked(&bytes).unwrap();
        prop_assert_eq!(datagram.header(), header);
        prop_assert_eq!(datagram.body(), body);
        prop_assert_eq!(datagram.aad(), [header.first_byte()]);
    }

    #[test]
    fn a_data_counter_is_key_epoch_and_number(counter: u64) {
        let split = DataCounter::from_u64(counter);
        prop_assert_eq!(split.to_u64(), counter);
        prop_assert!(split.number <= DataCounter::MAX_NUMBER);
    }

    #[test]
    fn a_name_reads_as_it_prints(name in strategies::fqdn()) {
        prop_assert_eq!(Fqdn::parse(&name.to_string()), Ok(name.clone()));
        prop_assert_eq!(Fqdn::parse(&name.as_str().to_uppercase()), Ok(name.clone()));
        prop_assert_eq!(Fqdn::parse(&name.as_str().replacen('.', "@", 1)), Ok(name));
    }
}

#[test]
fn the_strategies_make_every_message_type() {
    let mut runner = TestRunner::deterministic();
    let kinds: BTreeSet<MessageType> = (0..2000)
        .map(|_| strategies::message().new_tree(&mut runner).unwrap())
        .map(|tree| tree.current().kind())
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), MessageType::ALL);
}

#[test]
fn a_mapped_address_travels_as_the_ipv4_address_it_is() {
    let mapped = RealAddr("[::ffff:192.0.2.17]:40000".parse().unwrap());
    assert_eq!(mapped.emit(), samples::addr_v4().emit());
    assert!(mapped.is_ipv4());
}

#[test]
fn no_mapped_form_of_a_forbidden_address_may_be_sent_to() {
    for addr in ["224.0.0.1", "255.255.255.255", "0.0.0.0"] {
        let mapped = RealAddr(format!("[::ffff:{addr}]:5000").parse().unwrap());
        assert!(!mapped.is_sendable(), "{mapped:?}");
    }
    assert!(RealAddr("[::ffff:127.0.0.1]:5000".parse().unwrap()).is_loopback());
    assert!(RealAddr("[::ffff:10.0.0.1]:5000".parse().unwrap()).is_private());
}

#[test]
fn one_label_makes_one_child() {
    let account = samples::name("alice.example.org");
    assert!(account.child("phone").is_ok());
    assert!(account.child("my.phone").is_err());
    assert!(account.child("my@phone").is_err());
}
