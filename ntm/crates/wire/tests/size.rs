//! Control datagrams fit what IPv6 lets through anywhere, with the longest names there may be.

use ntm_wire::addr::{Candidate, MAX_CANDIDATES};
use ntm_wire::codec::Codec;
use ntm_wire::fqdn::{Fqdn, MAX_NAME};
use ntm_wire::header::{HEADER_LEN, MAX_CONTROL_DATAGRAM, PADDED_LEN};
use ntm_wire::message::*;
use ntm_wire::noise::NOISE_OVERHEAD;
use ntm_wire::seal::TAG_LEN;
use ntm_wire::ticket::MAX_TICKET_LEN;
use ntm_wire::token::MAX_TOKEN_LEN;

use crate::samples;

/// A name as people's are, and the longest.
const NAMES: [usize; 2] = [60, MAX_NAME];
const CONTROL: usize = HEADER_LEN + TAG_LEN;
/// A LinkHello, LinkAccept, Accept or Bind: both Noise messages carry a key and a tag.
const HANDSHAKE: usize = HEADER_LEN + NOISE_OVERHEAD;
/// The cookie field of a Hello at its longest.
const COOKIE: usize = 25;
const SESSION_ID: usize = 8;
const PROOF: usize = 32;

fn assert_fits(what: &str, overhead: usize, messages: &[Message]) {
    let len = overhead + emit_all(messages).len();
    assert!(
        len <= MAX_CONTROL_DATAGRAM,
        "{what} is {len} bytes, of {MAX_CONTROL_DATAGRAM}"
    );
}

fn candidates() -> Vec<Candidate> {
    let longest = Candidate {
        addr: samples::addr_v6(),
        ..samples::candidates()[0]
    };
    vec![longest; MAX_CANDIDATES]
}

fn legs() -> Vec<Leg> {
    let leg = Leg {
        v6: samples::relay_v6(),
        ..samples::leg()
    };
    vec![leg; MAX_LEGS]
}

fn rtts() -> Vec<RelayRtt> {
    let rtt = RelayRtt {
        rs: ntm_wire::id::RsId(7),
        rtt_ms: 31,
    };
    vec![rtt; MAX_RELAYS]
}

/// Eight devices of one account, each name as long as it may be or as its label may be.
fn devices(len: usize) -> Vec<Fqdn> {
    let account = samples::long_name(len).parent().unwrap();
    let label = "d".repeat((len - account.as_str().len() - 1).min(63));
    vec![account.child(&label).unwrap(); MAX_DEVICES]
}

#[test]
fn the_largest_route_direction_fits() {
    for len in NAMES {
        let direction = RouteDirection {
            peer: samples::certificate_of(samples::long_name(len)),
            peer_candidates: candidates(),
            legs: legs(),
            ..samples::route_direction()
        };
        assert_fits("RouteDirection", CONTROL, &[direction.clone().into()]);
        let response = DirectionResponse {
            tx: direction.for_request,
            result: Ok(vec![samples::long_name(len)]),
        };
        let both = [response.into(), direction.into()];
        assert_fits("DirectionResponse and RouteDirection", CONTROL, &both);
    }
}

#[test]
fn the_largest_information_request_fits_a_link_hello() {
    for len in NAMES {
        let request = InformationRequest {
            wanted: samples::long_name(len),
            caller: samples::certificate_of(samples::long_name(len)),
            caller_v4: Some([100, 64, 0, 1].into()),
            caller_candidates: candidates(),
            legs: legs(),
            ..samples::information_request()
        };
        assert_fits("InformationRequest", HANDSHAKE, &[request.into()]);
    }
}

#[test]
fn the_largest_information_response_fits_a_link_accept() {
    for len in NAMES {
        let information = Information {
            callee: samples::certificate_of(devices(len)[0].clone()),
            candidates: candidates(),
            others: devices(len),
            relay_rtts: rtts(),
            ..samples::information()
        };
        let response = InformationResponse {
            tx: ntm_wire::id::TxId(1),
            result: Ok(information),
        };
        assert_fits("InformationResponse", HANDSHAKE, &[response.into()]);
    }
}

#[test]
fn devices_with_the_longest_labels_fit_too() {
    let account = samples::name("a.example.org");
    let all = vec![account.child(&"d".repeat(63)).unwrap(); MAX_DEVICES];
    let information = Information {
        callee: samples::certificate_of(samples::name("phone.a.example.org")),
        candidates: candidates(),
        others: all.clone(),
        relay_rtts: rtts(),
        ..samples::information()
    };
    let tx = ntm_wire::id::TxId(1);
    let (information, result) = (Ok(information), Ok(all));
    let response = InformationResponse {
        tx,
        result: information,
    };
    assert_fits("InformationResponse", HANDSHAKE, &[response.into()]);
    assert_fits(
        "DirectionResponse",
        CONTROL,
        &[DirectionResponse { tx, result }.into()],
    );
}

#[test]
fn the_largest_direction_response_fits() {
    for len in NAMES {
        let response = DirectionResponse {
            tx: ntm_wire::id::TxId(1),
            result: Ok(vec![samples::long_name(len); MAX_DEVICES]),
        };
        assert_fits("DirectionResponse", CONTROL, &[response.into()]);
    }
}

#[test]
fn a_registration_response_with_every_relay_fits_an_accept() {
    let registered = Registered {
        observed: samples::addr_v6(),
        relays: vec![samples::relay_info(); MAX_RELAYS],
        ..samples::registered()
    };
    let response = RegistrationResponse {
        tx: ntm_wire::id::TxId(1),
        result: Ok(registered),
    };
    assert_fits(
        "RegistrationResponse",
        HANDSHAKE + SESSION_ID,
        &[response.into()],
    );
}

/// Ticket, cookie, proof, a merged Registration and Direction, and one answer.
#[test]
fn the_largest_hello_fits_and_leaves_room_for_its_padding() {
    for len in NAMES {
        let ticket = samples::ticket_of(samples::long_name(len));
        let sealed = ticket.seal(&samples::secret(0x61), samples::SALT);
        assert!(sealed.0.len() <= MAX_TICKET_LEN);
        let registration = RegistrationRequest {
            tx: ntm_wire::id::TxId(1),
            epoch: samples::epoch(),
            candidates: candidates(),
            nat: ntm_wire::addr::NatVerdict::Unknown,
            push_token: Some(ntm_wire::push::PushToken::new(vec![7; 256])),
            relay_rtts: rtts(),
        };
        let direction = DirectionRequest {
            tx: ntm_wire::id::TxId(2),
            name: samples::long_name(len),
        };
        let answer = RouteDirectionResponse {
            tx: ntm_wire::id::TxId(3),
            consent: Consent::All,
        };
        let messages = [registration.into(), direction.into(), answer.into()];
        let overhead = HANDSHAKE + COOKIE + sealed.emit().len() + PROOF;
        assert_fits("Hello", overhead, &messages);
        assert!(
            overhead + emit_all(&messages).len() <= PADDED_LEN,
            "padding is the last"
        );
    }
}

#[test]
fn a_token_is_no_longer_than_it_may_be() {
    assert!(samples::sealed_token().0.len() <= MAX_TOKEN_LEN);
    assert!(samples::sealed_measure_token().0.len() <= MAX_TOKEN_LEN);
}

#[test]
fn every_sample_and_the_largest_early_data_fit() {
    for message in samples::messages() {
        assert_fits("a sample", HANDSHAKE, &[message]);
    }
    let request = TunnelRequest {
        versions: (1, 1),
        early: vec![7; 1000],
    };
    assert_fits("TunnelRequest", HANDSHAKE, &[request.into()]);
}

#[test]
fn a_longer_name_does_not_travel() {
    let name = samples::long_name(MAX_NAME + 1);
    assert!(!name.fits_wire());
    assert!(
        Fqdn::parse(name.as_str()).is_ok(),
        "the DNS has longer names"
    );
    assert!(<Fqdn as Codec>::parse(&name.emit()).is_err());
    assert!(<Fqdn as Codec>::parse(&samples::long_name(MAX_NAME).emit()).is_ok());
}
