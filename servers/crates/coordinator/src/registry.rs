//! The registry: who is where. Soft state, which the nodes rebuild after a restart.
//!
//! Sized for a million nodes in one gigabyte: a node is one boxed struct, what varies in length is
//! kept as it came over the wire.

use std::collections::{BTreeSet, HashMap};

use ntm_wire::addr::{Candidate, MAX_CANDIDATES, NatVerdict, RealAddr, VirtualAddrs};
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::codec::{Codec, Reader, Writer};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{Epoch, NodeId};
use ntm_wire::message::{RegistrationRequest, RelayRtt};
use ntm_wire::push::PushToken;
use ntm_wire::time::Mono;

use crate::candidates;
use crate::limiter::Spent;
use crate::session::Sessions;

/// What is known of one node.
#[derive(Debug)]
pub(crate) struct Node {
    certificate: Box<[u8]>,
    pub(crate) addrs: VirtualAddrs,
    pub(crate) sessions: Sessions,
    /// The highest seen (rule 9).
    pub(crate) epoch: Epoch,
    /// Where it was last heard from.
    pub(crate) observed: RealAddr,
    pub(crate) last_heard: Mono,
    candidates: Box<[u8]>,
    pub(crate) relay_rtts: Box<[RelayRtt]>,
    pub(crate) push_token: Option<PushToken>,
    pub(crate) directions: Spent,
    told_nat: NatVerdict,
    /// Whether it has said where it is, and is not silent.
    pub(crate) is_online: bool,
    /// Whether a deadline for its silence is set.
    pub(crate) is_watched: bool,
}

impl Node {
    pub(crate) fn new(
        certificate: &IdentityCertificate,
        addrs: VirtualAddrs,
        epoch: Epoch,
        from: RealAddr,
    ) -> Self {
        Self {
            certificate: certificate.emit().into(),
            addrs,
            sessions: Sessions::default(),
            epoch,
            observed: from,
            last_heard: Mono::default(),
            candidates: Box::default(),
            relay_rtts: Box::default(),
            push_token: None,
            directions: Spent::default(),
            told_nat: NatVerdict::Unknown,
            is_online: false,
            is_watched: false,
        }
    }

    /// Takes what the node says of itself.
    pub(crate) fn update(&mut self, request: &RegistrationRequest) {
        self.epoch = request.epoch;
        let mut w = Writer::new();
        request.candidates.iter().for_each(|c| c.write(&mut w));
        self.candidates = w.into_bytes().into();
        self.relay_rtts = request.relay_rtts.as_slice().into();
        self.push_token.clone_from(&request.push_token);
        self.told_nat = request.nat;
        self.is_online = true;
    }

    /// Its certificate, as the ticket brought it.
    pub(crate) fn certificate(&self) -> Option<IdentityCertificate> {
        IdentityCertificate::parse(&self.certificate).ok()
    }

    /// Replaces the certificate, which a newer ticket may have renewed.
    pub(crate) fn set_certificate(&mut self, certificate: &IdentityCertificate) {
        self.certificate = certificate.emit().into();
    }

    /// Its name: the certificate's first field.
    pub(crate) fn fqdn(&self) -> Option<Fqdn> {
        Fqdn::read(&mut Reader::new(&self.certificate)).ok()
    }

    fn own_candidates(&self) -> Vec<Candidate> {
        let mut r = Reader::new(&self.candidates);
        let read = |_| Candidate::read(&mut r).ok();
        (0..MAX_CANDIDATES).map_while(read).collect()
    }

    /// The addresses that its peers are given.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        candidates::handed_on(&self.own_candidates(), self.observed)
    }

    /// What is known of its NAT.
    pub(crate) fn nat(&self) -> NatVerdict {
        candidates::nat_verdict(&self.own_candidates(), self.observed, self.told_nat)
    }

    /// Location and session are void; the push token stays.
    pub(crate) fn forget_location(&mut self) {
        self.is_online = false;
        self.candidates = Box::default();
        self.relay_rtts = Box::default();
    }
}

/// All nodes.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    nodes: HashMap<NodeId, Box<Node>>,
    /// By account.
    devices: BTreeSet<(Fqdn, NodeId)>,
    online: usize,
}

impl Registry {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn online(&self) -> usize {
        self.online
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id).map(AsRef::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(&id).map(AsMut::as_mut)
    }

    /// The node, if it is registered and not silent.
    pub(crate) fn online_node(&self, id: NodeId) -> Option<&Node> {
        self.get(id).filter(|n| n.is_online)
    }

    pub(crate) fn insert(&mut self, id: NodeId, node: Node) {
        if let Some(account) = node.fqdn().and_then(|n| n.parent()) {
            self.devices.insert((account, id));
        }
        self.nodes.insert(id, Box::new(node));
    }

    /// Takes a registration; says whether the node came on by it.
    pub(crate) fn register(&mut self, id: NodeId, request: &RegistrationRequest) -> bool {
        let Some(node) = self.nodes.get_mut(&id) else {
            return false;
        };
        let came_on = !node.is_online;
        node.update(request);
        self.online += usize::from(came_on);
        came_on
    }

    /// The node is gone; it stays known if it can be woken. Returns the ids of its sessions.
    pub(crate) fn take_offline(&mut self, id: NodeId) -> Vec<u64> {
        let Some(node) = self.nodes.get_mut(&id) else {
            return Vec::new();
        };
        self.online -= usize::from(node.is_online);
        node.forget_location();
        let sids = node.sessions.clear().collect();
        if node.push_token.is_none() {
            self.remove(id);
        }
        sids
    }

    fn remove(&mut self, id: NodeId) {
        if let Some(account) = self.nodes.remove(&id).and_then(|n| n.fqdn()?.parent()) {
            self.devices.remove(&(account, id));
        }
    }

    /// An account's devices that are online or can be woken: most recently used first, those that
    /// would have to be woken last.
    pub(crate) fn devices_of(&self, account: &Fqdn) -> Vec<NodeId> {
        let all = (account.clone(), NodeId([0; 16]))..=(account.clone(), NodeId([0xff; 16]));
        let devices = self
            .devices
            .range(all)
            .filter_map(|(_, id)| Some((*id, self.get(*id)?)));
        let mut devices: Vec<_> = devices
            .filter(|(_, n)| n.is_online || n.push_token.is_some())
            .collect();
        devices.sort_by_key(|(_, n)| core::cmp::Reverse((n.is_online, n.last_heard)));
        devices.into_iter().map(|(id, _)| id).collect()
    }

    /// The device of this name, if it is online or can be woken.
    pub(crate) fn device(&self, name: &Fqdn) -> Option<NodeId> {
        let devices = self.devices_of(&name.parent()?);
        let is_named = |id: &NodeId| self.get(*id).and_then(Node::fqdn).as_ref() == Some(name);
        devices.into_iter().find(is_named)
    }
}
