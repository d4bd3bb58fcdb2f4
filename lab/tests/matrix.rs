//! A short form of `make lab`: one pair of each kind that must go direct, or must not.

use std::time::Duration;

use ntm_lab::matrix::{Matrix, table};
use ntm_lab::network::Network as N;

use crate::allowed::or_skip;

#[test]
fn pairs_of_networks_connect_the_way_theory_says() {
    let pairs = vec![
        (N::HomeNat, N::HomeNat),
        (N::Cgnat, N::PublicV4),
        (N::HomeNat, N::SymmetricNat),
        (N::SameLan, N::SameLan),
        (N::SmallMtu, N::DualStack),
    ];
    let matrix = Matrix {
        rtt: Duration::from_millis(20),
        jobs: 2,
        ..Matrix::of(pairs)
    };
    let Some(rows) = or_skip(|| matrix.run(|_| ())) else {
        return;
    };
    assert!(
        rows.len() == 5 && rows.iter().all(|r| r.is_as_expected()),
        "{}",
        table(&rows)
    );
}
