//! One try of one pair: a world of its own.

use core::time::Duration;

use ntm_networks::Network;
use ntm_proto::{ConsentPolicy, Route};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::message::Consent;
use ntm_wire::time::Mono;

use super::network::{access, mtu};
use crate::access::Neighbourhood;
use crate::app::{Outcome, Patience};
use crate::deployment::{Deployment, DomainPlan, MANY_LEGS, Plan, RelayPlan};
use crate::net::{HostId, LinkConfig, Loss};
use crate::world::World;

/// One way over each access link: a round trip between any two machines is four of them.
const LINK: Duration = Duration::from_micros(12_500);
/// Until both ends have registered and measured their relays.
const SETTLE: Duration = Duration::from_secs(8);
/// A call that has not worked by then has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a direct path may take to be found after the first echo.
const OPTIMISE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);
const ETHERNET: InterfaceId = InterfaceId(1);

/// What came of a try.
#[derive(Clone, Debug)]
pub struct Try {
    /// From the call to the first echoed byte.
    pub first_byte: Option<Duration>,
    /// From the call to the direct path.
    pub to_direct: Option<Duration>,
    /// Whether the caller's packets went directly. (At 5 % loss on each link an idle path may look dead
    /// for a moment later on, and be left for the relay.)
    pub is_direct: bool,
    /// The last lines of the world's trace.
    pub story: String,
}

/// Tries a pair in the world of this seed; `loss` is of each access link, one way. Odd seeds have two
/// domains, even ones have one.
pub fn attempt(from: Network, to: Network, seed: u64, loss: f64) -> Try {
    let mut pair = Pair::build(from, to, seed, loss);
    pair.world.run_for(SETTLE);
    let began = pair.world.now();
    let (mn, name) = (pair.mn, pair.cn_name.clone());
    let call = |n: &mut crate::process::NodeHost, now| n.call(now, &name, Patience(PATIENCE));
    let Some(id) = pair.world.with_node(mn, call) else {
        return pair.report(began, None);
    };
    let ended = |w: &World| w.node(mn).and_then(|n| n.app.calls()[id.0].ended.clone());
    pair.world
        .run_while(began + PATIENCE, |w| ended(w).is_none());
    let worked = ended(&pair.world).filter(|(_, o)| *o == Outcome::Working);
    pair.report(began, worked.map(|(at, _)| at.since(began)))
}

struct Pair {
    world: World,
    mn: HostId,
    cn_name: Fqdn,
}

impl Pair {
    fn build(from: Network, to: Network, seed: u64, loss: f64) -> Self {
        let mut world = World::new(seed);
        let domains = 1 + (seed % 2) as usize;
        let mut deployment = Deployment::build(&mut world, &plan(domains));
        let policy = ConsentPolicy {
            contacts: Vec::new(),
            for_contacts: Consent::All,
            for_others: Consent::All,
        };
        let names = [name("phone.alice", 0), name("desk.bob", domains - 1)];
        let mut place = |domain, name: &Fqdn| {
            let node = deployment.add_node(&mut world, domain, name, policy.clone());
            node.unwrap_or(HostId(usize::MAX))
        };
        let (mn, cn) = (place(0, &names[0]), place(domains - 1, &names[1]));
        connect(&mut world, (mn, from), (cn, to), loss);
        let [_, cn_name] = names;
        Self { world, mn, cn_name }
    }

    fn is_direct(&self) -> bool {
        let now = self.world.now();
        let tunnels = self.world.node(self.mn).map(|n| n.node.tunnels(now));
        let direct = |t: &ntm_proto::TunnelStatus| matches!(t.route, Route::Direct { .. });
        tunnels.is_some_and(|t| t.iter().any(direct))
    }

    fn report(&mut self, began: Mono, first_byte: Option<Duration>) -> Try {
        let until = self.world.now() + OPTIMISE;
        let mut to_direct = None;
        while first_byte.is_some() && self.world.now() < until {
            if self.is_direct() {
                to_direct.get_or_insert(self.world.now().since(began));
            }
            self.world.run_for(STEP);
        }
        Try {
            first_byte,
            to_direct,
            is_direct: to_direct.is_some(),
            story: self.world.story(150),
        }
    }
}

fn connect(world: &mut World, from: (HostId, Network), to: (HostId, Network), loss: f64) {
    let mut neighbourhood = Neighbourhood::default();
    let link = |network: Network| LinkConfig {
        delay: LINK,
        loss: if loss > 0.0 {
            Loss::Random(loss)
        } else {
            Loss::None
        },
        mtu: mtu(network),
        ..LinkConfig::default()
    };
    let place = (from.0, ETHERNET);
    let zone = neighbourhood.connect(world, place, access(from.1), link(from.1));
    let place = (to.0, ETHERNET);
    if from.1 == Network::SameLan && to.1 == Network::SameLan {
        neighbourhood.join(world, place, (zone, access(from.1)), 1, link(to.1));
    } else {
        neighbourhood.connect(world, place, access(to.1), link(to.1));
    }
}

const DOMAINS: [&str; 2] = ["one.example", "two.example"];

fn name(label: &str, domain: usize) -> Fqdn {
    let domain = DOMAINS.get(domain).copied().unwrap_or(DOMAINS[0]);
    fqdn(&format!("{label}.{domain}"))
}

#[expect(clippy::panic, reason = "the names are written in this file")]
fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn plan(domains: usize) -> Plan {
    let link = LinkConfig {
        delay: LINK,
        ..LinkConfig::default()
    };
    let domain = |text: &&str| DomainPlan {
        domain: fqdn(text),
        link,
    };
    Plan {
        domains: DOMAINS.iter().take(domains).map(domain).collect(),
        relays: (0..domains)
            .map(|domain| RelayPlan {
                domain,
                link,
                max_legs: MANY_LEGS,
            })
            .collect(),
        same_operator: true,
        is_static: true,
        dns_delay: Duration::ZERO,
    }
}
