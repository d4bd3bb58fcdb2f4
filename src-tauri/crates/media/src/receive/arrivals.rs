//! Which packets came: source, order, duplicates, loss and jitter (RFC 3550 appendix A.1, A.3, A.8).

use crate::rtp::report::Report;
use crate::rtp::unwrap::{near_u16, near_u32};

/// A jump further than this is another stream or an attack, until the next packet confirms it (RFC 3550 A.1; there 3000
/// forward, 100 back; an outage of a minute at 10 ms packets is 6000).
const MAX_JUMP: i64 = 6_000;
/// So far back duplicates are known; what is older is refused.
const REMEMBERED: i64 = 128;
/// Reports speak of holes not older than this many packets: the sender keeps one second.
const REPORTED: i64 = 64;

/// Where a packet has its place, in numbers that don't wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: i64,
    pub(crate) timestamp: i64,
    /// It is newer than all before it; the number of packets missing between.
    pub(crate) newest: Option<i64>,
    /// How much later it was captured than the newest before it, in samples; 0 if it is not newer.
    pub(crate) advance: i64,
    /// A later packet brought it before.
    pub(crate) is_there: bool,
    /// A stream begins with it.
    pub(crate) fresh_stream: bool,
}

/// Why a packet has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It came before.
    Duplicate,
    /// Too old, or of a stream that is not confirmed.
    Stranger,
}

/// The stream heard.
#[derive(Debug, Clone)]
struct Stream {
    ssrc: u32,
    first: i64,
    highest: i64,
    highest_timestamp: i64,
    seen: u128, // bit i: highest - i came
    /// Likewise, inside a later packet.
    brought: u128,
    received: u64,
    transit: Option<i64>,
    jitter: f64,
    // at the last RTCP report
    expected_before: i64,
    received_before: u64,
}

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    stream: Option<Stream>,
    /// A packet that would begin another stream, waiting for its successor.
    candidate: Option<(u32, u16)>,
    turn: u32,
}

impl Arrivals {
    /// Gives a packet its place. `arrival` is in samples.
    pub(crate) fn place(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        arrival: i64,
    ) -> Result<Place, Refusal> {
        let Some(stream) = self.stream.as_mut() else {
            return Ok(self.begin(ssrc, sequence, timestamp, arrival));
        };
        let extended = near_u16(stream.highest, sequence);
        let step = extended - stream.highest;
        if stream.ssrc != ssrc || !(-MAX_JUMP..=MAX_JUMP).contains(&step) {
            return self.audition(ssrc, sequence, timestamp, arrival);
        }
        self.candidate = None;
        let back = -step;
        if back >= REMEMBERED || extended < stream.first {
            return Err(Refusal::Stranger);
        }
        if back >= 0 && stream.seen >> back & 1 == 1 {
            return Err(Refusal::Duplicate);
        }
        let is_there = back >= 0 && stream.brought >> back & 1 == 1;
        let timestamp = near_u32(stream.highest_timestamp, timestamp);
        let advance = (timestamp - stream.highest_timestamp).max(0);
        stream.note(extended, timestamp, arrival);
        Ok(Place {
            sequence: extended,
            timestamp,
            newest: (step > 0).then_some(step - 1),
            advance: if step > 0 { advance } else { 0 },
            is_there,
            fresh_stream: false,
        })
    }

    /// What to tell the sender: as a rule of the highest packet, each third time of older holes if there are any.
    pub(crate) fn report(&mut self) -> Option<Report> {
        let stream = self.stream.as_ref()?;
        self.turn = self.turn.wrapping_add(1);
        // packets that came just after a hole which the highest packet's bitmap doesn't reach
        let edges = (Report::SPAN..REPORTED.min(stream.highest - stream.first))
            .filter(|&back| stream.is_edge(back));
        let edges = edges.collect::<Vec<_>>();
        let back = match edges.len() {
            0 => 0,
            _ if self.turn.is_multiple_of(3) => 0,
            n => edges.get(self.turn as usize % n).copied().unwrap_or(0),
        };
        let bitmap = (stream.seen.checked_shr(back as u32 + 1).unwrap_or(0) & 0xFFFF) as u16;
        Some(Report {
            base: (stream.highest - back) as u16,
            bitmap,
        })
    }

    /// A packet came inside a later one. False if it was there already, or is too old to tell. Reports don't speak of it:
    /// they are the measure of the path.
    pub(crate) fn bring(&mut self, sequence: i64) -> bool {
        let Some(stream) = self.stream.as_mut() else {
            return false;
        };
        let back = stream.highest - sequence;
        let is_new = (0..REMEMBERED).contains(&back)
            && sequence >= stream.first
            && (stream.seen | stream.brought) >> back & 1 == 0;
        stream.brought |= u128::from(is_new) << back.clamp(0, REMEMBERED - 1);
        is_new
    }

    /// SSRC of the peer.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    /// Interarrival jitter in samples (RFC 3550 A.8).
    pub(crate) fn jitter(&self) -> u32 {
        self.stream
            .as_ref()
            .map_or(0, |stream| stream.jitter as u32)
    }

    /// For a report block: highest sequence number, all that were lost, and the share since the last call in 1/256.
    pub(crate) fn rtcp(&mut self) -> Option<(u32, u32, u8)> {
        let stream = self.stream.as_mut()?;
        let expected = stream.highest - stream.first + 1;
        let lost = expected - i64::try_from(stream.received).unwrap_or(i64::MAX);
        let expected_now = expected - stream.expected_before;
        let received_now = i64::try_from(stream.received - stream.received_before).unwrap_or(0);
        (stream.expected_before, stream.received_before) = (expected, stream.received);
        let share = if expected_now > 0 {
            (expected_now - received_now).max(0) * 256 / expected_now
        } else {
            0
        };
        Some((
            stream.highest as u32,
            u32::try_from(lost.clamp(0, 0x7F_FFFF)).unwrap_or(0),
            share.min(255) as u8,
        ))
    }

    /// A stranger's first packet is put aside; only its direct successor makes it the stream.
    fn audition(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        arrival: i64,
    ) -> Result<Place, Refusal> {
        if self.candidate == Some((ssrc, sequence.wrapping_sub(1))) {
            self.candidate = None;
            return Ok(self.begin(ssrc, sequence, timestamp, arrival));
        }
        self.candidate = Some((ssrc, sequence));
        Err(Refusal::Stranger)
    }

    fn begin(&mut self, ssrc: u32, sequence: u16, timestamp: u32, arrival: i64) -> Place {
        // room below for packets that come out of order, and never negative
        let (sequence, timestamp) = (
            i64::from(sequence) + (1 << 20),
            i64::from(timestamp) + (1 << 40),
        );
        let mut stream = Stream {
            ssrc,
            first: sequence,
            highest: sequence,
            highest_timestamp: timestamp,
            seen: 0,
            brought: 0,
            received: 0,
            transit: None,
            jitter: 0.0,
            expected_before: 0,
            received_before: 0,
        };
        stream.note(sequence, timestamp, arrival);
        self.stream = Some(stream);
        Place {
            sequence,
            timestamp,
            newest: Some(0),
            advance: 0,
            is_there: false,
            fresh_stream: true,
        }
    }
}

impl Stream {
    fn note(&mut self, sequence: i64, timestamp: i64, arrival: i64) {
        let step = sequence - self.highest;
        if step > 0 {
            let by = u32::try_from(step).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(by).unwrap_or(0);
            self.brought = self.brought.checked_shl(by).unwrap_or(0);
            (self.highest, self.highest_timestamp) = (sequence, timestamp);
        }
        self.seen |= 1u128
            .checked_shl(u32::try_from(self.highest - sequence).unwrap_or(0))
            .unwrap_or(0);
        self.received += 1;
        let transit = arrival - timestamp;
        if let Some(before) = self.transit.replace(transit) {
            self.jitter += ((transit - before).abs() as f64 - self.jitter) / 16.0;
        }
    }

    fn has(&self, back: i64) -> bool {
        self.seen
            .checked_shr(back as u32)
            .is_some_and(|seen| seen & 1 == 1)
    }

    /// `highest - back` came, and the one before it did not.
    fn is_edge(&self, back: i64) -> bool {
        self.has(back) && !self.has(back + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(sequences: impl IntoIterator<Item = u16>) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for n in sequences {
            let _refused = arrivals.place(7, n, u32::from(n).wrapping_mul(960), 0);
        }
        arrivals
    }

    #[test]
    fn a_sequence_number_wraps_without_a_seam() {
        let mut arrivals = arrived(65_500..=65_535);
        let place = arrivals.place(7, 0, 0, 0).expect("the next one");
        assert_eq!(place.newest, Some(0), "nothing is missing between");
    }

    #[test]
    fn a_second_copy_is_a_duplicate_and_a_late_one_is_not() {
        let mut arrivals = arrived([1, 2, 4]);
        assert_eq!(arrivals.place(7, 2, 0, 0), Err(Refusal::Duplicate));
        assert_eq!(arrivals.place(7, 3, 3 * 960, 0).map(|p| p.newest), Ok(None));
        assert_eq!(arrivals.place(7, 3, 3 * 960, 0), Err(Refusal::Duplicate));
    }

    #[test]
    fn what_a_later_packet_brought_has_its_place_once_and_is_still_reported_missing() {
        let mut arrivals = arrived([1, 2, 4, 5]);
        let base = 1 << 20;
        assert!(arrivals.bring(base + 3));
        assert!(!arrivals.bring(base + 3), "twice");
        assert!(!arrivals.bring(base + 4), "it came by itself");
        assert!(!arrivals.bring(base - 1), "before the stream");
        assert!(!arrivals.bring(base + 6) && !arrivals.bring(base - 5_000));
        assert_eq!(arrivals.report().map(|r| r.bitmap), Some(0b1101));
        let again = arrivals.place(7, 3, 3 * 960, 0);
        assert_eq!(again.map(|place| place.is_there), Ok(true));
    }

    #[test]
    fn another_source_must_send_two_in_a_row() {
        let mut arrivals = arrived(0..10);
        assert_eq!(arrivals.place(8, 500, 0, 0), Err(Refusal::Stranger));
        assert_eq!(arrivals.place(8, 502, 0, 0), Err(Refusal::Stranger));
        assert!(
            arrivals
                .place(8, 503, 0, 0)
                .is_ok_and(|place| place.fresh_stream)
        );
        assert_eq!(arrivals.ssrc(), Some(8));
    }

    #[test]
    fn a_report_says_what_is_missing() {
        let mut arrivals = arrived([10, 11, 13]);
        assert_eq!(
            arrivals.report(),
            Some(Report {
                base: 13,
                bitmap: 0b110
            })
        );
    }

    #[test]
    fn old_holes_are_told_too_in_turns() {
        let mut arrivals = arrived((100..140).chain(165..195));
        let bases: std::collections::BTreeSet<u16> = (0..12)
            .filter_map(|_| arrivals.report())
            .map(|r| r.base)
            .collect();
        assert!(
            bases.contains(&194) && bases.iter().any(|&base| base < 180),
            "{bases:?}"
        );
        let told: std::collections::BTreeSet<u16> = (0..12)
            .filter_map(|_| arrivals.report())
            .flat_map(|r| {
                (1..=16)
                    .filter(move |&b| !r.has(b))
                    .map(move |b| r.base - b as u16)
            })
            .collect();
        assert!(
            (149..165).all(|n| told.contains(&n)),
            "every hole of the last 50 packets: {told:?}"
        );
    }

    #[test]
    fn loss_counts_for_rtcp_are_those_of_the_rfc() {
        let mut arrivals = arrived((0..100).filter(|n| n % 4 != 3));
        let (_, lost, share) = arrivals.rtcp().expect("a stream");
        assert_eq!(
            (lost, share),
            (24, 62),
            "24 of 99: the last one can't be known"
        );
        assert_eq!(
            arrivals.rtcp().map(|(_, lost, share)| (lost, share)),
            Some((24, 0))
        );
    }
}
