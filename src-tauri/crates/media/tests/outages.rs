//! Hand-overs: nothing said is lost, the delay comes back, a person is told the truth.

use crate::shadow::{Ledger, MS, call};
use std::time::Duration;
use voice_media::world::{Loss, Outage, Path};
use voice_media::{Event, Origin};

fn path() -> Path {
    Path {
        delay: MS(25),
        ..Path::default()
    }
}

fn cut(length: u64, noticed_after: Option<Duration>) -> Vec<Outage> {
    vec![Outage {
        at: MS(5_000),
        length: MS(length),
        noticed_after,
    }]
}

fn assert_nothing_is_lost(length: u64, noticed_after: Option<Duration>, back_within: u64) {
    for seed in 0..50 {
        let mut ledger = Ledger::default();
        let mut outage = cut(length, noticed_after);
        outage[0].at += MS(seed * 7);
        let end = outage[0].at + outage[0].length;
        let (_, told) = call(path(), outage, 9, seed, &mut ledger);
        let lost = ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed);
        assert_eq!(lost, 0, "seed {seed}: all that was said is heard");
        assert!(
            ledger.most_delay <= MS(length + 150),
            "seed {seed}: {:?}",
            ledger.most_delay
        );
        let (before, after) = (
            ledger.delay_at(MS(4_900)),
            ledger.delay_at(end + MS(back_within)),
        );
        assert!(
            after <= before + MS(20),
            "seed {seed}: {after:?} {back_within} ms later, {before:?} before"
        );
        assert!(told.contains(&Event::OutageBegan), "seed {seed}");
        let caught_up = told
            .iter()
            .any(|event| matches!(event, Event::CaughtUp(o) if o.lost_speech.is_zero()));
        assert!(caught_up, "seed {seed}: {told:?}");
    }
}

#[test]
fn an_outage_of_300_ms_loses_nothing() {
    assert_nothing_is_lost(300, Some(MS(100)), 2_000);
}

#[test]
fn an_outage_of_500_ms_loses_nothing() {
    assert_nothing_is_lost(500, Some(MS(150)), 3_000);
}

#[test]
fn an_outage_that_the_overlay_never_tells_of_loses_nothing() {
    assert_nothing_is_lost(300, None, 2_500);
}

#[test]
fn an_outage_told_of_only_when_it_is_over_loses_nothing() {
    assert_nothing_is_lost(300, Some(MS(300)), 2_000);
}

#[test]
fn after_eight_seconds_the_last_second_is_heard_at_once() {
    let mut ledger = Ledger::default();
    let (_, told) = call(path(), cut(8_000, Some(MS(100))), 20, 1, &mut ledger);
    let steps = [Event::OutageBegan, Event::SwitchingNetwork, Event::SoftTone];
    assert!(steps.iter().all(|step| told.contains(step)), "{told:?}");
    let mut ended = None;
    for event in &told {
        if let Event::OutageEnded(outage) = event {
            ended = Some(*outage);
        }
    }
    let ended = ended.expect("the call went on");
    assert!(ended.resumed_after <= MS(300), "{ended:?}");
    let lost = ledger.ms(Origin::Skipped);
    assert!(
        (6_900..7_150).contains(&lost),
        "the sender keeps one second, the rest is counted: {lost} ms"
    );
    assert_eq!(
        ended.lost_speech.as_millis() as i64,
        lost,
        "and the person is told so"
    );
}

#[test]
fn fifty_hand_overs_leave_no_trace() {
    let outages = (0..50).map(|n| Outage {
        at: MS(6_000 + n * 12_137),
        length: MS(300),
        noticed_after: Some(MS(100)),
    });
    let mut ledger = Ledger::default();
    let (world, _) = call(path(), outages.collect(), 620, 1, &mut ledger);
    assert_eq!(ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed), 0);
    let (first, last) = (ledger.delay_at(MS(4_000)), ledger.delay_at(MS(619_000)));
    assert!(
        last.abs_diff(first) <= MS(20),
        "{first:?} before, {last:?} after"
    );
    assert_eq!(world.engines[1].stats(MS(620_000)).heard.outages, 50);
}

#[test]
fn an_outage_in_a_pause_costs_nothing() {
    let mut ledger = Ledger {
        talk: 300,
        pause: 300,
        ..Ledger::default()
    };
    let (_, told) = call(
        path(),
        vec![Outage {
            at: MS(4_000),
            length: MS(800),
            noticed_after: Some(MS(100)),
        }],
        12,
        1,
        &mut ledger,
    );
    assert_eq!(
        ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed),
        0,
        "{told:?}"
    );
}

#[test]
fn a_lossy_new_path_still_loses_next_to_nothing() {
    let mut lost = 0;
    for seed in 0..50 {
        let mut ledger = Ledger::default();
        let lossy = Path {
            loss: Loss::Random(0.03),
            ..path()
        };
        call(lossy, cut(300, Some(MS(100))), 8, seed, &mut ledger);
        lost += ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed);
    }
    // 50 calls of 8 s at 3 % lose 12 s of packets; the hand-overs another 15 s
    assert!(lost < 3_000, "{lost} ms of 400 s");
}

#[test]
fn two_paths_at_once_make_duplicates_and_nothing_else() {
    let mut ledger = Ledger::default();
    let doubled = Path {
        doubled: 1.0,
        jitter: MS(10),
        ..path()
    };
    let (world, told) = call(doubled, Vec::new(), 5, 1, &mut ledger);
    let heard = world.engines[1].stats(MS(5_000)).heard;
    assert!(heard.duplicates > 240 && heard.late == 0, "{heard:?}");
    assert_eq!(ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed), 0);
    assert!(!told.contains(&Event::OutageBegan));
}

/// A gap at every place of a speaker's rhythm: before a pause, in it, at the first word after it.
fn assert_nothing_is_lost_wherever(length: u64, noticed_after: Option<Duration>) {
    for pause in [30, 55, 80] {
        for step in (pause % 4..100).step_by(4) {
            let mut ledger = Ledger {
                talk: 120,
                pause,
                ..Ledger::default()
            };
            let mut outage = cut(length, noticed_after);
            outage[0].at += MS(step * 20);
            let (_, told) = call(path(), outage, 10, step, &mut ledger);
            let lost = ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed);
            assert_eq!(
                lost, 0,
                "{length} ms at {step}, pauses of {pause}0 ms: {told:?}"
            );
        }
    }
}

#[test]
fn an_outage_anywhere_between_words_and_pauses_loses_nothing() {
    assert_nothing_is_lost_wherever(300, Some(MS(100)));
    assert_nothing_is_lost_wherever(500, Some(MS(150)));
}

#[test]
fn nor_does_one_of_which_only_packets_tell() {
    assert_nothing_is_lost_wherever(300, None);
    assert_nothing_is_lost_wherever(500, None);
}
