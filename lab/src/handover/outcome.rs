//! [`Outcome`]: what is measured of one hand-over.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::CAP;
use crate::conversation::Line;
use crate::heard::{self, HandedOver};
use crate::talk::Talk;

/// What stands still so long before a move may spoil it.
const WELL_BEFORE: Duration = Duration::from_millis(300);

/// What came of one hand-over; times in ms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Data sent afterwards came, both ways.
    pub recovered: bool,
    /// Records that never came, both directions.
    pub lost: usize,
    /// The longest silence at either end from the event on; where nothing came again, as long as was waited.
    pub gap: f64,
    /// When that silence ended, since the event; none where it did not.
    pub gap_end: Option<f64>,
    /// What of it is neither the sender's interval nor the operating system's part.
    pub beyond: f64,
    /// From the event to the moment when the new address can be used.
    pub system: f64,
    /// From the first record sent then to the first of them at the peer.
    pub usable_to_data: Option<f64>,
    /// When that one came, since the event.
    pub data_at: Option<f64>,
    /// The time line in the node's own log, if it is one of ours.
    pub told: Option<Told>,
    /// So late the lab itself was with a record, at most: what is less than this says nothing.
    pub late: f64,
    /// Why there was nothing to measure.
    pub trouble: Option<String>,
}

/// The caller's own time line of the hand-over: since the event, in ms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// It noticed.
    pub detected: f64,
    /// The first probe or claim went out.
    pub probe_sent: Option<f64>,
    /// The peer answered.
    pub peer_answered: Option<f64>,
    /// Data came in over the new way.
    pub data_resumed: Option<f64>,
    /// The DC knew.
    pub dc_updated: Option<f64>,
}

/// When what happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// The first move: silences count from here.
    pub(super) first: SystemTime,
    /// The move that counts.
    pub(super) event: SystemTime,
    pub(super) usable: SystemTime,
    pub(super) pace: Duration,
    /// The way back is measured as well.
    pub(super) both: bool,
}

impl Outcome {
    /// Nothing could be measured.
    pub(super) fn never(why: &anyhow::Error) -> Self {
        Self {
            gap: ms(CAP),
            beyond: ms(CAP),
            trouble: Some(format!("{why:#}")),
            ..Self::default()
        }
    }

    pub(super) fn of(talk: &Talk, times: &Times) -> Self {
        let [caller, callee] = talk.ends();
        let (outs, sent) = ([callee.out(), caller.out()], talk.sent_at());
        let ways = outs.iter().zip(&sent);
        let delays: Vec<_> = ways
            .map(|(out, sent)| first_after(out, sent, times.usable))
            .collect();
        let recovered = delays.iter().all(Option::is_some);
        let gaps = outs.iter().zip(&delays).map(|(out, came)| match came {
            Some(_) => gap(out, times.first),
            None => (CAP, None),
        });
        let (gap, end) = gaps.max_by_key(|(gap, _)| *gap).unwrap_or((CAP, None));
        let system = since(times.usable, times.event);
        let ways = if times.both { 2 } else { 1 };
        let counted = delays.iter().take(ways).flatten().max();
        Self {
            recovered,
            lost: talk.tally().lost,
            gap: ms(gap),
            gap_end: end.map(|end| ms(since(end, times.event))),
            beyond: ms(gap.saturating_sub(times.pace + system)),
            system: ms(system),
            usable_to_data: counted.map(|(delay, _)| ms(*delay)),
            data_at: counted.map(|(_, at)| ms(since(*at, times.event))),
            told: Told::of(&caller.err(), times.event),
            late: ms(late(&sent, times)),
            trouble: None,
        }
    }
}

impl Told {
    /// A node may tell of a move in pieces, one for each of the kernel's messages: the first says when it
    /// noticed, and the rest is that of the piece which the peer answered.
    fn of(log: &[Line], event: SystemTime) -> Option<Self> {
        // The node's clock counts whole milliseconds.
        let early = event - Duration::from_millis(1);
        let told = log.iter().filter_map(heard::handed_over);
        let mut pieces: Vec<HandedOver> = told.filter(|t| t.at >= early).collect();
        pieces.sort_by_key(|t| t.at);
        let first = pieces.first()?;
        let answered = pieces.iter().find(|t| t.peer_answered.is_some());
        let piece = answered.unwrap_or(first);
        let begun = since(piece.at, event);
        let later = |phase: Option<Duration>| phase.map(|p| ms(begun + p));
        Some(Self {
            detected: ms(since(first.at, event)),
            probe_sent: later(piece.probe_sent),
            peer_answered: later(piece.peer_answered),
            data_resumed: later(piece.data_resumed),
            dc_updated: later(piece.dc_updated),
        })
    }
}

/// Whether in both directions data has come that was sent since.
pub(super) fn is_over(talk: &Talk, usable: SystemTime) -> bool {
    let [caller, callee] = talk.ends();
    let (outs, sent) = ([callee.out(), caller.out()], talk.sent_at());
    let mut ways = outs.iter().zip(&sent);
    ways.all(|(out, sent)| first_after(out, sent, usable).is_some())
}

/// How long the first record took that was sent then or later, or the first after it that came, and when
/// it came.
fn first_after(
    out: &[Line],
    sent: &[SystemTime],
    then: SystemTime,
) -> Option<(Duration, SystemTime)> {
    let first = sent.iter().position(|at| *at >= then)?;
    let later = |l: &&Line| l.text.parse::<usize>().is_ok_and(|n| n >= first);
    let came = out.iter().find(later)?.at;
    Some((came.duration_since(*sent.get(first)?).ok()?, came))
}

/// The longest silence that ended after `event`, and when.
fn gap(out: &[Line], event: SystemTime) -> (Duration, Option<SystemTime>) {
    let pairs = out
        .iter()
        .zip(out.iter().skip(1))
        .filter(|(_, b)| b.at > event);
    let silences = pairs.map(|(a, b)| (since(b.at, a.at), Some(b.at)));
    silences.max().unwrap_or_default()
}

/// How late a record was, at most, from just before the first move on.
fn late(sent: &[Vec<SystemTime>; 2], times: &Times) -> Duration {
    let from = times.first - WELL_BEFORE;
    let pauses = sent.iter().flat_map(|at| at.iter().zip(at.iter().skip(1)));
    let pauses = pauses.filter(|(_, b)| **b >= from);
    let most = pauses.map(|(a, b)| since(*b, *a)).max();
    most.unwrap_or_default().saturating_sub(times.pace)
}

fn since(later: SystemTime, earlier: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn the_first_record_sent_on_the_new_address_is_what_counts() {
        let sent = [0, 20, 40, 60, 80].map(at);
        let line = |ms, number: usize| Line {
            at: at(ms),
            text: format!("{number:03}"),
        };
        let out = [line(10, 0), line(30, 1), line(95, 3), line(100, 4)];
        let of = |then| first_after(&out, &sent, at(then)).map(|(delay, _)| delay);
        assert_eq!(of(35), Some(Duration::from_millis(55)));
        assert_eq!(of(61), Some(Duration::from_millis(20)));
        assert_eq!(of(81), None);
        let silence = (Duration::from_millis(65), Some(at(95)));
        assert_eq!(gap(&out, at(35)), silence);
    }
}
