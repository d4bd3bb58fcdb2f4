//! The network model: links, NATs in every cell of RFC 4787, firewalls, moves.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ntm_sim::World;
use ntm_sim::net::{
    CORE, Firewall, Gateway, GilbertElliott, HostId, LinkConfig, Loss, NatConfig, Ports, Rate,
    Scope, ZoneId,
};
use ntm_sim::process::{Process, Sink};
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use crate::stage::{ETHERNET, delay, ms, secs};

const PORT: u16 = 5000;
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const INSIDE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
const PEER_A: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const PEER_B: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);

fn sink(world: &mut World, name: &str, port: u16, is_echo: bool) -> HostId {
    world.add_host(name, Process::Sink(Sink::new(port, is_echo)))
}

fn public(world: &mut World, name: &str, ip: Ipv4Addr, port: u16) -> HostId {
    let host = sink(world, name, port, false);
    world.plug_at_core(host, &[IpAddr::V4(ip)], LinkConfig::default());
    host
}

fn send(world: &mut World, host: HostId, to: impl Into<SocketAddr>, payload: &[u8]) {
    let (to, payload) = (to.into(), payload.to_vec());
    world.with_process(host, |p, _| match p {
        Process::Sink(sink) => sink.send(InterfaceId(0), to, payload),
        Process::Node(_) | Process::Coordinator(_) | Process::Relay(_) => panic!("a sink"),
    });
}

fn received(world: &World, host: HostId) -> Vec<(Mono, SocketAddr, Vec<u8>)> {
    match &world.host(host).unwrap().process {
        Process::Sink(sink) => sink.received.clone(),
        Process::Node(_) | Process::Coordinator(_) | Process::Relay(_) => panic!("a sink"),
    }
}

fn arrivals(world: &mut World, from: HostId, to: HostId, count: u32) -> Vec<u32> {
    for n in 0..count {
        send(world, from, (PEER_A, PORT), &n.to_be_bytes());
        world.run_for(ms(1));
    }
    world.run_for(secs(5));
    received(world, to)
        .into_iter()
        .map(|(_, _, data)| u32::from_be_bytes(data.try_into().unwrap()))
        .collect()
}

/// A sender behind `link`, and a receiver at the core.
fn over(link: LinkConfig, count: u32) -> Vec<u32> {
    let mut world = World::new(7);
    let from = sink(&mut world, "from", PORT, false);
    world.plug_at_core(from, &[IpAddr::V4(OUTSIDE)], link);
    let to = public(&mut world, "to", PEER_A, PORT);
    arrivals(&mut world, from, to, count)
}

#[test]
fn a_perfect_wire_delivers_everything_once_in_order_after_its_delay() {
    let got = over(delay(20), 100);
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

#[test]
fn delay_is_one_way_and_adds_up_along_the_path() {
    let mut world = World::new(1);
    let from = sink(&mut world, "from", PORT, false);
    world.plug_at_core(from, &[IpAddr::V4(OUTSIDE)], delay(20));
    let to = sink(&mut world, "to", PORT, false);
    world.plug_at_core(to, &[IpAddr::V4(PEER_A)], delay(30));
    let began = world.now();
    send(&mut world, from, (PEER_A, PORT), b"x");
    world.run_for(secs(1));
    let [(at, _, _)] = &received(&world, to)[..] else {
        panic!("one datagram")
    };
    assert_eq!(at.since(began), ms(50));
}

#[test]
fn extra_delay_sets_one_pair_apart() {
    let mut world = World::new(1);
    let from = public(&mut world, "from", OUTSIDE, PORT);
    let (a, b) = (
        public(&mut world, "a", PEER_A, PORT),
        public(&mut world, "b", PEER_B, PORT),
    );
    world
        .net
        .set_extra_delay(IpAddr::V4(OUTSIDE), IpAddr::V4(PEER_B), ms(70));
    let began = world.now();
    send(&mut world, from, (PEER_A, PORT), b"x");
    send(&mut world, from, (PEER_B, PORT), b"x");
    world.run_for(secs(1));
    assert_eq!(received(&world, a)[0].0.since(began), ms(0));
    assert_eq!(received(&world, b)[0].0.since(began), ms(70));
}

#[test]
fn jitter_keeps_the_order() {
    let link = LinkConfig {
        jitter: ms(40),
        ..delay(5)
    };
    assert_eq!(over(link, 500), (0..500).collect::<Vec<_>>());
}

#[test]
fn random_loss_takes_its_share() {
    let link = LinkConfig {
        loss: Loss::Random(0.2),
        ..LinkConfig::default()
    };
    let lost = 5000 - over(link, 5000).len();
    assert!((850..1150).contains(&lost), "20 % of 5,000, not {lost}");
}

#[test]
fn burst_loss_takes_its_share_in_runs() {
    let link = LinkConfig {
        loss: Loss::Bursts(GilbertElliott::bursts(0.1, 5.0)),
        ..LinkConfig::default()
    };
    let got = over(link, 20_000);
    let lost = 20_000 - got.len();
    assert!((1500..2600).contains(&lost), "10 % of 20,000, not {lost}");
    let runs = got.windows(2).filter(|w| w[1] - w[0] > 1).count();
    let mean = lost as f64 / runs as f64;
    assert!((4.0..6.5).contains(&mean), "runs of 5, not {mean}");
}

#[test]
fn duplication_delivers_some_twice() {
    let link = LinkConfig {
        duplicate: 0.3,
        ..LinkConfig::default()
    };
    let got = over(link, 2000);
    assert!(
        (2500..2700).contains(&got.len()),
        "30 % more: {}",
        got.len()
    );
}

#[test]
fn reordering_lets_later_packets_pass() {
    let link = LinkConfig {
        reorder: 0.1,
        reorder_by: ms(10),
        ..delay(5)
    };
    let got = over(link, 1000);
    assert_eq!(got.len(), 1000, "nothing is lost");
    let inversions = got.windows(2).filter(|w| w[0] > w[1]).count();
    assert!(inversions > 50, "some come late: {inversions}");
}

#[test]
fn a_rate_spaces_packets_and_a_full_queue_drops() {
    // 4 + 28 bytes at 256 kbit/s: one a millisecond; the queue holds 10.
    let rate = Some(Rate {
        bits_per_s: 256_000,
        queue_bytes: 320,
    });
    let link = LinkConfig {
        rate,
        ..LinkConfig::default()
    };
    let mut world = World::new(7);
    let from = sink(&mut world, "from", PORT, false);
    world.plug_at_core(from, &[IpAddr::V4(OUTSIDE)], link);
    let to = public(&mut world, "to", PEER_A, PORT);
    for n in 0..100u32 {
        send(&mut world, from, (PEER_A, PORT), &n.to_be_bytes());
    }
    world.run_for(secs(1));
    let got = received(&world, to);
    assert!(
        (10..13).contains(&got.len()),
        "a queue of ten: {}",
        got.len()
    );
    let gaps = got.windows(2).map(|w| w[1].0.since(w[0].0));
    assert!(gaps.into_iter().all(|g| g == ms(1)), "one a millisecond");
}

#[test]
fn an_mtu_drops_what_is_larger() {
    let mut world = World::new(7);
    let from = sink(&mut world, "from", PORT, false);
    let link = LinkConfig {
        mtu: Some(1280),
        ..LinkConfig::default()
    };
    world.plug_at_core(from, &[IpAddr::V4(OUTSIDE)], link);
    let to = public(&mut world, "to", PEER_A, PORT);
    send(&mut world, from, (PEER_A, PORT), &[0; 1252]);
    send(&mut world, from, (PEER_A, PORT), &[0; 1253]);
    world.run_for(secs(1));
    assert_eq!(received(&world, to).len(), 1, "1,252 + 28 fit 1,280");
}

/// A host behind a NAT, and two peers.
struct Natted {
    world: World,
    zone: ZoneId,
    host: HostId,
    a: HostId,
    b: HostId,
}

impl Natted {
    fn new(config: NatConfig) -> Self {
        let mut world = World::new(3);
        let nat = world.net.nat(config, OUTSIDE);
        let zone = world
            .net
            .add_zone(CORE, LinkConfig::default(), nat, Gateway::Closed);
        let host = sink(&mut world, "inside", PORT, false);
        let addrs = (Some(INSIDE), None);
        world.plug(host, ETHERNET, zone, addrs, LinkConfig::default());
        let a = public(&mut world, "a", PEER_A, PORT);
        let b = public(&mut world, "b", PEER_B, PORT);
        Self {
            world,
            zone,
            host,
            a,
            b,
        }
    }

    /// The outside address under which `peer` sees the host.
    fn seen_by(&mut self, peer: HostId, at: Ipv4Addr) -> SocketAddr {
        send(&mut self.world, self.host, (at, PORT), b"out");
        self.world.run_for(ms(1));
        received(&self.world, peer).last().unwrap().1
    }

    /// Whether a packet from `peer` to `to` reaches the host.
    fn reaches(&mut self, peer: HostId, to: SocketAddr) -> bool {
        let before = received(&self.world, self.host).len();
        send(&mut self.world, peer, to, b"in");
        self.world.run_for(ms(1));
        received(&self.world, self.host).len() > before
    }
}

fn config(mapping: Scope, filtering: Scope) -> NatConfig {
    NatConfig {
        ports: Ports::Random,
        ..NatConfig::new(mapping, filtering)
    }
}

#[test]
fn an_endpoint_independent_mapping_is_one_port_for_all_peers() {
    let scope = Scope::EndpointIndependent;
    let mut n = Natted::new(config(scope, scope));
    let (a, b) = (n.a, n.b);
    assert_eq!(n.seen_by(a, PEER_A), n.seen_by(b, PEER_B));
    assert_eq!(n.seen_by(a, PEER_A).ip(), IpAddr::V4(OUTSIDE));
}

#[test]
fn an_address_dependent_mapping_is_a_port_per_peer_address() {
    let mut n = Natted::new(config(Scope::AddressDependent, Scope::EndpointIndependent));
    let (a, b) = (n.a, n.b);
    let first = n.seen_by(a, PEER_A);
    assert_ne!(first, n.seen_by(b, PEER_B));
    assert_eq!(first, n.seen_by(a, PEER_A), "the same peer, the same port");
}

#[test]
fn mappings_tell_peer_ports_apart_only_when_port_dependent() {
    use ntm_sim::net::Nat;
    use ntm_sim::rng::Rng;
    let (src, now) = (SocketAddr::from((INSIDE, PORT)), Mono::from_micros(1));
    let (one, two) = ((PEER_A, 1).into(), (PEER_A, 2).into());
    for mapping in Scope::ALL {
        let config = config(mapping, Scope::EndpointIndependent);
        let mut nat = Nat::new(config, IpAddr::V4(OUTSIDE), Rng::new(1));
        let first = nat.outbound(now, src, one).unwrap();
        let second = nat.outbound(now, src, two).unwrap();
        let same = mapping != Scope::AddressAndPortDependent;
        assert_eq!(first == second, same, "{mapping:?}");
    }
}

#[test]
fn filtering_lets_in_strangers_the_same_address_or_the_same_port() {
    use ntm_sim::net::Nat;
    use ntm_sim::rng::Rng;
    let (src, now) = (SocketAddr::from((INSIDE, PORT)), Mono::from_micros(1));
    for mapping in Scope::ALL {
        for filtering in Scope::ALL {
            let config = config(mapping, filtering);
            let mut nat = Nat::new(config, IpAddr::V4(OUTSIDE), Rng::new(1));
            let seen = nat.outbound(now, src, (PEER_A, 1).into()).unwrap();
            let mut passes = |ip, port| nat.inbound(now, (ip, port).into(), seen).is_ok();
            assert!(
                passes(PEER_A, 1),
                "the peer itself, {mapping:?} {filtering:?}"
            );
            let other_port = passes(PEER_A, 2);
            assert_eq!(other_port, filtering != Scope::AddressAndPortDependent);
            let stranger = passes(PEER_B, 1);
            assert_eq!(stranger, filtering == Scope::EndpointIndependent);
        }
    }
}

#[test]
fn a_stranger_passes_only_an_endpoint_independent_filter() {
    for filtering in Scope::ALL {
        let mut n = Natted::new(config(Scope::EndpointIndependent, filtering));
        let (a, b) = (n.a, n.b);
        let outside = n.seen_by(a, PEER_A);
        assert!(n.reaches(a, outside), "whoever was asked may answer");
        assert_eq!(
            n.reaches(b, outside),
            filtering == Scope::EndpointIndependent
        );
    }
}

#[test]
fn a_mapping_ends_without_outbound_traffic_and_the_next_has_another_port() {
    let scope = Scope::EndpointIndependent;
    let mut n = Natted::new(config(scope, scope));
    let a = n.a;
    let first = n.seen_by(a, PEER_A);
    n.world.run_for(secs(119));
    assert!(n.reaches(a, first), "within the expiry");
    n.world.run_for(secs(2));
    assert!(
        !n.reaches(a, first),
        "inbound traffic alone does not keep it"
    );
    assert_ne!(first, n.seen_by(a, PEER_A));
}

#[test]
fn inbound_traffic_keeps_a_mapping_when_the_nat_says_so() {
    let scope = Scope::EndpointIndependent;
    let mut n = Natted::new(NatConfig {
        inbound_refreshes: true,
        ..config(scope, scope)
    });
    let a = n.a;
    let first = n.seen_by(a, PEER_A);
    for _ in 0..5 {
        n.world.run_for(secs(100));
        assert!(n.reaches(a, first));
    }
}

#[test]
fn port_preservation_keeps_the_inside_port_while_it_is_free() {
    let scope = Scope::EndpointIndependent;
    let mut n = Natted::new(NatConfig::new(scope, scope));
    let a = n.a;
    assert_eq!(n.seen_by(a, PEER_A).port(), PORT);
    let second = sink(&mut n.world, "second", PORT, false);
    let addrs = (Some(Ipv4Addr::new(192, 168, 1, 11)), None);
    n.world
        .plug(second, ETHERNET, n.zone, addrs, LinkConfig::default());
    send(&mut n.world, second, (PEER_A, PORT), b"out");
    n.world.run_for(ms(1));
    let taken = received(&n.world, a).last().unwrap().1.port();
    assert_ne!(taken, PORT, "the port has an owner");
}

#[test]
fn hairpinning_joins_two_inside_hosts_by_their_outside_addresses_or_not() {
    for hairpin in [false, true] {
        let scope = Scope::EndpointIndependent;
        let mut n = Natted::new(NatConfig {
            hairpin,
            ..NatConfig::new(scope, scope)
        });
        let a = n.a;
        let outside = n.seen_by(a, PEER_A);
        let second = sink(&mut n.world, "second", 6000, false);
        let addrs = (Some(Ipv4Addr::new(192, 168, 1, 11)), None);
        n.world
            .plug(second, ETHERNET, n.zone, addrs, LinkConfig::default());
        let before = received(&n.world, n.host).len();
        send(&mut n.world, second, outside, b"hairpin");
        n.world.run_for(ms(1));
        let got = received(&n.world, n.host);
        assert_eq!(got.len() > before, hairpin);
        if hairpin {
            let from = got.last().unwrap().1;
            assert_eq!(from.ip(), IpAddr::V4(OUTSIDE), "REQ-9: the outside source");
        }
    }
}

#[test]
fn a_carriers_nat_is_a_nat_behind_a_nat() {
    let scope = Scope::EndpointIndependent;
    let mut world = World::new(3);
    let carrier = world.net.nat(config(scope, scope), OUTSIDE);
    let carrier = world
        .net
        .add_zone(CORE, delay(10), carrier, Gateway::Closed);
    let home = world
        .net
        .nat(config(scope, scope), Ipv4Addr::new(100, 64, 0, 2));
    let home = world.net.add_zone(carrier, delay(5), home, Gateway::Closed);
    let host = sink(&mut world, "inside", PORT, false);
    world.plug(host, ETHERNET, home, (Some(INSIDE), None), delay(1));
    let peer = sink(&mut world, "peer", PORT, true);
    world.plug_at_core(peer, &[IpAddr::V4(PEER_A)], LinkConfig::default());
    let began = world.now();
    send(&mut world, host, (PEER_A, PORT), b"out");
    world.run_for(secs(1));
    assert_eq!(received(&world, peer)[0].1.ip(), IpAddr::V4(OUTSIDE));
    let back = &received(&world, host)[0];
    assert_eq!(back.0.since(began), ms(32), "there and back through both");
}

#[test]
fn a_rebound_nat_shows_another_address_and_forgets_the_old_one() {
    let scope = Scope::EndpointIndependent;
    let mut n = Natted::new(config(scope, scope));
    let a = n.a;
    let old = n.seen_by(a, PEER_A);
    let new = Ipv4Addr::new(192, 0, 2, 9);
    n.world.net.rebind_nat(n.zone, Some(new));
    assert!(!n.reaches(a, old), "the old address leads nowhere");
    let now = n.seen_by(a, PEER_A);
    assert_eq!(now.ip(), IpAddr::V4(new));
    assert!(n.reaches(a, now));
}

fn v6(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

#[test]
fn an_ipv6_firewall_lets_in_only_answers() {
    let mut world = World::new(3);
    let wall = Firewall::new(Scope::AddressAndPortDependent, secs(60));
    let zone = world.net.add_zone(
        CORE,
        LinkConfig::default(),
        Gateway::Closed,
        Gateway::Firewall(wall),
    );
    let host = sink(&mut world, "inside", PORT, false);
    world.plug(host, ETHERNET, zone, (None, Some(v6(1))), delay(1));
    let (a, b) = (
        sink(&mut world, "a", PORT, false),
        sink(&mut world, "b", PORT, false),
    );
    world.plug_at_core(a, &[IpAddr::V6(v6(2))], LinkConfig::default());
    world.plug_at_core(b, &[IpAddr::V6(v6(3))], LinkConfig::default());
    let reaches = |world: &mut World, from| {
        let before = received(world, host).len();
        send(world, from, (v6(1), PORT), b"in");
        world.run_for(ms(10));
        received(world, host).len() > before
    };
    assert!(!reaches(&mut world, a), "nothing went out yet");
    send(&mut world, host, (v6(2), PORT), b"out");
    world.run_for(ms(10));
    assert!(reaches(&mut world, a), "an answer");
    assert!(!reaches(&mut world, b), "a stranger");
    world.run_for(secs(61));
    assert!(!reaches(&mut world, a), "the flow is forgotten");
}

#[test]
fn a_family_without_gateway_goes_nowhere() {
    let mut world = World::new(3);
    let zone = world.net.add_zone(
        CORE,
        LinkConfig::default(),
        Gateway::Closed,
        Gateway::Routed,
    );
    let host = sink(&mut world, "inside", PORT, false);
    world.plug(host, ETHERNET, zone, (Some(INSIDE), Some(v6(1))), delay(1));
    let a = sink(&mut world, "a", PORT, false);
    let addrs = [IpAddr::V4(PEER_A), IpAddr::V6(v6(2))];
    world.plug_at_core(a, &addrs, LinkConfig::default());
    send(&mut world, host, (PEER_A, PORT), b"v4");
    send(&mut world, host, (v6(2), PORT), b"v6");
    world.run_for(secs(1));
    let got: Vec<Vec<u8>> = received(&world, a).into_iter().map(|r| r.2).collect();
    assert_eq!(got, [b"v6"]);
}

#[test]
fn a_host_that_moved_is_reached_at_its_new_address_only() {
    let mut world = World::new(3);
    let host = public(&mut world, "host", PEER_A, PORT);
    let a = public(&mut world, "a", OUTSIDE, PORT);
    world.plug_at_core(host, &[IpAddr::V4(PEER_B)], LinkConfig::default());
    send(&mut world, a, (PEER_A, PORT), b"old");
    send(&mut world, a, (PEER_B, PORT), b"new");
    world.run_for(secs(1));
    let got: Vec<Vec<u8>> = received(&world, host).into_iter().map(|r| r.2).collect();
    assert_eq!(got, [b"new"]);
}

#[test]
fn a_host_without_power_hears_nothing_until_it_is_on_again() {
    let mut world = World::new(3);
    let host = public(&mut world, "host", PEER_A, PORT);
    let a = public(&mut world, "a", OUTSIDE, PORT);
    world.power_off(host);
    send(&mut world, a, (PEER_A, PORT), b"off");
    world.run_for(secs(1));
    world.restart(host);
    send(&mut world, a, (PEER_A, PORT), b"on");
    world.run_for(secs(1));
    let got: Vec<Vec<u8>> = received(&world, host).into_iter().map(|r| r.2).collect();
    assert_eq!(got, [b"on"]);
}

#[test]
fn a_hosts_wall_clock_may_be_wrong_while_its_monotonic_one_is_not() {
    let mut world = World::new(3);
    let host = public(&mut world, "host", PEER_A, PORT);
    let right = world.now_at(host);
    world.host_mut(host).unwrap().clock_off_ms = -86_400_000;
    let wrong = world.now_at(host);
    assert_eq!(wrong.mono, right.mono);
    assert_eq!(right.wall.since(wrong.wall), secs(86_400));
}
