//! Relays that lie to their coordinator: they say that they are idle when they are not, say nothing to
//! who measures them, or take the calls that their lie brought and forward nothing.
//!
//! What the lie is worth: a full relay counts 200 ms beside an idle one, so a relay that hides all its
//! load gets before nobody whose sum of both round trips is 200 ms less. Round trips are the nodes' own
//! measurements, each with a random number that has to reach the relay first, so they can be made
//! longer and not shorter; silence counts for more than the slowest answer. And of the two relays that the
//! coordinator names, the one by which the peer answers first is used, whatever either said. So one
//! liar beside an honest relay gains nothing at all; here are two.

use core::time::Duration;
use std::cell::Cell;
use std::rc::Rc;

use ntm_sim::deployment::MANY_LEGS;
use ntm_sim::net::{HostId, Packet};
use ntm_sim::tap::Verdict;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::time::Mono;

use crate::relays::{join, lossy, relay_of, rs, setting};
use crate::stage::{ETHERNET, Setting, Stage, delay, fqdn, ms, secs, symmetric};
use crate::stream::Stream;

/// Tries of each bar.
const TRIES: u64 = 40;
/// Of 40 tries: the first packet by the nearer relay is sometimes lost.
const ENOUGH: usize = 36;
/// The relays that lie, and the one that does not.
const LIARS: [usize; 2] = [0, 2];
const HONEST: usize = 1;

fn three_relays(seed: u64) -> Setting {
    Setting {
        relays_per_domain: 3,
        ..setting(seed)
    }
}

/// The honest relay says that it is half full; the liars, that they are idle.
fn half_full_beside_liars(seed: u64, they_are_farther_by: Duration) -> Stage {
    let mut max_legs = [MANY_LEGS; 2];
    max_legs[HONEST] = 4;
    let mut stage = Stage::dark(Setting {
        max_legs,
        ..three_relays(seed)
    });
    let (liars, honest) = (LIARS.map(|l| stage.rs(l)), stage.rs(HONEST));
    // The honest one fills up while there is no other.
    for liar in liars {
        stage.world.power_off(liar);
    }
    let names = ["phone.carol", "desk.dave"].map(|n| fqdn(&format!("{n}.one.example")));
    let others = names.clone().map(|name| join(&mut stage, &name));
    stage.world.run_for(secs(8));
    let call = stage.call_from(others[0], &names[1]);
    stage.finish(others[0], call);
    for liar in liars {
        stage.world.restart(liar);
        farther(&mut stage, liar, they_are_farther_by);
    }
    stage.world.run_for(secs(15));
    assert_eq!(stage.world.relay(honest).unwrap().relay.legs(), 2);
    come(&mut stage);
    stage
}

/// The sum of two round trips grows by this.
fn farther(stage: &mut Stage, relay: HostId, by: Duration) {
    let link = lossy(delay(5 + u64::try_from(by.as_millis()).unwrap() / 4));
    stage.world.net.configure_access(relay, ETHERNET, link);
}

/// Both nodes register and measure.
fn come(stage: &mut Stage) {
    for host in [stage.mn, stage.cn] {
        stage.connect(host, symmetric(), lossy(delay(10)));
    }
    stage.world.run_for(secs(8));
}

/// In how many tries the honest relay is taken.
fn honest_is_taken(stage: impl Fn(u64) -> Stage) -> usize {
    let takes = |seed: &u64| {
        let mut stage = stage(*seed);
        stage.call_works();
        relay_of(&stage, stage.mn) == rs(HONEST)
    };
    (0..TRIES).filter(takes).count()
}

#[test]
fn relays_that_hide_their_load_gain_what_load_counts_and_no_more() {
    let taken = honest_is_taken(|seed| half_full_beside_liars(seed, ms(40)));
    assert!(
        taken <= TRIES as usize - ENOUGH,
        "a lie is worth something: {taken} of {TRIES}"
    );
    let taken = honest_is_taken(|seed| half_full_beside_liars(seed, ms(200)));
    assert!(taken >= ENOUGH, "not more than 200 ms: {taken} of {TRIES}");
}

#[test]
fn relays_that_answer_no_measurement_are_not_taken_for_near_ones() {
    let taken = honest_is_taken(|seed| {
        let mut stage = Stage::dark(three_relays(seed));
        // Farther than what counts for a leg of which nothing is known.
        let honest = stage.rs(HONEST);
        farther(&mut stage, honest, ms(300));
        let liars = LIARS.map(|l| stage.rs(l));
        for liar in liars {
            farther(&mut stage, liar, ms(1200));
        }
        let measured = Rc::new(Cell::new(true));
        let tap = silent(&liars, PacketType::Leg, measured.clone());
        stage.world.set_tap(tap);
        come(&mut stage);
        measured.set(false);
        stage
    });
    assert!(taken >= ENOUGH, "the one that answers: {taken} of {TRIES}");
}

#[test]
fn a_relay_that_takes_calls_and_forwards_nothing_costs_half_a_second_at_most() {
    for seed in 0..TRIES {
        let mut stage = Stage::ready(setting(seed));
        stage.call_works();
        let mut stream = Stream::new(&mut stage);
        stream.run(&mut stage, secs(2));
        let liar = usize::try_from(relay_of(&stage, stage.mn).0).unwrap() - 1;
        let drops = Rc::new(Cell::new(false));
        let tap = silent(&[stage.rs(liar)], PacketType::Data, drops.clone());
        stage.world.set_tap(tap);
        drops.set(true);
        let gap = stream.run(&mut stage, secs(10));
        assert!(gap <= ms(500), "{gap:?} with seed {seed}");
        assert_ne!(relay_of(&stage, stage.mn), rs(liar), "seed {seed}");
    }
}

/// Relays that send nothing of one type, while `are_silent`.
fn silent(
    relays: &[HostId],
    kind: PacketType,
    are_silent: Rc<Cell<bool>>,
) -> impl FnMut(Mono, HostId, &Packet) -> Verdict + use<> {
    let relays = relays.to_vec();
    move |_, from, packet| {
        let view = Datagram::new_checked(packet.payload.as_slice());
        let is_kind = view.is_ok_and(|d| d.kind() == kind);
        if is_kind && relays.contains(&from) && are_silent.get() {
            return Verdict::drop();
        }
        Verdict::pass()
    }
}
