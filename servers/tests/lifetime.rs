//! Start, stop, and start again.

use crate::device::{Device, registered};
use crate::site::Site;

#[test]
fn a_node_has_the_same_addresses_after_its_dc_was_restarted() {
    let site = Site::new(5, "five.test");
    let (dc, at) = site.start_dc("");
    let first = registered(&mut Device::start(
        site.device("laptop.alice", 21, at, &[&site]),
        1,
    ));
    let other = registered(&mut Device::start(
        site.device("laptop.bob", 22, at, &[&site]),
        2,
    ));
    assert_ne!(first.0, other.0, "two nodes never share an address");
    let (code, said) = dc.terminate();
    assert_eq!(code, Some(0), "{said}");

    let (_dc, at) = site.start_dc("");
    // In the other order, so that a pool which only counted would give the other's address.
    let other_again = registered(&mut Device::start(
        site.device("laptop.bob", 22, at, &[&site]),
        3,
    ));
    let first_again = registered(&mut Device::start(
        site.device("laptop.alice", 21, at, &[&site]),
        4,
    ));
    assert_eq!((first.0, other.0), (first_again.0, other_again.0));
}

#[test]
fn sigterm_stops_dc_and_rs_cleanly() {
    let site = Site::new(6, "six.test");
    let (dc, at) = site.start_dc("");
    let (rs, _) = site.start_rs(at);
    for (server, role) in [(rs, "rs"), (dc, "dc")] {
        let (code, said) = server.terminate();
        assert_eq!(code, Some(0), "{role}: {said}");
        assert!(
            said.contains("ready") && said.contains("stopped"),
            "{role}: {said}"
        );
    }
}

#[test]
fn no_key_and_no_address_of_a_person_is_in_the_log_below_debug_and_no_secret_at_trace() {
    let site = Site::new(7, "seven.test");
    let (dc, at) = site.start_dc("");
    let mut alice = Device::start(site.device("laptop.alice", 31, at, &[&site]), 1);
    let (_, observed) = registered(&mut alice);
    let (_, said) = dc.terminate();
    for line in said.lines() {
        let quiet = line.contains(" INFO ") || line.contains(" WARN ") || line.contains(" ERROR ");
        if quiet {
            assert!(!line.contains("alice"), "a name: {line}");
            assert!(!line.contains(&observed.to_string()), "an address: {line}");
        }
    }
    let (dc_key, link) = ("6b".repeat(32), "07".repeat(32));
    assert!(
        !said.contains(&dc_key) && !said.contains(&link),
        "a secret: {said}"
    );
}
