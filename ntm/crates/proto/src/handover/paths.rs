//! The paths of one tunnel and the choice among them.

use ntm_wire::time::Mono;

use super::path::{BASE_PAYLOAD, Path, Way};
use super::pulse::Pulse;

/// Candidates times local sockets, bounded.
const MAX_PATHS: usize = 24;
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

    /// Chooses anew: the proved direct way with the least round trip, or else a relay. Returns the old
    /// way when it is another one now.
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

    /// A proved way is left only for a better kind, or when it dies: round trips of one kind are not
    /// compared again, so that the tunnel never flaps.
    fn best(&self, now: Mono) -> usize {
        let now_in_use = &self.paths[self.current];
        if now_in_use.is_usable() && now_in_use.is_direct() {
            return self.current;
        }
        let usable = |direct: bool, any: bool| {
            let fits = move |(_, p): &(usize, &Path)| {
                p.is_usable() && p.is_direct() == direct && (any || p.is_trusted(now))
            };
            self.paths
                .iter()
                .enumerate()
                .filter(fits)
                .min_by_key(|(i, p)| (p.rtt, *i))
                .map(|(i, _)| i)
        };
        if let Some(direct) = usable(true, false) {
            return direct;
        }
        if now_in_use.is_usable() {
            return self.current;
        }
        usable(false, true)
            .or_else(|| usable(true, true))
            .or_else(|| self.paths.iter().position(|p| !p.is_direct()))
            .unwrap_or(self.current)
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
    use core::time::Duration;

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
