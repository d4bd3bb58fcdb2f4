//! Two nodes, one or two domains, and full control of what is between them.

use core::time::Duration;

use ntm_proto::{ConsentPolicy, Route, TunnelStatus};
use ntm_sim::World;
use ntm_sim::access::{Access, Neighbourhood};
use ntm_sim::app::{Call, CallId, Outcome, Patience};
use ntm_sim::deployment::{Deployment, DomainPlan, MANY_LEGS, Plan, RelayPlan};
use ntm_sim::net::{HostId, LinkConfig, NatConfig, Scope, ZoneId};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::message::Consent;

pub(crate) const ETHERNET: InterfaceId = InterfaceId(1);

/// What stands on the stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) domains: usize,
    pub(crate) mn: Access,
    pub(crate) cn: Access,
    pub(crate) consent: Consent,
    pub(crate) is_static: bool,
    /// Of the nodes' access links.
    pub(crate) link: LinkConfig,
    /// One way, of each server's access link.
    pub(crate) server_delay: Duration,
    pub(crate) relays_per_domain: usize,
    /// Of relays with an even number, and of the others.
    pub(crate) max_legs: [usize; 2],
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            seed: 1,
            domains: 2,
            mn: Access::PublicV4,
            cn: Access::PublicV4,
            consent: Consent::All,
            is_static: true,
            link: delay(10),
            server_delay: ms(5),
            relays_per_domain: 1,
            max_legs: [MANY_LEGS; 2],
        }
    }
}

/// Two nodes and their servers.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) deployment: Deployment,
    pub(crate) neighbourhood: Neighbourhood,
    pub(crate) mn: HostId,
    pub(crate) cn: HostId,
    pub(crate) mn_name: Fqdn,
    pub(crate) cn_name: Fqdn,
    pub(crate) mn_zone: ZoneId,
    pub(crate) cn_zone: ZoneId,
}

impl Stage {
    /// Servers run, both nodes are plugged in.
    pub(crate) fn new(s: Setting) -> Self {
        let mut stage = Self::dark(s);
        let (mn, cn) = (stage.mn, stage.cn);
        stage.mn_zone = stage.connect(mn, s.mn, s.link);
        stage.cn_zone = stage.connect(cn, s.cn, s.link);
        stage
    }

    /// The same, and both have registered and measured their relays.
    pub(crate) fn ready(s: Setting) -> Self {
        let mut stage = Self::new(s);
        stage.world.run_for(secs(8));
        for host in [stage.mn, stage.cn] {
            assert!(stage.node(host).node.status().registered, "both register");
        }
        stage
    }

    /// Servers run, nobody is plugged in.
    pub(crate) fn dark(s: Setting) -> Self {
        let mut world = World::new(s.seed);
        let mut deployment = Deployment::build(&mut world, &plan(s));
        let (mn_name, cn_name) = (
            name(s, 0, "phone.alice"),
            name(s, s.domains - 1, "desk.bob"),
        );
        let policy = ConsentPolicy {
            contacts: Vec::new(),
            for_contacts: s.consent,
            for_others: s.consent,
        };
        let mn = deployment.add_node(&mut world, 0, &mn_name, policy.clone());
        let cn = deployment.add_node(&mut world, s.domains - 1, &cn_name, policy);
        Self {
            world,
            deployment,
            neighbourhood: Neighbourhood::default(),
            mn: mn.unwrap(),
            cn: cn.unwrap(),
            mn_name,
            cn_name,
            mn_zone: ntm_sim::net::CORE,
            cn_zone: ntm_sim::net::CORE,
        }
    }

    pub(crate) fn connect(&mut self, host: HostId, access: Access, link: LinkConfig) -> ZoneId {
        self.connect_on((host, ETHERNET), access, link)
    }

    /// Plugs one of a host's interfaces in; of two the one with the lower number is preferred.
    pub(crate) fn connect_on(
        &mut self,
        place: (HostId, InterfaceId),
        access: Access,
        link: LinkConfig,
    ) -> ZoneId {
        self.neighbourhood
            .connect(&mut self.world, place, access, link)
    }

    /// MN calls CN.
    pub(crate) fn call(&mut self) -> CallId {
        let (mn, name) = (self.mn, self.cn_name.clone());
        self.call_from(mn, &name)
    }

    pub(crate) fn call_from(&mut self, host: HostId, name: &Fqdn) -> CallId {
        let patience = Patience(secs(60));
        let call = |n: &mut ntm_sim::process::NodeHost, now| n.call(now, name, patience);
        self.world.with_node(host, call).unwrap()
    }

    /// MN calls CN, and the echo must come back.
    pub(crate) fn call_works(&mut self) -> Call {
        let id = self.call();
        let call = self.finish(self.mn, id);
        assert_eq!(
            call.outcome(),
            Some(&Outcome::Working),
            "errors {:?}\n{}",
            call.errors,
            self.world.story(80)
        );
        call
    }

    /// Runs until a call has ended.
    pub(crate) fn finish(&mut self, host: HostId, id: CallId) -> Call {
        let end = self.world.now() + secs(120);
        self.world.run_while(end, |w| {
            w.node(host).unwrap().app.calls()[id.0].ended.is_none()
        });
        self.node(host).app.calls()[id.0].clone()
    }

    pub(crate) fn node(&self, host: HostId) -> &ntm_sim::process::NodeHost {
        self.world.node(host).unwrap()
    }

    pub(crate) fn dc(&self, domain: usize) -> HostId {
        self.deployment.domains[domain].host
    }

    pub(crate) fn rs(&self, relay: usize) -> HostId {
        self.deployment.relays[relay].host
    }

    /// The tunnel of a host, if it has exactly one.
    pub(crate) fn tunnel(&self, host: HostId) -> TunnelStatus {
        let mut tunnels = self.node(host).node.tunnels(self.world.now());
        assert_eq!(tunnels.len(), 1, "one tunnel:\n{}", self.world.story(80));
        tunnels.remove(0)
    }

    /// Whether a host's only tunnel goes straight to its peer.
    pub(crate) fn is_direct(&self, host: HostId) -> bool {
        matches!(self.tunnel(host).route, Route::Direct { .. })
    }

    /// Sends one virtual datagram from MN to a port of CN and says whether it arrived in time.
    pub(crate) fn send(&mut self, payload: &[u8]) -> bool {
        self.send_between(self.mn, self.cn, payload)
    }

    /// The same between any two.
    pub(crate) fn send_between(&mut self, from: HostId, to: HostId, payload: &[u8]) -> bool {
        let addr = self.tunnel(from).peer.addrs.v6;
        let socket = |n: &mut ntm_sim::process::NodeHost, _| n.node.udp_bind(None, 0).unwrap();
        let source = self.world.with_node(from, socket).unwrap();
        let at = self.world.with_node(to, socket).unwrap();
        let port = self.node(to).node.udp_port(at).unwrap();
        let sent = self.world.with_node(from, |n, now| {
            n.node.udp_send(now, source, (addr, port).into(), payload)
        });
        sent.unwrap().unwrap();
        self.world.run_for(secs(2));
        let received = self.world.with_node(to, |n, _| n.node.udp_recv(at));
        received.flatten().is_some_and(|r| r.data == payload)
    }
}

/// A NAT of this mapping and filtering.
pub(crate) fn nat(mapping: Scope, filtering: Scope) -> Access {
    Access::Nat(NatConfig::new(mapping, filtering))
}

/// The NAT that lets nobody in and maps by destination: only a relay helps.
pub(crate) fn symmetric() -> Access {
    let scope = Scope::AddressAndPortDependent;
    nat(scope, scope)
}

/// A home router as most are.
pub(crate) fn home() -> Access {
    nat(Scope::EndpointIndependent, Scope::AddressAndPortDependent)
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(crate) fn delay(one_way_ms: u64) -> LinkConfig {
    LinkConfig {
        delay: ms(one_way_ms),
        ..LinkConfig::default()
    }
}

pub(crate) fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

fn name(s: Setting, domain: usize, label: &str) -> Fqdn {
    assert!(domain < s.domains, "a domain that there is");
    fqdn(&format!("{label}.{}", DOMAINS[domain]))
}

const DOMAINS: [&str; 2] = ["one.example", "two.example"];

fn plan(s: Setting) -> Plan {
    let link = LinkConfig {
        delay: s.server_delay,
        ..LinkConfig::default()
    };
    let domain = |text: &&str| DomainPlan {
        domain: fqdn(text),
        link,
    };
    let relays = 0..s.domains * s.relays_per_domain;
    Plan {
        domains: DOMAINS.iter().take(s.domains).map(domain).collect(),
        relays: relays
            .map(|i| RelayPlan {
                domain: i % s.domains,
                link,
                max_legs: s.max_legs[i % 2],
            })
            .collect(),
        same_operator: true,
        is_static: s.is_static,
        dns_delay: ms(7),
    }
}
