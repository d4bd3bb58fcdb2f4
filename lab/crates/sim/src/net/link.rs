//! A link: one direction of a wire, with everything that goes wrong on one.

use core::time::Duration;

use ntm_wire::time::Mono;

use crate::rng::Rng;

/// How a link treats what it carries. The default is a perfect wire without delay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkConfig {
    /// One way.
    pub delay: Duration,
    /// Up to this much more, at random; order is kept.
    pub jitter: Duration,
    /// What gets lost.
    pub loss: Loss,
    /// Probability that a packet arrives twice.
    pub duplicate: f64,
    /// Probability that a packet is held back by [`LinkConfig::reorder_by`], so that later ones pass it.
    pub reorder: f64,
    /// How long a held-back packet waits.
    pub reorder_by: Duration,
    /// Bandwidth; none: unlimited.
    pub rate: Option<Rate>,
    /// The largest IP packet in bytes; larger ones are dropped, as with DF set. None: any.
    pub mtu: Option<usize>,
}

/// What gets lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// Nothing.
    #[default]
    None,
    /// Each packet with this probability, independently.
    Random(f64),
    /// In bursts (Gilbert-Elliott).
    Bursts(GilbertElliott),
}

/// Two states, each with its own loss; the state may change at each packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GilbertElliott {
    /// Probability of good turning bad.
    pub to_bad: f64,
    /// Probability of bad turning good.
    pub to_good: f64,
    /// Loss while good.
    pub loss_good: f64,
    /// Loss while bad.
    pub loss_bad: f64,
}

impl GilbertElliott {
    /// Bursts of `length` packets on average, all lost, so that `share` of all packets is.
    pub fn bursts(share: f64, length: f64) -> Self {
        let to_good = 1.0 / length.max(1.0);
        Self {
            to_bad: to_good * share / (1.0 - share),
            to_good,
            loss_good: 0.0,
            loss_bad: 1.0,
        }
    }
}

/// A bandwidth, and the queue in front of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Bits per second.
    pub bits_per_s: u64,
    /// Bytes that may wait; what finds the queue full is dropped.
    pub queue_bytes: u64,
}

/// What a link did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Packets given to it.
    pub offered: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub queue_full: u64,
    /// Larger than the MTU.
    pub too_big: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
}

/// When a packet arrives: not at all, once, or twice.
pub(super) type Arrivals = [Option<Mono>; 2];

/// One direction of a wire.
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    rng: Rng,
    is_bad: bool,
    last_arrival: Mono,
    busy_until: Mono,
    stats: LinkStats,
}

impl Link {
    /// A link with its own random numbers.
    pub fn new(config: LinkConfig, rng: Rng) -> Self {
        Self {
            config,
            rng,
            is_bad: false,
            last_arrival: Mono::default(),
            busy_until: Mono::default(),
            stats: LinkStats::default(),
        }
    }

    /// Another treatment from now on; what is under way arrives as it was.
    pub fn configure(&mut self, config: LinkConfig) {
        self.config = config;
    }

    /// Takes a packet of `ip_bytes`; says when it arrives.
    pub(super) fn carry(&mut self, now: Mono, ip_bytes: usize) -> Arrivals {
        self.stats.offered += 1;
        if self.config.mtu.is_some_and(|mtu| ip_bytes > mtu) {
            self.stats.too_big += 1;
            return [None; 2];
        }
        let Some(departed) = self.transmit(now, ip_bytes as u64) else {
            self.stats.queue_full += 1;
            return [None; 2];
        };
        if self.is_lost() {
            self.stats.lost += 1;
            return [None; 2];
        }
        let first = self.arrival(departed);
        let second = self.rng.chance(self.config.duplicate).then(|| {
            self.stats.duplicated += 1;
            self.arrival(departed)
        });
        [Some(first), second]
    }

    /// What the link did so far.
    pub fn stats(&self) -> LinkStats {
        self.stats
    }

    /// Queues behind what is being sent; `None` when the queue is full.
    fn transmit(&mut self, now: Mono, bytes: u64) -> Option<Mono> {
        let Some(rate) = self.config.rate else {
            return Some(now);
        };
        let micros = |bytes: u64| bytes.saturating_mul(8_000_000) / rate.bits_per_s.max(1);
        let waiting = self.busy_until.since(now);
        if waiting > Duration::from_micros(micros(rate.queue_bytes)) {
            return None;
        }
        self.busy_until = self.busy_until.max(now) + Duration::from_micros(micros(bytes));
        Some(self.busy_until)
    }

    fn is_lost(&mut self) -> bool {
        match self.config.loss {
            Loss::None => false,
            Loss::Random(p) => self.rng.chance(p),
            Loss::Bursts(ge) => {
                let turn = if self.is_bad { ge.to_good } else { ge.to_bad };
                self.is_bad ^= self.rng.chance(turn);
                let p = if self.is_bad {
                    ge.loss_bad
                } else {
                    ge.loss_good
                };
                self.rng.chance(p)
            }
        }
    }

    fn arrival(&mut self, departed: Mono) -> Mono {
        let on_time = departed + self.config.delay + self.rng.below(self.config.jitter);
        if self.rng.chance(self.config.reorder) {
            self.stats.reordered += 1;
            return on_time + self.config.reorder_by;
        }
        self.last_arrival = self.last_arrival.max(on_time);
        self.last_arrival
    }
}
