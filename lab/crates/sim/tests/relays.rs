//! Two relays: the better one is taken, and its death costs a stream no more than half a second.

use core::time::Duration;

use ntm_proto::Route;
use ntm_sim::deployment::MANY_LEGS;
use ntm_sim::net::{HostId, LinkConfig, Loss};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::RsId;
use ntm_wire::message::Consent;

use crate::stage::{ETHERNET, Setting, Stage, delay, fqdn, ms, secs, symmetric};
use crate::stream::Stream;

/// Tries of each bar.
const TRIES: u64 = 100;
/// Of 100 tries; by chance it would be 50.
const ENOUGH: usize = 95;

/// Both behind symmetric NATs, so that only a relay helps; two relays, a little loss everywhere.
pub(crate) fn setting(seed: u64) -> Setting {
    Setting {
        seed,
        domains: 1,
        mn: symmetric(),
        cn: symmetric(),
        relays_per_domain: 2,
        link: lossy(delay(10)),
        ..Setting::default()
    }
}

pub(crate) fn lossy(link: LinkConfig) -> LinkConfig {
    LinkConfig {
        loss: Loss::Random(0.01),
        jitter: ms(5),
        ..link
    }
}

pub(crate) fn relay_of(stage: &Stage, host: HostId) -> RsId {
    match stage.tunnel(host).route {
        Route::Relay { rs, .. } => rs,
        Route::Direct { remote } => panic!("no way leads to {remote:?}"),
    }
}

/// The relay with this index of the plan.
pub(crate) fn rs(index: usize) -> RsId {
    RsId(u32::try_from(index).unwrap() + 1)
}

#[test]
fn a_relay_80_ms_farther_is_not_taken() {
    let better = |seed: &u64| {
        let far = usize::try_from(*seed % 2).unwrap();
        let mut stage = Stage::dark(setting(*seed));
        let farther = stage.rs(far);
        let link = lossy(delay(45));
        stage.world.net.configure_access(farther, ETHERNET, link);
        let (mn, cn) = (stage.mn, stage.cn);
        for host in [mn, cn] {
            stage.connect(host, symmetric(), lossy(delay(10)));
        }
        stage.world.run_for(secs(8));
        stage.call_works();
        relay_of(&stage, mn) != rs(far)
    };
    let taken = (0..TRIES).filter(better).count();
    println!("the better relay in {taken} of {TRIES}");
    assert!(taken >= ENOUGH, "the nearer relay in {taken} of {TRIES}");
}

#[test]
fn a_relay_half_full_is_not_taken_when_an_idle_one_is_as_near() {
    let better = |seed: &u64| {
        let small = usize::try_from(*seed % 2).unwrap();
        let mut max_legs = [MANY_LEGS; 2];
        max_legs[small] = 4;
        let mut stage = Stage::dark(Setting {
            max_legs,
            ..setting(*seed)
        });
        let names = ["phone.carol", "desk.dave"].map(|n| fqdn(&format!("{n}.one.example")));
        let others = names.clone().map(|name| join(&mut stage, &name));
        for host in [stage.mn, stage.cn] {
            stage.connect(host, symmetric(), lossy(delay(10)));
        }
        stage.world.run_for(secs(8));
        let call = stage.call_from(others[0], &names[1]);
        stage.finish(others[0], call);
        // Their two legs are half of what the small one holds, and it says so in its next report.
        stage.world.run_for(secs(15));
        stage.call_works();
        relay_of(&stage, stage.mn) != rs(small)
    };
    let taken = (0..TRIES).filter(better).count();
    println!("the better relay in {taken} of {TRIES}");
    assert!(taken >= ENOUGH, "the idle relay in {taken} of {TRIES}");
}

pub(crate) fn join(stage: &mut Stage, name: &Fqdn) -> HostId {
    let policy = ntm_proto::ConsentPolicy {
        contacts: Vec::new(),
        for_contacts: Consent::All,
        for_others: Consent::All,
    };
    let host = stage
        .deployment
        .add_node(&mut stage.world, 0, name, policy)
        .unwrap();
    stage.connect(host, symmetric(), lossy(delay(10)));
    host
}

#[test]
fn a_relay_killed_in_mid_stream_costs_half_a_second_at_most() {
    let mut gaps: Vec<Duration> = (0..TRIES).map(gap_when_the_relay_dies).collect();
    gaps.sort_unstable();
    let (median, p95) = (gaps[50], gaps[95]);
    println!(
        "silence when the relay dies: median {median:?}, p95 {p95:?}, most {:?}",
        gaps[99]
    );
    assert!(p95 <= ms(500), "median {median:?}, p95 {p95:?}");
}

/// One way only: the receiver has nothing to send, and its signs of life must do.
fn gap_when_the_relay_dies(seed: u64) -> Duration {
    let mut stage = Stage::ready(setting(seed));
    stage.call_works();
    let mut stream = Stream::new(&mut stage);
    let quiet = stream.run(&mut stage, secs(2));
    assert!(quiet < ms(300), "{quiet:?} of silence while all is well");
    let index = usize::try_from(relay_of(&stage, stage.mn).0).unwrap() - 1;
    let victim = stage.rs(index);
    stage.world.power_off(victim);
    let gap = stream.run(&mut stage, secs(3));
    assert_ne!(relay_of(&stage, stage.mn), rs(index), "the other relay");
    gap
}

#[test]
fn a_third_relay_takes_the_place_of_a_dead_one() {
    let mut stage = Stage::ready(Setting {
        relays_per_domain: 3,
        link: delay(10),
        ..setting(7)
    });
    stage.call_works();
    let mn = stage.mn;
    let mut stream = Stream::new(&mut stage);
    stream.run(&mut stage, secs(2));
    let mut dead = Vec::new();
    // The first one's stand-by is there; that of the second one was asked for since.
    for _ in 0..2 {
        let index = usize::try_from(relay_of(&stage, mn).0).unwrap() - 1;
        assert!(!dead.contains(&index), "a dead one is not in use");
        dead.push(index);
        let victim = stage.rs(index);
        stage.world.power_off(victim);
        let gap = stream.run(&mut stage, secs(100));
        assert!(
            gap <= ms(500),
            "{gap:?}, dead {dead:?}\n{}",
            stage.world.story(60)
        );
    }
    let last = relay_of(&stage, mn);
    assert!(!dead.iter().any(|d| rs(*d) == last), "the third carries on");
}
