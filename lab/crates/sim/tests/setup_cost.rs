//! The bar: a tunnel stands after a + b + 2d + e or less, and the first byte is at the peer after
//! a + b + d + e/2, where a, b, d, e are the round trips MN-DC, CN-DC, DC-DC and MN-CN.

use core::net::IpAddr;
use core::time::Duration;

use ntm_wire::time::Mono;

use crate::stage::{Setting, Stage, delay, ms, secs};

/// Round trips in milliseconds, all different, so that no mistake cancels another.
const A: u64 = 34;
const B: u64 = 58;
const D: u64 = 86;
const E: u64 = 122;

/// Sets every pair apart by its own delay; the access links add nothing.
fn stage(domains: usize, is_static: bool) -> Stage {
    let mut stage = Stage::dark(Setting {
        domains,
        is_static,
        link: delay(0),
        server_delay: ms(0),
        ..Setting::default()
    });
    let (mn, cn) = (stage.mn, stage.cn);
    for host in [mn, cn] {
        stage.connect(host, ntm_sim::access::Access::PublicV4, delay(0));
    }
    let v4 = |stage: &Stage, host| -> IpAddr {
        let (_, place) = stage.world.net.attachments(host).next().unwrap();
        IpAddr::V4(place.v4.unwrap())
    };
    let (mn, cn) = (v4(&stage, mn), v4(&stage, cn));
    let (dc_m, dc_n) = (v4(&stage, stage.dc(0)), v4(&stage, stage.dc(domains - 1)));
    let relays: Vec<IpAddr> = (0..domains).map(|i| v4(&stage, stage.rs(i))).collect();
    let net = &mut stage.world.net;
    net.set_extra_delay(mn, dc_m, ms(A / 2));
    net.set_extra_delay(cn, dc_n, ms(B / 2));
    net.set_extra_delay(mn, cn, ms(E / 2));
    net.set_extra_delay(dc_m, dc_n, ms(D / 2));
    for relay in relays {
        // A detour: the direct handshake must not wait for it.
        net.set_extra_delay(mn, relay, ms(E));
        net.set_extra_delay(cn, relay, ms(E));
    }
    stage.world.run_for(secs(10));
    stage
}

/// From the call to the tunnel.
fn resolved_after(stage: &mut Stage) -> Duration {
    let call = stage.call_works();
    assert_eq!(call.attempts, 1);
    call.resolved.unwrap().since(call.started)
}

#[test]
fn with_one_coordinator_a_tunnel_stands_after_a_b_and_e() {
    let took = resolved_after(&mut stage(1, true));
    assert!(took <= ms(A + B + E), "{took:?}");
}

#[test]
fn with_two_coordinators_that_never_met_a_tunnel_stands_after_a_b_2d_and_e() {
    let took = resolved_after(&mut stage(2, true));
    assert!(took <= ms(A + B + 2 * D + E), "{took:?}");
}

#[test]
fn a_name_service_adds_its_delay_and_no_more() {
    let took = resolved_after(&mut stage(2, false));
    assert!(took <= ms(A + B + 2 * D + E + 7), "{took:?}");
}

#[test]
fn with_two_coordinators_that_know_each_other_a_tunnel_stands_after_a_b_d_and_e() {
    let mut stage = stage(2, true);
    resolved_after(&mut stage);
    // The nodes forget each other, the coordinators do not.
    for host in [stage.mn, stage.cn] {
        stage.world.restart(host);
    }
    stage.world.run_for(secs(20));
    let took = {
        let call = stage.call_works();
        call.resolved.unwrap().since(call.started)
    };
    assert!(took <= ms(A + B + D + E), "{took:?}");
}

/// From the call until a datagram that travels inside the Tunnel Request is at the peer.
fn early_byte_after(stage: &mut Stage) -> Duration {
    let (mn, cn, name) = (stage.mn, stage.cn, stage.cn_name.clone());
    let bind = |n: &mut ntm_sim::process::NodeHost, _| n.node.udp_bind(None, 4000).unwrap();
    let from = stage.world.with_node(mn, bind).unwrap();
    let at = stage.world.with_node(cn, bind).unwrap();
    let began: Mono = stage.world.now();
    let resolve = stage.world.with_node(mn, |n, now| {
        n.node.resolve_with_early(now, &name, from, 4000, b"hello")
    });
    resolve.unwrap().unwrap();
    let has_it = |w: &ntm_sim::World| w.node(cn).unwrap().app.readable.contains(&at);
    let arrived = stage.world.run_while(began + secs(5), |w| !has_it(w));
    assert!(
        arrived,
        "the early datagram arrives:\n{}",
        stage.world.story(60)
    );
    stage.world.now().since(began)
}

#[test]
fn with_one_coordinator_the_first_byte_is_there_after_a_b_and_half_e() {
    let took = early_byte_after(&mut stage(1, true));
    assert!(took <= ms(A + B + E / 2), "{took:?}");
}

#[test]
fn with_two_coordinators_the_first_byte_is_there_after_a_b_d_and_half_e() {
    let took = early_byte_after(&mut stage(2, true));
    assert!(took <= ms(A + B + D + E / 2), "{took:?}");
}
