//! `run.json`: what the engines said of a run.

use serde::Serialize;
use std::time::Duration;
use voice_media::world::Side;
use voice_media::{Event, Outage, Stats};

/// The log of a run. Times in milliseconds since its beginning.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Log {
    pub(crate) condition: String,
    pub(crate) bar: u8,
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    /// One-way delay of the path.
    pub(crate) path_ms: f64,
    pub(crate) outages: Vec<Cut>,
    /// From the fastest packet's arrival to the ear, every 20 ms: time, delay, and the delay aimed at.
    pub(crate) delay: Vec<[f64; 3]>,
    /// Speech never played so far, at the same times.
    pub(crate) lost: Vec<u64>,
    pub(crate) events: Vec<Told>,
    pub(crate) figures: Figures,
}

/// An outage of the path.
#[derive(Debug, Serialize)]
pub(crate) struct Cut {
    pub(crate) at_ms: f64,
    pub(crate) length_ms: f64,
}

/// An event of the hearing side.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) at_ms: f64,
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outage: Option<Story>,
}

/// An outage as the engine tells it.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    silence_ms: f64,
    resumed_after_ms: f64,
    lost_speech_ms: f64,
    backfilled: u32,
    extra_delay_ms: f64,
    caught_up_after_ms: f64,
}

/// The engines' figures at the end: A sends, B hears.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    opus_kbit: f64,
    wire_kbit: f64,
    packets: u64,
    backfilled: u64,
    heard_backfilled: u64,
    carried: u64,
    heard_carried: u64,
    duplicates: u64,
    late: u64,
    played_ms: u64,
    lbrr_ms: u64,
    dred_ms: u64,
    concealed_ms: u64,
    pause_ms: u64,
    skipped_ms: u64,
    lost_speech_ms: u64,
    inserted_ms: u64,
    stretched_ms: u64,
    outages: u32,
    mos: Option<f32>,
}

/// Octets that IP, UDP, RTP and the report add: 20 + 8 + 12 + 12.
const AROUND: u64 = 52;

impl Figures {
    pub(crate) fn new(a: &Stats, b: &Stats, seconds: u64) -> Self {
        let octets = a.sent.payload_octets + a.sent.backfilled_octets + a.sent.carried_octets;
        let packets = a.sent.packets + a.sent.backfilled;
        let kbit = |octets: u64| octets as f64 * 8.0 / 1000.0 / seconds as f64;
        Self {
            opus_kbit: kbit(octets),
            wire_kbit: kbit(octets + packets * AROUND),
            packets: a.sent.packets,
            backfilled: a.sent.backfilled,
            heard_backfilled: b.heard.backfilled,
            carried: a.sent.carried,
            heard_carried: b.heard.carried,
            duplicates: b.heard.duplicates,
            late: b.heard.late,
            played_ms: b.heard.played_ms,
            lbrr_ms: b.heard.lbrr_ms,
            dred_ms: b.heard.dred_ms,
            concealed_ms: b.heard.concealed_ms,
            pause_ms: b.heard.pause_ms,
            skipped_ms: b.heard.skipped_ms,
            lost_speech_ms: b.heard.lost_speech_ms,
            inserted_ms: b.heard.inserted_ms,
            stretched_ms: b.heard.stretched_ms,
            outages: b.heard.outages,
            mos: b.mos,
        }
    }
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What side B was told.
pub(crate) fn told(events: Vec<(Duration, Side, Event)>) -> Vec<Told> {
    let of_b = events.into_iter().filter(|(_, side, _)| *side == Side::B);
    of_b.map(|(at, _, event)| {
        let (name, outage) = describe(event);
        Told {
            at_ms: ms(at),
            event: name,
            outage: outage.map(story),
        }
    })
    .collect()
}

fn describe(event: Event) -> (&'static str, Option<Outage>) {
    match event {
        Event::FirstSound => ("first sound", None),
        Event::OutageBegan => ("outage began", None),
        Event::SwitchingNetwork => ("switching network", None),
        Event::SoftTone => ("soft tone", None),
        Event::OutageEnded(outage) => ("outage ended", Some(outage)),
        Event::CaughtUp(outage) => ("caught up", Some(outage)),
        Event::QualityChanged(_) => ("quality changed", None),
        Event::EncoderChanged(_) => ("encoder changed", None),
        Event::PeerRestarted => ("peer restarted", None),
    }
}

fn story(outage: Outage) -> Story {
    Story {
        silence_ms: ms(outage.silence),
        resumed_after_ms: ms(outage.resumed_after),
        lost_speech_ms: ms(outage.lost_speech),
        backfilled: outage.backfilled,
        extra_delay_ms: ms(outage.extra_delay),
        caught_up_after_ms: ms(outage.caught_up_after),
    }
}
