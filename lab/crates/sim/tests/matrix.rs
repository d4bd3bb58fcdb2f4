//! Every ordered pair of the eleven networks, a few tries each: `ntm-sim matrix --runs 1000` does more.

use ntm_networks::{Expectation, Network};
use ntm_sim::matrix::{Tally, attempt};

#[test]
fn every_pair_of_networks_meets_by_the_way_that_theory_says() {
    let mut wrong = Vec::new();
    for from in Network::ALL {
        for to in Network::ALL {
            let mut tally = Tally::default();
            for (seed, loss) in [(4, 0.0), (5, 0.0), (6, 0.05), (7, 0.05)] {
                tally.add(
                    seed,
                    &attempt(from, to, seed, loss),
                    Expectation::of(from, to),
                );
            }
            if !tally.wrong.is_empty() {
                wrong.push((from.name(), to.name(), tally.wrong));
            }
        }
    }
    assert!(wrong.is_empty(), "pairs and seeds: {wrong:?}");
}
