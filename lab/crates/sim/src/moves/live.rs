//! Lives through the moves of a world, one after the other.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ntm_wire::time::Mono;

use super::attacker::Powers;
use super::draw::{draw, draw_move};
use super::ground::Ground;
use super::judge::Judge;
use super::spec::{Kind, MoveSpec, Spec, Trouble};
use super::tally::Done;
use crate::net::{HostId, Loss};
use crate::rng::Rng;
use crate::world::World;

/// A tunnel that has not recovered by then never does.
const LIMIT: Duration = Duration::from_secs(15);
/// Between the moment another interface is plugged in and a move that needs it.
pub(super) const PREPARE: Duration = Duration::from_millis(2500);
/// A tunnel that had so long since the last move has settled.
const SETTLED: Duration = Duration::from_millis(1000);

/// Lines of trace kept with something wrong.
const STORY: usize = 250;

/// What came of a world.
pub struct Report {
    /// Which.
    pub seed: u64,
    /// Each move.
    pub done: Vec<Done>,
    /// What must not be, each with the story that led to it.
    pub wrong: Vec<Wrong>,
    /// What the attacker did.
    pub deeds: u64,
    /// The last lines of the trace.
    pub story: String,
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// The number of the move, from 0.
    pub at: usize,
    /// In words.
    pub what: String,
    /// The last lines of the trace then.
    pub story: String,
}

impl Report {
    /// Lives through the first `moves` moves of a world; `prepare` may switch its log on.
    pub fn of(spec: &Spec, moves: usize, prepare: impl FnOnce(&mut World)) -> Self {
        let mut life = Life::new(spec);
        prepare(&mut life.ground.world);
        let lived = catch_unwind(AssertUnwindSafe(|| life.live(spec, moves)));
        if let Err(panic) = lived {
            let text = crate::scenario::panic_text(&*panic).to_owned();
            life.blame(format!("panic: {text}"));
        }
        let deeds = life.ground.mind.try_borrow().map_or(0, |m| m.deeds);
        Self {
            seed: spec.seed,
            story: life.ground.world.story(usize::MAX),
            done: life.done,
            wrong: life.wrong,
            deeds,
        }
    }
}

/// A world in which somebody moves for ever, and nobody attacks: to see what grows.
pub struct Endless {
    life: Life,
    rng: Rng,
}

impl Endless {
    /// A world of this seed in which two people talk.
    pub fn new(seed: u64) -> Result<Self, String> {
        let spec = Spec {
            loss: Loss::None,
            powers: Powers::default(),
            pace: Duration::from_millis(100),
            ..draw(seed)
        };
        let mut life = Life::new(&spec);
        life.ground.world.trace.keep(0);
        life.ground.connect(&spec)?;
        let rng = life.ground.world.rng.split();
        Ok(Self { life, rng })
    }

    /// One move, and whatever is left of `every` thereafter.
    pub fn step(&mut self, every: Duration) -> Result<(), String> {
        let next = self.life.ground.now() + every;
        let one = MoveSpec {
            trouble: Trouble::None,
            ..draw_move(&mut self.rng)
        };
        let is_well = self.life.make(&one);
        self.life.ground.world.run_until(next);
        let found = self.life.judge.look(&mut self.life.ground);
        self.life.done.clear();
        let wrong = core::mem::take(&mut self.life.wrong);
        match wrong.into_iter().map(|w| w.what).chain(found).next() {
            Some(what) => Err(what),
            None => is_well
                .then_some(())
                .ok_or_else(|| "no recovery".to_owned()),
        }
    }

    /// Tunnels of both ends, legs at all relays, nodes at all DCs.
    pub fn sizes(&self) -> [usize; 3] {
        let world = &self.life.ground.world;
        let deployment = &self.life.ground.deployment;
        let tunnels = |end| {
            world
                .node(self.life.ground.host(end))
                .map(|n| n.node.tunnels(world.now()).len())
        };
        let legs = deployment.relays.iter().filter_map(|r| world.relay(r.host));
        let nodes = deployment
            .domains
            .iter()
            .filter_map(|d| world.coordinator(d.host));
        [
            (0..2).filter_map(tunnels).sum(),
            legs.map(|r| r.relay.legs()).sum(),
            nodes.map(|d| d.coordinator.registered()).sum(),
        ]
    }
}

/// A world being lived through.
pub(super) struct Life {
    pub(super) ground: Ground,
    pub(super) off: Vec<HostId>,
    judge: Judge,
    done: Vec<Done>,
    wrong: Vec<Wrong>,
    /// Since when nothing was done to anybody.
    pub(super) quiet_since: Mono,
    is_rough: bool,
}

impl Life {
    fn new(spec: &Spec) -> Self {
        let ground = Ground::build(spec);
        Self {
            quiet_since: ground.now(),
            ground,
            judge: Judge::default(),
            done: Vec::new(),
            wrong: Vec::new(),
            off: Vec::new(),
            is_rough: spec.loss != Loss::None || spec.powers.races,
        }
    }

    fn live(&mut self, spec: &Spec, moves: usize) {
        if let Err(why) = self.ground.connect(spec) {
            return self.blame(why);
        }
        self.ground.world.run_for(PREPARE);
        for one in spec.moves.iter().take(moves) {
            let is_well = self.make(one);
            let found = self.judge.look(&mut self.ground);
            found.into_iter().for_each(|what| self.blame(what));
            if !is_well {
                return;
            }
        }
    }

    /// Makes a move and waits until both hear each other again; false when they never do.
    fn make(&mut self, one: &MoveSpec) -> bool {
        let kind = self.possible(one);
        self.prepare(one, kind);
        let is_calm = !self.is_rough && self.ground.now() >= self.quiet_since + SETTLED;
        let (before, sent) = (self.ground.round_trip(), self.sent());
        let trouble = self.begin_trouble(one.trouble);
        self.act(one, kind);
        let usable = self.ground.now();
        self.mark();
        let is_back = self.wait(usable);
        let firsts = [0, 1].map(|end| self.ground.talk_of(end).and_then(|t| t.heard.first()));
        self.mark();
        self.be_quiet();
        self.ground.world.run_for(one.rest);
        let done = Done {
            kind,
            trouble,
            is_calm,
            round_trip: before.max(self.ground.round_trip()),
            pace: self.ground.pace,
            firsts: firsts.map(|at| at.map(|at| at.since(usable))),
            // Who moved is heard by the other end.
            mover: one.end,
            later: self.silence(),
            lost: self.lost(sent),
        };
        self.conclude(one, kind, done);
        is_back
    }

    fn conclude(&mut self, one: &MoveSpec, kind: Kind, done: Done) {
        if let Some(what) = done.complaint() {
            self.blame(what);
        }
        self.done.push(done);
        if kind == Kind::Silent {
            self.end_silence(one);
        }
        self.end_trouble(one.trouble);
    }

    fn blame(&mut self, what: String) {
        self.wrong.push(Wrong {
            at: self.done.len(),
            what,
            story: self.ground.world.story(STORY),
        });
    }

    fn sent(&self) -> [u32; 2] {
        [0, 1].map(|end| self.ground.talk_of(end).map_or(0, |t| t.sent))
    }

    /// From now on each end waits for what the other sends from now on.
    fn mark(&mut self) {
        let sent = self.sent();
        for (end, wanted) in [(0, sent[1]), (1, sent[0])] {
            let host = self.ground.host(end);
            self.ground.world.with_node(host, |n, _| {
                let talk = n.app.talk.as_mut();
                talk.into_iter().for_each(|t| t.heard.mark(wanted));
            });
        }
    }

    fn wait(&mut self, since: Mono) -> bool {
        let hosts = [self.ground.host(0), self.ground.host(1)];
        let hears = |w: &World, host: HostId| {
            let talk = w.node(host).and_then(|n| n.app.talk.as_ref());
            talk.is_some_and(|t| t.heard.first().is_some())
        };
        let waits = |w: &World| !hosts.iter().all(|h| hears(w, *h));
        self.ground.world.run_while(since + LIMIT, waits)
    }

    /// The longest silence of either end since the mark, one that goes on included.
    fn silence(&self) -> Duration {
        let now = self.ground.now();
        let of = |end| {
            let heard = self.ground.talk_of(end).map(|t| &t.heard);
            heard.map_or(Duration::MAX, |h| h.silence().max(h.quiet(now)))
        };
        of(0).max(of(1))
    }

    /// Packets sent since then that others overtook and that never came.
    fn lost(&self, since: [u32; 2]) -> u64 {
        let missing = |end, from| {
            let talk = self.ground.talk_of(end);
            talk.map_or(0, |t| t.heard.missing_since(from))
        };
        missing(0, since[1]) + missing(1, since[0])
    }
}
