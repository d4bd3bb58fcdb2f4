//! The paths of one tunnel and the choice among them.

use core::time::Duration;

use ntm_wire::time::Mono;

use super::path::{BASE_PAYLOAD, Path, Way};
use super::pulse::Pulse;

/// Candidates times local sockets, bounded.
const MAX_PATHS: usize = 24;
/// A way of the same kind is moved to when its round trip is less by a quarter and by this: more than
/// jitter makes of two equal ways.
const NEARER: Duration = Duration::from_millis(10);
/// Ways that a packet takes besides the one in doubt.
const DOUBLES: usize = 2;

/// All paths of a tunnel; index 0 and 1 are usually the relay legs.
#[derive(Debug)]
pub(crate) struct PathSet {
    paths: Vec<Path>,
    current: usize,
    pulse: Pulse,
    /// The one in use is silent since then, and packets go on others too.
    doubt: Option<Mono>,
}

impl PathSet {
    /// Begins with the way the handshake took. `proved`: it shows that the peer is there; else anybody
    /// on the way might have passed the request on from another address.
    pub(crate) fn new(first: Way, proved: bool, now: Mono) -> Self {
        let path = if proved {
            Path::proved(first, now)
        } else {
            Path::new(first, now)
        };
        Self {
            paths: vec![path],
            current: 0,
            pulse: Pulse::default(),
            doubt: None,
        }
    }

    /// A way to try, unless it is known.
    pub(crate) fn add(&mut self, way: Way, now: Mono) {
        if self.paths.len() < MAX_PATHS && !self.paths.iter().any(|p| p.way == way) {
            self.paths.push(Path::new(way, now));
        }
    }

    /// The way in use.
    pub(crate) fn current(&self) -> &Path {
        &self.paths[self.current]
    }

    /// Something left over the way in use.
    pub(crate) fn note_sent(&mut self, now: Mono) {
        self.paths[self.current].sent(now);
        self.pulse.sent(now);
    }

    /// Data of the peer came in.
    pub(crate) fn note_data(&mut self, now: Mono) {
        self.pulse.heard_data(now);
    }

    /// Whether the peer, who streams, should be told that this end lives.
    pub(crate) fn owes_sign(&self, now: Mono) -> bool {
        self.pulse.sign_at().is_some_and(|t| t <= now)
    }

    /// The ways on which a data packet goes now, and the size they all carry: one, or while that is in
    /// doubt the two best others as well. The peer drops doubles.
    pub(crate) fn ways(&self) -> (Vec<Way>, usize) {
        let mut used = vec![self.current()];
        if self.doubt.is_some() {
            used.extend(self.others().take(DOUBLES));
        }
        let payload = used.iter().map(|p| p.payload()).min();
        let ways = used.iter().map(|p| p.way).collect();
        (ways, payload.unwrap_or(BASE_PAYLOAD))
    }

    /// Usable paths besides the one in use, the relays first: whatever killed a direct path may have
    /// killed the other direct ones too.
    fn others(&self) -> impl Iterator<Item = &Path> {
        let others = || {
            let all = self.paths.iter().enumerate();
            all.filter(|(i, p)| *i != self.current && p.is_usable())
                .map(|(_, p)| p)
        };
        let relays = others().filter(|p| !p.is_direct());
        relays.chain(others().filter(|p| p.is_direct()))
    }

    /// Time has passed: a stream that fell silent puts its path in doubt, and asks all that ever lived.
    pub(crate) fn check_pulse(&mut self, now: Mono) {
        let due = self.doubt_at().is_some_and(|t| t <= now);
        if due {
            self.doubt = Some(now);
            let proved = self.paths.iter_mut().filter(|p| p.is_usable());
            proved.for_each(|p| p.restart_probing(now));
        }
    }

    fn doubt_at(&self) -> Option<Mono> {
        if self.doubt.is_some() {
            return None;
        }
        self.pulse.doubt_at(self.current().rtt)
    }

    /// Something authentic came in over `way`. A direct way that was not known is tried: the peer's NAT
    /// shows an address that nobody could tell beforehand.
    pub(crate) fn note_heard(&mut self, way: Way, may_learn: bool, now: Mono) {
        self.pulse.heard(now);
        match self.paths.iter_mut().find(|p| p.way == way) {
            Some(path) => path.heard(now),
            None if may_learn => self.add(way, now),
            None => {}
        }
    }

    /// A probe was answered over some path; `true` if it was one of ours.
    pub(crate) fn probe_answered(&mut self, id: u32, now: Mono) -> bool {
        self.paths.iter_mut().any(|p| p.probe_answered(id, now))
    }

    /// Chooses anew: a proved direct way, or else a relay. Returns the old way when it is another one now.
    pub(crate) fn choose(&mut self, now: Mono) -> Option<Way> {
        let best = match self.doubt {
            Some(since) => self.best_in_doubt(since, now),
            None => self.best(now),
        };
        if best == self.current {
            return None;
        }
        let old = self.paths[self.current].way;
        self.current = best;
        Some(old)
    }

    /// The first that shows life is right: the one in use, and the doubt is over, or another one.
    fn best_in_doubt(&mut self, since: Mono, now: Mono) -> usize {
        if self.current().lives_since(since) {
            self.doubt = None;
            return self.current;
        }
        let alive = |direct: bool| {
            let fits = |p: &Path| p.lives_since(since) && p.is_usable() && p.is_direct() == direct;
            self.paths.iter().position(fits)
        };
        match alive(true).or_else(|| alive(false)) {
            Some(found) => {
                self.doubt = None;
                self.paths[self.current].leave(now);
                found
            }
            None => self.current,
        }
    }

    /// A proved way is left for a better kind, for one of its kind that is clearly nearer, or when it dies.
    fn best(&self, now: Mono) -> usize {
        let in_use = self.current();
        let trusted = |p: &Path| p.is_usable() && p.is_trusted(now);
        if in_use.is_usable() && in_use.is_direct() {
            return self.nearer(now).unwrap_or(self.current);
        }
        if let Some(direct) = self.nearest(|p| p.is_direct() && trusted(p)) {
            return direct;
        }
        if in_use.is_usable() {
            return self.nearer(now).unwrap_or(self.current);
        }
        self.nearest(|p| p.is_usable() && !p.is_direct())
            .or_else(|| self.nearest(Path::is_usable))
            .or_else(|| self.paths.iter().position(|p| !p.is_direct()))
            .unwrap_or(self.current)
    }

    fn nearest(&self, fits: impl Fn(&Path) -> bool) -> Option<usize> {
        let all = self.paths.iter().enumerate().filter(|(_, p)| fits(p));
        all.min_by_key(|(i, p)| (p.rtt.is_none(), p.rtt, *i))
            .map(|(i, _)| i)
    }

    /// Another of the kind in use whose round trip is less by so much that it is no chance: which copy of
    /// the handshake came first says little.
    fn nearer(&self, now: Mono) -> Option<usize> {
        let in_use = self.current();
        let most = in_use.rtt?.checked_sub(NEARER.max(in_use.rtt? / 4))?;
        self.nearest(|p| {
            let same_kind = p.is_direct() == in_use.is_direct();
            same_kind && p.is_usable() && p.is_trusted(now) && p.rtt.is_some_and(|r| r < most)
        })
    }

    /// The paths over which a probe should go out now, and how large it should be.
    pub(crate) fn probes_due(&mut self, now: Mono) -> Vec<(Way, usize)> {
        let current = self.current;
        let due =
            |(i, p): (usize, &mut Path)| p.probe_due(now, i == current).map(|size| (p.way, size));
        self.paths.iter_mut().enumerate().filter_map(due).collect()
    }

    /// Notes a probe sent.
    pub(crate) fn probe_sent(&mut self, way: Way, id: u32, size: usize, now: Mono) {
        if let Some(path) = self.paths.iter_mut().find(|p| p.way == way) {
            path.probe_sent(id, size, now);
        }
    }

    /// Every path is suspect: after sleep, or when interfaces changed.
    pub(crate) fn suspect_all(&mut self, now: Mono) {
        self.paths.iter_mut().for_each(|p| p.restart_probing(now));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let paths = self.paths.iter().enumerate();
        let probes = paths.map(|(i, p)| p.deadline(i == self.current));
        let pulse = [self.doubt_at(), self.pulse.sign_at()];
        probes.chain(pulse.into_iter().flatten()).min()
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::addr::RealAddr;
    use ntm_wire::id::InterfaceId;

    use super::*;
    use crate::handover::path::FULL_PAYLOAD;

    const RELAY: Way = Way::Relay(0);

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    fn direct() -> Way {
        Way::Direct(InterfaceId(0), RealAddr("192.0.2.1:7930".parse().unwrap()))
    }

    /// Probes whatever is due at `now`; replies come for the ways in `answering`.
    fn step(set: &mut PathSet, now: Mono, answering: &[Way], id: &mut u32) -> Vec<Way> {
        let due = set.probes_due(now);
        for (way, size) in &due {
            *id += 1;
            set.probe_sent(*way, *id, *size, now);
            if answering.contains(way) {
                assert!(set.probe_answered(*id, now + Duration::from_millis(10)));
            }
        }
        set.choose(now);
        due.into_iter().map(|(way, _)| way).collect()
    }

    #[test]
    fn traffic_moves_from_the_relay_to_a_direct_path_once_that_answers_and_back_when_it_dies() {
        let (mut set, mut id) = (PathSet::new(RELAY, true, at(0)), 0);
        set.add(direct(), at(0));
        assert_eq!(set.current().way, RELAY, "the relay at once");
        step(&mut set, at(0), &[RELAY, direct()], &mut id);
        assert_eq!(set.current().way, direct(), "the direct path is proved");
        set.note_sent(at(100));
        for ms in (200..8000).step_by(50) {
            step(&mut set, at(ms), &[RELAY], &mut id);
        }
        assert_eq!(set.current().way, RELAY, "the direct path is dead");
    }

    #[test]
    fn a_relay_that_answered_first_by_chance_is_left_for_one_that_is_clearly_nearer() {
        let far_first = |far: u64, near: u64| {
            let mut set = PathSet::new(RELAY, true, at(0));
            set.add(Way::Relay(1), at(0));
            let asked = set.probes_due(at(0)).into_iter().zip([(1, far), (2, near)]);
            for ((way, size), (id, rtt)) in asked {
                set.probe_sent(way, id, size, at(0));
                set.probe_answered(id, at(rtt));
            }
            set.choose(at(far));
            set.current().way
        };
        assert_eq!(far_first(100, 40), Way::Relay(1));
        assert_eq!(far_first(100, 90), RELAY, "that may be chance");
        assert_eq!(far_first(9, 1), RELAY, "that is not worth a move");
    }

    #[test]
    fn an_address_that_never_answers_gets_three_probes_and_no_more() {
        let (mut set, mut id, mut probes) = (PathSet::new(RELAY, true, at(0)), 0, 0);
        set.add(direct(), at(0));
        for s in 0..600 {
            probes += step(&mut set, at(s * 1000), &[RELAY], &mut id)
                .iter()
                .filter(|w| **w == direct())
                .count();
        }
        assert_eq!(probes, 3);
    }

    #[test]
    fn an_address_that_nobody_told_is_tried_when_something_authentic_comes_from_it() {
        let mut set = PathSet::new(RELAY, true, at(0));
        set.note_heard(direct(), true, at(5));
        assert!(set.probes_due(at(5)).iter().any(|(w, _)| *w == direct()));
        assert_eq!(set.current().way, RELAY, "heard is not proved");
    }

    #[test]
    fn the_payload_grows_when_a_padded_probe_comes_back_and_falls_when_padded_keep_alives_die() {
        let (mut set, mut id) = (PathSet::new(RELAY, true, at(0)), 0);
        assert_eq!(set.current().payload(), BASE_PAYLOAD);
        step(&mut set, at(0), &[RELAY], &mut id);
        step(&mut set, at(20), &[RELAY], &mut id);
        assert_eq!(set.current().payload(), FULL_PAYLOAD);
        let carries = |size: usize| size <= BASE_PAYLOAD;
        for ms in (0..60_000).step_by(50) {
            for (way, size) in set.probes_due(at(20_100 + ms)) {
                id += 1;
                set.probe_sent(way, id, size, at(20_100 + ms));
                if carries(size) {
                    set.probe_answered(id, at(20_110 + ms));
                }
            }
        }
        assert_eq!(set.current().payload(), BASE_PAYLOAD);
        assert!(set.current().is_usable(), "the path itself lives on");
    }
}
