//! [`World`]: a core, servers, access networks and hosts, for as long as it is held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::access::{Access, Ground, Hairpin, Lan, SplitHome};
use crate::address::{ABROAD, Machine, RELAY, SERVERS, Site};
use crate::host::{Host, Radio};
use crate::lease::Lease;
use crate::netns::Namespace;
use crate::network::Network;
use crate::wire::{Quality, Wire};

/// How links behave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// The round trip between any two hosts of different networks, and to the servers.
    pub rtt: Duration,
    /// For all that is random.
    pub seed: u64,
}

impl Weather {
    /// A way from host to host crosses two wires, there and back.
    pub fn quality(&self) -> Quality {
        Quality::delay(self.rtt / 4)
    }
}

/// A world. Fields are dropped in order: wires before the namespaces they hold on to.
#[derive(Debug)]
pub struct World {
    accesses: Vec<Access>,
    split_homes: Vec<SplitHome>,
    server_wire: Arc<Wire>,
    other_wires: Vec<Wire>,
    weather: Weather,
    hosts: usize,
    core: Namespace,
    air: Namespace,
    servers: Namespace,
    lease: Lease,
}

impl World {
    /// A core and a namespace for servers, and nobody else.
    pub fn build(weather: Weather) -> anyhow::Result<Self> {
        let lease = Lease::take()?;
        let core = lease.namespace("core")?;
        core.forward()?;
        let air = lease.namespace("air")?;
        air.settings(&[
            ("net/ipv6/conf/all/disable_ipv6", "1"),
            ("net/ipv6/conf/default/disable_ipv6", "1"),
        ])?;
        let servers = lease.namespace("servers")?;
        let server_wire = SERVERS.connect(&core, &servers, weather.quality(), weather.seed)?;
        Ok(Self {
            accesses: Vec::new(),
            split_homes: Vec::new(),
            server_wire: Arc::new(server_wire),
            other_wires: Vec::new(),
            weather,
            hosts: 0,
            core,
            air,
            servers,
            lease,
        })
    }

    /// Another access network; its number is what [`World::access`] takes.
    pub fn add_access(&mut self, name: &str, network: Network) -> anyhow::Result<usize> {
        let access = Access::build(&self.ground(), name, network, self.next_site()?)?;
        access.warm()?;
        self.accesses.push(access);
        Ok(self.accesses.len() - 1)
    }

    /// A home whose two LANs reach each other by the router's outside address, or not at all.
    pub fn add_split_home(&mut self, name: &str, hairpin: Hairpin) -> anyhow::Result<&SplitHome> {
        let home = SplitHome::build(&self.ground(), name, hairpin, self.next_site()?)?;
        self.split_homes.push(home);
        self.split_homes.last().context("it was just pushed")
    }

    fn next_site(&self) -> anyhow::Result<Site> {
        Site::new(self.accesses.len() + self.split_homes.len())
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            lease: &self.lease,
            core: &self.core,
            air: &self.air,
            quality: self.weather.quality(),
            seed: self.weather.seed,
        }
    }

    /// A host in no network yet.
    pub fn add_host(&mut self, name: &str) -> anyhow::Result<Host> {
        self.hosts += 1;
        Host::build(&self.lease, &self.air, name, self.hosts)
    }

    /// A host whose first radio is in a network.
    pub fn add_host_in(&mut self, name: &str, lan: &Arc<Lan>) -> anyhow::Result<Host> {
        let mut host = self.add_host(name)?;
        host.join(Radio::First, lan)?;
        Ok(host)
    }

    /// An access network by its number.
    pub fn access(&self, number: usize) -> anyhow::Result<&Access> {
        let found = self.accesses.get(number);
        found.ok_or_else(|| anyhow::anyhow!("there is no access network {number}"))
    }

    /// Every access network.
    pub fn accesses(&self) -> &[Access] {
        &self.accesses
    }

    /// How links behave when nothing is wrong with them.
    pub fn weather(&self) -> Weather {
        self.weather
    }

    /// The router in the middle: everything between networks passes it.
    pub fn core(&self) -> &Namespace {
        &self.core
    }

    /// A machine of its own for a relay, on a link of this quality.
    pub fn add_relay(&mut self, quality: Quality) -> anyhow::Result<Namespace> {
        self.add_machine(&RELAY, quality)
    }

    /// A machine for the servers of another operator, elsewhere: as far from the first as any two hosts.
    pub fn add_abroad(&mut self) -> anyhow::Result<Namespace> {
        self.add_machine(&ABROAD, self.weather.quality())
    }

    fn add_machine(&mut self, machine: &Machine, quality: Quality) -> anyhow::Result<Namespace> {
        let namespace = self.lease.namespace(machine.name)?;
        let wire = machine.connect(&self.core, &namespace, quality, self.weather.seed)?;
        self.other_wires.push(wire);
        Ok(namespace)
    }

    /// Where servers run.
    pub fn servers(&self) -> &Namespace {
        &self.servers
    }

    /// Every link by its name; the server's is `servers`.
    pub fn links(&self) -> BTreeMap<String, Arc<Wire>> {
        let of = |a: &Access| (a.name().to_owned(), Arc::clone(a.wire()));
        let mut links: BTreeMap<_, _> = self.accesses.iter().map(of).collect();
        links.insert("servers".to_owned(), Arc::clone(&self.server_wire));
        links
    }

    /// The run's folder and name.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl Machine {
    fn connect(
        &self,
        core: &Namespace,
        namespace: &Namespace,
        quality: Quality,
        seed: u64,
    ) -> anyhow::Result<Wire> {
        let Self {
            name,
            own: (v4, v6),
            core: (core_v4, core_v6),
        } = self;
        let wire = Wire::connect([(namespace, "eth0"), (core, name)], quality, seed)?;
        core.ip(&format!(
            "link set {name} up\naddr add {core_v4}/24 dev {name}\naddr add {core_v6}/64 dev {name} nodad\n"
        ))?;
        namespace.ip(&format!(
            "link set eth0 up\naddr add {v4}/24 dev eth0\naddr add {v6}/64 dev eth0 nodad\nroute add default via {core_v4}\nroute add default via {core_v6}\n"
        ))?;
        namespace.greet(&[(*core_v4).into(), (*core_v6).into()])?;
        Ok(wire)
    }
}
