//! A call in virtual time: two engines, a path with loss, jitter and outages between them, two clocks that need not agree.
//! For tests, for the bench, and for whoever wants to hear what an idea does.
//!
//! The same seed gives the same call, to the bit.

use crate::{BLOCK, Engine, Event, PathEvent};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which packets get lost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability (0-1).
    Random(f64),
    /// In bursts (Gilbert): this share (0-1), so many in a row in the mean (1 or more).
    Bursts {
        /// Share lost.
        share: f64,
        /// Mean length.
        mean: f64,
    },
}

/// How a path is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Path {
    /// The least one-way delay.
    pub delay: Duration,
    /// On top of it, evenly distributed up to this.
    pub jitter: Duration,
    /// What gets lost.
    pub loss: Loss,
    /// Share of packets that come twice (0-1).
    pub doubled: f64,
}

/// A hand-over: from `at` on everything sent vanishes, for `length`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outage {
    /// When it begins.
    pub at: Duration,
    /// How long nothing gets through.
    pub length: Duration,
    /// How long after its beginning the overlay says that the path is lost; `None`: it never says anything.
    pub noticed_after: Option<Duration>,
}

/// Random numbers of a world (splitmix64): for playing dice, not for secrets.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same seed, the same numbers.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, in 0..1.
    pub fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One direction of a path.
#[derive(Debug)]
struct Link {
    path: Path,
    dice: Dice,
    in_burst: bool,
    flying: BTreeMap<(Duration, u64), Vec<u8>>,
    sent: u64,
}

impl Link {
    fn new(path: Path, seed: u64) -> Self {
        Self {
            path,
            dice: Dice::new(seed),
            in_burst: false,
            flying: BTreeMap::new(),
            sent: 0,
        }
    }

    fn send(&mut self, now: Duration, bytes: Vec<u8>, cut: bool) {
        let lost = self.loses();
        let twice = self.dice.roll() < self.path.doubled;
        if lost || cut {
            return;
        }
        for _ in 0..=usize::from(twice) {
            let at = now + self.path.delay + self.path.jitter.mul_f64(self.dice.roll());
            self.sent += 1;
            self.flying.insert((at, self.sent), bytes.clone());
        }
    }

    fn loses(&mut self) -> bool {
        match self.path.loss {
            Loss::None => false,
            Loss::Random(share) => self.dice.roll() < share,
            Loss::Bursts { share, mean } => {
                let end = 1.0 / mean;
                let begin = share * end / (1.0 - share);
                let roll = self.dice.roll();
                self.in_burst = if self.in_burst {
                    roll >= end
                } else {
                    roll < begin
                };
                self.in_burst
            }
        }
    }

    fn arrive(&mut self, now: Duration) -> Option<Vec<u8>> {
        let first = *self.flying.first_key_value()?.0;
        if first.0 > now {
            None
        } else {
            self.flying.remove(&first)
        }
    }
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first engine; it is the one that moves.
    A,
    /// The second.
    B,
}

/// A clock that ticks every ten milliseconds, more or less.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    rate: f64,
    phase: Duration,
    count: u64,
}

impl Ticks {
    fn next(&self) -> Duration {
        self.phase + Duration::from_secs_f64(self.count as f64 * 0.01 * self.rate)
    }
}

/// Two engines and what is between them.
#[derive(Debug)]
pub struct World {
    /// Side A and side B.
    pub engines: [Engine; 2],
    links: [Link; 2],
    outages: Vec<Outage>,
    told: Vec<(Duration, Side, PathEvent)>,
    capture: [Ticks; 2],
    play: [Ticks; 2],
    now: Duration,
    events: Vec<(Duration, Side, Event)>,
}

/// What a world takes sound from and gives it to.
pub trait Room {
    /// The next ten milliseconds into the microphone of a side.
    fn mic(&mut self, side: Side, block: u64) -> [f32; BLOCK];
    /// Ten milliseconds out of its loudspeaker.
    fn ear(&mut self, side: Side, now: Duration, engine: &mut Engine, pcm: &[f32; BLOCK]);
}

impl World {
    /// A call over `path` (both directions alike) that begins at 0. `skew_ppm`: how much faster the devices of side A run than those of side B.
    #[must_use]
    pub fn new(
        engines: [Engine; 2],
        path: Path,
        outages: Vec<Outage>,
        skew_ppm: f64,
        seed: u64,
    ) -> Self {
        let ticks = |rate: f64, phase| Ticks {
            rate,
            phase: Duration::from_micros(phase),
            count: 0,
        };
        let a = 1.0 / (1.0 + skew_ppm * 1e-6);
        let mut world = Self {
            engines,
            links: [
                Link::new(path, seed.wrapping_mul(2)),
                Link::new(path, seed.wrapping_mul(2) + 1),
            ],
            outages,
            told: Vec::new(),
            // the devices of a machine don't begin at once
            capture: [ticks(a, 0), ticks(1.0, 3_300)],
            play: [ticks(a, 6_100), ticks(1.0, 8_700)],
            now: Duration::ZERO,
            events: Vec::new(),
        };
        world.schedule(path.delay);
        world
    }

    /// Goes on until then.
    pub fn run(&mut self, until: Duration, room: &mut dyn Room) {
        while self.now < until {
            for (index, side) in [(0, Side::A), (1, Side::B)] {
                self.tell(index, side);
                self.devices(index, side, room);
                self.carry(index);
                while let Some(event) = self.engines[index].poll_event() {
                    self.events.push((self.now, side, event));
                }
            }
            self.now += Duration::from_millis(1);
        }
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<(Duration, Side, Event)> {
        std::mem::take(&mut self.events)
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    fn schedule(&mut self, delay: Duration) {
        for outage in &self.outages {
            let Some(noticed) = outage.noticed_after else {
                continue;
            };
            let (lost, back) = (outage.at + noticed, outage.at + outage.length);
            if lost < back {
                self.told.push((lost, Side::A, PathEvent::Lost));
                self.told.push((lost, Side::B, PathEvent::Lost));
            }
            self.told.push((back, Side::A, PathEvent::Restored));
            // the other end learns it by what the mover sends
            self.told.push((back + delay, Side::B, PathEvent::Restored));
        }
        self.told.sort_by_key(|(at, ..)| *at);
    }

    fn tell(&mut self, index: usize, side: Side) {
        let due: Vec<_> = self
            .told
            .extract_if(.., |(at, to, _)| *at <= self.now && *to == side)
            .collect();
        for (_, _, event) in due {
            self.engines[index].handle_path(self.now, event);
        }
    }

    fn devices(&mut self, index: usize, side: Side, room: &mut dyn Room) {
        let engine = &mut self.engines[index];
        while self.capture[index].next() <= self.now {
            let block = room.mic(side, self.capture[index].count);
            engine.handle_capture(self.now, &block);
            self.capture[index].count += 1;
        }
        while self.play[index].next() <= self.now {
            let mut pcm = [0.0; BLOCK];
            engine.play(self.now, &mut pcm);
            room.ear(side, self.now, engine, &pcm);
            self.play[index].count += 1;
        }
        if engine.poll_timeout().is_some_and(|at| at <= self.now) {
            engine.handle_timeout(self.now);
        }
    }

    fn carry(&mut self, index: usize) {
        let cut = self
            .outages
            .iter()
            .any(|o| (o.at..o.at + o.length).contains(&self.now));
        while let Some(datagram) = self.engines[index].poll_transmit() {
            self.links[index].send(self.now, datagram.bytes, cut);
        }
        while let Some(bytes) = self.links[index].arrive(self.now) {
            self.engines[1 - index].handle_datagram(self.now, &bytes);
        }
    }
}
