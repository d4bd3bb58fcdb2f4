//! Coordinators and nodes on a network in memory, where nothing is lost unless a test says so.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use ntm_coordinator::{
    Assignment, Config, Coordinator, Event, Ipv4Block, Limits, Located, PeerDc, RelayConfig,
    ResolveError,
};
use ntm_wire::addr::{RealAddr, VirtualPrefix};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::{DcId, RsId};
use ntm_wire::key::{AuthorityKey, KeyPair, SecretKey};
use ntm_wire::message::Message;
use ntm_wire::time::{Mono, Now, Wall};

use crate::node::{Authority, TestNode};

pub(crate) const START: Wall = Wall::from_secs(1_800_000_000);

pub(crate) fn real(text: &str) -> RealAddr {
    RealAddr(text.parse().unwrap())
}

pub(crate) struct Dc {
    pub(crate) dc: Coordinator,
    pub(crate) addr: RealAddr,
    pub(crate) authority: Authority,
    pub(crate) events: Vec<Event>,
    pub(crate) stored: Vec<Assignment>,
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) dcs: Vec<Dc>,
    pub(crate) nodes: Vec<TestNode>,
    /// Which DC serves a node.
    pub(crate) homes: Vec<usize>,
    /// Where the name service says a domain's DC is.
    pub(crate) records: BTreeMap<Fqdn, RealAddr>,
    /// Datagrams to these addresses are lost.
    pub(crate) dead: Vec<RealAddr>,
    /// Every datagram: from, to, kind.
    pub(crate) log: Vec<(RealAddr, RealAddr, PacketType)>,
    pub(crate) store_works: bool,
}

pub(crate) fn dc_key(n: u8) -> KeyPair {
    KeyPair::from_private(SecretKey::new([n + 200; 32]))
}

pub(crate) fn authority(n: u8) -> Authority {
    Authority {
        key: SigningKey::from_bytes(&[n + 10; 32]),
        link: SecretKey::new([n + 20; 32]),
        dc: dc_key(n).server(),
        prefix: VirtualPrefix([0xfd, 0, 0, 0, 0, 0, 0, n]),
    }
}

pub(crate) fn relay(n: u8) -> RelayConfig {
    RelayConfig {
        rs: RsId(u32::from(n)),
        key: KeyPair::from_private(SecretKey::new([n + 150; 32])).server(),
        link: SecretKey::new([n + 160; 32]),
        key_id: u32::from(n),
        v4: Some(format!("192.0.2.{n}:7930").parse().unwrap()),
        v6: None,
    }
}

/// A DC of the domain `<n>.example`, with two relays.
pub(crate) fn config(n: u8) -> Config {
    Config {
        dc: DcId(u32::from(n)),
        key: dc_key(n),
        domains: vec![domain(n)],
        prefix: authority(n).prefix,
        v4_blocks: vec![Ipv4Block {
            base: [100, 64, 64 * n, 0].into(),
            prefix_len: 18,
        }],
        ticket_link: authority(n).link,
        relays: vec![relay(n * 10), relay(n * 10 + 1)],
        peers: Vec::new(),
        limits: Limits::default(),
    }
}

pub(crate) fn domain(n: u8) -> Fqdn {
    format!("dc{n}.example").parse().unwrap()
}

pub(crate) fn peer(n: u8, addr: Option<RealAddr>) -> PeerDc {
    PeerDc {
        domains: vec![domain(n)],
        key: dc_key(n).server(),
        addr,
        same_operator: false,
        authority: AuthorityKey(authority(n).key.verifying_key().to_bytes()),
    }
}

pub(crate) fn dc_addr(n: u8) -> RealAddr {
    real(&format!("203.0.113.{n}:7930"))
}

impl World {
    pub(crate) fn new(configs: Vec<Config>) -> Self {
        let dc = |config: Config| {
            let n = config.dc.0 as u8;
            Dc {
                dc: Coordinator::new(config, [n; 32], Vec::new()).unwrap(),
                addr: dc_addr(n),
                authority: authority(n),
                events: Vec::new(),
                stored: Vec::new(),
            }
        };
        Self {
            now: Now {
                mono: Mono::from_micros(5_000_000),
                wall: START,
            },
            dcs: configs.into_iter().map(dc).collect(),
            nodes: Vec::new(),
            homes: Vec::new(),
            records: BTreeMap::new(),
            dead: Vec::new(),
            log: Vec::new(),
            store_works: true,
        }
    }

    pub(crate) fn one() -> Self {
        Self::new(vec![config(1)])
    }

    /// A node of a DC; not registered yet.
    pub(crate) fn add(&mut self, home: usize, fqdn: &str, addr: &str) -> usize {
        let n = self.nodes.len() as u8 + 1;
        self.nodes.push(TestNode::new(
            &self.dcs[home].authority,
            n,
            fqdn,
            addr,
            START,
        ));
        self.homes.push(home);
        self.nodes.len() - 1
    }

    /// A node that is registered.
    pub(crate) fn join(&mut self, home: usize, fqdn: &str, addr: &str) -> usize {
        let n = self.add(home, fqdn, addr);
        self.register(n);
        assert!(self.nodes[n].has_session(), "{fqdn} is registered");
        n
    }

    pub(crate) fn register(&mut self, n: usize) {
        let hello = self.nodes[n].hello(&[]);
        self.send(n, hello);
        self.settle();
    }

    pub(crate) fn control(&mut self, n: usize, messages: &[Message]) {
        let datagram = self.nodes[n].control(messages);
        self.send(n, datagram);
        self.settle();
    }

    pub(crate) fn direct(&mut self, n: usize, name: &str) {
        let request = self.nodes[n].direction(name);
        self.control(n, &[request]);
    }

    /// Hands a node's datagram to its DC.
    pub(crate) fn send(&mut self, n: usize, datagram: Vec<u8>) {
        let (from, home) = (self.nodes[n].addr, self.homes[n]);
        self.inject(home, from, datagram);
    }

    pub(crate) fn inject(&mut self, home: usize, from: RealAddr, mut datagram: Vec<u8>) {
        if let Ok(d) = Datagram::new_checked(&datagram) {
            self.log.push((from, self.dcs[home].addr, d.kind()));
        }
        self.dcs[home]
            .dc
            .handle_datagram(self.now, from, &mut datagram);
    }

    /// Delivers until nothing moves.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1000 {
            let mut moved = false;
            for i in 0..self.dcs.len() {
                while let Some(event) = self.dcs[i].dc.poll_event() {
                    moved = true;
                    self.act(i, event);
                }
                while let Some(transmit) = self.dcs[i].dc.poll_transmit() {
                    moved = true;
                    self.deliver(i, transmit.to, transmit.payload);
                }
            }
            if !moved {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    fn act(&mut self, i: usize, event: Event) {
        let now = self.now;
        match &event {
            Event::Store(assignment) if self.store_works => {
                self.dcs[i].stored.push(assignment.clone());
                self.dcs[i].dc.handle_stored(now, assignment.node, Ok(()));
            }
            Event::Store(assignment) => {
                self.dcs[i].dc.handle_stored(
                    now,
                    assignment.node,
                    Err(ntm_coordinator::StoreError),
                );
            }
            Event::Resolve { query, domain } => {
                let found = domain
                    .ancestors()
                    .find_map(|d| Some((d.clone(), *self.records.get(&d)?)));
                let found = found.map(|(domain, addr)| Located {
                    domain,
                    addrs: vec![addr],
                });
                self.dcs[i]
                    .dc
                    .handle_resolved(now, *query, found.ok_or(ResolveError::NotFound));
            }
            _ => {}
        }
        self.dcs[i].events.push(event);
    }

    fn deliver(&mut self, i: usize, to: RealAddr, payload: Vec<u8>) {
        let from = self.dcs[i].addr;
        let kind = Datagram::new_checked(&payload).unwrap().kind();
        assert!(payload.len() <= 1232, "{kind:?} of {} bytes", payload.len());
        self.log.push((from, to, kind));
        if self.dead.contains(&to) {
            return;
        }
        if let Some(j) = self.dcs.iter().position(|d| d.addr == to) {
            let mut payload = payload;
            self.dcs[j].dc.handle_datagram(self.now, from, &mut payload);
        } else if let Some(n) = self.nodes.iter().position(|n| n.addr == to) {
            for answer in self.nodes[n].receive(payload) {
                self.send(n, answer);
            }
        }
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn pass(&mut self, secs: u64) {
        let end = self.now.mono + core::time::Duration::from_secs(secs);
        loop {
            let next = self.dcs.iter().filter_map(|d| d.dc.poll_timeout()).min();
            let Some(next) = next.filter(|t| *t <= end) else {
                break;
            };
            self.set(next.max(self.now.mono));
            for i in 0..self.dcs.len() {
                let now = self.now;
                self.dcs[i].dc.handle_timeout(now);
            }
            self.settle();
        }
        self.set(end);
    }

    fn set(&mut self, mono: Mono) {
        self.now.wall = self.now.wall + mono.since(self.now.mono);
        self.now.mono = mono;
    }
}
