//! The addresses at which this node says it may be reached (rule 10).

use ntm_wire::addr::{Candidate, CandidateKind, MAX_CANDIDATES, RealAddr};
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Now;

use crate::config::LocalAddr;
use crate::handover::locals::{Attachment, Port};
use crate::node::Node;

impl Node {
    /// The address outside that the router maps to the interface's, or that there is none (any more):
    /// one more candidate.
    pub fn set_mapped(&mut self, now: Now, mapped: Option<LocalAddr>) {
        if core::mem::replace(&mut self.registration.mapped, mapped) == mapped {
            return;
        }
        let port = self
            .fx
            .locals
            .iter()
            .find(|l| Some(l.interface) == mapped.map(|m| m.interface));
        self.registration.mapped_at =
            port.and_then(|l| self.fx.locals.attachment_of(Port::of(l.interface, l.addr)));
        if self.registration.is_wanted() {
            self.send_registration(now);
        }
        self.open_session(now);
    }

    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let all = self.attached_candidates().into_iter();
        all.map(|(candidate, _)| candidate).collect()
    }

    /// Each with the attachment that it is of.
    pub(crate) fn attached_candidates(&self) -> Vec<Attached> {
        let (registration, locals) = (&self.registration, &self.fx.locals);
        let mapped = registration.mapped.iter();
        let mapped = mapped.map(|l| (of(CandidateKind::Mapped, l), registration.mapped_at));
        let hosts = locals.iter().map(|l| {
            let attachment = locals.attachment_of(Port::of(l.interface, l.addr));
            (of(CandidateKind::Host, l), attachment)
        });
        // What the router opened comes first: many interfaces must not crowd it out.
        let own = mapped.chain(hosts).collect();
        // The DC sees the address of one family only; relays were asked over each.
        with_observed(own, registration.observed())
    }
}

fn of(kind: CandidateKind, local: &LocalAddr) -> Candidate {
    Candidate {
        kind,
        interface: local.interface,
        addr: local.addr,
    }
}

/// A candidate, and the attachment that it is of.
pub(crate) type Attached = (Candidate, Option<Attachment>);

/// An address at which a server saw this node, and the attachment that it was seen of.
pub(crate) type Sighting = (RealAddr, Option<Attachment>);

/// A node's candidates, and the addresses at which servers saw it.
pub(crate) fn with_observed(
    mut out: Vec<Attached>,
    seen: impl IntoIterator<Item = Sighting>,
) -> Vec<Attached> {
    for (addr, attachment) in seen {
        if out.iter().all(|(c, _)| c.addr != addr) {
            let observed = Candidate {
                kind: CandidateKind::Observed,
                interface: InterfaceId(0),
                addr,
            };
            out.push((observed, attachment));
        }
    }
    out.truncate(MAX_CANDIDATES);
    out
}

#[cfg(test)]
mod tests {
    use ntm_wire::certificate::IdentityCertificate;
    use ntm_wire::fqdn::Fqdn;
    use ntm_wire::key::{KeyPair, RootKey, SecretKey};
    use ntm_wire::ticket::SealedTicket;
    use ntm_wire::time::{Mono, Wall};

    use super::*;
    use crate::config::{Config, ConsentPolicy, DcEndpoint};

    fn now() -> Now {
        Now {
            mono: Mono::from_micros(1),
            wall: Wall::from_secs(1_800_000_000),
        }
    }

    fn addr(text: &str) -> RealAddr {
        RealAddr(text.parse().unwrap())
    }

    fn local(interface: u16, text: &str) -> LocalAddr {
        LocalAddr {
            interface: InterfaceId(interface),
            addr: addr(text),
            attachment: 0,
        }
    }

    fn node() -> Node {
        let identity = KeyPair::from_private(SecretKey::new([1; 32]));
        let certificate = IdentityCertificate {
            fqdn: Fqdn::parse("phone.alice.example.org").unwrap(),
            identity: identity.identity(),
            virtual_v6: "fd01::1".parse().unwrap(),
            not_before: Wall::from_secs(0),
            not_after: Wall::from_secs(2_000_000_000),
            root: RootKey([2; 32]),
            root_signature: [0; 64],
            authority_signature: [0; 64],
        };
        let config = Config {
            certificate,
            node_key: SecretKey::new([3; 32]),
            ticket: SealedTicket(vec![4; 300]),
            ticket_expires: Wall::from_secs(1_900_000_000),
            dc: DcEndpoint {
                key: identity.server(),
                addrs: vec![addr("203.0.113.1:7930")],
            },
            identity,
            authorities: Vec::new(),
            pins: Vec::new(),
            consent: ConsentPolicy::default(),
            push_token: None,
        };
        Node::new(config, [5; 32], now())
    }

    fn kinds(node: &Node) -> Vec<(CandidateKind, RealAddr)> {
        let all = node.candidates();
        all.iter().map(|c| (c.kind, c.addr)).collect()
    }

    #[test]
    fn a_port_that_the_router_opened_is_one_more_candidate_of_its_interface() {
        let mut node = node();
        node.handle_interfaces(now(), &[local(2, "192.168.1.2:7000")]);
        node.set_mapped(now(), Some(local(2, "198.51.100.7:40000")));
        let all = node.candidates();
        assert_eq!(all[0].kind, CandidateKind::Mapped);
        assert_eq!(all[0].addr, addr("198.51.100.7:40000"));
        assert_eq!(all[0].interface, all[1].interface);
        assert_eq!(node.status().mapped, Some(addr("198.51.100.7:40000")));
    }

    #[test]
    fn a_port_that_is_given_back_is_no_candidate_any_more() {
        let mut node = node();
        node.handle_interfaces(now(), &[local(2, "192.168.1.2:7000")]);
        node.set_mapped(now(), Some(local(2, "198.51.100.7:40000")));
        node.set_mapped(now(), None);
        assert_eq!(
            kinds(&node),
            [(CandidateKind::Host, addr("192.168.1.2:7000"))]
        );
    }

    #[test]
    fn many_interfaces_do_not_crowd_out_what_the_router_opened() {
        let mut node = node();
        let many: Vec<LocalAddr> = (1..=9)
            .map(|n| local(n, &format!("192.168.{n}.2:7000")))
            .collect();
        node.handle_interfaces(now(), &many);
        node.set_mapped(now(), Some(local(1, "198.51.100.7:40000")));
        let kinds = kinds(&node);
        assert_eq!(kinds.len(), MAX_CANDIDATES);
        assert_eq!(kinds[0].0, CandidateKind::Mapped);
    }

    #[test]
    fn a_node_that_wants_to_be_registered_tells_the_coordinator_of_a_new_port_at_once() {
        let mut node = node();
        node.handle_interfaces(now(), &[local(2, "192.168.1.2:7000")]);
        node.register(now());
        let epoch = node.registration.epoch();
        node.set_mapped(now(), Some(local(2, "198.51.100.7:40000")));
        assert!(node.registration.epoch() > epoch, "another registration");
        let told = node.registration.epoch();
        node.set_mapped(now(), Some(local(2, "198.51.100.7:40000")));
        assert_eq!(node.registration.epoch(), told, "no news, no message");
    }
}
