//! The callee's side: another DC, or this one, asks for a node that is registered here.
//!
//! Both cases are one: an inquiry becomes a Route Direction to the callee, the callee's consent
//! becomes the answer. A callee that sleeps is woken first; of an account the next device is asked
//! when the first is silent.

use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{NodeId, TxId};
use ntm_wire::message::{
    Consent, DirectionError, Information, InformationRequest, InformationResponse, KeepAlive,
    MAX_DEVICES, Role, RouteDirection,
};
use ntm_wire::time::Now;

use crate::candidates;
use crate::coordinator::{Coordinator, To};
use crate::names::{NameKind, domain_of, kind_under};
use crate::orders::Purpose;
use crate::registry::Node;
use crate::route::{End, decide};
use crate::timers::Timer;

/// How long a sleeping callee has to come.
const WAKE_TIME: Duration = Duration::from_secs(10);
/// How long an answer is kept for a question that comes again.
const MEMORY: Duration = Duration::from_secs(30);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asker {
    /// This DC, for a node of its own.
    Own,
    /// Another DC.
    Link(usize),
}

/// An inquiry under way, or answered a short while ago.
#[derive(Debug)]
pub(crate) struct Inquiry {
    request: InformationRequest,
    callee: NodeId,
    /// Devices to ask when the callee is silent.
    rest: Vec<NodeId>,
    others: Vec<Fqdn>,
    state: State,
}

#[derive(Debug)]
enum State {
    Asking,
    Waking,
    Answered(Box<InformationResponse>),
}

/// All inquiries, and the nodes whose waking they wait for.
#[derive(Debug, Default)]
pub(crate) struct Inquiries {
    by_key: BTreeMap<(Asker, TxId), Inquiry>,
    sleepers: BTreeMap<NodeId, Vec<(Asker, TxId)>>,
}

impl Coordinator {
    /// Another DC asks.
    pub(crate) fn handle_inquiry(
        &mut self,
        now: Now,
        link: usize,
        mut request: InformationRequest,
    ) {
        let (asker, tx) = (Asker::Link(link), request.tx);
        if let Some(inquiry) = self.inquiries.by_key.get(&(asker, tx)) {
            self.fx.counters.duplicates += 1;
            match inquiry.state {
                State::Answered(ref response) => {
                    let response = InformationResponse::clone(response);
                    self.tell(To::Link(link), response);
                }
                State::Asking | State::Waking => {
                    self.tell(To::Link(link), KeepAlive { tx, is_reply: true })
                }
            }
            return;
        }
        if !self.is_believed(now, link, &mut request) {
            self.fx.counters.dropped.bad_certificate += 1;
            return;
        }
        let caller = request.caller.node_id();
        match self.targets(&request.wanted, caller) {
            Ok(devices) => self.inquire(now, asker, request, devices),
            Err(error) => self.tell(
                To::Link(link),
                InformationResponse {
                    tx,
                    result: Err(error),
                },
            ),
        }
    }

    /// Rule 12: the caller's certificate is of the asking DC's own domain, under its AS's key.
    fn is_believed(&self, now: Now, link: usize, request: &mut InformationRequest) -> bool {
        let Some(peer) = self.links.dc(link) else {
            return false;
        };
        let Some(domain) = domain_of(&request.caller.fqdn, peer.domains.iter()) else {
            return false;
        };
        let from_loopback = self
            .links
            .get(link)
            .and_then(|l| l.live)
            .is_some_and(|a| a.is_loopback());
        candidates::retain_sendable(&mut request.caller_candidates, from_loopback);
        request.caller_v4 = request.caller_v4.filter(|_| peer.same_operator);
        request
            .caller
            .verify(&peer.authority, domain, now.wall)
            .is_ok()
    }

    /// The devices that a name of our own stands for, without the caller itself.
    pub(crate) fn targets(
        &self,
        name: &Fqdn,
        caller: NodeId,
    ) -> Result<Vec<NodeId>, DirectionError> {
        let domain =
            domain_of(name, self.config.domains.iter()).ok_or(DirectionError::UnknownName)?;
        let devices = match kind_under(name, domain) {
            None => return Err(DirectionError::UnknownName),
            Some(NameKind::Device) => self.registry.device(name).into_iter().collect(),
            Some(NameKind::Account) => self.registry.devices_of(name),
        };
        let others: Vec<_> = devices
            .iter()
            .copied()
            .filter(|d| *d != caller)
            .take(MAX_DEVICES)
            .collect();
        match (others.is_empty(), devices.is_empty()) {
            (false, _) => Ok(others),
            (true, false) => Err(DirectionError::OwnName),
            (true, true) if self.names.contains(name) => Err(DirectionError::PeerOffline),
            (true, true) => Err(DirectionError::UnknownName),
        }
    }

    /// Asks the first of `devices` whether it takes the caller, the others when it is silent.
    pub(crate) fn inquire(
        &mut self,
        now: Now,
        asker: Asker,
        request: InformationRequest,
        mut devices: Vec<NodeId>,
    ) {
        let key = (asker, request.tx);
        if self.inquiries.by_key.len() >= self.config.limits.max_directions {
            self.fx.counters.dropped.table_full += 1;
            self.deliver(now, key, Err(DirectionError::TooMany));
            return;
        }
        let names = devices
            .iter()
            .skip(1)
            .filter_map(|d| self.registry.online_node(*d)?.fqdn());
        let others = names.take(MAX_DEVICES - 1).collect();
        let callee = devices.remove(0);
        let inquiry = Inquiry {
            request,
            callee,
            rest: devices,
            others,
            state: State::Asking,
        };
        self.inquiries.by_key.insert(key, inquiry);
        self.ask_callee(now, key);
    }

    fn ask_callee(&mut self, now: Now, key: (Asker, TxId)) {
        let Some(inquiry) = self.inquiries.by_key.get(&key) else {
            return;
        };
        let callee = inquiry.callee;
        match self.registry.get(callee) {
            Some(node) if node.is_online => {
                let direction = direction_to_callee(node, inquiry);
                self.order(now, callee, direction, Purpose::Callee(key.0, key.1));
            }
            Some(_) => self.wake_callee(now, key),
            None => self.ask_next(now, key),
        }
    }

    fn wake_callee(&mut self, now: Now, key: (Asker, TxId)) {
        let Some(inquiry) = self.inquiries.by_key.get_mut(&key) else {
            return;
        };
        let (caller, callee) = (inquiry.request.caller.node_id(), inquiry.callee);
        inquiry.state = State::Waking;
        // Whoever comes while it is being woken waits along; one push is enough.
        let is_being_woken = self.inquiries.sleepers.contains_key(&callee);
        if is_being_woken || self.wake(now, caller, callee) {
            self.inquiries.sleepers.entry(callee).or_default().push(key);
            self.timers
                .set(now.mono + WAKE_TIME, Timer::Inquiry(key.0, key.1));
        } else {
            self.ask_next(now, key);
        }
    }

    /// The callee is silent: the account's next device is asked.
    pub(crate) fn ask_next(&mut self, now: Now, key: (Asker, TxId)) {
        let Some(inquiry) = self.inquiries.by_key.get_mut(&key) else {
            return;
        };
        if inquiry.rest.is_empty() {
            self.answer(now, key, Err(DirectionError::PeerOffline));
            return;
        }
        inquiry.callee = inquiry.rest.remove(0);
        inquiry.state = State::Asking;
        let next = self.registry.get(inquiry.callee).and_then(Node::fqdn);
        inquiry.others.retain(|n| Some(n) != next.as_ref());
        self.ask_callee(now, key);
    }

    /// A node came on: whoever waits for its waking goes on.
    pub(crate) fn awake(&mut self, now: Now, node: NodeId) {
        for key in self.inquiries.sleepers.remove(&node).unwrap_or_default() {
            let inquiry = self.inquiries.by_key.get_mut(&key);
            if let Some(inquiry) =
                inquiry.filter(|i| matches!(i.state, State::Waking) && i.callee == node)
            {
                inquiry.state = State::Asking;
                self.ask_callee(now, key);
            }
        }
    }

    /// The callee said how far it goes along.
    pub(crate) fn callee_consents(&mut self, now: Now, key: (Asker, TxId), consent: Consent) {
        let Some(inquiry) = self.inquiries.by_key.get(&key) else {
            return;
        };
        let node = self.registry.get(inquiry.callee);
        let is_same_operator = match key.0 {
            Asker::Own => true,
            Asker::Link(link) => self.links.dc(link).is_some_and(|dc| dc.same_operator),
        };
        let result = match (node.and_then(|n| Some((n, n.certificate()?))), consent) {
            (_, Consent::Refuse) => Err(DirectionError::Refused),
            (None, _) => Err(DirectionError::PeerOffline),
            (Some((node, callee)), Consent::All | Consent::RelayOnly) => Ok(Information {
                callee,
                callee_v4: is_same_operator.then_some(node.addrs.v4),
                // A stranger learns no real address (rule 11).
                candidates: if consent == Consent::All {
                    node.candidates()
                } else {
                    Vec::new()
                },
                nat: node.nat(),
                epoch: node.epoch,
                consent,
                others: inquiry.others.clone(),
                relay_rtts: node.relay_rtts.to_vec(),
            }),
        };
        self.answer(now, key, result);
    }

    fn answer(
        &mut self,
        now: Now,
        key: (Asker, TxId),
        result: Result<Information, DirectionError>,
    ) {
        if let Some(inquiry) = self.inquiries.by_key.get_mut(&key) {
            inquiry.state = State::Answered(Box::new(InformationResponse {
                tx: key.1,
                result: result.clone(),
            }));
            self.timers
                .set(now.mono + MEMORY, Timer::Inquiry(key.0, key.1));
        }
        self.deliver(now, key, result);
    }

    fn deliver(
        &mut self,
        now: Now,
        (asker, tx): (Asker, TxId),
        result: Result<Information, DirectionError>,
    ) {
        match asker {
            Asker::Own => self.handle_information(now, tx, result),
            Asker::Link(link) => self.tell(To::Link(link), InformationResponse { tx, result }),
        }
    }

    /// The deadline of an inquiry has come: it is old, or its callee did not wake.
    pub(crate) fn expire_inquiry(&mut self, now: Now, key: (Asker, TxId)) {
        let Some(inquiry) = self.inquiries.by_key.get(&key) else {
            return;
        };
        match inquiry.state {
            State::Answered(_) => {
                self.inquiries.by_key.remove(&key);
            }
            State::Waking => {
                if let Some(keys) = self.inquiries.sleepers.get_mut(&inquiry.callee) {
                    keys.retain(|k| *k != key);
                    if keys.is_empty() {
                        self.inquiries.sleepers.remove(&inquiry.callee);
                    }
                }
                self.ask_next(now, key);
            }
            State::Asking => {}
        }
    }
}

fn direction_to_callee(node: &Node, inquiry: &Inquiry) -> RouteDirection {
    let request = &inquiry.request;
    let caller = End::of(&request.caller_candidates, request.caller_nat);
    let callee = End::of(&node.candidates(), node.nat());
    RouteDirection {
        tx: TxId(0),
        for_request: TxId(0),
        role: Role::Callee,
        path_out: request.path_from_callee,
        path_in: request.path_from_caller,
        path_key: request.path_key.clone(),
        peer: request.caller.clone(),
        peer_v4: request.caller_v4,
        peer_candidates: request.caller_candidates.clone(),
        peer_nat: request.caller_nat,
        peer_epoch: request.caller_epoch,
        own_epoch: node.epoch,
        order: decide(caller, callee, Consent::All),
        legs: request.legs.clone(),
    }
}
