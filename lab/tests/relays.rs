//! A short form of `ntm-lab relays`: one run. The times are the command's business.

use std::time::Duration;

use ntm_lab::relay_trial::RelayTrial;

use crate::allowed::or_skip;

#[test]
fn a_stream_goes_on_by_the_other_relay_when_its_own_is_killed() {
    let trial = RelayTrial {
        runs: 1,
        rtt: Duration::from_millis(20),
        farther: Duration::from_millis(80),
        seed: 1,
    };
    let Some(deaths) = or_skip(|| trial.run(|_| ())) else {
        return;
    };
    let death = deaths.first().expect("one run");
    assert!(death.moved && death.gap_ms.is_some(), "{death:?}");
}
