//! Rules 5, 13, 14 and 17: the Tunnel Request, unlinkable paths, glare, timers.

use std::collections::{BTreeMap, BTreeSet};

use ntm_proto::ConsentPolicy;
use ntm_sim::access::Access;
use ntm_sim::app::{Outcome, Patience};
use ntm_sim::capture::{Capture, Captured};
use ntm_sim::net::{HostId, LinkConfig, Loss};
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::message::Consent;

use super::sent;
use crate::stage::{Setting, Stage, delay, fqdn, home, ms, secs};

fn captured(setting: Setting) -> Stage {
    let mut stage = Stage::dark(setting);
    stage.world.capture = Some(Capture::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect(mn, setting.mn, setting.link);
    stage.connect(cn, setting.cn, setting.link);
    stage.world.run_for(secs(8));
    stage
}

#[test]
fn rule_05_one_byte_identical_request_goes_out_on_all_paths() {
    let mut stage = captured(Setting {
        relays_per_domain: 2,
        ..Setting::default()
    });
    stage.call_works();
    let requests = sent(&stage, stage.mn, PacketType::TunnelRequest);
    let ways: BTreeSet<_> = requests.iter().map(|d| d.dst).collect();
    let bodies: BTreeSet<_> = requests.iter().map(|d| d.payload.clone()).collect();
    assert!(ways.len() >= 3, "directly and over two relays: {ways:?}");
    assert_eq!(bodies.len(), 1, "one handshake, whatever the path");
}

#[test]
fn rule_05_copies_of_a_request_get_one_and_the_same_answer() {
    let mut stage = captured(Setting {
        link: LinkConfig {
            duplicate: 1.0,
            ..delay(10)
        },
        ..Setting::default()
    });
    stage.call_works();
    stage.world.run_for(secs(2));
    let answers = sent(&stage, stage.cn, PacketType::TunnelResponse);
    let bodies: BTreeSet<_> = answers.iter().map(|d| d.payload.clone()).collect();
    assert!(answers.len() > 1, "every copy is answered");
    assert_eq!(bodies.len(), 1, "from memory");
    assert_eq!(
        stage.node(stage.cn).node.tunnels(stage.world.now()).len(),
        1
    );
}

#[test]
fn rule_05_early_data_is_delivered_once() {
    let mut stage = captured(Setting {
        link: LinkConfig {
            duplicate: 1.0,
            ..delay(10)
        },
        ..Setting::default()
    });
    let (mn, cn, name) = (stage.mn, stage.cn, stage.cn_name.clone());
    let bind = |n: &mut ntm_sim::process::NodeHost, _| n.node.udp_bind(None, 4000).unwrap();
    let from = stage.world.with_node(mn, bind).unwrap();
    let at = stage.world.with_node(cn, bind).unwrap();
    stage.world.with_node(mn, |n, now| {
        n.node
            .resolve_with_early(now, &name, from, 4000, b"once")
            .unwrap();
    });
    stage.world.run_for(secs(5));
    let mut got = Vec::new();
    while let Some(Some(r)) = stage.world.with_node(cn, |n, _| n.node.udp_recv(at)) {
        got.push(r.data);
    }
    assert_eq!(got, [b"once"]);
}

#[test]
fn rule_13_path_ids_tell_no_two_tunnels_or_directions_together() {
    let mut stage = Stage::dark(Setting::default());
    let policy = ConsentPolicy {
        contacts: Vec::new(),
        for_contacts: Consent::All,
        for_others: Consent::All,
    };
    let name = fqdn("desk.carol.two.example");
    let carol = stage
        .deployment
        .add_node(&mut stage.world, 1, &name, policy)
        .unwrap();
    stage.world.capture = Some(Capture::default());
    for host in [stage.mn, stage.cn, carol] {
        stage.connect(host, Access::PublicV4, delay(10));
    }
    stage.world.run_for(secs(8));
    stage.call_works();
    let mn = stage.mn;
    let id = stage.call_from(mn, &name);
    stage.finish(mn, id);
    stage.world.run_for(secs(30));
    let mut owners: BTreeMap<u64, BTreeSet<HostId>> = BTreeMap::new();
    for host in [mn, stage.cn, carol] {
        for d in sent(&stage, host, PacketType::Data) {
            let view = Datagram::new_checked(d.payload.as_slice()).unwrap();
            owners.entry(view.selector()).or_default().insert(host);
        }
    }
    assert_eq!(owners.len(), 4, "two tunnels, two directions");
    assert!(owners.values().all(|o| o.len() == 1), "one sender each");
}

#[test]
fn rule_13_tickets_and_tokens_never_travel_in_clear() {
    let mut stage = captured(Setting::default());
    stage.call_works();
    let ticket = stage.node(stage.mn).config().ticket.0.clone();
    let all = &stage.world.capture.as_ref().unwrap().datagrams;
    let shows = |d: &Captured| d.payload.windows(32).any(|w| w == &ticket[8..40]);
    assert!(!all.iter().any(shows), "the ticket is inside the handshake");
}

/// Both call each other `apart` from one another.
fn glare(apart: core::time::Duration, loss: f64, seed: u64) {
    let link = LinkConfig {
        loss: Loss::Random(loss),
        ..delay(10)
    };
    let mut stage = Stage::ready(Setting {
        seed,
        mn: home(),
        cn: home(),
        link,
        ..Setting::default()
    });
    let (mn, cn) = (stage.mn, stage.cn);
    let (to_cn, to_mn) = (stage.cn_name.clone(), stage.mn_name.clone());
    let call = |stage: &mut Stage, from, name: &ntm_wire::fqdn::Fqdn| {
        let place = |n: &mut ntm_sim::process::NodeHost, now| n.call(now, name, Patience(secs(60)));
        stage.world.with_node(from, place).unwrap()
    };
    let one = call(&mut stage, mn, &to_cn);
    stage.world.run_for(apart);
    let two = call(&mut stage, cn, &to_mn);
    for (host, id) in [(mn, one), (cn, two)] {
        let call = stage.finish(host, id);
        let echo = call.outcome() == Some(&Outcome::Working);
        assert!(
            echo,
            "{apart:?}: {:?}\n{}",
            call.errors,
            stage.world.story(80)
        );
    }
    stage.world.run_for(secs(5));
    let (a, b) = (stage.tunnel(mn), stage.tunnel(cn));
    assert_eq!((a.peer.fqdn, b.peer.fqdn), (to_cn, to_mn), "{apart:?}");
    let tries = if loss > 0.0 { 8 } else { 1 };
    let arrived = (0..tries).any(|_| stage.send(b"one tunnel"));
    assert!(arrived, "{apart:?}");
}

#[test]
fn rule_14_glare_collapses_into_one_tunnel_whenever_it_happens() {
    for apart in [0, 1, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150] {
        for seed in 1..4 {
            glare(ms(apart), 0.0, seed);
        }
    }
}

#[test]
fn rule_14_glare_collapses_though_packets_are_lost() {
    for apart in [0, 10, 30, 60] {
        for seed in 1..8 {
            glare(ms(apart), 0.1, seed);
        }
    }
}

#[test]
fn rule_14_a_repeated_request_for_a_fresh_pair_builds_no_second_tunnel() {
    let mut stage = Stage::ready(Setting::default());
    let (mn, name) = (stage.mn, stage.cn_name.clone());
    let ids: Vec<_> = (0..5).map(|_| stage.call_from(mn, &name)).collect();
    for id in ids {
        let call = stage.finish(mn, id);
        assert_eq!(call.outcome(), Some(&Outcome::Working));
    }
    assert_eq!(stage.node(mn).node.tunnels(stage.world.now()).len(), 1);
    assert_eq!(
        stage.node(stage.cn).node.tunnels(stage.world.now()).len(),
        1
    );
}

#[test]
fn rule_17_an_idle_node_is_heard_every_25_seconds_and_not_before_15() {
    let mut stage = captured(Setting::default());
    stage.world.run_for(secs(300));
    let control = sent(&stage, stage.mn, PacketType::Control);
    let gaps: Vec<_> = control
        .windows(2)
        .map(|w| w[1].at.since(w[0].at))
        .skip_while(|gap| *gap < secs(10))
        .collect();
    assert!(gaps.len() > 8, "{gaps:?}");
    let in_time = |gap: &core::time::Duration| (secs(15)..=secs(25)).contains(gap);
    assert!(gaps.iter().all(in_time), "{gaps:?}");
}

#[test]
fn rule_17_an_idle_tunnel_keeps_its_nat_open() {
    let mut stage = Stage::ready(Setting {
        mn: home(),
        cn: home(),
        ..Setting::default()
    });
    stage.call_works();
    stage.world.run_for(secs(900));
    assert!(stage.is_direct(stage.mn), "the hole is still open");
    assert!(stage.send(b"after a quarter of an hour"));
}

#[test]
fn rule_17_a_dead_peer_is_noticed_after_30_seconds() {
    let mut stage = Stage::ready(Setting::default());
    stage.call_works();
    stage.world.run_for(secs(5));
    let (mn, cn) = (stage.mn, stage.cn);
    stage.world.power_off(cn);
    let died = stage.world.now();
    let end = died + secs(120);
    stage.world.run_while(end, |w| {
        !w.node(mn).unwrap().node.tunnels(w.now()).is_empty()
    });
    let noticed = stage.world.now().since(died);
    assert!((secs(10)..=secs(60)).contains(&noticed), "{noticed:?}");
}

#[test]
fn rule_17_a_silent_coordinator_costs_five_tries_and_a_named_error() {
    let mut stage = Stage::ready(Setting::default());
    let (mn, dc) = (stage.mn, stage.dc(0));
    stage.world.power_off(dc);
    let name = stage.cn_name.clone();
    let impatient = Patience(secs(1));
    let call = |n: &mut ntm_sim::process::NodeHost, now| n.call(now, &name, impatient);
    let id = stage.world.with_node(mn, call).unwrap();
    let call = stage.finish(mn, id);
    let lost = ntm_proto::ResolveError::CoordinatorUnreachable;
    assert_eq!(call.outcome(), Some(&Outcome::Failed(lost)));
    let took = call.ended.unwrap().0.since(call.started);
    assert!(took <= secs(35), "{took:?}");
}
