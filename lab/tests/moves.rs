//! A short form of `ntm-lab moves`: what is lost and where packets go; the times are the command's business.

use std::time::Duration;

use ntm_lab::moves::{Move, Moves};
use ntm_lab::network::Network as N;

use crate::allowed::or_skip;

#[test]
fn a_stream_moves_from_the_relay_to_the_direct_path_and_loses_nothing() {
    let moves = Moves {
        pairs: vec![(N::HomeNat, N::HomeNat), (N::PublicV4, N::SymmetricNat)],
        runs: 2,
        rtt: Duration::from_millis(50),
        seed: 1,
    };
    let Some(done) = or_skip(|| moves.run(|_| ())) else {
        return;
    };
    assert!(
        done.len() == 2 && done.iter().all(Move::is_sound),
        "{done:#?}"
    );
}
