//! Every packet type and every message type altered, truncated, replayed or forged on its way is dropped
//! and counted, and a call made afterwards works.
//!
//! Who is on the path can't tell messages apart, but the world is the same each time: the datagram
//! that carried a message in an undisturbed run carries it in the next one too. So a first run says
//! which datagram to change, by its number, and a second one changes it.
//!
//! *Counted* means: as dropped, or as a double that was answered from memory (a replayed Hello gets
//! the old Accept, a replayed Bind is `Stale`): state that repeats does no harm, but shows.

use core::time::Duration;

use ntm_sim::net::{HostId, Packet};
use ntm_sim::tap::Verdict;
use ntm_wire::header::{HEADER_LEN, PADDED_LEN, PacketType};
use ntm_wire::time::Mono;

use crate::tour::{self, Itinerary, Leg};

/// What an attacker does to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// One bit of the last byte is turned; the original never arrives.
    AlteredAtTheEnd,
    /// One bit behind the header is turned; the original never arrives.
    AlteredInside,
    /// The last byte is missing; the original never arrives.
    Truncated,
    /// Only the header arrives.
    CutToTheHeader,
    /// The same again, later.
    Replayed,
    /// The header of the original with a later counter, and noise.
    Forged,
}

const DEEDS: [Deed; 6] = [
    Deed::AlteredAtTheEnd,
    Deed::AlteredInside,
    Deed::Truncated,
    Deed::CutToTheHeader,
    Deed::Replayed,
    Deed::Forged,
];

const LATER: Duration = Duration::from_millis(3);

fn verdict(deed: Deed, payload: &[u8]) -> Verdict {
    let mut bytes = payload.to_vec();
    let end = bytes.len() - 1;
    match deed {
        Deed::AlteredAtTheEnd => bytes[end] ^= 1,
        Deed::AlteredInside => bytes[HEADER_LEN] ^= 0x80,
        Deed::Truncated => bytes.truncate(end),
        Deed::CutToTheHeader => bytes.truncate(HEADER_LEN),
        Deed::Replayed => return Verdict::add(LATER, bytes),
        Deed::Forged => {
            forge(&mut bytes);
            return Verdict::add(LATER, bytes);
        }
    }
    Verdict::replace(bytes)
}

/// Keeps what anybody can read and makes up the rest.
fn forge(bytes: &mut [u8]) {
    bytes[HEADER_LEN - 2] ^= 0x40;
    let mut x = 0x9e37_79b9_u32;
    for byte in &mut bytes[HEADER_LEN..] {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (x >> 24) as u8;
    }
}

/// Does every deed to this datagram, each in a world of its own.
fn tamper(what: &str, leg: Leg) {
    let mut wrong = Vec::new();
    for deed in DEEDS {
        let mut is_done = false;
        let tap = move |_: Mono, _: HostId, packet: &Packet| {
            if packet.id != leg.id || is_done {
                return Verdict::pass();
            }
            is_done = true;
            verdict(deed, &packet.payload)
        };
        let mut stage = tour::take(Some(tap), None);
        let caught = stage.world.injected.clone();
        if !caught.iter().any(|i| i.host == leg.to) {
            wrong.push(format!("{what} {deed:?}: never arrived"));
        }
        if caught.iter().any(|i| i.host == leg.to && i.counted == 0) {
            wrong.push(format!("{what} {deed:?}: taken for a good one"));
        }
        stage.call_works();
        assert_eq!(stage.world.faults, [""; 0], "{what} {deed:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn tamper_with_packet(kind: PacketType) {
    let Itinerary { packets, .. } = tour::watch();
    let legs = packets.get(&kind);
    let legs = legs.unwrap_or_else(|| panic!("no {kind:?} on the tour"));
    tamper(&format!("{kind:?}"), pick(kind, legs));
}

/// The leg on which a packet of this type is opened and not only passed on, with all there is in it.
fn pick(kind: PacketType, legs: &[(Leg, usize)]) -> Leg {
    let fits = |(leg, len): &(Leg, usize)| match kind {
        // A relay passes these on unread.
        PacketType::Data
        | PacketType::TunnelRequest
        | PacketType::TunnelResponse
        | PacketType::Punch => leg.is_node,
        // A first Hello is answered unread, with a Challenge; a second is longer by the cookie.
        PacketType::Hello => *len > PADDED_LEN,
        PacketType::Control
        | PacketType::Challenge
        | PacketType::Accept
        | PacketType::Bind
        | PacketType::Leg
        | PacketType::Hint
        | PacketType::BindChallenge
        | PacketType::LinkHello
        | PacketType::LinkAccept => true,
    };
    legs.iter().copied().find(fits).unwrap().0
}

fn tamper_with_message(kind: &str) {
    let Itinerary { messages, .. } = tour::watch();
    let legs = messages.get(kind);
    let legs = legs.unwrap_or_else(|| panic!("no {kind} on the tour"));
    tamper(kind, legs[0]);
}

macro_rules! packets {
    ($($(#[$meta:meta])* $test:ident $kind:ident,)*) => {
        $(#[test]
        $(#[$meta])*
        fn $test() {
            tamper_with_packet(PacketType::$kind);
        })*

        #[test]
        fn every_packet_type_has_its_test() {
            assert_eq!([$(PacketType::$kind),*].len(), PacketType::ALL.len());
        }
    };
}

packets! {
    a_changed_data_packet_is_dropped_and_counted Data,
    a_changed_control_packet_is_dropped_and_counted Control,
    a_changed_hello_is_dropped_and_counted Hello,
    a_changed_challenge_is_dropped_and_counted Challenge,
    a_changed_accept_is_dropped_and_counted Accept,
    a_changed_tunnel_request_packet_is_dropped_and_counted TunnelRequest,
    a_changed_tunnel_response_packet_is_dropped_and_counted TunnelResponse,
    a_changed_punch_is_dropped_and_counted Punch,
    a_changed_bind_is_dropped_and_counted Bind,
    a_changed_leg_packet_is_dropped_and_counted Leg,
    a_changed_hint_is_dropped_and_counted Hint,
    a_changed_link_hello_is_dropped_and_counted LinkHello,
    a_changed_link_accept_is_dropped_and_counted LinkAccept,
    a_changed_bind_challenge_is_dropped_and_counted BindChallenge,
}

macro_rules! messages {
    ($($(#[$meta:meta])* $test:ident $kind:ident,)*) => {
        $(#[test]
        $(#[$meta])*
        fn $test() {
            tamper_with_message(stringify!($kind));
        })*

        #[test]
        fn every_message_type_on_the_wire_has_its_test() {
            use ntm_wire::message::MessageType;
            let tested = [$(MessageType::$kind),*];
            // A Wake Up travels through a push service, not in a datagram; a woken node finds its
            // direction behind its registration and need not ask for it.
            let elsewhere = [MessageType::WakeUp, MessageType::RouteDirectionRequest];
            for kind in MessageType::ALL {
                assert!(tested.contains(kind) != elsewhere.contains(kind), "{kind:?}");
            }
        }
    };
}

messages! {
    a_changed_registration_request_is_dropped_and_counted RegistrationRequest,
    a_changed_registration_response_is_dropped_and_counted RegistrationResponse,
    a_changed_direction_request_is_dropped_and_counted DirectionRequest,
    a_changed_direction_response_is_dropped_and_counted DirectionResponse,
    a_changed_information_request_is_dropped_and_counted InformationRequest,
    a_changed_information_response_is_dropped_and_counted InformationResponse,
    a_changed_relay_direction_is_dropped_and_counted RelayDirection,
    a_changed_relay_direction_response_is_dropped_and_counted RelayDirectionResponse,
    a_changed_route_direction_is_dropped_and_counted RouteDirection,
    a_changed_route_direction_response_is_dropped_and_counted RouteDirectionResponse,
    a_changed_deregistration_is_dropped_and_counted Deregistration,
    a_changed_keep_alive_is_dropped_and_counted KeepAlive,
    a_changed_probe_is_dropped_and_counted Probe,
    a_changed_probe_reply_is_dropped_and_counted ProbeReply,
    a_changed_rekey_request_is_dropped_and_counted RekeyRequest,
    a_changed_rekey_response_is_dropped_and_counted RekeyResponse,
    a_changed_tunnel_close_is_dropped_and_counted TunnelClose,
    a_changed_whereabouts_is_dropped_and_counted Whereabouts,
    a_changed_leg_bind_is_dropped_and_counted LegBind,
    a_changed_leg_bind_response_is_dropped_and_counted LegBindResponse,
    a_changed_leg_bind_confirm_is_dropped_and_counted LegBindConfirm,
    a_changed_measure_is_dropped_and_counted Measure,
    a_changed_tunnel_request_is_dropped_and_counted TunnelRequest,
    a_changed_tunnel_response_is_dropped_and_counted TunnelResponse,
    a_changed_relay_report_is_dropped_and_counted RelayReport,
}
