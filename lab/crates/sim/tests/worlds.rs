//! A few hundred random worlds, as `ntm-sim` lives through thousands.

use ntm_sim::scenario::{Report, Spec, Summary, draw};

fn all_well(seeds: core::ops::Range<u64>) -> Summary {
    let mut summary = Summary::default();
    for seed in seeds {
        let spec: Spec = draw(seed);
        let report = Report::of(&spec, |_| {});
        assert!(
            report.violations.is_empty(),
            "world {seed}: {:?}\n{}\nagain: ntm-sim --only {seed} --trace",
            report.violations,
            report.world.world.story(60)
        );
        summary.add(&report);
    }
    summary.finish();
    summary
}

#[test]
fn random_worlds_end_as_they_should() {
    let summary = all_well(100_000..100_150);
    // The net must catch something: calls were made, tunnels stood both ways, errors were named.
    assert!(summary.calls > 200, "{summary:?}");
    assert!(summary.direct > 50 && summary.relayed > 20, "{summary:?}");
    assert!(summary.ends.len() > 4, "{summary:?}");
}

#[test]
fn more_random_worlds_end_as_they_should() {
    all_well(200_000..200_150);
}
