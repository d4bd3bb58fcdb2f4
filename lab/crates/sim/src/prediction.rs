//! How often a symmetric NAT's next port is guessed: from what three servers saw of it, while other
//! hosts behind it go on opening connections.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use ntm_networks::prediction::guesses;
use ntm_wire::time::Mono;

use crate::net::{Nat, NatConfig, Ports, Scope};
use crate::rng::Rng;

/// A NAT and what is tried against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bet {
    /// How it takes ports.
    pub ports: Ports,
    /// New connections a second of all the others behind it.
    pub others: f64,
    /// Ports that the peer may punch to.
    pub guesses: u16,
    /// From the last server's look at a port until the packet to the peer takes the next one.
    pub delay: Duration,
}

/// What the node knows of its NAT: the DC's view, and two relays'.
const SERVERS: u16 = 3;
const BETWEEN: Duration = Duration::from_millis(2);
const TICK: Duration = Duration::from_millis(1);
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));

impl Bet {
    /// The share of tries that the peer's punches would meet.
    pub fn share(&self, tries: u64, seed: u64) -> f64 {
        let won = (0..tries).filter(|t| self.is_won(seed.wrapping_add(*t)));
        won.count() as f64 / tries.max(1) as f64
    }

    fn is_won(&self, seed: u64) -> bool {
        let mut home = Home::new(self, seed);
        let seen: Vec<u16> = (0..SERVERS)
            .filter_map(|server| {
                home.live_for(BETWEEN);
                home.write_to(server)
            })
            .collect();
        home.live_for(self.delay);
        let to_peer = home.write_to(SERVERS);
        to_peer.is_some_and(|port| guesses(&seen, self.guesses).contains(&port))
    }
}

/// A NAT with one node and many others behind it.
struct Home {
    nat: Nat,
    rng: Rng,
    others: f64,
    opened: u16,
    now: Mono,
}

impl Home {
    fn new(bet: &Bet, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let symmetric = Scope::AddressAndPortDependent;
        let config = NatConfig {
            ports: bet.ports,
            ..NatConfig::new(symmetric, symmetric)
        };
        Self {
            nat: Nat::new(config, OUTSIDE, rng.split()),
            rng,
            others: bet.others,
            opened: 0,
            now: Mono::default(),
        }
    }

    fn live_for(&mut self, how_long: Duration) {
        let until = self.now + how_long;
        while self.now < until {
            self.now = self.now + TICK;
            if self.rng.chance(self.others * TICK.as_secs_f64()) {
                self.opened += 1;
                let other = SocketAddr::from(([192, 168, 1, 3], 1024 + self.opened));
                // A full NAT changes nothing for the node.
                let _ = self.nat.outbound(self.now, other, destination(0));
            }
        }
    }

    /// The port that a destination sees of the node.
    fn write_to(&mut self, number: u16) -> Option<u16> {
        let node = SocketAddr::from(([192, 168, 1, 2], 7930));
        let mapped = self.nat.outbound(self.now, node, destination(number));
        mapped.ok().map(|a| a.port())
    }
}

fn destination(number: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 10], 7930 + number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(ports: Ports, others: f64, guesses: u16) -> f64 {
        let bet = Bet {
            ports,
            others,
            guesses,
            delay: Duration::from_millis(100),
        };
        bet.share(300, 1)
    }

    #[test]
    fn a_counting_nat_is_guessed_while_nobody_else_uses_it() {
        assert!((share(Ports::Sequential, 0.0, 1) - 1.0).abs() < 1e-9);
        let busy = share(Ports::Sequential, 50.0, 5);
        assert!((0.2..0.8).contains(&busy), "{busy}");
    }

    #[test]
    fn random_ports_are_not_guessed() {
        assert!(share(Ports::Random, 0.0, 5) < 0.02);
    }
}
