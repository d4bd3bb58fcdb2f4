//! Rules 7, 15 and 16: addresses, header compression, path MTU.

use ntm_proto::ConsentPolicy;
use ntm_sim::access::Access;
use ntm_sim::capture::{Capture, Way};
use ntm_sim::net::{LinkConfig, LinkStats};
use ntm_wire::header::{Datagram, PacketType};

use crate::stage::{ETHERNET, Setting, Stage, delay, fqdn, secs, symmetric};

#[test]
fn rule_07_a_certificate_with_an_address_outside_the_block_is_refused() {
    let mut stage = Stage::dark(Setting::default());
    let name = fqdn("tablet.eve.one.example");
    let wall = stage.world.wall();
    // The AS of the other domain's block signs for this one's name: the address is in no block here.
    let home = &mut stage.deployment.domains[0].account_server;
    let (right, wrong) = (home.prefix, ntm_wire::addr::VirtualPrefix([0xfd; 8]));
    home.prefix = wrong;
    let profile = home.sign_in(&name, wall);
    home.prefix = right;
    let config = stage
        .deployment
        .node_config(0, profile, ConsentPolicy::default());
    let (rng, now) = (stage.world.rng.split(), stage.world.now_at(stage.mn));
    let node = ntm_sim::process::NodeHost::new(config.unwrap(), rng, now);
    let process = ntm_sim::process::Process::Node(Box::new(node));
    let eve = stage.world.add_host("eve", process);
    stage.connect(eve, Access::PublicV4, delay(10));
    stage.world.run_for(secs(10));
    let node = stage.node(eve);
    assert!(!node.node.status().registered);
    let refused =
        ntm_proto::RegisterError::Refused(ntm_wire::message::RegistrationError::WrongBlock);
    assert_eq!(node.app.registration_error, Some(refused));
}

#[test]
fn rule_07_every_node_keeps_its_addresses_over_restarts_of_everything() {
    let mut stage = Stage::ready(Setting::default());
    let (mn, cn, dc) = (stage.mn, stage.cn, stage.dc(0));
    let addrs = |s: &Stage| [mn, cn].map(|h| s.node(h).node.status().addrs.unwrap());
    let before = addrs(&stage);
    assert_ne!(before[0].v6, before[1].v6);
    assert_ne!(before[0].v4, before[1].v4);
    for _ in 0..3 {
        stage.world.restart(dc);
        stage.world.restart(mn);
        stage.world.restart(cn);
        stage.world.run_for(secs(40));
        assert_eq!(addrs(&stage), before);
    }
}

#[test]
fn rule_15_the_virtual_headers_of_a_voice_packet_cost_at_most_seven_bytes() {
    let mut stage = Stage::ready(Setting::default());
    stage.call_works();
    stage.world.run_for(secs(5));
    stage.world.capture = Some(Capture::default());
    assert!(stage.send(&[0x55; 333]));
    let capture = stage.world.capture.take().unwrap();
    let data = capture.datagrams.iter().find(|d| {
        let view = Datagram::new_checked(d.payload.as_slice());
        let is_data = view.is_ok_and(|v| v.kind() == PacketType::Data);
        is_data && d.way == Way::Sent && (333..450).contains(&d.payload.len())
    });
    let header_and_tag = 1 + 8 + 8 + 16;
    let inner = data.unwrap().payload.len() - 333 - header_and_tag;
    assert!(inner <= 7, "{inner} bytes");
}

/// Whether the largest virtual datagram comes through links with this MTU.
fn full_datagram_over(mtu: usize, access: Access) -> Stage {
    let link = LinkConfig {
        mtu: Some(mtu),
        ..delay(10)
    };
    let mut stage = Stage::ready(Setting {
        mn: access,
        cn: access,
        link,
        ..Setting::default()
    });
    stage.call_works();
    stage.world.run_for(secs(20));
    assert!(stage.send(&[0xaa; 1232]), "in two pieces if need be");
    assert!(stage.send(&[0xaa; 1200]));
    assert!(stage.send(&[0xaa; 100]));
    stage
}

fn too_big(stage: &Stage) -> u64 {
    let both = [stage.mn, stage.cn].map(|h| stage.world.net.access_stats(h, ETHERNET).unwrap());
    both.iter().flatten().map(|s: &LinkStats| s.too_big).sum()
}

#[test]
fn rule_16_the_largest_virtual_datagram_passes_the_smallest_path() {
    let stage = full_datagram_over(1280, Access::PublicV4);
    // Only probes of the search are too large; a few, for it ends.
    assert!((1..30).contains(&too_big(&stage)), "{}", too_big(&stage));
}

#[test]
fn rule_16_a_path_that_carries_more_is_found_and_nothing_is_split() {
    let mut stage = full_datagram_over(1500, Access::PublicV4);
    assert_eq!(too_big(&stage), 0);
    stage.world.capture = Some(Capture::default());
    // Later the path is asked whether it lives, with a padded probe.
    let at_once = stage.world.now() + secs(1);
    assert!(stage.send(&[0xaa; 1232]));
    let capture = stage.world.capture.take().unwrap();
    let pieces = capture.datagrams.iter().filter(|d| {
        let view = Datagram::new_checked(d.payload.as_slice());
        let is_data = view.is_ok_and(|v| v.kind() == PacketType::Data);
        is_data && d.way == Way::Sent && d.payload.len() > 300 && d.at < at_once
    });
    let pieces: Vec<_> = pieces
        .map(|d| (d.at, d.host, d.dst, d.payload.len()))
        .collect();
    assert_eq!(pieces.len(), 1, "{pieces:?}\n{}", stage.world.story(60));
}

#[test]
fn rule_16_a_relayed_path_is_searched_as_well() {
    full_datagram_over(1280, symmetric());
    full_datagram_over(1500, symmetric());
}
