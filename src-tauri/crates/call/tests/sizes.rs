//! How large messages are: below what the overlay carries whole, and an INVITE below 1,000 bytes.

use voice_call::core::{Device, Limits, MAX_TEXT};

use crate::bench::{SECOND, World, device};

/// The longest names that a certificate bears: 128 bytes.
fn longest(device: &str) -> String {
    let rest = 128 - device.len() - 3;
    let (a, b) = (rest / 2, rest - rest / 2);
    format!(
        "{device}.{}.{}.{}",
        "a".repeat(a.min(63)),
        "b".repeat(b.min(63) - 1),
        "c"
    )
}

/// Addresses without a zero to leave out, as those made from keys are.
fn with_real_addresses(alice: &str, bob: &str) -> World {
    let devices = [(1, alice), (2, bob)].map(|(n, full)| Device {
        v6: format!("fd01:2030:4050:1001:aaaa:bbbb:cccc:dd0{n}")
            .parse()
            .unwrap(),
        ..device(n, full)
    });
    talk(World::of(devices.to_vec(), Limits::default()), bob)
}

fn whole_call(alice: &str, bob: &str) -> World {
    talk(World::new(&[alice, bob]), bob)
}

/// A call with everything in it.
fn talk(mut world: World, bob: &str) -> World {
    let ours = world.call(0, bob);
    world.run(SECOND);
    let theirs = world.ringing(1).unwrap();
    world.accept(1, theirs);
    world.run(SECOND);
    world.with(0, |a, now| a.hold(now, ours, true));
    world.run(SECOND);
    world.text(0, bob, &"x".repeat(MAX_TEXT));
    world.run(SECOND);
    world.hang_up(0, ours);
    world.run(SECOND);
    world
}

fn size_of(world: &World, title: &str) -> usize {
    let found = world.sent.iter().find(|f| f.title().starts_with(title));
    found.unwrap().bytes.len()
}

#[test]
fn an_invite_is_below_a_thousand_bytes() {
    let world = with_real_addresses("laptop.alice.example.org", "phone.bob.example.org");
    let invite = size_of(&world, "INVITE");
    println!(
        "INVITE {invite}, 200 {}, BYE {}",
        size_of(&world, "SIP/2.0 200"),
        size_of(&world, "BYE")
    );
    assert!(invite < 1000, "{invite}");
    assert!(invite <= 900, "fits a tunnel request as well: {invite}");
}

#[test]
fn with_the_longest_names_it_still_is_and_everything_fits_the_overlay() {
    let (alice, bob) = (longest("laptop"), longest("phone"));
    assert!(alice.len() <= 128 && alice.len() > 120, "{}", alice.len());
    let world = with_real_addresses(&alice, &bob);
    let invite = size_of(&world, "INVITE");
    println!("INVITE with the longest names {invite}");
    assert!(invite < 1000, "{invite}");
    for sent in &world.sent {
        assert!(
            sent.bytes.len() <= 1232,
            "{}: {}",
            sent.title(),
            sent.bytes.len()
        );
    }
    assert_eq!(world.phones[1].events.len(), 5, "and everything worked");
}

#[test]
fn the_examples_in_the_docs_are_what_is_sent() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/calls.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let world = whole_call("laptop.alice.example.org", "phone.bob.example.org");
    for title in ["INVITE", "SIP/2.0 200", "UPDATE"] {
        let found = world.sent.iter().find(|f| f.title().starts_with(title));
        let text = String::from_utf8(found.unwrap().bytes.clone()).unwrap();
        let text = text.replace("\r\n", "\n");
        assert!(
            docs.contains(text.trim_end()),
            "docs/calls.md lacks:\n{text}"
        );
    }
}
