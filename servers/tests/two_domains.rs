//! Two operators, each with a DC and an RS of its own; the second is found by a DNS query.

use ntm_proto::{Event, Peer, ResolveError};
use ntm_wire::fqdn::Fqdn;

use crate::device::{Device, registered, until};
use crate::name_server::NameServer;
use crate::site::Site;

fn peer(site: &Site) -> String {
    format!(
        "[[dc.peers]]\ndomains = [\"{}\"]\nkey = \"{}\"\nauthority = \"{}\"\n",
        site.domain,
        site.dc_key(),
        site.authority()
    )
}

fn resolution(event: &Event) -> Option<Result<Vec<Peer>, ResolveError>> {
    if let Event::Resolved { result, .. } = event {
        Some(result.clone())
    } else {
        None
    }
}

#[test]
fn a_name_of_another_domain_is_found_by_dns_and_gets_a_tunnel() {
    let (one, two) = (Site::new(1, "one.test"), Site::new(2, "two.test"));
    let (_dc_two, at_two) = two.start_dc(&peer(&one));
    let names = NameServer::start("two.test", at_two);
    let config = format!("{}[dns]\nservers = [\"{}\"]\n", peer(&two), names.addr);
    let (_dc_one, at_one) = one.start_dc(&config);
    let (_rs_one, _) = one.start_rs(at_one);
    let (_rs_two, _) = two.start_rs(at_two);

    let all = [&one, &two];
    let mut bob = Device::start(two.device("laptop.bob", 12, at_two, &all), 2);
    registered(&mut bob);
    let mut alice = Device::start(one.device("laptop.alice", 11, at_one, &all), 1);
    registered(&mut alice);

    let wanted = Fqdn::parse("bob@two.test").unwrap();
    let now = alice.now();
    alice.node.resolve(now, &wanted);
    let peers = until(&mut [&mut alice, &mut bob], "resolution", resolution);
    let peers = peers.expect("both are online, and the zone has the record");
    assert_eq!(peers[0].fqdn.as_str(), "laptop.bob.two.test");
    let asked = names.asked();
    assert!(
        asked.contains(&"SRV _ntm._udp.two.test.".to_owned()),
        "the domain's record was asked for: {asked:?}"
    );
    assert!(
        asked[0].starts_with("SRV _ntm._udp.bob.two.test."),
        "the walk begins at the name itself: {asked:?}"
    );
}

#[test]
fn a_domain_that_announces_no_coordinator_is_told_so() {
    let (one, two) = (Site::new(3, "one.test"), Site::new(4, "two.test"));
    let names = NameServer::start("elsewhere.test", "127.0.0.1:9".parse().unwrap());
    let config = format!("{}[dns]\nservers = [\"{}\"]\n", peer(&two), names.addr);
    let (_dc, at) = one.start_dc(&config);
    let (_rs, _) = one.start_rs(at);
    let mut alice = Device::start(one.device("laptop.alice", 13, at, &[&one, &two]), 3);
    registered(&mut alice);
    let now = alice.now();
    alice
        .node
        .resolve(now, &Fqdn::parse("bob@two.test").unwrap());
    let result = alice.until("the error", resolution);
    let error = result.expect_err("nobody serves the domain").to_string();
    assert!(error.contains("domain"), "{error}");
}
