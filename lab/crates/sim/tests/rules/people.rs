//! Rules 6, 11 and 12: accounts, consent, operators.

use ntm_proto::{Authority, Config, ConsentPolicy, ResolveError, Route};
use ntm_sim::access::Access;
use ntm_sim::app::Outcome;
use ntm_sim::capture::{Capture, Way};
use ntm_sim::net::HostId;
use ntm_sim::process::{NodeHost, Process};
use ntm_wire::certificate::CertificateError;
use ntm_wire::message::{Consent, DirectionError};

use crate::stage::{Setting, Stage, delay, fqdn, secs};

/// CN's place is taken by a node of another making.
fn replace_cn(stage: &mut Stage, change: impl FnOnce(&mut Config)) {
    swap_cn(stage, |config| {
        change(config);
        Vec::new()
    });
}

#[test]
fn rule_06_a_device_that_its_account_did_not_sign_is_never_reached() {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(5));
    let name = stage.cn_name.clone();
    let wall = stage.world.wall();
    let forged = stage.deployment.domains[1]
        .account_server
        .sign_in_without_root(&name, wall);
    replace_cn(&mut stage, |config| {
        config.certificate = forged.certificate;
        config.identity = forged.identity;
        config.node_key = forged.node_key;
        config.ticket = forged.ticket;
    });
    let id = stage.call();
    let call = stage.finish(stage.mn, id);
    assert_ne!(call.outcome(), Some(&Outcome::Working));
    assert!(
        stage
            .node(stage.mn)
            .node
            .tunnels(stage.world.now())
            .is_empty(),
        "no tunnel to a ghost"
    );
}

#[test]
fn rule_06_another_root_key_than_the_one_pinned_is_shown_and_not_used() {
    let mut stage = Stage::ready(Setting::default());
    stage.call_works();
    let (name, wall) = (stage.cn_name.clone(), stage.world.wall());
    let other = stage.deployment.domains[1]
        .account_server
        .sign_in_with_another_root(&name, wall);
    replace_cn(&mut stage, |config| {
        config.certificate = other.certificate;
        config.identity = other.identity;
        config.node_key = other.node_key;
        config.ticket = other.ticket;
    });
    stage.world.run_for(secs(40));
    let id = stage.call();
    let call = stage.finish(stage.mn, id);
    assert_eq!(
        call.outcome(),
        Some(&Outcome::Failed(ResolveError::PinChanged)),
        "{:?}\n{}",
        call.errors,
        stage.world.story(60)
    );
}

#[test]
fn rule_11_a_stranger_learns_no_real_address() {
    let mut stage = Stage::dark(Setting {
        consent: Consent::RelayOnly,
        ..Setting::default()
    });
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect(mn, Access::PublicV4, delay(10));
    stage.connect(cn, Access::PublicV4, delay(10));
    stage.world.run_for(secs(8));
    stage.world.capture = Some(Capture::default());
    stage.call_works();
    stage.world.run_for(secs(30));
    let (_, place) = stage.world.net.attachments(cn).next().unwrap();
    let secret: Vec<_> = place.addresses().collect();
    let capture = stage.world.capture.take().unwrap();
    for d in capture.datagrams.iter().filter(|d| d.host == mn) {
        let other = if d.way == Way::Sent { d.dst } else { d.src };
        assert!(!secret.contains(&other.ip()), "MN met CN's address");
    }
    for host in [mn, cn] {
        assert!(matches!(stage.tunnel(host).route, Route::Relay { .. }));
    }
}

#[test]
fn rule_11_whoever_refuses_is_not_reached() {
    let mut stage = Stage::ready(Setting {
        consent: Consent::Refuse,
        ..Setting::default()
    });
    let id = stage.call();
    let call = stage.finish(stage.mn, id);
    let refused = ResolveError::Refused(DirectionError::Refused);
    assert_eq!(call.outcome(), Some(&Outcome::Failed(refused)));
    assert!(
        stage
            .node(stage.cn)
            .node
            .tunnels(stage.world.now())
            .is_empty()
    );
}

#[test]
fn rule_11_contacts_and_strangers_are_treated_differently() {
    let mut stage = Stage::dark(Setting::default());
    let policy = ConsentPolicy {
        contacts: vec![fqdn("alice.one.example")],
        for_contacts: Consent::All,
        for_others: Consent::Refuse,
    };
    let name = fqdn("desk.carol.two.example");
    let carol = stage
        .deployment
        .add_node(&mut stage.world, 1, &name, policy)
        .unwrap();
    let stranger_name = fqdn("phone.dave.one.example");
    let dave = stage
        .deployment
        .add_node(
            &mut stage.world,
            0,
            &stranger_name,
            ConsentPolicy::default(),
        )
        .unwrap();
    let alice = stage.mn;
    for host in [carol, dave, alice] {
        stage.connect(host, Access::PublicV4, delay(10));
    }
    stage.world.run_for(secs(8));
    let outcome = |stage: &mut Stage, from| {
        let id = stage.call_from(from, &name);
        stage.finish(from, id).outcome().cloned()
    };
    assert_eq!(outcome(&mut stage, alice), Some(Outcome::Working));
    let refused = ResolveError::Refused(DirectionError::Refused);
    assert_eq!(outcome(&mut stage, dave), Some(Outcome::Failed(refused)));
}

const FOREIGN: &str = "two.example";

#[test]
fn rule_12_a_domain_whose_operator_publishes_no_key_is_not_believed() {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(8));
    swap_mn(&mut stage, |c| {
        c.authorities.retain(|a| a.domain != fqdn(FOREIGN));
        Vec::new()
    });
    let id = stage.call();
    let call = stage.finish(stage.mn, id);
    let Some(Outcome::Failed(ResolveError::NoAuthority(refusal))) = call.outcome() else {
        panic!("{:?}", call.outcome());
    };
    assert_eq!(refusal.domain, fqdn(FOREIGN));
}

#[test]
fn rule_12_a_caller_whose_operator_publishes_no_key_is_refused() {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(8));
    swap_cn(&mut stage, |c| {
        c.authorities.retain(|a| a.domain == fqdn(FOREIGN));
        Vec::new()
    });
    let id = stage.call();
    let call = stage.finish(stage.mn, id);
    let refused = Outcome::Failed(ResolveError::Refused(DirectionError::Refused));
    assert_eq!(call.outcome(), Some(&refused), "{:?}", call.errors);
}

#[test]
fn rule_12_both_ends_learn_the_others_operator_at_the_first_call() {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(8));
    swap_mn(&mut stage, |c| {
        c.authorities
            .extract_if(.., |a| a.domain == fqdn(FOREIGN))
            .collect()
    });
    swap_cn(&mut stage, |c| {
        c.authorities
            .extract_if(.., |a| a.domain != fqdn(FOREIGN))
            .collect()
    });
    stage.call_works();
}

#[test]
fn rule_12_one_operator_does_not_speak_for_anothers_domain() {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(8));
    swap_mn(&mut stage, |c| {
        let own = c.authorities[0].key;
        c.authorities.iter_mut().for_each(|a| a.key = own);
        c.authorities.clone()
    });
    let id = stage.call();
    let call = stage.finish(stage.mn, id);
    let wrong = ResolveError::Certificate(CertificateError::Authority);
    assert_eq!(
        call.outcome(),
        Some(&Outcome::Failed(wrong)),
        "{:?}",
        call.errors
    );
}

#[test]
fn rule_12_an_operators_new_key_is_looked_up_when_the_known_one_does_not_fit() {
    let mut stage = Stage::new(Setting::default());
    stage.world.run_for(secs(8));
    swap_mn(&mut stage, |c| {
        let published = c.authorities.clone();
        let own = c.authorities[0].key;
        c.authorities.iter_mut().for_each(|a| a.key = own);
        published
    });
    stage.call_works();
}

fn swap_mn(stage: &mut Stage, change: impl FnOnce(&mut Config) -> Vec<Authority>) {
    stage.mn = swap(stage, stage.mn, change);
}

fn swap_cn(stage: &mut Stage, change: impl FnOnce(&mut Config) -> Vec<Authority>) {
    stage.cn = swap(stage, stage.cn, change);
}

/// A node's place is taken by one of another making, which finds what `change` returns when it asks for
/// the keys of other operators.
fn swap(
    stage: &mut Stage,
    host: HostId,
    change: impl FnOnce(&mut Config) -> Vec<Authority>,
) -> HostId {
    let mut config = stage.node(host).config().clone();
    let published = change(&mut config);
    let (rng, now) = (stage.world.rng.split(), stage.world.now_at(host));
    let mut node = Box::new(NodeHost::new(config, rng, now));
    node.publish(published);
    stage.world.power_off(host);
    let swapped = stage.world.add_host("swapped", Process::Node(node));
    stage.connect(swapped, Access::PublicV4, delay(10));
    stage.world.run_for(secs(8));
    swapped
}
