//! The servers of a world: one AS and one DC per domain, and their relays.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::time::Duration;

use ntm_coordinator::{Ipv4Block, Limits, PeerDc, RelayConfig};
use ntm_proto::{Authority, Config, ConsentPolicy, DcEndpoint};
use ntm_relay::DcLink;
use ntm_wire::addr::{RealAddr, VirtualPrefix};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::NTM_PORT;
use ntm_wire::id::{DcId, RsId};
use ntm_wire::key::{KeyPair, SecretKey};

use crate::account_server::{AccountServer, Profile};
use crate::net::{HostId, LinkConfig};
use crate::process::{CoordinatorHost, NodeHost, Process, RelayHost};
use crate::world::World;

/// So many legs that no world fills a relay.
pub const MANY_LEGS: usize = 10_000;

/// What servers there shall be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One DC per domain.
    pub domains: Vec<DomainPlan>,
    /// The relays.
    pub relays: Vec<RelayPlan>,
    /// Whether all domains are one operator's, so that virtual IPv4 addresses mean the same.
    pub same_operator: bool,
    /// Whether DCs know each other's address from a static map; else they ask DNS.
    pub is_static: bool,
    /// How long DNS takes.
    pub dns_delay: Duration,
}

/// One domain.
#[derive(Clone, Debug)]
pub struct DomainPlan {
    /// Its name.
    pub domain: Fqdn,
    /// The wire of its DC.
    pub link: LinkConfig,
}

/// One relay.
#[derive(Clone, Copy, Debug)]
pub struct RelayPlan {
    /// The DC it belongs to, by index.
    pub domain: usize,
    /// Its wire.
    pub link: LinkConfig,
    /// How many legs fill it.
    pub max_legs: usize,
}

/// The servers that there are.
#[derive(Debug)]
pub struct Deployment {
    /// By index of the plan.
    pub domains: Vec<Domain>,
    /// By index of the plan.
    pub relays: Vec<RelaySite>,
}

/// A domain's AS and DC.
#[derive(Debug)]
pub struct Domain {
    /// Where the DC runs.
    pub host: HostId,
    /// Who signs in.
    pub account_server: AccountServer,
    /// The DC's key.
    pub key: KeyPair,
    /// The DC's addresses.
    pub addrs: Vec<IpAddr>,
    names: Vec<Fqdn>,
}

/// A relay.
#[derive(Debug)]
pub struct RelaySite {
    /// Where it runs.
    pub host: HostId,
    /// Its key.
    pub key: KeyPair,
    /// Shared with its DC.
    pub link: SecretKey,
    /// Its addresses.
    pub addrs: Vec<IpAddr>,
    config: RelayConfig,
    domain: usize,
}

impl Deployment {
    /// Builds and starts the servers.
    pub fn build(world: &mut World, plan: &Plan) -> Self {
        world.dns.delay = plan.dns_delay;
        let mut domains: Vec<Domain> = Vec::new();
        for (index, planned) in plan.domains.iter().enumerate() {
            let domain = draw_domain(world, index, planned);
            domains.push(domain);
        }
        let mut relays: Vec<RelaySite> = Vec::new();
        for (index, planned) in plan.relays.iter().enumerate() {
            relays.push(draw_relay(world, index, planned));
        }
        let mut deployment = Self { domains, relays };
        for index in 0..plan.domains.len() {
            deployment.start_coordinator(world, plan, index);
        }
        for index in 0..plan.relays.len() {
            deployment.start_relay(world, plan, index);
        }
        deployment
    }

    /// A name that the AS knows, though no device of it may ever come on.
    pub fn add_name(&mut self, world: &mut World, domain: usize, name: &Fqdn) {
        let Some(domain) = self.domains.get_mut(domain) else {
            return;
        };
        domain.names.push(name.clone());
        domain.names.extend(name.parent());
        domain.names.sort();
        domain.names.dedup();
        let names = domain.names.clone();
        world.with_process(domain.host, |process, _| {
            if let Process::Coordinator(dc) = process {
                dc.set_names(names);
            }
        });
    }

    /// Signs a device in and starts its node, on a host that is plugged in nowhere yet.
    pub fn add_node(
        &mut self,
        world: &mut World,
        domain: usize,
        name: &Fqdn,
        consent: ConsentPolicy,
    ) -> Option<HostId> {
        let wall = world.wall();
        self.add_name(world, domain, name);
        let profile = self.domains.get_mut(domain)?;
        let profile = profile.account_server.sign_in(name, wall);
        let config = self.node_config(domain, profile, consent)?;
        let now = world.now_at(HostId(usize::MAX));
        let node = NodeHost::new(config, world.rng.split(), now);
        let label = name.labels().take(2).collect::<Vec<_>>().join(".");
        Some(world.add_host(&label, Process::Node(Box::new(node))))
    }

    /// What a node with this profile is configured with.
    pub fn node_config(
        &self,
        domain: usize,
        profile: Profile,
        consent: ConsentPolicy,
    ) -> Option<Config> {
        let home = self.domains.get(domain)?;
        Some(Config {
            certificate: profile.certificate,
            identity: profile.identity,
            node_key: profile.node_key,
            ticket: profile.ticket,
            ticket_expires: profile.ticket_expires,
            dc: DcEndpoint {
                key: home.key.server(),
                addrs: home.addrs.iter().map(|ip| at_ntm_port(*ip)).collect(),
            },
            authorities: self.domains.iter().map(Domain::authority).collect(),
            pins: Vec::new(),
            push_token: None,
            consent,
        })
    }

    fn start_coordinator(&mut self, world: &mut World, plan: &Plan, index: usize) {
        let config = self.coordinator_config(plan, index);
        let (Some(config), Some(home)) = (config, self.domains.get_mut(index)) else {
            return;
        };
        match CoordinatorHost::new(config, world.rng.split()) {
            Ok(dc) => {
                home.host =
                    world.add_host(&format!("dc{index}"), Process::Coordinator(Box::new(dc)))
            }
            Err(e) => world.faults.push(format!("dc{index} does not start: {e}")),
        }
        if let Some(planned) = plan.domains.get(index) {
            let addrs = home.addrs.clone();
            world.plug_at_core(home.host, &addrs, planned.link);
            let addrs = addrs.into_iter().map(at_ntm_port).collect();
            world.dns.announce(planned.domain.clone(), addrs);
        }
    }

    fn coordinator_config(&self, plan: &Plan, index: usize) -> Option<ntm_coordinator::Config> {
        let home = self.domains.get(index)?;
        let octet = u8::try_from(index * 64).ok()?;
        let mine = |r: &&RelaySite| r.domain == index;
        let others = self.domains.iter().enumerate().filter(|(i, _)| *i != index);
        Some(ntm_coordinator::Config {
            dc: DcId(u32::try_from(index).ok()? + 1),
            key: home.key.clone(),
            domains: vec![home.account_server.domain.clone()],
            prefix: home.account_server.prefix,
            v4_blocks: vec![Ipv4Block {
                base: Ipv4Addr::new(100, 64, octet, 0),
                prefix_len: 18,
            }],
            ticket_link: home.account_server.ticket_link.clone(),
            relays: self
                .relays
                .iter()
                .filter(mine)
                .map(|r| r.config.clone())
                .collect(),
            peers: others.map(|(_, other)| other.as_peer(plan)).collect(),
            limits: Limits::default(),
        })
    }

    fn start_relay(&mut self, world: &mut World, plan: &Plan, index: usize) {
        let (Some(site), Some(planned)) = (self.relays.get_mut(index), plan.relays.get(index))
        else {
            return;
        };
        let Some(home) = self.domains.get(site.domain) else {
            return;
        };
        let config = ntm_relay::Config {
            rs: site.config.rs,
            key: site.key.clone(),
            dcs: vec![DcLink {
                key_id: site.config.key_id,
                link: site.link.clone(),
                key: home.key.server(),
                addr: home.addrs.first().map(|ip| at_ntm_port(*ip)),
            }],
            v4: site.config.v4,
            v6: site.config.v6,
            max_legs: planned.max_legs,
        };
        let relay = RelayHost::new(config, world.rng.split());
        site.host = world.add_host(&format!("rs{index}"), Process::Relay(Box::new(relay)));
        let addrs = site.addrs.clone();
        world.plug_at_core(site.host, &addrs, planned.link);
    }
}

impl Domain {
    fn authority(&self) -> Authority {
        Authority {
            domain: self.account_server.domain.clone(),
            key: self.account_server.authority(),
        }
    }

    fn as_peer(&self, plan: &Plan) -> PeerDc {
        let addr = self.addrs.first().map(|ip| at_ntm_port(*ip));
        PeerDc {
            domains: vec![self.account_server.domain.clone()],
            key: self.key.server(),
            addr: addr.filter(|_| plan.is_static),
            same_operator: plan.same_operator,
            authority: self.account_server.authority(),
        }
    }
}

fn draw_domain(world: &mut World, index: usize, planned: &DomainPlan) -> Domain {
    let number = u8::try_from(index).unwrap_or(u8::MAX);
    let prefix = VirtualPrefix([0xfd, 0x4c, 0x65, 0x67, 0x61, 0x74, 0, number]);
    let rng = world.rng.split();
    Domain {
        host: HostId(usize::MAX),
        account_server: AccountServer::new(planned.domain.clone(), prefix, rng),
        key: KeyPair::from_private(SecretKey::new(world.rng.seed())),
        addrs: server_addrs(113, number),
        names: Vec::new(),
    }
}

fn draw_relay(world: &mut World, index: usize, planned: &RelayPlan) -> RelaySite {
    let number = u8::try_from(index).unwrap_or(u8::MAX);
    let key = KeyPair::from_private(SecretKey::new(world.rng.seed()));
    let link = SecretKey::new(world.rng.seed());
    let addrs = server_addrs(114, number);
    let config = RelayConfig {
        rs: RsId(u32::from(number) + 1),
        key: key.server(),
        link: link.clone(),
        key_id: 1,
        v4: addrs.iter().find_map(|ip| match ip {
            IpAddr::V4(ip) => Some(SocketAddrV4::new(*ip, NTM_PORT)),
            IpAddr::V6(_) => None,
        }),
        v6: addrs.iter().find_map(|ip| match ip {
            IpAddr::V6(ip) => Some(SocketAddrV6::new(*ip, NTM_PORT, 0, 0)),
            IpAddr::V4(_) => None,
        }),
    };
    RelaySite {
        host: HostId(usize::MAX),
        key,
        link,
        addrs,
        config,
        domain: planned.domain,
    }
}

/// Documentation addresses (RFC 5737, RFC 3849), dual stack.
fn server_addrs(net: u8, number: u8) -> Vec<IpAddr> {
    let v6 = Ipv6Addr::new(
        0x2001,
        0xdb8,
        u16::from(net),
        0,
        0,
        0,
        0,
        1 + u16::from(number),
    );
    vec![
        IpAddr::V4(Ipv4Addr::new(203, 0, net, 1 + number)),
        IpAddr::V6(v6),
    ]
}

/// A server's address at its port.
pub fn at_ntm_port(ip: IpAddr) -> RealAddr {
    RealAddr(SocketAddr::new(ip, NTM_PORT))
}
