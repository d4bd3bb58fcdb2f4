//! Random moves with an attacker in every world, as `ntm-sim moves` makes a hundred thousand; and what
//! they cost when both ends move, or no DC is there.

use core::time::Duration;

use ntm_sim::moves::{Done, Kind, MOVES, MoveSpec, Powers, Report, Spec, Trouble, draw, quantile};
use ntm_sim::net::Loss;

use crate::stage::ms;

fn lived(spec: &Spec) -> Vec<Done> {
    let report = Report::of(spec, MOVES, |_| {});
    let what: Vec<_> = report.wrong.iter().map(|w| &w.what).collect();
    assert!(
        report.wrong.is_empty(),
        "world {}: {what:?}\n{}\nagain: ntm-sim moves --seed {} --runs {MOVES} --trace",
        spec.seed,
        report.wrong[0].story,
        spec.seed
    );
    report.done
}

#[test]
fn random_moves_recover_and_nobody_is_moved_but_by_its_peer() {
    let done: Vec<Done> = (100_000..100_012)
        .flat_map(|seed| lived(&draw(seed)))
        .collect();
    assert_eq!(done.len(), 12 * MOVES);
}

/// A world without loss: these moves, and an attacker that sees all but has no luck with races.
fn clean(seed: u64, moves: usize, of: impl Fn(usize, MoveSpec) -> MoveSpec) -> Spec {
    let drawn = draw(seed);
    let powers = Powers {
        races: false,
        delays: false,
        ..drawn.powers
    };
    let moves = drawn.moves.iter().take(moves).enumerate();
    Spec {
        loss: Loss::None,
        jitter: Duration::ZERO,
        powers,
        moves: moves.map(|(at, one)| of(at, *one)).collect(),
        ..drawn
    }
}

/// What is left of a hand-over when the round trips it may take and the sender's pause are taken away.
fn excess(done: &Done, round_trips: f64) -> Duration {
    let both = done.both().unwrap();
    both.saturating_sub(done.round_trip.mul_f64(round_trips) + done.pace)
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn tell(what: &str, all: &[Done]) {
    let mut ms: Vec<_> = all.iter().map(|d| d.both().unwrap()).collect();
    let rounds = |d: &Done| d.both().unwrap().div_duration_f64(d.round_trip);
    let mut r: Vec<_> = all.iter().map(rounds).collect();
    let at = [0.5, 0.95, 1.0];
    println!(
        "{what}, {} moves, median, p95, max: {:?}, in R: {:.2?}",
        all.len(),
        at.map(|share| quantile(&mut ms, share)),
        at.map(|share| quantile(&mut r, share))
    );
}

#[test]
fn both_ends_move_within_50_ms_and_200_of_200_recover() {
    let both = |at: usize, one: MoveSpec| MoveSpec {
        kind: Kind::Both(ms(at as u64 * 137 % 51)),
        trouble: Trouble::None,
        rest: ms(2000),
        ..one
    };
    let all: Vec<Done> = (0..40)
        .flat_map(|seed| lived(&clean(300_000 + seed, 5, both)))
        .collect();
    tell("both at once", &all);
    assert_eq!(all.len(), 200);
    let mut over: Vec<_> = all.iter().map(|d| excess(d, 2.5)).collect();
    assert!(quantile(&mut over, 0.95) <= ms(20), "{over:?}");
}

#[test]
fn a_hundred_moves_with_every_coordinator_dead_take_as_long_as_with_all_of_them() {
    let with = |trouble| {
        let change = move |_, one: MoveSpec| MoveSpec {
            trouble,
            rest: ms(2000),
            ..one
        };
        let seeds = 400_000..400_020;
        seeds
            .flat_map(|seed| lived(&clean(seed, 5, change)))
            .collect::<Vec<Done>>()
    };
    let (without, all) = (with(Trouble::DcOff), with(Trouble::None));
    tell("the DCs are dead", &without);
    tell("the DCs are there", &all);
    assert_eq!(without.len(), 100);
    let p95 = |of: &[Done]| {
        let mut all: Vec<_> = of.iter().map(|d| d.both().unwrap()).collect();
        quantile(&mut all, 0.95)
    };
    assert!(p95(&without) <= p95(&all) + ms(10));
}

#[test]
fn relays_that_die_or_start_again_during_a_move_are_survived() {
    for trouble in [Trouble::RsOff, Trouble::RsRestart, Trouble::DcRestart] {
        let change = move |_, one: MoveSpec| MoveSpec {
            trouble,
            rest: ms(2000),
            ..one
        };
        let worlds = (500_000..500_010).map(|seed| Spec {
            relays: draw(seed).domains * 2,
            ..clean(seed, 5, change)
        });
        let all: Vec<Done> = worlds.flat_map(|spec| lived(&spec)).collect();
        tell(trouble.name(), &all);
        assert_eq!(all.len(), 50);
    }
}
