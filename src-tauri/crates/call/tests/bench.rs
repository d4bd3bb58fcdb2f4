//! Agents on a network in virtual time: loss, delay, doubles, reordering and outages, repeatable to the bit.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;
use voice_call::core::{
    Agent, CallId, Config, Device, EndReason, Event, Limits, State, TextId, TextOutcome,
};
use voice_call::sdp::Wishes;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn name(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

/// Device number `n`, called `full`.
pub(crate) fn device(n: u8, full: &str) -> Device {
    Device {
        name: name(full),
        v6: format!("fd01:203:405:1::{n:x}").parse().unwrap(),
        v4: format!("100.64.0.{n}").parse().unwrap(),
    }
}

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// One way.
    pub(crate) delay: Duration,
    /// Up to this much more, so that datagrams overtake each other.
    pub(crate) jitter: Duration,
    /// Of 100.
    pub(crate) loss: u64,
    /// Of 100.
    pub(crate) doubles: u64,
}

pub(crate) const CALM: Weather = Weather {
    delay: Duration::from_millis(20),
    jitter: Duration::ZERO,
    loss: 0,
    doubles: 0,
};

/// A datagram under way.
#[derive(Clone, Debug)]
pub(crate) struct Flying {
    pub(crate) at: Mono,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Flying {
    /// The first line.
    pub(crate) fn title(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.lines().next().unwrap_or_default().to_owned()
    }
}

/// One device with its telephone.
pub(crate) struct Telephone {
    pub(crate) device: Device,
    pub(crate) agent: Agent,
    pub(crate) events: Vec<Event>,
    next: u64,
}

/// Several telephones and what lies between.
pub(crate) struct World {
    pub(crate) now: Mono,
    pub(crate) phones: Vec<Telephone>,
    pub(crate) weather: Weather,
    /// Nothing goes from or to these.
    pub(crate) cut: Vec<IpAddr>,
    /// What the overlay says of a device in place of the truth.
    pub(crate) verdicts: BTreeMap<Fqdn, EndReason>,
    /// Everything that was sent.
    pub(crate) sent: Vec<Flying>,
    flying: Vec<Flying>,
    random: u64,
}

impl World {
    pub(crate) fn new(devices: &[&str]) -> Self {
        Self::with_limits(devices, Limits::default())
    }

    pub(crate) fn with_limits(devices: &[&str], limits: Limits) -> Self {
        let numbered = (1..).zip(devices).map(|(n, full)| device(n, full));
        Self::of(numbered.collect(), limits)
    }

    pub(crate) fn of(devices: Vec<Device>, limits: Limits) -> Self {
        let phones = (1..).zip(devices).map(|(n, device)| {
            let config = Config {
                name: device.name.clone(),
                v6: device.v6,
                v4: device.v4,
                wishes: Wishes {
                    ptime: 20,
                    dred: Some(12),
                },
                limits,
            };
            Telephone {
                device,
                agent: Agent::new(config, [n; 32]),
                events: Vec::new(),
                next: 0,
            }
        });
        Self {
            now: Mono::from_micros(1_000_000),
            phones: phones.collect(),
            weather: CALM,
            cut: Vec::new(),
            verdicts: BTreeMap::new(),
            sent: Vec::new(),
            flying: Vec::new(),
            random: 1,
        }
    }

    /// alice has a laptop (0), bob a phone (1).
    pub(crate) fn pair() -> Self {
        Self::new(&["laptop.alice.example.org", "phone.bob.example.org"])
    }

    pub(crate) fn seed(&mut self, seed: u64) {
        self.random = seed.wrapping_mul(2).wrapping_add(1);
    }

    pub(crate) fn ip(&self, phone: usize) -> IpAddr {
        self.phones[phone].device.v6.into()
    }

    pub(crate) fn call(&mut self, phone: usize, whom: &str) -> CallId {
        let it = &mut self.phones[phone];
        it.next += 1;
        let id = CallId(it.next * 2);
        it.agent.call(self.now, id, name(whom), 16384);
        self.settle();
        id
    }

    pub(crate) fn text(&mut self, phone: usize, whom: &str, text: &str) -> TextId {
        let it = &mut self.phones[phone];
        it.next += 1;
        let id = TextId(it.next);
        it.agent.send_text(id, name(whom), text).unwrap();
        self.settle();
        id
    }

    /// Does something with one telephone, and lets what follows from it out.
    pub(crate) fn with<T>(&mut self, phone: usize, act: impl FnOnce(&mut Agent, Mono) -> T) -> T {
        let result = act(&mut self.phones[phone].agent, self.now);
        self.settle();
        result
    }

    pub(crate) fn accept(&mut self, phone: usize, id: CallId) {
        self.with(phone, |a, now| a.accept(now, id, 20000));
    }

    pub(crate) fn hang_up(&mut self, phone: usize, id: CallId) {
        self.with(phone, |a, now| a.hang_up(now, id));
    }

    /// Puts a datagram on the network that no telephone sent.
    pub(crate) fn inject(&mut self, from: SocketAddr, to: usize, bytes: &[u8]) {
        let to = SocketAddr::new(self.ip(to), 5060);
        let bytes = bytes.to_vec();
        self.flying.push(Flying {
            at: self.now,
            from,
            to,
            bytes,
        });
    }

    /// Alice calls, bob accepts: both ids.
    pub(crate) fn talk(&mut self) -> (CallId, CallId) {
        let ours = self.call(0, "bob.example.org");
        self.run(SECOND);
        let theirs = self.ringing(1).unwrap();
        self.accept(1, theirs);
        self.run(SECOND);
        assert_eq!(self.state(0, ours), State::Active);
        assert_eq!(self.state(1, theirs), State::Active);
        (ours, theirs)
    }

    pub(crate) fn state(&self, phone: usize, id: CallId) -> State {
        self.phones[phone].agent.state(id)
    }

    /// The last call that rang at a telephone.
    pub(crate) fn ringing(&self, phone: usize) -> Option<CallId> {
        self.phones[phone].events.iter().rev().find_map(|e| {
            if let Event::Incoming { call, .. } = e {
                Some(*call)
            } else {
                None
            }
        })
    }

    /// Why a call ended at a telephone.
    pub(crate) fn ended(&self, phone: usize, id: CallId) -> Option<EndReason> {
        let mut ends = self.phones[phone].events.iter().filter_map(|e| {
            if let Event::Ended { call, reason, .. } = e
                && *call == id
            {
                Some(*reason)
            } else {
                None
            }
        });
        let first = ends.next();
        assert_eq!(ends.next(), None, "{id:?} ended twice");
        first
    }

    pub(crate) fn outcome(&self, phone: usize, id: TextId) -> Option<TextOutcome> {
        self.phones[phone].events.iter().find_map(|e| {
            if let Event::TextDone { text, outcome } = e
                && *text == id
            {
                Some(outcome.clone())
            } else {
                None
            }
        })
    }

    /// What was sent since, by first line.
    pub(crate) fn titles(&self, since: usize) -> Vec<String> {
        self.sent[since..].iter().map(Flying::title).collect()
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, how_long: Duration) {
        let end = self.now + how_long;
        loop {
            self.settle();
            let timers = self.phones.iter().filter_map(|p| p.agent.poll_timeout());
            let next = timers.chain(self.flying.iter().map(|f| f.at)).min();
            let Some(next) = next.filter(|t| *t <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.deliver();
            let now = self.now;
            for phone in &mut self.phones {
                if phone.agent.poll_timeout().is_some_and(|t| t <= now) {
                    phone.agent.handle_timeout(now);
                }
            }
        }
        self.now = end;
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (due, rest) = self.flying.drain(..).partition(|f: &Flying| f.at <= now);
        self.flying = rest;
        let due: Vec<Flying> = due;
        for flying in due {
            let cut = [flying.from.ip(), flying.to.ip()];
            if cut.iter().any(|ip| self.cut.contains(ip)) {
                continue;
            }
            let known = self.phones.iter().map(|p| p.device.clone());
            let sender = known.clone().find(|d| d.owns(flying.from.ip()));
            let sender = sender.unwrap_or_else(|| stranger(flying.from.ip()));
            let to = |p: &&mut Telephone| p.device.owns(flying.to.ip());
            if let Some(phone) = self.phones.iter_mut().find(to) {
                phone
                    .agent
                    .handle_datagram(now, flying.from, &sender, &flying.bytes);
            }
        }
    }

    /// Takes every effect.
    pub(crate) fn settle(&mut self) {
        let directory: Vec<Device> = self.phones.iter().map(|p| p.device.clone()).collect();
        for at in 0..self.phones.len() {
            while let Some(ask) = self.phones[at].agent.poll_ask() {
                let found = self.find(&directory, &ask.name);
                let now = self.now;
                self.phones[at].agent.handle_found(now, ask.want, found);
            }
            while let Some(event) = self.phones[at].agent.poll_event() {
                self.phones[at].events.push(event);
            }
            while let Some(transmit) = self.phones[at].agent.poll_transmit() {
                let own = &self.phones[at].device;
                let from = match transmit.to {
                    SocketAddr::V4(_) => SocketAddr::new(own.v4.into(), 5060),
                    SocketAddr::V6(_) => SocketAddr::new(own.v6.into(), 5060),
                };
                self.send(from, transmit.to, transmit.payload);
            }
        }
    }

    fn find(&self, all: &[Device], name: &Fqdn) -> Result<Vec<Device>, EndReason> {
        if let Some(reason) = self.verdicts.get(name) {
            return Err(*reason);
        }
        let is_it = |d: &&Device| d.name == *name || d.account() == *name;
        let found: Vec<Device> = all.iter().filter(is_it).cloned().collect();
        if found.is_empty() {
            return Err(EndReason::NoSuchPerson);
        }
        Ok(found)
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let flying = Flying {
            at: self.now,
            from,
            to,
            bytes,
        };
        self.sent.push(flying.clone());
        let copies = if self.chance(self.weather.doubles) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            if self.chance(self.weather.loss) {
                continue;
            }
            let jitter = u64::try_from(self.weather.jitter.as_micros()).unwrap();
            let late = Duration::from_micros(self.random() % (jitter + 1));
            self.flying.push(Flying {
                at: self.now + self.weather.delay + late,
                ..flying.clone()
            });
        }
    }

    fn chance(&mut self, of_hundred: u64) -> bool {
        of_hundred > 0 && self.random() % 100 < of_hundred
    }

    /// splitmix64
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Somebody else of the overlay.
pub(crate) fn stranger(ip: IpAddr) -> Device {
    let mut device = device(200, "pc.mallory.example.org");
    match ip {
        IpAddr::V4(ip) => device.v4 = ip,
        IpAddr::V6(ip) => device.v6 = ip,
    }
    device
}
