//! A short form of `ntm-lab handover`: that data comes again; the times are the command's business.

use std::time::Duration;

use ntm_lab::handover::{Case, Trial};
use ntm_lab::network::Network;
use ntm_lab::peer::Peer;
use ntm_lab::talk::PACE;

use crate::allowed::or_skip;

fn recovers(case: Case) -> Option<usize> {
    recovers_with(case, None)
}

fn recovers_with(case: Case, callee: Option<Network>) -> Option<usize> {
    let trial = Trial {
        case,
        peer: Peer::Ntm,
        runs: vec![0],
        rtt: Duration::from_millis(40),
        interval: PACE,
        callee,
        seed: 1,
        logs: None,
    };
    let done = or_skip(|| trial.run(|_, _| Ok(())))?;
    assert!(done.iter().all(|o| o.recovered), "{case}: {done:#?}");
    done.first().map(|o| o.lost)
}

#[test]
fn a_stream_goes_on_in_another_home() {
    recovers(Case::HomeToHome);
}

#[test]
fn a_stream_goes_on_over_the_other_family() {
    recovers(Case::V4ToV6);
}

#[test]
fn a_stream_loses_nothing_when_the_old_network_goes_a_round_trip_after_the_new_one_came() {
    // Behind a NAT the callee hears of the move over the relay, which here takes twice as long.
    if let Some(lost) = recovers_with(Case::Soft, Some(Network::PublicV4)) {
        assert_eq!(lost, 0);
    }
}

#[test]
fn a_stream_goes_on_when_the_network_in_use_falls_silent() {
    recovers(Case::Silent);
}

#[test]
fn a_stream_goes_on_when_both_ends_move_at_once() {
    recovers(Case::Both);
}
