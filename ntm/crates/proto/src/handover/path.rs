//! One path of a tunnel: a way to the peer, probed until it answers.

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::HEADER_LEN;
use ntm_wire::id::{InterfaceId, PathId};
use ntm_wire::seal::TAG_LEN;
use ntm_wire::time::Mono;

use super::locals::Port;
use super::tally::Tally;
use crate::negotiation::retry::smooth;
use crate::stack::udp::VIRTUAL_MTU;

/// An address that never answered gets this many probes (rule 10).
const MAX_PROBES: u32 = 3;
/// One that did is given up after this many: three are lost too easily (once in a thousand at 5 % a link).
const MAX_PROBES_PROVED: u32 = 5;
/// Between probes; to an address that never answered, doubled after the first.
const PROBE_PACE: Duration = Duration::from_millis(250);
/// Between answers to questions that came by another way first.
const ECHO_PACE: Duration = Duration::from_millis(100);
/// A path that nothing was sent over gets a keep-alive (rule 17: 15-25 s).
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A path in use that does not answer a question for so long is in doubt.
const SUSPECT: Duration = Duration::from_millis(1500);
/// A path that was left for its silence stays unused for so long, doubled each time up to 160 s: longer
/// than a hand-over between radios lasts, short enough that a call gets its direct path back.
const HOLD: Duration = Duration::from_secs(5);
/// A path that died is tried again after this.
const REVIVE: Duration = Duration::from_secs(30);
/// A relay is the last resort: it is tried again soon.
const REVIVE_RELAY: Duration = Duration::from_secs(2);

/// An address that was not proved gets at most so many times the bytes that came from it (RFC 9000, 8).
const CREDIT_FACTOR: usize = 3;
/// A path in use is asked whether it lives when nothing came back for so long, or, while somebody talks
/// over it, nothing came at all: with [`SUSPECT`] its death is found within three seconds.
const ATTENTION: Duration = Duration::from_secs(1);
/// While a stream comes in, all of it by another way: this one may be dead in one direction, or the
/// peer's NAT has forgotten it, and the peer hears nothing.
const STREAM_ATTENTION: Duration = Duration::from_millis(300);
/// And the least that such a question waits for its answer.
const STREAM_SUSPECT: Duration = Duration::from_millis(250);

/// UDP payload that every path carries until more is proved (rule 16).
pub(crate) const BASE_PAYLOAD: usize = 1200;
/// UDP payload at which a full virtual packet travels in one piece; nothing is won beyond.
pub(crate) const FULL_PAYLOAD: usize = VIRTUAL_MTU + 1 + HEADER_LEN + TAG_LEN;
/// Padded probes before a path is taken not to carry [`FULL_PAYLOAD`] (RFC 8899, MAX_PROBES).
const MAX_SIZE_PROBES: u32 = 3;
/// Between padded probes.
const SIZE_PROBE_PACE: Duration = Duration::from_secs(1);

/// Which way a path goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over the leg with this index.
    Relay(usize),
    /// Straight to the peer, from one of this node's interfaces.
    Direct(InterfaceId, RealAddr),
}

impl Way {
    /// The local port of a direct way.
    pub(crate) fn port(self) -> Option<Port> {
        self.ends().map(|(on, to)| Port::of(on, to))
    }

    /// This node's interface and the peer's address, of a direct way.
    pub(crate) fn ends(self) -> Option<(InterfaceId, RealAddr)> {
        match self {
            Self::Relay(_) => None,
            Self::Direct(on, to) => Some((on, to)),
        }
    }
}

/// How closely a path is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watch {
    /// Another one is in use: it is kept open.
    Spare,
    /// Nobody has talked over it lately.
    InUse,
    /// Somebody talked: its death is noticed within three seconds even of silence.
    Busy,
    /// A stream comes in: a way that it does not come by is soon asked whether it lives.
    Stream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Probes are out for the first time, or again.
    Probing,
    /// A probe was answered.
    Alive,
    /// No answer; nothing is sent until it is tried again.
    Dead,
}

/// A probe under way.
#[derive(Debug)]
struct Sent {
    id: u32,
    at: Mono,
    size: usize,
}

/// A path and what is known of it.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) way: Way,
    state: State,
    was_alive: bool,
    /// It gave no answer the last time, and none since.
    is_given_up: bool,
    tries: u32,
    next_probe: Mono,
    probes: Vec<Sent>,
    tally: Tally,
    /// UDP payload the path is known to carry.
    payload: usize,
    size_tries: u32,
    next_size_probe: Mono,
    pub(crate) rtt: Option<Duration>,
    last_sent: Mono,
    last_heard: Option<Mono>,
    /// It fell silent before: not preferred again until then.
    held_until: Option<Mono>,
    departures: u32,
    /// Since when something sent over this path waits for any sign of life.
    waiting_since: Option<Mono>,
    /// A small question is out, for nothing was heard.
    asked_at: Option<Mono>,
    /// It is to be asked then: what came by another way came by this one too.
    doubled_at: Option<Mono>,
    /// It was asked for that, and may not have answered: what is recorded and sent again asks no more.
    double_asked: Option<Mono>,
    is_double_unanswered: bool,
    /// When a question that had come by another way was answered here as well.
    echoed_at: Option<Mono>,
    /// Its local address is gone: nothing is sent over it.
    is_cut: bool,
    /// The peer was reached at this address from another one of this node.
    is_hoped: bool,
    /// Nobody told of this address: something authentic came from it.
    is_learned: bool,
    /// Bytes that may go to an address that proved nothing yet.
    credit: usize,
    /// To which of its networks the peer is attached there (rule 13).
    peer_attachment: u16,
    /// Under which path id it was heard last.
    heard_under: Option<PathId>,
}

impl Path {
    /// A path whose first probe is due at once.
    pub(crate) fn new(way: Way, now: Mono) -> Self {
        Self {
            way,
            state: State::Probing,
            was_alive: false,
            is_given_up: false,
            tries: 0,
            next_probe: now,
            probes: Vec::new(),
            tally: Tally::default(),
            payload: BASE_PAYLOAD,
            size_tries: 0,
            next_size_probe: now,
            rtt: None,
            last_sent: now,
            last_heard: None,
            held_until: None,
            departures: 0,
            waiting_since: None,
            asked_at: None,
            doubled_at: None,
            double_asked: None,
            is_double_unanswered: false,
            echoed_at: None,
            is_cut: false,
            is_hoped: false,
            is_learned: false,
            credit: 0,
            peer_attachment: 0,
            heard_under: None,
        }
    }

    /// To which of its networks the peer is attached at the other end.
    pub(crate) fn peer_attachment(&self) -> u16 {
        self.peer_attachment
    }

    /// An address may come again in a later network, and what was sent in an earlier one come late. True when that
    /// is news.
    pub(crate) fn raise_peer_attachment(&mut self, number: u16) -> bool {
        let is_news = number > self.peer_attachment;
        self.peer_attachment = self.peer_attachment.max(number);
        is_news
    }

    /// Something authentic came under this path id; true when the last one came under another.
    pub(crate) fn is_heard_under(&mut self, id: PathId) -> bool {
        self.heard_under.replace(id) != Some(id)
    }

    /// A path to an address that nobody told: whoever sent from there may have made it up.
    pub(crate) fn learned(way: Way, now: Mono) -> Self {
        Self {
            is_learned: true,
            ..Self::new(way, now)
        }
    }

    /// A path that the handshake has just proved; it is probed all the same, for its round trip.
    pub(crate) fn proved(way: Way, now: Mono) -> Self {
        Self {
            was_alive: true,
            ..Self::new(way, now)
        }
    }

    /// The size of a probe that should go out now; a path in use is watched more closely. A path that
    /// gave no answer to any probe turns dead here.
    pub(crate) fn probe_due(&mut self, now: Mono, watch: Watch) -> Option<usize> {
        if self.is_cut || now < self.deadline(watch) {
            return None;
        }
        match self.state {
            State::Probing if self.tries >= self.max_probes() => {
                self.state = State::Dead;
                self.is_given_up = true;
                self.next_probe = self.revival(now);
                None
            }
            State::Alive if now < self.life_deadline(watch) => Some(FULL_PAYLOAD),
            State::Alive if self.question_at(watch).is_some_and(|t| t <= now) => {
                if self.doubled_at.take().is_some() {
                    (self.double_asked, self.is_double_unanswered) = (Some(now), true);
                }
                self.asked_at.get_or_insert(now);
                Some(0)
            }
            State::Probing => Some(self.probe_size()),
            State::Alive | State::Dead => {
                self.restart_probing(now);
                Some(self.probe_size())
            }
        }
    }

    fn max_probes(&self) -> u32 {
        if self.was_alive {
            MAX_PROBES_PROVED
        } else {
            MAX_PROBES
        }
    }

    fn pace(&self) -> Duration {
        if self.was_alive {
            PROBE_PACE
        } else {
            PROBE_PACE * (1 << self.tries.min(4))
        }
    }

    /// The first probe confirms the size in use; the next ones only ask for life.
    fn probe_size(&self) -> usize {
        if self.tries == 0 && self.payload > BASE_PAYLOAD {
            self.payload
        } else {
            0
        }
    }

    /// An address that never answered is left alone until something comes from it (rule 10).
    fn revival(&self, now: Mono) -> Mono {
        match self.way {
            Way::Relay(_) => now + REVIVE_RELAY,
            Way::Direct(..) if self.was_alive => now + REVIVE,
            Way::Direct(..) => Mono::from_micros(u64::MAX),
        }
    }

    /// Notes the probe that [`Path::probe_due`] asked for, of `size` bytes; none when it may not go there.
    pub(crate) fn probe_sent(&mut self, id: u32, size: Option<usize>, now: Mono) {
        let (size, went) = (size.unwrap_or(0), size.is_some());
        let searches = size > self.payload;
        // A probe that is too large for the path is no loss.
        if went && !searches {
            self.tally.asked(id, now);
        }
        if searches {
            self.size_tries += 1;
            self.next_size_probe = now + SIZE_PROBE_PACE;
        } else {
            self.next_probe = now + self.pace();
            self.tries += 1;
            self.sent(now);
        }
        self.probes
            .retain(|p| now.since(p.at) < Duration::from_secs(10));
        self.probes.push(Sent { id, at: now, size });
    }

    /// Takes a probe reply; `true` when it answers a probe of this path.
    pub(crate) fn probe_answered(&mut self, id: u32, now: Mono) -> bool {
        let Some(at) = self.probes.iter().position(|p| p.id == id) else {
            return false;
        };
        let sent = self.probes.swap_remove(at);
        self.tally.answered(id);
        self.rtt = Some(smooth(self.rtt, now.since(sent.at)));
        if sent.size == FULL_PAYLOAD {
            self.payload = FULL_PAYLOAD;
        } else if self.tries > 1 {
            // The padded probe got no answer, this one did: begin the search again.
            self.payload = BASE_PAYLOAD;
            self.size_tries = 0;
        }
        self.state = State::Alive;
        self.was_alive = true;
        self.is_given_up = false;
        self.tries = 0;
        (self.waiting_since, self.asked_at) = (None, None);
        self.is_double_unanswered = false;
        self.last_heard = Some(now);
        true
    }

    /// A path from a new local address: `is_hoped` when the peer is known to be at its other end.
    pub(crate) fn fresh(way: Way, is_hoped: bool, now: Mono) -> Self {
        Self {
            is_hoped,
            ..Self::new(way, now)
        }
    }

    /// The local address is gone.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
        self.probes.clear();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether anything may be sent over it in the hope that it arrives.
    pub(crate) fn may_arrive(&self) -> bool {
        !self.is_cut && (self.is_usable() || (self.is_hoped && self.state == State::Probing))
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.state == State::Dead
    }

    /// Whether nothing has shown yet that the peer is not there any more.
    pub(crate) fn is_hoped(&self) -> bool {
        self.is_hoped && self.state != State::Dead
    }

    /// Whether the peer has answered over it.
    pub(crate) fn is_proved(&self) -> bool {
        self.was_alive
    }

    /// Whether `len` bytes may go there, and counts them: an address that was not proved gets no more
    /// than three times what came from it (RFC 9000, 8).
    pub(crate) fn spend(&mut self, len: usize) -> bool {
        if self.was_alive || self.is_hoped {
            return true;
        }
        let left = self.credit.checked_sub(len);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }

    /// How large a probe may be instead of `size`: `least`, or none, when too little came from there. What
    /// is sent then is charged.
    pub(crate) fn afford(&self, size: usize, least: usize) -> Option<usize> {
        if !self.is_learned {
            return Some(size);
        }
        let size = size.max(least);
        let is_free = self.was_alive || self.is_hoped;
        let fits = |s: &usize| is_free || *s <= self.credit;
        [size, least].into_iter().find(fits)
    }

    /// An answer of `len` bytes goes there.
    pub(crate) fn charge(&mut self, len: usize) {
        self.credit = self.credit.saturating_sub(len);
    }

    /// Something authentic of `len` bytes came in over this path.
    pub(crate) fn heard(&mut self, len: usize, now: Mono) {
        if !self.was_alive {
            self.credit = self.credit.saturating_add(len * CREDIT_FACTOR);
        }
        self.last_heard = Some(now);
        if self.state == State::Dead {
            self.restart_probing(now);
        } else if self.state == State::Probing {
            // The peer is there: three answers may all get lost, so the probes begin anew.
            self.tries = 0;
            if self.was_alive {
                self.state = State::Alive;
            }
        }
    }

    /// What came in was data: the peer uses this path. A question of the peer's own tells only that its packets come
    /// in, and a path that is dead in the other direction brings those for as long as the peer looks for its life.
    pub(crate) fn is_used_by_peer(&mut self) {
        (self.waiting_since, self.asked_at) = (None, None);
        self.is_double_unanswered = false;
    }

    /// What came by another way first came by this one too: it is asked, unless it is being asked.
    pub(crate) fn doubled(&mut self, now: Mono) {
        let is_fresh = |t: Mono| now.since(t) < PROBE_PACE;
        let was_asked = self.double_asked.is_some_and(is_fresh) || self.is_double_unanswered;
        if !was_asked && self.state == State::Alive {
            self.doubled_at = Some(now);
        }
    }

    /// Whether a question that came by another way first is answered here too: not each time, for what is
    /// recorded can be sent again without end.
    pub(crate) fn may_echo(&mut self, now: Mono) -> bool {
        let may = self.echoed_at.is_none_or(|t| now.since(t) >= ECHO_PACE);
        self.echoed_at = if may { Some(now) } else { self.echoed_at };
        may
    }

    /// Something was sent over this path.
    pub(crate) fn sent(&mut self, now: Mono) {
        self.last_sent = now;
        self.waiting_since.get_or_insert(now);
    }

    /// Probes from the start, as after a move.
    pub(crate) fn restart_probing(&mut self, now: Mono) {
        self.state = State::Probing;
        self.tries = 0;
        self.asked_at = None;
        self.next_probe = now;
    }

    /// An end has moved: what the path carries is searched anew (rule 16).
    pub(crate) fn search_anew(&mut self, now: Mono) {
        self.payload = BASE_PAYLOAD;
        self.size_tries = 0;
        self.next_size_probe = now;
    }

    /// Whether it showed life after `since`.
    pub(crate) fn lives_since(&self, since: Mono) -> bool {
        self.last_heard.is_some_and(|t| t > since)
    }

    /// Traffic leaves it because it fell silent; each time it is trusted later, so that a path that comes
    /// and goes makes no tunnel flap.
    pub(crate) fn leave(&mut self, now: Mono) {
        self.held_until = Some(now + HOLD * (1 << self.departures.min(5)));
        self.departures += 1;
        self.restart_probing(now);
    }

    /// Whether it may be moved to although the one in use lives.
    pub(crate) fn is_trusted(&self, now: Mono) -> bool {
        self.held_until.is_none_or(|t| now >= t)
    }

    /// Whether the path was proved and is not suspected to be dead.
    pub(crate) fn is_usable(&self) -> bool {
        let is_hopeful = self.was_alive && !self.is_given_up;
        let lives = self.state == State::Alive || (self.state == State::Probing && is_hopeful);
        lives && !self.is_cut
    }

    /// Since when a question waits too long for any sign of life.
    pub(crate) fn suspect_at(&self, watch: Watch) -> Option<Mono> {
        let patience = match watch {
            Watch::Stream => STREAM_SUSPECT.max(self.rtt.unwrap_or(SUSPECT) * 3 / 2),
            Watch::Spare | Watch::InUse | Watch::Busy => SUSPECT,
        };
        self.asked_at.map(|t| t + patience)
    }

    /// When to ask whether it lives: nothing came back, or nobody has said anything for a while.
    fn question_at(&self, watch: Watch) -> Option<Mono> {
        if self.doubled_at.is_some() {
            return self.doubled_at;
        }
        let quiet = self.last_heard.filter(|_| watch >= Watch::Busy);
        let since = match (self.waiting_since, quiet) {
            (Some(waiting), Some(quiet)) => waiting.min(quiet),
            (waiting, quiet) => waiting.or(quiet)?,
        };
        let is_watched = watch != Watch::Spare && self.asked_at.is_none();
        let attention = match watch {
            Watch::Stream => STREAM_ATTENTION,
            Watch::Spare | Watch::InUse | Watch::Busy => ATTENTION,
        };
        is_watched.then(|| since + attention)
    }

    /// When [`Path::probe_due`] may say yes next.
    pub(crate) fn deadline(&self, watch: Watch) -> Mono {
        if self.is_cut {
            return Mono::from_micros(u64::MAX);
        }
        let searching = self.state == State::Alive
            && self.payload < FULL_PAYLOAD
            && self.size_tries < MAX_SIZE_PROBES;
        let life = self.life_deadline(watch);
        if searching {
            life.min(self.next_size_probe)
        } else {
            life
        }
    }

    fn life_deadline(&self, watch: Watch) -> Mono {
        let keep_alive = self.last_sent + KEEP_ALIVE;
        match self.state {
            State::Probing | State::Dead => self.next_probe,
            State::Alive => {
                let is_watched = watch != Watch::Spare;
                let suspect = self.suspect_at(watch).filter(|_| is_watched);
                let all = [self.question_at(watch), suspect, Some(keep_alive)];
                all.into_iter().flatten().min().unwrap_or(keep_alive)
            }
        }
    }

    /// UDP payload the path is known to carry.
    pub(crate) fn payload(&self) -> usize {
        self.payload
    }

    /// The share of its last probes that got no answer; nothing, when none was sent.
    pub(crate) fn loss(&self, now: Mono) -> Option<f64> {
        self.tally.loss(now, self.rtt)
    }

    /// When anything authentic came in over it.
    pub(crate) fn last_heard(&self) -> Option<Mono> {
        self.last_heard
    }

    /// Whether the path goes straight to the peer.
    pub(crate) fn is_direct(&self) -> bool {
        matches!(self.way, Way::Direct(..))
    }
}
