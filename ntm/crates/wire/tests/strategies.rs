//! Any value of each message: what a well-behaved sender can say.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ntm_wire::addr::{
    Candidate, CandidateKind, MAX_CANDIDATES, NatVerdict, RealAddr, VirtualAddrs,
};
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::fqdn::{Fqdn, MAX_NAME};
use ntm_wire::id::{Epoch, InterfaceId, PathId, RsId, TxId};
use ntm_wire::key::{IdentityKey, RootKey, SecretKey, ServerKey};
use ntm_wire::message::*;
use ntm_wire::push::PushToken;
use ntm_wire::ticket::{MAX_TICKET_LEN, SealedTicket, Ticket};
use ntm_wire::time::Wall;
use ntm_wire::token::{Grant, MAX_TOKEN_LEN, RelayToken, SealedToken};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn label() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
}

pub(crate) fn fqdn() -> impl Strategy<Value = Fqdn> {
    vec(label(), 2..6)
        .prop_map(|labels| labels.join("."))
        .prop_filter("short enough to travel", |text| text.len() <= MAX_NAME)
        .prop_map(|text| Fqdn::parse(&text).unwrap())
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>()
            .prop_map(IpAddr::from)
            .prop_filter("a mapped address travels as IPv4", |ip| {
                ip.to_canonical() == *ip
            }),
    ]
}

pub(crate) fn real_addr() -> impl Strategy<Value = RealAddr> {
    (ip(), any::<u16>()).prop_map(|(ip, port)| RealAddr(SocketAddr::new(ip, port)))
}

fn virtual_v4() -> impl Strategy<Value = Option<Ipv4Addr>> {
    option::of(any::<[u8; 4]>().prop_map(Ipv4Addr::from))
}

fn relay_v4() -> impl Strategy<Value = Option<(Ipv4Addr, u16)>> {
    option::of((any::<[u8; 4]>().prop_map(Ipv4Addr::from), any::<u16>()))
}

fn relay_v6() -> impl Strategy<Value = Option<(Ipv6Addr, u16)>> {
    option::of((any::<[u8; 16]>().prop_map(Ipv6Addr::from), any::<u16>()))
}

fn secret() -> impl Strategy<Value = SecretKey> {
    any::<[u8; 32]>().prop_map(SecretKey::new)
}

fn tx() -> impl Strategy<Value = TxId> {
    any::<u32>().prop_map(TxId)
}

fn rs() -> impl Strategy<Value = RsId> {
    any::<u32>().prop_map(RsId)
}

fn path() -> impl Strategy<Value = PathId> {
    any::<u64>().prop_map(PathId)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    (any::<u64>(), any::<u32>()).prop_map(|(start_ms, counter)| Epoch { start_ms, counter })
}

fn token() -> impl Strategy<Value = SealedToken> {
    vec(any::<u8>(), 0..=MAX_TOKEN_LEN).prop_map(SealedToken)
}

pub(crate) fn sealed_ticket() -> impl Strategy<Value = SealedTicket> {
    vec(any::<u8>(), 0..=MAX_TICKET_LEN).prop_map(SealedTicket)
}

fn nat() -> impl Strategy<Value = NatVerdict> {
    prop::sample::select(vec![
        NatVerdict::Unknown,
        NatVerdict::None,
        NatVerdict::EndpointIndependent,
        NatVerdict::EndpointDependent,
    ])
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let kind = prop::sample::select(vec![
        CandidateKind::Host,
        CandidateKind::Observed,
        CandidateKind::Mapped,
    ]);
    (kind, any::<u16>(), real_addr()).prop_map(|(kind, interface, addr)| Candidate {
        kind,
        interface: InterfaceId(interface),
        addr,
    })
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    vec(candidate(), 0..=MAX_CANDIDATES)
}

fn signature() -> impl Strategy<Value = [u8; 64]> {
    any::<([u8; 32], [u8; 32])>().prop_map(|(a, b)| {
        let mut both = [0; 64];
        both[..32].copy_from_slice(&a);
        both[32..].copy_from_slice(&b);
        both
    })
}

pub(crate) fn certificate() -> impl Strategy<Value = IdentityCertificate> {
    (
        fqdn(),
        any::<([u8; 32], [u8; 32], [u8; 16])>(),
        any::<(u64, u64)>(),
        signature(),
        signature(),
    )
        .prop_map(
            |(fqdn, (identity, root, v6), (from, to), a, b)| IdentityCertificate {
                fqdn,
                identity: IdentityKey(identity),
                virtual_v6: Ipv6Addr::from(v6),
                not_before: Wall::from_millis(from),
                not_after: Wall::from_millis(to),
                root: RootKey(root),
                root_signature: a,
                authority_signature: b,
            },
        )
}

pub(crate) fn ticket() -> impl Strategy<Value = Ticket> {
    (secret(), any::<u64>(), any::<u64>(), certificate()).prop_map(
        |(node_key, issued, expires, certificate)| Ticket {
            node_key,
            issued: Wall::from_millis(issued),
            expires: Wall::from_millis(expires),
            certificate,
        },
    )
}

pub(crate) fn relay_token() -> impl Strategy<Value = RelayToken> {
    let leg =
        (path(), path(), any::<u32>()).prop_map(|(from_node, to_node, limit_kbps)| Grant::Leg {
            from_node,
            to_node,
            limit_kbps,
        });
    let measure = any::<u64>().prop_map(|id| Grant::Measure { id });
    (prop_oneof![leg, measure], rs(), secret(), any::<u64>()).prop_map(
        |(grant, rs, leg_key, expires)| RelayToken {
            grant,
            rs,
            leg_key,
            expires: Wall::from_millis(expires),
        },
    )
}

fn relay_rtts() -> impl Strategy<Value = Vec<RelayRtt>> {
    let one = (rs(), any::<u16>()).prop_map(|(rs, rtt_ms)| RelayRtt { rs, rtt_ms });
    vec(one, 0..=MAX_RELAYS)
}

fn registration_request() -> impl Strategy<Value = Message> {
    (
        tx(),
        epoch(),
        candidates(),
        nat(),
        option::of(vec(any::<u8>(), 0..=256).prop_map(PushToken::new)),
        relay_rtts(),
    )
        .prop_map(|(tx, epoch, candidates, nat, push_token, relay_rtts)| {
            RegistrationRequest {
                tx,
                epoch,
                candidates,
                nat,
                push_token,
                relay_rtts,
            }
            .into()
        })
}

fn relay_info() -> impl Strategy<Value = RelayInfo> {
    (
        (rs(), any::<[u8; 32]>(), relay_v4(), relay_v6()),
        (any::<u8>(), token(), secret(), any::<u64>()),
    )
        .prop_map(
            |((rs, key, v4, v6), (load, measure_token, measure_key, measure_id))| RelayInfo {
                rs,
                key: ServerKey(key),
                v4,
                v6,
                load,
                measure_token,
                measure_key,
                measure_id,
            },
        )
}

fn registered() -> impl Strategy<Value = Registered> {
    (
        any::<([u8; 16], [u8; 4])>(),
        real_addr(),
        nat(),
        vec(relay_info(), 0..=MAX_RELAYS),
        any::<u16>(),
        epoch(),
        any::<u64>(),
    )
        .prop_map(
            |((v6, v4), observed, nat, relays, keep_alive_s, highest_epoch, dc_time_ms)| {
                Registered {
                    addrs: VirtualAddrs {
                        v6: v6.into(),
                        v4: v4.into(),
                    },
                    observed,
                    nat,
                    relays,
                    keep_alive_s,
                    highest_epoch,
                    dc_time_ms,
                }
            },
        )
}

fn registration_error() -> impl Strategy<Value = RegistrationError> {
    prop::sample::select(vec![
        RegistrationError::TicketExpired,
        RegistrationError::ClockWrong,
        RegistrationError::BlockExhausted,
        RegistrationError::Revoked,
        RegistrationError::StaleEpoch,
        RegistrationError::Overloaded,
        RegistrationError::WrongBlock,
        RegistrationError::Storage,
    ])
}

fn registration_response() -> impl Strategy<Value = Message> {
    let result = prop_oneof![
        registered().prop_map(Ok),
        registration_error().prop_map(Err)
    ];
    (tx(), result).prop_map(|(tx, result)| RegistrationResponse { tx, result }.into())
}

fn direction_error() -> impl Strategy<Value = DirectionError> {
    prop::sample::select(vec![
        DirectionError::UnknownName,
        DirectionError::PeerOffline,
        DirectionError::Refused,
        DirectionError::NoCoordinator,
        DirectionError::CoordinatorUnreachable,
        DirectionError::NoRelay,
        DirectionError::TooMany,
        DirectionError::NotRegistered,
        DirectionError::OwnName,
        DirectionError::VersionTooOld,
    ])
}

fn direction_response() -> impl Strategy<Value = Message> {
    let result = prop_oneof![
        vec(fqdn(), 0..=MAX_DEVICES).prop_map(Ok),
        direction_error().prop_map(Err)
    ];
    (tx(), result).prop_map(|(tx, result)| DirectionResponse { tx, result }.into())
}

fn leg() -> impl Strategy<Value = Leg> {
    (
        rs(),
        any::<[u8; 32]>(),
        relay_v4(),
        relay_v6(),
        token(),
        secret(),
    )
        .prop_map(|(rs, rs_key, v4, v6, token, leg_key)| Leg {
            rs,
            rs_key: ServerKey(rs_key),
            v4,
            v6,
            token,
            leg_key,
        })
}

fn legs() -> impl Strategy<Value = Vec<Leg>> {
    vec(leg(), 0..=MAX_LEGS)
}

fn information_request() -> impl Strategy<Value = Message> {
    (
        (tx(), fqdn(), certificate(), virtual_v4()),
        (candidates(), nat(), epoch()),
        (path(), path(), secret(), legs()),
    )
        .prop_map(
            |(
                (tx, wanted, caller, caller_v4),
                (candidates, nat, epoch),
                (out, back, key, legs),
            )| {
                InformationRequest {
                    tx,
                    wanted,
                    caller,
                    caller_v4,
                    caller_candidates: candidates,
                    caller_nat: nat,
                    caller_epoch: epoch,
                    path_from_caller: out,
                    path_from_callee: back,
                    path_key: key,
                    legs,
                }
                .into()
            },
        )
}

fn consent() -> impl Strategy<Value = Consent> {
    prop::sample::select(vec![Consent::All, Consent::RelayOnly, Consent::Refuse])
}

fn information() -> impl Strategy<Value = Information> {
    (
        (certificate(), virtual_v4(), candidates(), nat()),
        (epoch(), consent(), relay_rtts()),
        vec(label(), 0..=MAX_DEVICES),
    )
        .prop_map(
            |((callee, callee_v4, candidates, nat), (epoch, consent, relay_rtts), labels)| {
                let sibling = |label: &String| callee.account()?.child(label).ok();
                let others = labels.iter().filter_map(sibling);
                Information {
                    others: others.filter(Fqdn::fits_wire).collect(),
                    callee,
                    callee_v4,
                    candidates,
                    nat,
                    epoch,
                    consent,
                    relay_rtts,
                }
            },
        )
}

fn information_response() -> impl Strategy<Value = Message> {
    let result = prop_oneof![information().prop_map(Ok), direction_error().prop_map(Err)];
    (tx(), result).prop_map(|(tx, result)| InformationResponse { tx, result }.into())
}

fn relay_direction() -> impl Strategy<Value = Message> {
    let order = prop_oneof![
        any::<u32>().prop_map(|kbps| RelayOrder::Limit { kbps }),
        Just(RelayOrder::Drain),
        path().prop_map(|path| RelayOrder::Revoke { path }),
    ];
    (tx(), order).prop_map(|(tx, order)| RelayDirection { tx, order }.into())
}

fn route_direction() -> impl Strategy<Value = Message> {
    let role = prop::sample::select(vec![Role::Caller, Role::Callee]);
    let order = prop::sample::select(vec![
        RouteOrder::Direct,
        RouteOrder::DirectCalleeOpens,
        RouteOrder::DirectCallerOpens,
        RouteOrder::SameNat,
        RouteOrder::RelayThenDirect,
        RouteOrder::RelayOnly,
    ]);
    (
        (tx(), tx(), role, path(), path(), secret()),
        (certificate(), virtual_v4(), candidates(), nat()),
        (epoch(), epoch(), order, legs()),
    )
        .prop_map(
            |(
                (tx, for_request, role, path_out, path_in, path_key),
                (peer, peer_v4, peer_candidates, peer_nat),
                (peer_epoch, own_epoch, order, legs),
            )| {
                RouteDirection {
                    tx,
                    for_request,
                    role,
                    path_out,
                    path_in,
                    path_key,
                    peer,
                    peer_v4,
                    peer_candidates,
                    peer_nat,
                    peer_epoch,
                    own_epoch,
                    order,
                    legs,
                }
                .into()
            },
        )
}

fn probe() -> impl Strategy<Value = Message> {
    let claim = any::<(u32, u16)>().prop_map(|(move_epoch, interface)| Claim {
        move_epoch,
        interface: InterfaceId(interface),
    });
    (any::<(u32, u16)>(), option::of(claim)).prop_map(|((id, attachment), claim)| {
        Probe {
            id,
            claim,
            attachment,
        }
        .into()
    })
}

fn rekey() -> impl Strategy<Value = Message> {
    (any::<bool>(), any::<u8>(), vec(any::<u8>(), 0..=256)).prop_map(|(first, key_epoch, noise)| {
        if first {
            RekeyRequest { key_epoch, noise }.into()
        } else {
            RekeyResponse { key_epoch, noise }.into()
        }
    })
}

fn leg_bind() -> impl Strategy<Value = Message> {
    let numbers = any::<(u64, u32, bool, [u8; 32])>();
    (token(), numbers).prop_map(|(token, (counter, attachment, is_ipv6, mac))| {
        LegBind {
            token,
            counter,
            attachment,
            is_ipv6,
            mac,
        }
        .into()
    })
}

fn leg_bind_response() -> impl Strategy<Value = Message> {
    let status = prop::sample::select(vec![
        BindStatus::Bound,
        BindStatus::Stale,
        BindStatus::ClockOff,
        BindStatus::Expired,
        BindStatus::Draining,
    ]);
    (status, any::<(u64, u64, [u8; 16])>(), real_addr()).prop_map(
        |(status, (counter, rs_time_ms, cookie), observed)| {
            LegBindResponse {
                status,
                counter,
                rs_time_ms,
                observed,
                cookie,
            }
            .into()
        },
    )
}

fn relay_report() -> impl Strategy<Value = Message> {
    (
        (tx(), rs(), relay_v4(), relay_v6()),
        any::<(u8, u32, bool)>(),
    )
        .prop_map(|((tx, rs, v4, v6), (load, legs, draining))| {
            RelayReport {
                tx,
                rs,
                v4,
                v6,
                load,
                legs,
                draining,
            }
            .into()
        })
}

fn tunnel() -> impl Strategy<Value = Message> {
    prop_oneof![
        (any::<(u8, u8)>(), vec(any::<u8>(), 0..=1000)).prop_map(|((a, b), early)| {
            TunnelRequest {
                versions: (a.min(b), a.max(b)),
                early,
            }
            .into()
        }),
        any::<u8>().prop_map(|version| TunnelResponse { version }.into()),
        any::<u8>().prop_map(|reason| TunnelClose { reason }.into()),
    ]
}

/// The messages of a few plain fields.
fn small() -> impl Strategy<Value = Message> {
    prop_oneof![
        (tx(), fqdn()).prop_map(|(tx, name)| DirectionRequest { tx, name }.into()),
        tx().prop_map(|tx| RelayDirectionResponse { tx }.into()),
        (tx(), consent()).prop_map(|(tx, consent)| RouteDirectionResponse { tx, consent }.into()),
        (tx(), any::<u64>()).prop_map(|(tx, wake_id)| RouteDirectionRequest { tx, wake_id }.into()),
        (tx(), epoch()).prop_map(|(tx, epoch)| Deregistration { tx, epoch }.into()),
        (tx(), any::<bool>()).prop_map(|(tx, is_reply)| KeepAlive { tx, is_reply }.into()),
        (any::<(u32, u16)>(), real_addr()).prop_map(|((id, attachment), observed)| {
            ProbeReply {
                id,
                observed,
                attachment,
            }
            .into()
        }),
        any::<(u64, [u8; 16])>()
            .prop_map(|(counter, cookie)| LegBindConfirm { counter, cookie }.into()),
        token().prop_map(|token| Measure { token }.into()),
        any::<u64>().prop_map(|id| WakeUp { id }.into()),
        (any::<u32>(), candidates()).prop_map(|(number, candidates)| Whereabouts {
            number,
            candidates
        }
        .into()),
    ]
}

/// Any message of any type.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        3 => small(),
        1 => tunnel(),
        1 => registration_request(),
        1 => registration_response(),
        1 => direction_response(),
        1 => information_request(),
        1 => information_response(),
        1 => relay_direction(),
        1 => route_direction(),
        1 => probe(),
        1 => rekey(),
        1 => leg_bind(),
        1 => leg_bind_response(),
        1 => relay_report(),
    ]
}
