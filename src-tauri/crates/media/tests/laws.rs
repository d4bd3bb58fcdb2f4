//! What holds in every call, over hundreds of seeds: each frame said is entered once, memory and delay stay bounded.

use crate::shadow::{Ledger, MS, call, engine, skewed_call};
use std::time::Duration;
use voice_media::world::{Dice, Loss, Outage, Path};
use voice_media::{BLOCK, Event, Origin};

fn any_path(dice: &mut Dice) -> Path {
    let loss = match (dice.roll() * 3.0) as u32 {
        0 => Loss::None,
        1 => Loss::Random(dice.roll() * 0.2),
        _ => Loss::Bursts {
            share: dice.roll() * 0.2,
            mean: 1.0 + dice.roll() * 4.0,
        },
    };
    Path {
        delay: MS((dice.roll() * 150.0) as u64),
        jitter: MS((dice.roll() * 80.0) as u64),
        loss,
        doubled: dice.roll() * 0.3,
    }
}

fn any_outages(dice: &mut Dice) -> Vec<Outage> {
    let one = |dice: &mut Dice| Outage {
        at: MS(1_000 + (dice.roll() * 6_000.0) as u64),
        length: MS((dice.roll() * 2_000.0) as u64),
        noticed_after: (dice.roll() < 0.7).then(|| MS((dice.roll() * 400.0) as u64)),
    };
    (0..(dice.roll() * 3.0) as u32).map(|_| one(dice)).collect()
}

#[test]
fn what_is_said_is_heard_or_counted_whatever_the_path_does() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let (path, outages) = (any_path(&mut dice), any_outages(&mut dice));
        let mut ledger = Ledger {
            talk: 120,
            pause: (dice.roll() * 100.0) as u64,
            ..Ledger::default()
        };
        ledger.double_talk = dice.roll() < 0.3;
        let (world, _) = call(path, outages.clone(), 10, seed, &mut ledger);
        // `Ledger::ear` holds that nothing is entered twice or left out
        let heard = world.engines[1].stats(MS(10_000)).heard;
        let booked: i64 = ledger.heard.values().sum::<i64>() / 48;
        let told = heard.played_ms
            + heard.lbrr_ms
            + heard.dred_ms
            + heard.concealed_ms
            + heard.pause_ms
            + heard.skipped_ms;
        assert!(
            booked.abs_diff(told as i64) <= 6,
            "seed {seed}: {booked} ms booked, {told} ms told"
        );
        assert_eq!(
            ledger.ms(Origin::Skipped).abs_diff(heard.skipped_ms as i64) / 3,
            0,
            "seed {seed}: {heard:?}"
        );
        let quiet_at_the_end = outages.iter().all(|o| o.at + o.length < MS(7_000));
        if quiet_at_the_end {
            assert!(
                booked > 7_500,
                "seed {seed}: the call goes on, {booked} ms: {path:?} {outages:?}"
            );
        }
    }
}

#[test]
fn loss_that_lbrr_can_replace_is_replaced() {
    let mut ledger = Ledger::default();
    let lossy = Path {
        delay: MS(100),
        loss: Loss::Random(0.05),
        ..Path::default()
    };
    call(lossy, Vec::new(), 60, 3, &mut ledger);
    let (lbrr, invented) = (
        ledger.ms(Origin::Lbrr),
        ledger.ms(Origin::Concealed) + ledger.ms(Origin::Skipped),
    );
    assert!(lbrr > 4 * invented, "{lbrr} ms by LBRR, {invented} ms lost");
}

#[test]
fn over_a_short_way_lost_packets_come_again_in_time() {
    let mut ledger = Ledger::default();
    let lossy = Path {
        delay: MS(25),
        loss: Loss::Random(0.10),
        ..Path::default()
    };
    let (world, _) = call(lossy, Vec::new(), 60, 3, &mut ledger);
    let lost = ledger.ms(Origin::Concealed) + ledger.ms(Origin::Skipped);
    assert!(
        lost < 1_500,
        "of 6 s lost on the way {lost} ms are lost to the ear"
    );
    assert!(world.engines[0].stats(MS(60_000)).sent.backfilled > 150);
}

fn bursts(delay: u64) -> Path {
    Path {
        delay: MS(delay),
        loss: Loss::Bursts {
            share: 0.10,
            mean: 3.0,
        },
        ..Path::default()
    }
}

#[test]
fn over_a_short_way_later_packets_bring_what_a_burst_took_and_the_delay_stays() {
    let mut ledger = Ledger::default();
    let (world, _) = call(bursts(25), Vec::new(), 60, 3, &mut ledger);
    let sent = world.engines[0].stats(MS(60_000)).sent;
    let heard = world.engines[1].stats(MS(60_000)).heard;
    assert!(
        heard.carried > 20 && heard.carried < sent.carried,
        "{heard:?}"
    );
    assert!(
        sent.carried < sent.packets / 4,
        "what was confirmed is not carried: {sent:?}"
    );
    let lost = ledger.ms(Origin::Concealed) + ledger.ms(Origin::Skipped);
    assert!(
        lost < 1_500,
        "of 6 s lost on the way {lost} ms are lost to the ear"
    );
    let settled = ledger.delays.iter().filter(|(at, _)| *at > MS(20_000));
    let mut delays: Vec<Duration> = settled.map(|(_, delay)| *delay).collect();
    delays.sort();
    let (least, most) = (delays[delays.len() / 20], delays[delays.len() * 19 / 20]);
    assert!(most - least < MS(100), "{least:?} to {most:?}");
}

#[test]
fn over_a_long_way_nothing_is_carried() {
    let mut ledger = Ledger::default();
    let (world, _) = call(bursts(100), Vec::new(), 20, 3, &mut ledger);
    assert_eq!(world.engines[0].stats(MS(20_000)).sent.carried, 0);
    assert!(ledger.ms(Origin::Dred) > 500, "DRED does it there");
}

#[test]
fn clocks_200_ppm_apart_change_no_delay_in_ten_minutes() {
    for ppm in [200.0, -200.0] {
        let mut ledger = Ledger::default();
        let path = Path {
            delay: MS(25),
            ..Path::default()
        };
        skewed_call(path, Vec::new(), 600, 1, ppm, &mut ledger);
        let settled: Vec<Duration> = ledger
            .delays
            .iter()
            .filter(|(at, _)| *at > MS(20_000))
            .map(|(_, d)| *d)
            .collect();
        let (least, most) = (settled.iter().min(), settled.iter().max());
        let spread = most.zip(least).map(|(most, least)| *most - *least);
        assert!(spread <= Some(MS(40)), "{ppm} ppm: {least:?} to {most:?}");
        assert_eq!(ledger.ms(Origin::Skipped) + ledger.ms(Origin::Concealed), 0);
    }
}

#[test]
fn jitter_makes_the_delay_grow_to_what_it_needs_and_no_further() {
    let mut ledger = Ledger::default();
    let path = Path {
        delay: MS(25),
        jitter: MS(60),
        ..Path::default()
    };
    let (world, _) = call(path, Vec::new(), 30, 1, &mut ledger);
    let heard = world.engines[1].stats(MS(30_000)).heard;
    assert!((MS(45)..MS(90)).contains(&heard.playout_delay), "{heard:?}");
    // while the delay is being learnt, a packet that the next one overtook is concealed
    assert!(
        heard.skipped_ms + heard.concealed_ms <= 40,
        "late is not lost: {heard:?}"
    );
}

#[test]
fn a_pause_is_no_outage_and_its_end_is_not_clipped() {
    let mut ledger = Ledger {
        talk: 150,
        pause: 350,
        ..Ledger::default()
    };
    let (world, told) = call(
        Path {
            delay: MS(25),
            ..Path::default()
        },
        Vec::new(),
        30,
        1,
        &mut ledger,
    );
    assert!(!told.contains(&Event::OutageBegan), "{told:?}");
    let sent = world.engines[0].stats(MS(30_000)).sent;
    assert!(
        sent.packets < 750,
        "pauses are not sent: {} packets of 1500",
        sent.packets
    );
    assert!(
        (8_800..=9_100).contains(&ledger.ms(Origin::Packet)),
        "{:?}",
        ledger.heard
    );
}

#[test]
fn on_hold_nothing_is_sent_and_afterwards_all_is_as_before() {
    let mut ledger = Ledger::default();
    let mut world = voice_media::world::World::new(
        [engine(1), engine(2)],
        Path {
            delay: MS(25),
            ..Path::default()
        },
        Vec::new(),
        0.0,
        1,
    );
    world.run(MS(3_000), &mut ledger);
    world.engines[0].set_held(true);
    world.engines[1].set_held(true);
    let before = world.engines[0].stats(MS(3_000)).sent.packets;
    world.run(MS(6_000), &mut ledger);
    assert_eq!(world.engines[0].stats(MS(6_000)).sent.packets, before);
    world.engines[0].set_held(false);
    world.engines[1].set_held(false);
    ledger.next = None; // the time on hold is in no book
    world.run(MS(9_000), &mut ledger);
    let told: Vec<Event> = world
        .events()
        .into_iter()
        .map(|(.., event)| event)
        .collect();
    assert!(!told.contains(&Event::OutageBegan), "{told:?}");
    assert!(world.engines[1].stats(MS(9_000)).heard.played_ms > 5_500);
}

#[test]
fn a_driver_that_never_drains_costs_bounded_memory() {
    let mut engine = engine(1);
    for block in 0..60_000u64 {
        engine.handle_capture(MS(block * 10), &[0.3; BLOCK]);
    }
    let waiting = std::iter::from_fn(|| engine.poll_transmit()).count();
    assert!(waiting <= 256, "{waiting} datagrams");
}
