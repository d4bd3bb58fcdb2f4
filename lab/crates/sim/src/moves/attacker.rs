//! Somebody on every wire: sees all, keeps what passes, and sends it again, altered, late, or from elsewhere.

use core::cell::RefCell;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use ntm_wire::header::{Datagram, HEADER_LEN, PacketType};
use ntm_wire::time::Mono;

use crate::net::{HostId, Packet};
use crate::rng::Rng;
use crate::tap::{Spoof, Tap, Verdict};

/// Where the attacker itself is, and somebody who has nothing to do with it all.
pub(super) const OWN: Stranger = Stranger(66);
pub(super) const BYSTANDER: Stranger = Stranger(77);

/// A host at the core that is nobody's peer: the last byte of its addresses, and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stranger(u8);

impl Stranger {
    pub(super) fn port(self) -> u16 {
        6000 + u16::from(self.0)
    }

    pub(super) fn addrs(self) -> [IpAddr; 2] {
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, u16::from(self.0));
        [Ipv4Addr::new(198, 51, 100, self.0).into(), v6.into()]
    }

    /// Its address of the family of `like`.
    fn like(self, like: SocketAddr) -> SocketAddr {
        let [v4, v6] = self.addrs();
        SocketAddr::new(if like.is_ipv4() { v4 } else { v6 }, self.port())
    }
}

/// Datagrams kept: some seconds of everything.
const KEPT: usize = 4096;
/// A probe is shorter than a voice packet, a claim longer.
const VOICE: core::ops::Range<usize> = 80..1000;

/// What the attacker may do beside adding datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Powers {
    /// How eagerly it does anything; 1 is a lot.
    pub eagerness: f64,
    /// Its copies come before what they were made from.
    pub races: bool,
    /// It holds datagrams back for seconds.
    pub delays: bool,
}

/// A datagram that passed.
#[derive(Debug)]
struct Taken {
    id: u64,
    from: HostId,
    seen_as: Option<SocketAddr>,
    dst: SocketAddr,
    payload: Vec<u8>,
}

/// What the attacker knows, and what it did.
#[derive(Debug)]
pub(super) struct Mind {
    rng: Rng,
    powers: Powers,
    taken: VecDeque<Taken>,
    /// The addresses under which each host's own datagrams were ever seen.
    pub(super) truly: BTreeMap<HostId, BTreeSet<SocketAddr>>,
    /// Bytes sent to each address in the name of the attacker or of the bystander.
    pub(super) asked: BTreeMap<SocketAddr, u64>,
    /// Bytes that came to the attacker or to the bystander from each address.
    pub(super) answered: BTreeMap<SocketAddr, u64>,
    /// Datagrams sent or held back.
    pub(super) deeds: u64,
}

/// The attacker on the wire; what it knows is shared with whoever judges.
pub(super) struct Attacker(pub(super) Rc<RefCell<Mind>>);

impl Mind {
    pub(super) fn new(rng: Rng, powers: Powers) -> Self {
        Self {
            rng,
            powers,
            taken: VecDeque::new(),
            truly: BTreeMap::new(),
            asked: BTreeMap::new(),
            answered: BTreeMap::new(),
            deeds: 0,
        }
    }

    fn keep(&mut self, from: HostId, packet: &Packet) {
        if self.taken.len() >= KEPT {
            self.taken.pop_front();
        }
        self.taken.push_back(Taken {
            id: packet.id,
            from,
            seen_as: None,
            dst: packet.dst,
            payload: packet.payload.clone(),
        });
    }

    fn note_arrival(&mut self, packet: &Packet) {
        let at = self.taken.binary_search_by_key(&packet.id, |t| t.id);
        let taken = at.ok().and_then(|at| self.taken.get_mut(at));
        if let Some(taken) = taken {
            taken.seen_as = Some(packet.src);
            let known = self.truly.entry(taken.from).or_default();
            known.insert(packet.src);
        }
        let strangers = [OWN, BYSTANDER].map(|s| s.like(packet.dst));
        if strangers.contains(&packet.dst) {
            *self.answered.entry(packet.src).or_default() += packet.payload.len() as u64;
        }
    }

    /// What matters for a move is touched more often than what does not.
    fn is_tempted(&mut self, payload: &[u8]) -> bool {
        let view = Datagram::new_checked(payload);
        let weight = match view.map(|v| v.kind()) {
            Ok(PacketType::Data) if VOICE.contains(&payload.len()) => 0.02,
            Ok(PacketType::Data | PacketType::Bind | PacketType::Leg | PacketType::Hint) => 0.3,
            _ => 0.1,
        };
        self.rng.chance(weight * self.powers.eagerness)
    }

    fn act(&mut self, packet: &Packet) -> Verdict {
        self.deeds += 1;
        let (again, late) = (self.rng.millis(0, 50), self.rng.millis(1000, 10_000));
        match self.rng.index(8) {
            0 => Verdict::add(again, packet.payload.clone()),
            1 => Verdict::add(late, packet.payload.clone()),
            2 => Verdict::add(again, self.altered(&packet.payload)),
            3 if self.powers.delays => Verdict {
                is_dropped: true,
                ..Verdict::add(self.rng.millis(500, 5000), packet.payload.clone())
            },
            3 | 4 => self.spoof(packet.dst, packet.payload.clone()),
            5 => {
                let payload = self.altered(&packet.payload);
                self.spoof(packet.dst, payload)
            }
            6 => self.replay_old(packet.dst),
            _ => {
                let late = self.rng.millis(300, 5000);
                let old = self.random_taken().map(|t| (t.dst, t.payload.clone()));
                let (dst, payload) = old.unwrap_or((packet.dst, packet.payload.clone()));
                self.appear(late, dst, payload)
            }
        }
    }

    /// Something old goes to where something new went.
    fn replay_old(&mut self, dst: SocketAddr) -> Verdict {
        let old = self.random_taken().map(|t| t.payload.clone());
        self.spoof(dst, old.unwrap_or_default())
    }

    /// At once, or when the original must have come.
    fn spoof(&mut self, dst: SocketAddr, payload: Vec<u8>) -> Verdict {
        let after = if self.powers.races && self.rng.chance(0.5) {
            Duration::ZERO
        } else {
            self.rng.millis(400, 2000)
        };
        self.appear(after, dst, payload)
    }

    fn appear(&mut self, after: Duration, dst: SocketAddr, payload: Vec<u8>) -> Verdict {
        let src = self.source(dst);
        let strangers = [OWN, BYSTANDER].map(|s| s.like(dst));
        if strangers.contains(&src) {
            // Else a DC would believe that the node is there and tell the peer, who may ask any address that
            // it is told of thrice (rule 10); here whoever writes to a stranger shall be one who was tricked.
            if is_for_dc(&payload) {
                return Verdict::pass();
            }
            *self.asked.entry(dst).or_default() += payload.len() as u64;
        }
        let spoofed = vec![Spoof {
            after,
            src,
            dst,
            payload,
        }];
        Verdict {
            spoofed,
            ..Verdict::default()
        }
    }

    /// Its own address, a bystander's, or one under which somebody was seen.
    fn source(&mut self, dst: SocketAddr) -> SocketAddr {
        let own = OWN.like(dst);
        match self.rng.index(4) {
            0 => own,
            1 => BYSTANDER.like(dst),
            _ => {
                let seen = self.random_taken().and_then(|t| t.seen_as);
                // A liar keeps to the family, or nobody would take it in.
                seen.filter(|s| s.is_ipv4() == dst.is_ipv4()).unwrap_or(own)
            }
        }
    }

    fn random_taken(&mut self) -> Option<&Taken> {
        let at = self.rng.index(self.taken.len());
        self.taken.get(at)
    }

    fn altered(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = payload.to_vec();
        let at = self.rng.index(out.len());
        match self.rng.index(4) {
            0 => out.truncate(at),
            1 => {
                let bit = 1 << self.rng.index(8);
                out.iter_mut().skip(at).take(1).for_each(|b| *b ^= bit);
            }
            2 => {
                // A later counter, so that no replay window helps.
                let counter = out.iter_mut().skip(HEADER_LEN.saturating_sub(2)).take(1);
                counter.for_each(|b| *b ^= 0x40);
            }
            _ => {
                let noise: [u8; 32] = self.rng.bytes();
                let body = out.iter_mut().skip(HEADER_LEN);
                body.zip(noise.iter().cycle()).for_each(|(b, n)| *b ^= n);
            }
        }
        out
    }
}

fn is_for_dc(payload: &[u8]) -> bool {
    let kind = Datagram::new_checked(payload).map(|v| v.kind());
    matches!(kind, Ok(PacketType::Hello | PacketType::Control))
}

impl Tap for Attacker {
    fn on_send(&mut self, _: Mono, from: HostId, packet: &Packet) -> Verdict {
        let mut mind = self.0.borrow_mut();
        mind.keep(from, packet);
        if mind.is_tempted(&packet.payload) {
            mind.act(packet)
        } else {
            Verdict::pass()
        }
    }

    fn on_arrive(&mut self, _: Mono, _: HostId, packet: &Packet) {
        if !packet.is_injected {
            self.0.borrow_mut().note_arrival(packet);
        }
    }
}
