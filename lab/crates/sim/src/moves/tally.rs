//! What came of moves: each, and by kind.

use core::time::Duration;
use std::collections::BTreeMap;

use super::spec::{Kind, Trouble};

/// What came of a move.
#[derive(Clone, Debug)]
pub struct Done {
    /// How.
    pub kind: Kind,
    /// What went wrong with the servers.
    pub trouble: Trouble,
    /// Whether nothing is lost, nobody races, and the last move was over.
    pub is_calm: bool,
    /// From node to node and back over the relay.
    pub round_trip: Duration,
    /// Between two packets of a stream.
    pub pace: Duration,
    /// From the moment the new address could be used until each end heard something sent since then.
    pub firsts: [Option<Duration>; 2],
    /// Who moved.
    pub mover: usize,
    /// The longest silence after both were heard again.
    pub later: Duration,
    /// Packets that never came.
    pub lost: u64,
}

impl Done {
    /// Both ends hear each other again.
    pub fn both(&self) -> Option<Duration> {
        let [a, b] = self.firsts;
        Some(a?.max(b?))
    }

    /// The peer hears the mover.
    pub fn at_peer(&self) -> Option<Duration> {
        self.firsts.get(1 - self.mover).copied().flatten()
    }

    /// What is wrong with it.
    pub fn complaint(&self) -> Option<String> {
        let name = self.name();
        let Some(both) = self.both() else {
            return Some(format!("{name}: never recovers, {:?}", self.firsts));
        };
        let limit = self.limit();
        if both > limit {
            return Some(format!(
                "{name}: recovers after {both:?}, not within {limit:?}"
            ));
        }
        let later = self.later;
        (later > limit).then(|| format!("{name}: recovers, and falls silent for {later:?}"))
    }

    /// How long a recovery may take.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// The row of the table.
    pub fn name(&self) -> String {
        format!("{}{}", self.kind.name(), self.trouble.name())
    }
}

/// All moves of one kind.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// How many.
    pub moves: u64,
    /// How many recovered.
    pub recovered: u64,
    /// Until both ends hear each other, and the round trip.
    pub both: Vec<(Duration, Duration)>,
    /// Until the peer hears the mover, and the round trip.
    pub at_peer: Vec<(Duration, Duration)>,
    /// Packets lost.
    pub lost: Vec<u64>,
    /// The slowest of them all: how long, the world's seed and the number of the move.
    pub slowest: Option<(Duration, u64, usize)>,
}

/// By kind, calm or not.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The rows: the calm ones first.
    pub rows: BTreeMap<(bool, String), Row>,
}

impl Tally {
    /// Adds a move: the one with this number of the world of this seed.
    pub fn add(&mut self, seed: u64, number: usize, done: &Done) {
        let row = self.rows.entry((!done.is_calm, done.name())).or_default();
        row.moves += 1;
        row.recovered += u64::from(done.both().is_some());
        // The sender's next packet may be a pace away, which is none of the network's doing.
        let r = done.round_trip;
        row.both.extend(done.both().map(|d| (d, r)));
        row.at_peer.extend(done.at_peer().map(|d| (d, r)));
        row.lost.push(done.lost);
        let this = done.both().map(|d| (d, seed, number));
        row.slowest = row.slowest.max(this);
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: Self) {
        for (key, theirs) in other.rows {
            let row = self.rows.entry(key).or_default();
            row.moves += theirs.moves;
            row.recovered += theirs.recovered;
            row.both.extend(theirs.both);
            row.at_peer.extend(theirs.at_peer);
            row.lost.extend(theirs.lost);
            row.slowest = row.slowest.max(theirs.slowest);
        }
    }

    /// All moves.
    pub fn moves(&self) -> u64 {
        self.rows.values().map(|r| r.moves).sum()
    }
}

/// This share of the sorted values lies below the answer; the least there can be when there is none.
pub fn quantile<T: PartialOrd + Copy + Default>(values: &mut [T], share: f64) -> T {
    values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(core::cmp::Ordering::Equal));
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or_default()
}
