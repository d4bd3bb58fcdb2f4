//! The paths of one tunnel and the choice among them.

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::message::Claim;
use ntm_wire::time::Mono;

use super::doubt::{Doubt, Why};
use super::locals::{Change, Class, Locals};
use super::path::{BASE_PAYLOAD, Path, Watch, Way};
use super::pulse::Pulse;
use crate::packet::data::Arrival;

/// Candidates times local sockets, bounded.
const MAX_PATHS: usize = 32;
/// A way of the same kind is moved to when its round trip is less by a quarter and by this: more than
/// jitter makes of two equal ways.
const NEARER: Duration = Duration::from_millis(10);

/// All paths of a tunnel; index 0 and 1 are usually the relay legs.
#[derive(Debug)]
pub(crate) struct PathSet {
    pub(super) paths: Vec<Path>,
    pub(super) current: usize,
    pulse: Pulse,
    /// Which way is right is not known since then, and packets go on several.
    pub(super) doubt: Option<Doubt>,
    /// Where this node wants to be reached since its last move.
    pub(super) own_claim: Option<Claim>,
    pub(super) claimed_at: Mono,
    /// An interface came up then, and nothing was claimed since.
    pub(super) stirred_at: Option<Mono>,
    /// Where the peer wants to be reached since its last move, and the ways on which it said so.
    pub(super) peer_claim: Option<(Claim, Vec<Way>)>,
    /// The addresses that the peer told last, each with the attachment that it is of.
    pub(super) told: Vec<(RealAddr, u16)>,
    /// This node's addresses, the preferred first.
    locals: Locals,
    /// It had some, and has none now.
    pub(super) is_adrift: bool,
}

/// Where a datagram goes now.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) way: Way,
    /// Doubles, while the way is in doubt; the peer drops what it has already.
    pub(crate) doubles: Vec<Way>,
}

/// How good a way is by its kind; the least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_elsewhere: bool,
    is_abroad: bool,
    is_relay: bool,
}

impl PathSet {
    /// Begins with the way the handshake took. `proved`: it shows that the peer is there; else anybody
    /// on the way might have passed the request on from another address.
    pub(crate) fn new(first: Way, proved: bool, locals: Locals, now: Mono) -> Self {
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
            own_claim: None,
            claimed_at: now,
            stirred_at: None,
            peer_claim: None,
            told: Vec::new(),
            locals,
            is_adrift: false,
        }
    }

    /// A way to try, unless it is known.
    pub(crate) fn add(&mut self, way: Way, now: Mono) {
        if self.find(way).is_none() {
            self.insert(Path::new(way, now));
        }
    }

    /// The peer says that it is there now: a way that gave no answer before is tried once more.
    pub(crate) fn try_again(&mut self, way: Way, now: Mono) {
        match self.find(way) {
            Some(path) if path.is_dead() => path.restart_probing(now),
            Some(_) => {}
            None => self.insert(Path::new(way, now)),
        }
    }

    pub(super) fn insert(&mut self, mut path: Path) {
        path.raise_peer_attachment(self.peer_attachment_at(path.way));
        if self.paths.len() >= MAX_PATHS {
            self.forget(|p| p.is_cut() || !p.is_proved() && p.is_dead());
        }
        if self.paths.len() < MAX_PATHS {
            self.paths.push(path);
        }
    }

    /// Forgets paths, but never the one in use.
    fn forget(&mut self, is_useless: impl Fn(&Path) -> bool) {
        let way = self.current().way;
        self.paths.retain(|p| p.way == way || !is_useless(p));
        self.current = self.position(way).unwrap_or_default();
    }

    pub(super) fn position(&self, way: Way) -> Option<usize> {
        self.paths.iter().position(|p| p.way == way)
    }

    pub(super) fn find(&mut self, way: Way) -> Option<&mut Path> {
        self.paths.iter_mut().find(|p| p.way == way)
    }

    /// The way in use.
    pub(crate) fn current(&self) -> &Path {
        &self.paths[self.current]
    }

    /// Something left over the way in use.
    pub(crate) fn note_sent(&mut self, now: Mono) {
        let current = self.current;
        self.paths[current].sent(now);
        self.pulse.sent(now);
    }

    /// Data left.
    pub(crate) fn note_data_sent(&mut self, now: Mono) {
        self.pulse.talked(now);
    }

    /// Data of the peer came in.
    pub(crate) fn note_data(&mut self, now: Mono) {
        self.pulse.heard_data(now);
    }

    /// Whether the peer, who streams, should be told that this end lives.
    pub(crate) fn owes_sign(&self, now: Mono) -> bool {
        self.pulse.sign_at().is_some_and(|t| t <= now)
    }

    /// UDP payload that a data packet may have now, wherever it goes.
    pub(crate) fn payload(&self) -> usize {
        let doubles = self.doubt.iter().flat_map(|d| &d.doubles);
        let others = doubles.filter_map(|way| self.paths.iter().find(|p| p.way == *way));
        let all = others.chain([self.current()]).map(Path::payload);
        all.min().unwrap_or(BASE_PAYLOAD)
    }

    /// Where a datagram of `len` bytes goes now.
    pub(crate) fn plan(&mut self, len: usize) -> Plan {
        let way = self.current().way;
        let Some(doubt) = &self.doubt else {
            let doubles = Vec::new();
            return Plan { way, doubles };
        };
        let mut doubles = doubt.doubles.clone();
        doubles.retain(|w| self.find(*w).is_some_and(|p| p.spend(len)));
        Plan { way, doubles }
    }

    /// Time has passed: a stream that fell silent puts its path in doubt; true when it does so now.
    pub(crate) fn check_pulse(&mut self, now: Mono) -> bool {
        let is_due = self.doubt_at().is_some_and(|t| t <= now);
        if is_due {
            self.begin_doubt(Why::Silent, now);
        }
        is_due
    }

    fn doubt_at(&self) -> Option<Mono> {
        if self.doubt.is_some() {
            return None;
        }
        let current = self.current();
        let pulse = self.pulse.doubt_at(current.rtt);
        pulse
            .into_iter()
            .chain(current.suspect_at(self.watch()))
            .min()
    }

    /// Something authentic came in by a way that packets don't leave by: the peer lives, and no more is known.
    pub(crate) fn note_astray(&mut self, now: Mono) {
        self.pulse.heard(now);
    }

    /// Something authentic of `len` bytes came in over `way`; true when that may change the choice. A
    /// direct way that was not known is tried: the peer's NAT shows an address that nobody could tell
    /// beforehand.
    pub(crate) fn note_heard(&mut self, way: Way, may_learn: bool, len: usize, now: Mono) -> bool {
        self.pulse.heard(now);
        if let Some(path) = self.find(way) {
            path.heard(len, now);
        } else if may_learn && self.has_port(way) {
            let mut path = Path::learned(way, now);
            path.heard(len, now);
            self.insert(path);
        }
        self.doubt.is_some() || self.current().way != way
    }

    /// What came in over `way` was data.
    pub(crate) fn note_used(&mut self, way: Way) {
        self.find(way).into_iter().for_each(Path::is_used_by_peer);
    }

    /// Whether this node can send from where a datagram came in: its socket may hold what came to an
    /// address that has gone since.
    fn has_port(&self, way: Way) -> bool {
        self.locals.is_empty() || way.port().is_none_or(|p| self.locals.has(p))
    }

    /// Whether a double may tell anything of the way it came by: a direct one that the peer has answered on.
    pub(crate) fn may_tell(&self, a: &Arrival) -> bool {
        let path = self.position(a.way).and_then(|at| self.paths.get(at));
        !a.is_astray && path.is_some_and(|p| p.is_direct() && p.is_proved() && !p.is_cut())
    }

    /// What came first by another way comes by this one too.
    pub(crate) fn note_double(&mut self, way: Way, now: Mono) {
        self.find(way).into_iter().for_each(|p| p.doubled(now));
    }

    /// See [`Path::may_echo`].
    pub(crate) fn may_echo(&mut self, way: Way, now: Mono) -> bool {
        self.find(way).is_some_and(|p| p.may_echo(now))
    }

    /// `len` bytes go over `way`.
    pub(crate) fn charge(&mut self, way: Way, len: usize) {
        self.find(way).into_iter().for_each(|p| p.charge(len));
    }

    /// How large a probe over `way` may be instead of `size`; see [`Path::afford`].
    pub(crate) fn afford(&mut self, way: Way, size: usize, least: usize) -> Option<usize> {
        self.find(way)?.afford(size, least)
    }

    /// A probe was answered over `way`; `true` if it had gone there. An answer by another way proves
    /// nothing: somebody may have passed the probe on (RFC 8445, 7.2.5.2.1).
    pub(crate) fn probe_answered(&mut self, way: Way, id: u32, now: Mono) -> bool {
        self.find(way).is_some_and(|p| p.probe_answered(id, now))
    }

    /// Chooses anew. Returns the old way when it is another one now.
    pub(crate) fn choose(&mut self, now: Mono) -> Option<Way> {
        let best = match self.doubt.take() {
            Some(doubt) => self.best_in_doubt(doubt, now),
            None => self.best(now),
        };
        if best == self.current {
            return None;
        }
        let old = self.current().way;
        self.current = best;
        Some(old)
    }

    /// Where the peer said that it is, from the preferred interface, and straight.
    fn rank(&self, path: &Path) -> Rank {
        let claimed = self.peer_claim.as_ref();
        let remote = path.way.ends();
        Rank {
            is_elsewhere: claimed.is_some_and(|(_, ways)| !ways.contains(&path.way)),
            is_abroad: remote.is_some_and(|(on, to)| self.locals.home(to) != on),
            is_relay: !path.is_direct(),
        }
    }

    /// A proved way is left for a better kind, for one of its kind that is clearly nearer, or when it dies.
    fn best(&self, now: Mono) -> usize {
        let in_use = self.current();
        let is_usable = in_use.is_usable();
        let fits = |p: &Path| p.is_usable() && (!is_usable || p.is_trusted(now));
        let Some(best) = self
            .first_of(fits)
            .or_else(|| self.first_of(Path::is_usable))
        else {
            return self.any();
        };
        if !is_usable || self.rank(&self.paths[best]) < self.rank(in_use) {
            best
        } else {
            self.nearer(now).unwrap_or(self.current)
        }
    }

    /// Nothing is known to live: a relay is the best hope.
    fn any(&self) -> usize {
        let relay = |p: &Path| !p.is_cut() && !p.is_direct();
        let all = || self.paths.iter();
        let hope = all().position(relay);
        let hope = hope.or_else(|| all().position(Path::may_arrive));
        hope.unwrap_or(self.current)
    }

    /// The best by kind and then by round trip.
    pub(super) fn first_of(&self, fits: impl Fn(&Path) -> bool) -> Option<usize> {
        let all = self.paths.iter().enumerate().filter(|(_, p)| fits(p));
        all.min_by_key(|(i, p)| (self.rank(p), p.rtt.is_none(), p.rtt, *i))
            .map(|(i, _)| i)
    }

    /// Another of the kind in use whose round trip is less by so much that it is no chance: which copy of
    /// the handshake came first says little.
    fn nearer(&self, now: Mono) -> Option<usize> {
        let in_use = self.current();
        let rank = self.rank(in_use);
        let most = in_use.rtt?.checked_sub(NEARER.max(in_use.rtt? / 4))?;
        self.first_of(|p| {
            let is_nearer = p.rtt.is_some_and(|r| r < most);
            is_nearer && self.rank(p) == rank && p.is_usable() && p.is_trusted(now)
        })
    }

    /// The paths over which a probe should go out now, and how large it should be.
    pub(crate) fn probes_due(&mut self, now: Mono) -> Vec<(Way, usize)> {
        let (current, watch) = (self.current, self.watch());
        let watch_of = |i| if i == current { watch } else { Watch::Spare };
        let due = |(i, p): (usize, &mut Path)| {
            let size = p.probe_due(now, watch_of(i))?;
            Some((p.way, size))
        };
        self.paths.iter_mut().enumerate().filter_map(due).collect()
    }

    /// How closely the path in use is watched when it is due next.
    fn watch(&self) -> Watch {
        let due = |watch| self.current().deadline(watch);
        if self.pulse.is_streaming(due(Watch::Stream)) {
            Watch::Stream
        } else if self.pulse.is_busy(due(Watch::Busy)) {
            Watch::Busy
        } else {
            Watch::InUse
        }
    }

    /// Notes a probe sent.
    pub(crate) fn probe_sent(&mut self, way: Way, id: u32, size: Option<usize>, now: Mono) {
        if let Some(path) = self.find(way) {
            path.probe_sent(id, size, now);
        }
    }

    /// Every path is suspect: after sleep, or when interfaces changed.
    pub(crate) fn suspect_all(&mut self, now: Mono) {
        self.paths.iter_mut().for_each(|p| p.restart_probing(now));
    }

    /// This node's addresses are others now. `remotes`: where the peer said that it may be reached. True
    /// when the way in use went with an address.
    pub(crate) fn handle_change(
        &mut self,
        change: &Change,
        locals: &Locals,
        remotes: &[RealAddr],
        now: Mono,
    ) -> bool {
        self.locals = locals.clone();
        self.is_adrift = locals.is_empty();
        let hoped: Vec<RealAddr> = self.likely_remotes();
        self.remember_peer_attachments();
        for path in &mut self.paths {
            if path.way.port().is_some_and(|p| change.gone.contains(&p)) {
                path.cut();
            }
        }
        self.forget(Path::is_cut);
        let is_cut = self.current().is_cut();
        for port in &change.fresh {
            let all = hoped
                .iter()
                .chain(remotes.iter().filter(|r| !hoped.contains(r)));
            for to in all.filter(|r| Class::of(**r) == port.class) {
                let way = Way::Direct(port.interface, *to);
                self.renew(Path::fresh(way, hoped.contains(to), now));
            }
        }
        is_cut
    }

    /// A path that takes the place of one that was cut.
    fn renew(&mut self, mut path: Path) {
        path.raise_peer_attachment(self.peer_attachment_at(path.way));
        match self.find(path.way) {
            Some(known) if known.is_cut() => *known = path,
            Some(_) => {}
            None => self.insert(path),
        }
    }

    /// Where the peer answered. An address may come in several steps (carrier, address, route): what was
    /// likely before the last of them still is.
    fn likely_remotes(&self) -> Vec<RealAddr> {
        let likely = self.paths.iter().filter(|p| p.is_proved() || p.is_hoped());
        let mut out: Vec<RealAddr> = Vec::new();
        for remote in likely.filter_map(|p| p.way.ends()).map(|(_, to)| to) {
            if !out.contains(&remote) {
                out.push(remote);
            }
        }
        out
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let watch = self.watch();
        let watch_of = |i| {
            if i == self.current {
                watch
            } else {
                Watch::Spare
            }
        };
        let paths = self.paths.iter().enumerate();
        let probes = paths.map(|(i, p)| p.deadline(watch_of(i)));
        let doubt = self.doubt.as_ref().and_then(Doubt::ends_at);
        let pulse = [self.doubt_at(), self.pulse.sign_at(), doubt];
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
            set.probe_sent(*way, *id, Some(*size), now);
            if answering.contains(way) {
                assert!(set.probe_answered(*way, *id, now + Duration::from_millis(10)));
            }
        }
        set.choose(now);
        due.into_iter().map(|(way, _)| way).collect()
    }

    #[test]
    fn traffic_moves_from_the_relay_to_a_direct_path_once_that_answers_and_back_when_it_dies() {
        let (mut set, mut id) = (PathSet::new(RELAY, true, Locals::default(), at(0)), 0);
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
            let mut set = PathSet::new(RELAY, true, Locals::default(), at(0));
            set.add(Way::Relay(1), at(0));
            let asked = set.probes_due(at(0)).into_iter().zip([(1, far), (2, near)]);
            for ((way, size), (id, rtt)) in asked {
                set.probe_sent(way, id, Some(size), at(0));
                set.probe_answered(way, id, at(rtt));
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
        let (mut set, mut id, mut probes) =
            (PathSet::new(RELAY, true, Locals::default(), at(0)), 0, 0);
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
        let mut set = PathSet::new(RELAY, true, Locals::default(), at(0));
        set.note_heard(direct(), true, 100, at(5));
        assert!(set.probes_due(at(5)).iter().any(|(w, _)| *w == direct()));
        assert_eq!(set.current().way, RELAY, "heard is not proved");
    }

    #[test]
    fn a_probe_that_is_answered_by_another_way_proves_nothing() {
        let mut set = PathSet::new(RELAY, true, Locals::default(), at(0));
        set.add(direct(), at(0));
        set.probe_sent(direct(), 1, Some(0), at(0));
        assert!(
            !set.probe_answered(RELAY, 1, at(10)),
            "somebody passed it on"
        );
        assert!(set.probe_answered(direct(), 1, at(20)));
    }

    #[test]
    fn an_address_that_nobody_told_gets_no_more_than_three_times_what_came_from_it() {
        let mut set = PathSet::new(RELAY, true, Locals::default(), at(0));
        set.note_heard(direct(), true, 50, at(5));
        for _ in 0..2 {
            assert_eq!(set.afford(direct(), 1200, 65), Some(65));
            set.charge(direct(), 65);
        }
        assert_eq!(set.afford(direct(), 0, 65), None);
        set.note_heard(direct(), true, 400, at(9));
        assert_eq!(set.afford(direct(), 1200, 65), Some(1200));
        assert_eq!(set.afford(RELAY, 1200, 65), Some(1200), "that is told");
    }

    #[test]
    fn the_payload_grows_when_a_padded_probe_comes_back_and_falls_when_padded_keep_alives_die() {
        let (mut set, mut id) = (PathSet::new(RELAY, true, Locals::default(), at(0)), 0);
        assert_eq!(set.current().payload(), BASE_PAYLOAD);
        step(&mut set, at(0), &[RELAY], &mut id);
        step(&mut set, at(20), &[RELAY], &mut id);
        assert_eq!(set.current().payload(), FULL_PAYLOAD);
        let carries = |size: usize| size <= BASE_PAYLOAD;
        for ms in (0..60_000).step_by(50) {
            for (way, size) in set.probes_due(at(20_100 + ms)) {
                id += 1;
                set.probe_sent(way, id, Some(size), at(20_100 + ms));
                if carries(size) {
                    set.probe_answered(way, id, at(20_110 + ms));
                }
            }
        }
        assert_eq!(set.current().payload(), BASE_PAYLOAD);
        assert!(set.current().is_usable(), "the path itself lives on");
    }
}
