//! The same seed is the same world, to the bit.

use ntm_sim::scenario::{Report, draw};

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=20 {
        let once = Report::of(&draw(seed), |_| {});
        let again = Report::of(&draw(seed), |_| {});
        assert_eq!(once.hash, again.hash, "seed {seed}");
        assert_eq!(once.lived, again.lived, "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let one = Report::of(&draw(1), |_| {});
    let two = Report::of(&draw(2), |_| {});
    assert_ne!(one.hash, two.hash);
}

#[test]
fn listening_to_the_machines_changes_nothing() {
    let silent = Report::of(&draw(3), |_| {});
    let log = ntm_sim::log::LogBuffer::default();
    let heard = tracing::subscriber::with_default(log.subscriber(), || {
        Report::of(&draw(3), |lived| lived.world.log = Some(log.clone()))
    });
    assert_eq!(silent.hash, heard.hash);
    assert!(!heard.world.world.opened.is_empty(), "it was listened to");
}
