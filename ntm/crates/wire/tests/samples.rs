//! Deterministic values: the keys, names, addresses and messages behind the golden files.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ed25519_dalek::SigningKey;
use ntm_wire::addr::{Candidate, CandidateKind, NatVerdict, RealAddr, VirtualAddrs, VirtualPrefix};
use ntm_wire::certificate::{IdentityCertificate, sign_device};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{Epoch, InterfaceId, NodeId, PathId, RsId, TxId};
use ntm_wire::key::{KeyPair, RootKey, SecretKey};
use ntm_wire::message::*;
use ntm_wire::push::PushToken;
use ntm_wire::ticket::{SealedTicket, TICKET_LIFETIME, Ticket};
use ntm_wire::time::Wall;
use ntm_wire::token::{Grant, LEG_TOKEN_LIFETIME, RelayToken, SealedToken};

/// 2026-01-01 00:00 UTC.
pub(crate) const ISSUED: Wall = Wall::from_secs(1_767_225_600);
pub(crate) const SALT: [u8; 16] = *b"salt of a golden";
pub(crate) const KEY_ID: u32 = 3;

pub(crate) fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

pub(crate) fn pair(n: u8) -> KeyPair {
    KeyPair::from_private(secret(n))
}

pub(crate) fn signing(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn name(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

/// A name of exactly `len` bytes: device, account, domain.
pub(crate) fn long_name(len: usize) -> Fqdn {
    let mut text = "device-".to_owned();
    while text.len() + ".alice.example.org".len() < len {
        text.push(if text.len() % 40 == 39 { '.' } else { 'x' });
    }
    if text.ends_with('.') {
        text.pop();
        text.push('x');
    }
    let name = name(&format!("{text}.alice.example.org"));
    assert_eq!(name.as_str().len(), len, "{name}");
    name
}

pub(crate) fn certificate_of(fqdn: Fqdn) -> IdentityCertificate {
    let identity = pair(0x21).identity();
    let root = signing(0x31);
    let prefix = VirtualPrefix([0xfd, 1, 2, 3, 4, 5, 0, 6]);
    IdentityCertificate {
        root_signature: sign_device(&root, &fqdn, &identity),
        fqdn,
        identity,
        virtual_v6: prefix.address_of(&NodeId::of(&identity)),
        not_before: ISSUED,
        not_after: ISSUED + TICKET_LIFETIME,
        root: RootKey(root.verifying_key().to_bytes()),
        authority_signature: [0; 64],
    }
    .signed_by(&signing(0x41))
}

pub(crate) fn certificate() -> IdentityCertificate {
    certificate_of(name("phone.alice.example.org"))
}

pub(crate) fn ticket_of(fqdn: Fqdn) -> Ticket {
    Ticket {
        node_key: secret(0x51),
        issued: ISSUED,
        expires: ISSUED + TICKET_LIFETIME,
        certificate: certificate_of(fqdn),
    }
}

pub(crate) fn ticket() -> Ticket {
    ticket_of(name("phone.alice.example.org"))
}

pub(crate) fn sealed_ticket() -> SealedTicket {
    ticket().seal(&secret(0x61), SALT)
}

pub(crate) fn leg_token() -> RelayToken {
    RelayToken {
        grant: Grant::Leg {
            from_node: PathId(0x0102_0304_0506_0708),
            to_node: PathId(0x1112_1314_1516_1718),
            limit_kbps: 2000,
        },
        rs: RsId(7),
        leg_key: secret(0x71),
        expires: ISSUED + LEG_TOKEN_LIFETIME,
    }
}

pub(crate) fn measure_token() -> RelayToken {
    RelayToken {
        grant: Grant::Measure {
            id: 0x2122_2324_2526_2728,
        },
        ..leg_token()
    }
}

pub(crate) fn sealed_token() -> SealedToken {
    leg_token().seal(&secret(0x62), KEY_ID, ISSUED, SALT)
}

pub(crate) fn sealed_measure_token() -> SealedToken {
    measure_token().seal(&secret(0x62), KEY_ID, ISSUED, SALT)
}

pub(crate) fn addr_v4() -> RealAddr {
    RealAddr(SocketAddr::from(([192, 0, 2, 17], 40_000)))
}

pub(crate) fn addr_v6() -> RealAddr {
    let ip: Ipv6Addr = "2001:db8::17".parse().unwrap();
    RealAddr(SocketAddr::from((ip, 40_001)))
}

pub(crate) fn candidates() -> Vec<Candidate> {
    let of = |kind, n, addr| Candidate {
        kind,
        interface: InterfaceId(n),
        addr,
    };
    vec![
        of(CandidateKind::Host, 1, addr_v4()),
        of(CandidateKind::Observed, 1, addr_v6()),
        of(CandidateKind::Mapped, 2, addr_v4()),
    ]
}

pub(crate) fn epoch() -> Epoch {
    Epoch {
        start_ms: ISSUED.as_millis(),
        counter: 4,
    }
}

pub(crate) fn relay_v4() -> Option<(Ipv4Addr, u16)> {
    Some((Ipv4Addr::new(198, 51, 100, 9), 7930))
}

pub(crate) fn relay_v6() -> Option<(Ipv6Addr, u16)> {
    Some(("2001:db8::9".parse().unwrap(), 443))
}

pub(crate) fn relay_info() -> RelayInfo {
    RelayInfo {
        rs: RsId(7),
        key: pair(0x22).server(),
        v4: relay_v4(),
        v6: relay_v6(),
        load: 12,
        measure_token: sealed_measure_token(),
        measure_key: secret(0x71),
        measure_id: 0x2122_2324_2526_2728,
    }
}

pub(crate) fn leg() -> Leg {
    Leg {
        rs: RsId(7),
        rs_key: pair(0x22).server(),
        v4: relay_v4(),
        v6: None,
        token: sealed_token(),
        leg_key: secret(0x71),
    }
}

pub(crate) fn route_direction() -> RouteDirection {
    RouteDirection {
        tx: TxId(9),
        for_request: TxId(3),
        role: Role::Callee,
        path_out: PathId(0x0102_0304_0506_0708),
        path_in: PathId(0x1112_1314_1516_1718),
        path_key: secret(0x81),
        peer: certificate(),
        peer_v4: Some(Ipv4Addr::new(100, 64, 0, 5)),
        peer_candidates: candidates(),
        peer_nat: NatVerdict::EndpointDependent,
        peer_epoch: epoch(),
        own_epoch: epoch().next(),
        order: RouteOrder::RelayThenDirect,
        legs: vec![leg()],
    }
}

pub(crate) fn registered() -> Registered {
    Registered {
        addrs: VirtualAddrs {
            v6: certificate().virtual_v6,
            v4: Ipv4Addr::new(100, 64, 0, 5),
        },
        observed: addr_v4(),
        nat: NatVerdict::EndpointIndependent,
        relays: vec![relay_info()],
        keep_alive_s: 20,
        highest_epoch: epoch(),
        dc_time_ms: ISSUED.as_millis() + 5,
    }
}

pub(crate) fn information_request() -> InformationRequest {
    InformationRequest {
        tx: TxId(5),
        wanted: name("bob.example.net"),
        caller: certificate(),
        caller_v4: None,
        caller_candidates: candidates(),
        caller_nat: NatVerdict::None,
        caller_epoch: epoch(),
        path_from_caller: PathId(0x0102_0304_0506_0708),
        path_from_callee: PathId(0x1112_1314_1516_1718),
        path_key: secret(0x81),
        legs: vec![leg()],
    }
}

pub(crate) fn information() -> Information {
    Information {
        callee: certificate(),
        callee_v4: Some(Ipv4Addr::new(100, 64, 0, 5)),
        candidates: candidates(),
        nat: NatVerdict::Unknown,
        epoch: epoch(),
        consent: Consent::All,
        others: vec![name("desk.alice.example.org")],
        relay_rtts: vec![RelayRtt {
            rs: RsId(7),
            rtt_ms: 31,
        }],
    }
}

fn registration_request() -> RegistrationRequest {
    RegistrationRequest {
        tx: TxId(1),
        epoch: epoch(),
        candidates: candidates(),
        nat: NatVerdict::Unknown,
        push_token: Some(PushToken::new(b"push token".to_vec())),
        relay_rtts: vec![RelayRtt {
            rs: RsId(7),
            rtt_ms: 31,
        }],
    }
}

fn probe(claim: Option<Claim>) -> Probe {
    Probe {
        id: 0x0a0b_0c0d,
        claim,
        attachment: 3,
    }
}

fn bind_response() -> LegBindResponse {
    LegBindResponse {
        status: BindStatus::Bound,
        counter: ISSUED.as_millis(),
        rs_time_ms: ISSUED.as_millis() + 1,
        observed: addr_v4(),
        cookie: *b"cookie of a leg.",
    }
}

fn relay_report() -> RelayReport {
    RelayReport {
        tx: TxId(2),
        rs: RsId(7),
        v4: relay_v4(),
        v6: relay_v6(),
        load: 12,
        legs: 3,
        draining: false,
    }
}

/// One message of each type, in order of the numbers; each field differs from its default.
pub(crate) fn messages() -> Vec<Message> {
    [
        coordinator_messages(),
        path_messages(),
        relay_and_tunnel_messages(),
        later_messages(),
    ]
    .concat()
}

const TX: TxId = TxId(0x0001_0203);

fn coordinator_messages() -> Vec<Message> {
    let tx = TX;
    vec![
        registration_request().into(),
        RegistrationResponse {
            tx,
            result: Ok(registered()),
        }
        .into(),
        DirectionRequest {
            tx,
            name: name("alice@example.org"),
        }
        .into(),
        DirectionResponse {
            tx,
            result: Ok(vec![name("phone.alice.example.org")]),
        }
        .into(),
        information_request().into(),
        InformationResponse {
            tx,
            result: Ok(information()),
        }
        .into(),
        RelayDirection {
            tx,
            order: RelayOrder::Limit { kbps: 512 },
        }
        .into(),
        RelayDirectionResponse { tx }.into(),
        route_direction().into(),
        RouteDirectionResponse {
            tx,
            consent: Consent::RelayOnly,
        }
        .into(),
        RouteDirectionRequest {
            tx,
            wake_id: 0x3132_3334_3536_3738,
        }
        .into(),
        Deregistration { tx, epoch: epoch() }.into(),
    ]
}

fn path_messages() -> Vec<Message> {
    let claim = Claim {
        move_epoch: 6,
        interface: InterfaceId(2),
    };
    vec![
        KeepAlive {
            tx: TX,
            is_reply: true,
        }
        .into(),
        probe(Some(claim)).into(),
        ProbeReply {
            id: 0x0a0b_0c0d,
            observed: addr_v6(),
            attachment: 2,
        }
        .into(),
        RekeyRequest {
            key_epoch: 1,
            noise: vec![0xaa; 48],
        }
        .into(),
        RekeyResponse {
            key_epoch: 1,
            noise: vec![0xbb; 48],
        }
        .into(),
        TunnelClose { reason: 1 }.into(),
    ]
}

fn later_messages() -> Vec<Message> {
    let (number, candidates) = (3, candidates());
    vec![Whereabouts { number, candidates }.into()]
}

fn relay_and_tunnel_messages() -> Vec<Message> {
    vec![
        LegBind::new(
            sealed_token(),
            ISSUED.as_millis(),
            5,
            true,
            RsId(7),
            &secret(0x71),
        )
        .into(),
        bind_response().into(),
        LegBindConfirm {
            counter: ISSUED.as_millis(),
            cookie: *b"cookie of a leg.",
        }
        .into(),
        Measure {
            token: sealed_measure_token(),
        }
        .into(),
        TunnelRequest {
            versions: (1, 2),
            early: b"early".to_vec(),
        }
        .into(),
        TunnelResponse { version: 1 }.into(),
        WakeUp {
            id: 0x3132_3334_3536_3738,
        }
        .into(),
        relay_report().into(),
    ]
}

/// Second forms: errors, other orders, absent options, empty lists.
pub(crate) fn variants() -> Vec<(&'static str, Message)> {
    let tx = TX;
    vec![
        (
            "registration_request_least",
            RegistrationRequest {
                candidates: vec![],
                push_token: None,
                relay_rtts: vec![],
                ..registration_request()
            }
            .into(),
        ),
        (
            "registration_response_error",
            RegistrationResponse {
                tx,
                result: Err(RegistrationError::BlockExhausted),
            }
            .into(),
        ),
        (
            "direction_response_error",
            DirectionResponse {
                tx,
                result: Err(DirectionError::PeerOffline),
            }
            .into(),
        ),
        (
            "information_response_error",
            InformationResponse {
                tx,
                result: Err(DirectionError::UnknownName),
            }
            .into(),
        ),
        (
            "relay_direction_drain",
            RelayDirection {
                tx,
                order: RelayOrder::Drain,
            }
            .into(),
        ),
        (
            "relay_direction_revoke",
            RelayDirection {
                tx,
                order: RelayOrder::Revoke {
                    path: PathId(0x0102_0304_0506_0708),
                },
            }
            .into(),
        ),
        ("probe_without_claim", probe(None).into()),
        (
            "leg_bind_response_stale",
            LegBindResponse {
                status: BindStatus::Stale,
                ..bind_response()
            }
            .into(),
        ),
    ]
}
