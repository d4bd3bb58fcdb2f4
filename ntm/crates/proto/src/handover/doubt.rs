//! While it is not known which way is right, packets go on several; the first that shows life is right.

use core::time::Duration;

use ntm_wire::id::InterfaceId;
use ntm_wire::message::Claim;
use ntm_wire::time::Mono;

use super::path::{Path, Way};
use super::paths::PathSet;

/// Ways that a packet takes besides the one in use.
const DOUBLES: usize = 2;
/// A claim whose way proves nothing for so long is forgotten: the way in use was right.
const CLAIM_LASTS: Duration = Duration::from_secs(3);
/// In a claim: not by this way, which is about to go. No system has so many interfaces.
const ELSEWHERE: InterfaceId = InterfaceId(u16::MAX);
/// Ways on which a peer may say that it has moved.
const MAX_CLAIMED: usize = 8;

/// Since when, why, and where else packets go.
#[derive(Debug)]
pub(crate) struct Doubt {
    since: Mono,
    pub(super) why: Why,
    pub(super) doubles: Vec<Way>,
}

/// Why the way in use is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing is heard any more.
    Silent,
    /// This node's address is gone, and the way with it.
    Moved,
    /// The peer says that it is elsewhere.
    Claimed,
    /// The peer says that it is about to be elsewhere; where, it can't say by this way.
    Announced,
    /// The preferred interface has an address: it is right as soon as it proves to work.
    Better,
}

/// What the way in use hears of a move that it takes no part in.
fn announcement(claim: Claim) -> Claim {
    Claim {
        interface: ELSEWHERE,
        ..claim
    }
}

impl Doubt {
    fn new(why: Why, doubles: Vec<Way>, since: Mono) -> Self {
        Self {
            since,
            why,
            doubles,
        }
    }

    /// When it ends although nothing proved anything.
    pub(super) fn ends_at(&self) -> Option<Mono> {
        let is_passing = matches!(self.why, Why::Claimed | Why::Announced | Why::Better);
        is_passing.then(|| self.since + CLAIM_LASTS)
    }
}

impl PathSet {
    /// Everything that ever lived is asked at once, and packets go on several ways until one answers.
    pub(super) fn begin_doubt(&mut self, why: Why, now: Mono) {
        let asked = self.paths.iter_mut().filter(|p| p.may_arrive());
        asked.for_each(|p| p.restart_probing(now));
        if why == Why::Moved {
            self.current = self.first_of(Path::may_arrive).unwrap_or(self.current);
        }
        self.doubt = Some(Doubt::new(why, self.best_others(), now));
    }

    /// The system refuses to send over the way in use; false when that was in doubt already, or there is no
    /// other.
    pub(crate) fn doubt_at_once(&mut self, now: Mono) -> bool {
        let is_news = self.doubt.is_none() && !self.best_others().is_empty();
        if is_news {
            self.begin_doubt(Why::Silent, now);
        }
        is_news
    }

    /// A relay, and a direct way by another interface: whatever killed a direct path may have killed the
    /// other direct ones too.
    fn best_others(&self) -> Vec<Way> {
        let current = self.current().way;
        let fits = |p: &Path| p.way != current && p.may_arrive();
        let relay = self.first_of(|p| fits(p) && !p.is_direct());
        let abroad = |p: &Path| p.is_direct() && p.way.port() != current.port();
        let other = self.first_of(|p| fits(p) && abroad(p));
        let rest = self.paths.iter().enumerate().filter(|(_, p)| fits(p));
        let all = relay.into_iter().chain(other).chain(rest.map(|(i, _)| i));
        let mut out: Vec<Way> = Vec::new();
        for way in all.filter_map(|i| self.paths.get(i)).map(|p| p.way) {
            if !out.contains(&way) && out.len() < DOUBLES {
                out.push(way);
            }
        }
        out
    }

    /// The first that shows life is right: the one in use, and the doubt is over, or another one.
    pub(super) fn best_in_doubt(&mut self, doubt: Doubt, now: Mono) -> usize {
        if doubt.ends_at().is_some_and(|t| t <= now) {
            return self.current;
        }
        match self.alive(&doubt) {
            Some(found) => {
                if found != self.current && doubt.why == Why::Silent {
                    self.paths[self.current].leave(now);
                }
                found
            }
            None => {
                self.doubt = Some(doubt);
                self.current
            }
        }
    }

    fn alive(&self, doubt: &Doubt) -> Option<usize> {
        let lives = |p: &Path| p.is_usable() && p.lives_since(doubt.since);
        match doubt.why {
            Why::Claimed => return self.first_of(|p| lives(p) && self.is_claimed(p.way)),
            Why::Better => return self.first_of(|p| lives(p) && self.is_home(p.way)),
            Why::Announced => return None,
            Why::Silent | Why::Moved => {}
        }
        let stays = doubt.why == Why::Silent && lives(self.current());
        let current = stays.then_some(self.current);
        current.or_else(|| self.first_of(lives))
    }

    /// Whether a direct way leaves from the interface that this node has claimed.
    fn is_home(&self, way: Way) -> bool {
        way.port().is_some_and(|p| self.has_claimed(p.interface))
    }

    fn is_claimed(&self, way: Way) -> bool {
        let claim = self.peer_claim.as_ref();
        claim.is_some_and(|(_, ways)| ways.contains(&way))
    }

    /// This node has moved to an interface: from now on every probe from there says so.
    pub(crate) fn claim(&mut self, interface: InterfaceId, now: Mono) {
        self.own_claim = Some(Claim {
            interface,
            ..self.next_claim()
        });
        (self.claimed_at, self.stirred_at) = (now, None);
        for path in self.paths.iter_mut().filter(|p| !p.is_cut()) {
            path.restart_probing(now);
            path.search_anew(now);
        }
    }

    /// This node's address went, and the way in use with it.
    pub(crate) fn move_away(&mut self, now: Mono) {
        self.begin_doubt(Why::Moved, now);
    }

    /// This node's preferred interface has a way to where the peer is, and another one is in use.
    pub(crate) fn may_go_home(&self, home: InterfaceId) -> bool {
        let is_abroad = self
            .current()
            .way
            .port()
            .is_some_and(|p| p.interface != home);
        let hopes = |p: &Path| {
            let is_there = p.way.port().is_some_and(|p| p.interface == home);
            is_there || !p.is_direct()
        };
        let is_free = self.doubt.is_none() && !self.has_claimed(home);
        is_abroad && is_free && self.paths.iter().any(hopes)
    }

    /// Packets go there as well, and it is used once it answers.
    pub(crate) fn go_home(&mut self, home: InterfaceId, now: Mono) {
        self.claim(home, now);
        let there = |p: &Path| p.may_arrive() && p.way.port().is_some_and(|p| p.interface == home);
        let doubles = self.first_of(there).map(|i| self.paths[i].way);
        let doubles = doubles.into_iter().collect();
        self.doubt = Some(Doubt::new(Why::Better, doubles, now));
    }

    /// The interface that this node said it is at, when that did not prove to be so.
    pub(crate) fn vain_claim(&self) -> Option<InterfaceId> {
        let in_use = self.current().way.port()?.interface;
        let is_settled = self.doubt.is_none();
        let claimed = self.own_claim?.interface;
        (is_settled && claimed != in_use).then_some(in_use)
    }

    /// What a probe over `way` says of this node's whereabouts, and whether the peer can't know it yet.
    pub(crate) fn claim_on(&self, way: Way, now: Mono) -> (Option<Claim>, bool) {
        let port = way.port();
        let here = |c: &Claim| port.is_none_or(|p| p.interface == c.interface);
        let claim = self.own_claim.filter(here);
        if claim.is_none() && self.is_going_home() && way == self.current().way {
            return (self.own_claim.map(announcement), false);
        }
        if claim.is_none() && way == self.current().way && self.stirs(now) {
            return (Some(self.next_claim()), false);
        }
        let path = self.paths.iter().find(|p| p.way == way);
        let is_first = path.is_some_and(|p| !p.lives_since(self.claimed_at));
        (claim, claim.is_some() && is_first)
    }

    /// An interface has come up: this node may move soon, and says so by the way in use.
    pub(crate) fn stir(&mut self, now: Mono) {
        self.stirred_at = Some(now);
        let current = self.current;
        self.paths[current].restart_probing(now);
    }

    fn stirs(&self, now: Mono) -> bool {
        self.stirred_at.is_some_and(|t| now < t + CLAIM_LASTS)
    }

    /// What this node's next move will say; where it goes is not known.
    fn next_claim(&self) -> Claim {
        Claim {
            move_epoch: self.own_claim.map_or(0, |c| c.move_epoch) + 1,
            interface: ELSEWHERE,
        }
    }

    fn is_going_home(&self) -> bool {
        self.doubt.as_ref().is_some_and(|d| d.why == Why::Better)
    }

    /// Whether this node has said already that it is there.
    pub(crate) fn has_claimed(&self, interface: InterfaceId) -> bool {
        self.own_claim.is_some_and(|c| c.interface == interface)
    }

    /// Whether this node has moved since the tunnel was set up.
    pub(crate) fn has_moved(&self) -> bool {
        self.own_claim.is_some()
    }

    /// Whether the way in use is in doubt for its silence.
    pub(crate) fn is_silent(&self) -> bool {
        self.doubt.as_ref().is_some_and(|d| d.why == Why::Silent)
    }

    /// The peer says over `way` that it has moved (rule 3). True when that is news; an older claim than one
    /// known says nothing.
    pub(crate) fn handle_claim(&mut self, claim: Claim, way: Way, now: Mono) -> bool {
        if self.find(way).is_none() {
            return false;
        }
        if claim.interface == ELSEWHERE {
            self.expect_move(claim, now);
            return false;
        }
        if claim.move_epoch > self.peer_epoch() {
            self.peer_claim = Some((claim, vec![way]));
            self.paths.iter_mut().for_each(|p| p.search_anew(now));
            self.follow(way, now);
            return true;
        }
        self.note_claimed(claim, way, now);
        false
    }

    /// The peer is about to move: the relay knows it sooner than this node, so packets go there too.
    fn expect_move(&mut self, claim: Claim, now: Mono) {
        if claim.move_epoch > self.peer_epoch() && self.doubt.is_none() {
            self.doubt = Some(Doubt::new(Why::Announced, self.best_others(), now));
        }
    }

    /// Of the peer's last move that is known.
    fn peer_epoch(&self) -> u32 {
        self.peer_claim.as_ref().map_or(0, |(c, _)| c.move_epoch)
    }

    /// The same claim by another way.
    fn note_claimed(&mut self, claim: Claim, way: Way, now: Mono) {
        let Some((known, ways)) = self.peer_claim.as_mut() else {
            return;
        };
        if *known == claim && !ways.contains(&way) && ways.len() < MAX_CLAIMED {
            ways.push(way);
            self.double_on(way, now);
        }
    }

    /// Packets go to where the peer is now, and where it was until that is proved.
    fn follow(&mut self, way: Way, now: Mono) {
        if self.current().way == way {
            return;
        }
        if self.doubt.as_ref().is_none_or(|d| d.why != Why::Moved) {
            self.doubt = Some(Doubt::new(Why::Claimed, Vec::new(), now));
        }
        self.double_on(way, now);
    }

    fn double_on(&mut self, way: Way, now: Mono) {
        let current = self.current().way;
        if let Some(path) = self.find(way) {
            path.restart_probing(now);
        }
        if let Some(doubt) = &mut self.doubt
            && !doubt.doubles.contains(&way)
            && way != current
        {
            doubt.doubles.truncate(DOUBLES - 1);
            doubt.doubles.insert(0, way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::locals::Locals;
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    #[test]
    fn an_interface_that_has_come_up_is_told_by_the_way_in_use_until_a_claim_or_for_three_seconds()
    {
        let relay = Way::Relay(0);
        let mut set = PathSet::new(relay, true, Locals::default(), at(0));
        assert_eq!(set.claim_on(relay, at(0)).0, None);
        set.stir(at(1000));
        let told = set.claim_on(relay, at(1001)).0;
        let told = told.expect("the peer should hear that a move is near");
        assert_eq!((told.move_epoch, told.interface), (1, ELSEWHERE));
        assert!(set.probes_due(at(1001)).iter().any(|(w, _)| *w == relay));
        assert_eq!(set.claim_on(Way::Relay(1), at(1001)).0, None, "not there");
        assert_eq!(set.claim_on(relay, at(4000)).0, None, "no move came");
        set.claim(InterfaceId(2), at(4100));
        let claimed = set.claim_on(relay, at(4101)).0.expect("a claim");
        assert_eq!((claimed.move_epoch, claimed.interface), (1, InterfaceId(2)));
    }

    #[test]
    fn who_hears_that_a_peer_may_move_sends_by_the_relay_too_and_goes_back_when_no_move_comes() {
        let relay = Way::Relay(0);
        let mut set = PathSet::new(relay, true, Locals::default(), at(0));
        set.insert(Path::proved(Way::Relay(1), at(0)));
        let near = Claim {
            move_epoch: 1,
            interface: ELSEWHERE,
        };
        assert!(!set.handle_claim(near, relay, at(10)), "nothing moved yet");
        assert_eq!(set.plan(100).doubles, [Way::Relay(1)]);
        set.choose(at(2000));
        assert_eq!(set.plan(100).doubles.len(), 1);
        set.choose(at(3010));
        assert_eq!((set.plan(100).doubles.len(), set.current().way), (0, relay));
    }
}
