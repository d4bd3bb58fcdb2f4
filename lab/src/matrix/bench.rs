//! [`Bench`]: the world of a matrix, with a caller and a callee in each network.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

use super::{Matrix, Pair, Row};
use crate::attempt::{Attempt, Plan};
use crate::host::Host;
use crate::network::{Expectation, Network};
use crate::servers::{Device, Servers};
use crate::wire::{Loss, Quality};
use crate::world::{Weather, World};

/// The first packets of a new link wait for its neighbours to be found.
const WARM_UP: Duration = Duration::from_secs(5);
/// Virtual ports of echoes: one for each try, from here on.
const FIRST_PORT: u16 = 20_000;
const PORTS: u64 = 40_000;

/// Which end of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Asks for the name.
    Caller,
    /// Answers.
    Callee,
}

/// The name of the access network that a side of a pair is in: each has its own, but a shared LAN is one.
pub(super) fn site(side: Side, network: Network) -> String {
    match (side, network) {
        (_, Network::SameLan) => network.name().to_owned(),
        (Side::Caller, _) => format!("a-{network}"),
        (Side::Callee, _) => format!("b-{network}"),
    }
}

#[derive(Debug)]
struct Place {
    access: usize,
    device: Device,
    _host: Host,
}

/// A world ready for tries.
#[derive(Debug)]
pub struct Bench {
    places: BTreeMap<(Side, Network), Place>,
    _operators: Vec<Servers>,
    world: World,
}

impl Bench {
    /// Builds the world of a matrix: networks, server, accounts, contacts.
    pub fn build(matrix: &Matrix) -> anyhow::Result<Self> {
        let mut world = World::build(Weather {
            rtt: matrix.rtt,
            seed: matrix.seed,
        })?;
        let hosts = settle(&mut world, &matrix.pairs)?;
        let operators = match matrix.operators {
            2 => Servers::start_two(&mut world, matrix.server)?.into(),
            _ => vec![Servers::start(&world, matrix.server)?],
        };
        warm_up_all(&hosts, &operators)?;
        let places = sign_up(&operators, hosts)?;
        befriend(&places, &matrix.pairs)?;
        Ok(Self {
            places,
            _operators: operators,
            world,
        })
    }

    /// The device of a side.
    pub fn device(&self, side: Side, network: Network) -> anyhow::Result<&Device> {
        Ok(&self.place(side, network)?.device)
    }

    /// The world around it.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Tries one pair as often as the matrix says.
    pub(super) fn try_pair(&self, matrix: &Matrix, pair: Pair) -> anyhow::Result<Row> {
        let mut tries = Vec::new();
        for number in 0..matrix.tries {
            let lossy = matrix.loss > 0.0 && number % 2 == 1;
            tries.push((lossy, self.try_once(matrix, pair, number, lossy)?));
        }
        Ok(Row::of(pair, matrix, &tries))
    }

    /// One try of a pair; every lossy one loses what the matrix says.
    pub fn try_once(
        &self,
        matrix: &Matrix,
        (from, to): Pair,
        number: usize,
        lossy: bool,
    ) -> anyhow::Result<Attempt> {
        let caller = self.place(Side::Caller, from)?;
        let callee = self.place(Side::Callee, to)?;
        let expected = Expectation::of(from, to);
        let plan = Plan {
            port: port(matrix, (from, to), number),
            expected,
            rtt: matrix.rtt,
        };
        let clear = self.world.weather().quality();
        // Each of the two wires loses half of it, so that the way from end to end loses all of it.
        let loss = if lossy { matrix.loss / 2.0 } else { 0.0 };
        self.set(&[caller, callee], clear.with_loss(Loss::Random(loss)))?;
        let attempt = Attempt::run(&caller.device, &callee.device, plan)?;
        self.set(&[caller, callee], clear)?;
        let as_expected = attempt.is_ok() && expected.is_met(attempt.is_direct());
        if let Some(folder) = matrix.keep.as_ref().filter(|_| !as_expected) {
            std::fs::create_dir_all(folder)?;
            let file = folder.join(format!("{from}-to-{to}-{number}.log"));
            std::fs::write(file, &attempt.transcript)?;
        }
        Ok(attempt)
    }

    fn place(&self, side: Side, network: Network) -> anyhow::Result<&Place> {
        let place = self.places.get(&(side, network));
        place.with_context(|| format!("{network} is not in this world"))
    }

    fn set(&self, places: &[&Place], quality: Quality) -> anyhow::Result<()> {
        for place in places {
            self.world.access(place.access)?.wire().set(quality);
        }
        Ok(())
    }
}

/// A port that no earlier try of these two used, so that nothing late is taken for something new.
fn port(matrix: &Matrix, (from, to): Pair, number: usize) -> u16 {
    let mixed = matrix.seed ^ ((from as u64) << 40) ^ ((to as u64) << 20) ^ number as u64;
    let drawn = crate::wire::Chance::new(mixed).next() % PORTS;
    FIRST_PORT + u16::try_from(drawn).unwrap_or_default()
}

type Settled = Vec<((Side, Network), usize, Host)>;

/// A network and a host for each side that takes part; each link is warm afterwards.
fn settle(world: &mut World, pairs: &[Pair]) -> anyhow::Result<Settled> {
    let mut accesses = BTreeMap::new();
    let mut hosts: Settled = Vec::new();
    let sides = |p: &Pair| [(Side::Caller, p.0), (Side::Callee, p.1)];
    let taking_part: std::collections::BTreeSet<_> = pairs.iter().flat_map(sides).collect();
    for (side, network) in taking_part {
        let name = site(side, network);
        let access = match accesses.get(&name) {
            Some(access) => *access,
            None => world.add_access(&name, network)?,
        };
        accesses.insert(name, access);
        let lan = std::sync::Arc::clone(world.access(access)?.lan());
        let host = world.add_host_in(account(side, network).as_str(), &lan)?;
        hosts.push(((side, network), access, host));
    }
    Ok(hosts)
}

fn account(side: Side, network: Network) -> String {
    match side {
        Side::Caller => format!("caller-{network}"),
        Side::Callee => format!("callee-{network}"),
    }
}

/// Callers at the first operator, callees at the last; each device knows both.
fn sign_up(
    operators: &[Servers],
    hosts: Settled,
) -> anyhow::Result<BTreeMap<(Side, Network), Place>> {
    let (first, last) = operators
        .first()
        .zip(operators.last())
        .context("a server")?;
    let invitations = [first.invite(hosts.len())?, last.invite(hosts.len())?];
    let mut places = BTreeMap::new();
    for ((side, network), access, host) in hosts {
        let (own, other, invitation) = match side {
            Side::Caller => (first, last, &invitations[0]),
            Side::Callee => (last, first, &invitations[1]),
        };
        let device = own.sign_up(&account(side, network), invitation, &host)?;
        if operators.len() > 1 {
            other.introduce_to(&device)?;
        }
        let place = Place {
            access,
            device,
            _host: host,
        };
        places.insert((side, network), place);
    }
    Ok(places)
}

/// All at once, for each may take a second.
fn warm_up_all(hosts: &Settled, operators: &[Servers]) -> anyhow::Result<()> {
    let servers: &[IpAddr] = &operators
        .iter()
        .flat_map(Servers::addresses)
        .collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let work = |(key, _, host): &'_ ((Side, Network), usize, Host)| {
            warm_up(host, key.1, servers).with_context(|| format!("{} to the server", key.1))
        };
        let all: Vec<_> = hosts.iter().map(|h| scope.spawn(move || work(h))).collect();
        for one in all {
            one.join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })
}

/// A connection to each server by each family that both have.
fn warm_up(host: &Host, network: Network, servers: &[IpAddr]) -> anyhow::Result<()> {
    let facts = network.facts();
    let reached = |a: &&IpAddr| {
        if a.is_ipv4() {
            facts.v4.is_some()
        } else {
            facts.v6
        }
    };
    host.namespace().enter(|| {
        for server in servers.iter().filter(reached) {
            TcpStream::connect_timeout(&SocketAddr::new(*server, 443), WARM_UP)
                .with_context(|| server.to_string())?;
        }
        Ok(())
    })
}

/// Everybody who will meet may know the other's addresses.
fn befriend(places: &BTreeMap<(Side, Network), Place>, pairs: &[Pair]) -> anyhow::Result<()> {
    for (from, to) in pairs {
        let both = places
            .get(&(Side::Caller, *from))
            .zip(places.get(&(Side::Callee, *to)));
        let (caller, callee) = both.context("a pair without a place")?;
        caller.device.add_contact(callee.device.name())?;
        callee.device.add_contact(caller.device.name())?;
    }
    Ok(())
}
