//! The caller's side: a node asks for a name, and is directed to whoever answers to it.
//!
//! A *request* is what the node asked; a *direction* is one path to one device. Of an account there
//! are several directions to one request; a request that repeats a fresh direction joins it, so that
//! there is one direction per pair of epochs (rule 14).

mod outcome;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ntm_wire::codec::Codec;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{Epoch, NodeId, PathId, TxId};
use ntm_wire::message::{
    DirectionError, DirectionRequest, DirectionResponse, FRAME_LEN, InformationRequest, Leg,
    RouteDirection,
};
use ntm_wire::time::{Mono, Now};

use crate::coordinator::{Coordinator, To};
use crate::event::{Event, Located, QueryId, ResolveError};
use crate::information::Asker;
use crate::limiter::Rate;
use crate::links::LINK_HELLO_ROOM;
use crate::names::domain_of;
use crate::registry::Node;
use crate::relays::{Paths, Reach};
use crate::timers::Timer;

/// How long a request and its answer are kept for a request that comes again.
const MEMORY: Duration = Duration::from_secs(30);
/// How long a request for the same pair joins a direction that stands.
const FRESH: Duration = Duration::from_secs(5);
/// How long the name service may take.
const RESOLVE_TIME: Duration = Duration::from_secs(5);

/// What a node asked.
#[derive(Debug)]
struct Request {
    name: Fqdn,
    /// Directions that are neither told nor failed.
    open: BTreeSet<TxId>,
    told: Option<DirectionResponse>,
    error: Option<DirectionError>,
}

/// One path to one device, named by the transaction of its Information Request.
#[derive(Debug)]
struct Direction {
    caller: NodeId,
    caller_epoch: Epoch,
    wanted: Fqdn,
    via: Via,
    requests: Vec<TxId>,
    inquiry: InformationRequest,
    caller_legs: Vec<Leg>,
    /// What the caller was told, and the other devices of the account.
    told: Option<(RouteDirection, Vec<Fqdn>)>,
    since: Mono,
}

/// How the callee is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    /// It is registered here.
    Own(NodeId),
    /// Over this link.
    Link(usize),
}

#[derive(Debug)]
struct Query {
    name: Fqdn,
    waiting: Vec<(NodeId, TxId)>,
}

/// All requests and directions.
#[derive(Debug, Default)]
pub(crate) struct Directions {
    requests: BTreeMap<(NodeId, TxId), Request>,
    by_tx: BTreeMap<TxId, Direction>,
    by_pair: BTreeMap<(NodeId, Fqdn), TxId>,
    queries: BTreeMap<QueryId, Query>,
    query_of: BTreeMap<Fqdn, QueryId>,
}

impl Coordinator {
    /// A node asks for a name.
    pub(crate) fn handle_direction_request(
        &mut self,
        now: Now,
        caller: NodeId,
        request: DirectionRequest,
    ) {
        let DirectionRequest { tx, name } = request;
        if let Some(known) = self.directions.requests.get(&(caller, tx)) {
            self.fx.counters.duplicates += 1;
            if let Some(told) = known.told.clone() {
                self.tell(To::Node(caller), told);
            }
            return;
        }
        if let Err(error) = self.may_direct(now.mono, caller, &name) {
            self.fx.counters.failed_directions += 1;
            self.tell(
                To::Node(caller),
                DirectionResponse {
                    tx,
                    result: Err(error),
                },
            );
            return;
        }
        self.fx.counters.directions += 1;
        let request = Request {
            name,
            open: BTreeSet::new(),
            told: None,
            error: None,
        };
        self.directions.requests.insert((caller, tx), request);
        self.timers
            .set(now.mono + MEMORY, Timer::Request(caller, tx));
        self.find_coordinator(now, caller, tx);
    }

    fn may_direct(&mut self, now: Mono, caller: NodeId, name: &Fqdn) -> Result<(), DirectionError> {
        let limits = self.config.limits;
        let is_full = self.directions.requests.len() >= limits.max_directions;
        let Some(node) = self.registry.get_mut(caller).filter(|n| n.is_online) else {
            return Err(DirectionError::NotRegistered);
        };
        let rate = Rate::new(limits.directions_per_node, limits.directions_per_node * 5);
        if is_full || !rate.allow(&mut node.directions, now) {
            self.fx.counters.dropped.rate_limited += 1;
            return Err(DirectionError::TooMany);
        }
        if node.fqdn().as_ref() == Some(name) {
            return Err(DirectionError::OwnName);
        }
        Ok(())
    }

    /// Whose name is it: ours, a known peer's, or one to ask the name service for?
    fn find_coordinator(&mut self, now: Now, caller: NodeId, tx: TxId) {
        let Some(name) = self
            .directions
            .requests
            .get(&(caller, tx))
            .map(|r| r.name.clone())
        else {
            return;
        };
        let own = domain_of(&name, self.config.domains.iter()).map(|d| d.as_str().len());
        let peer = self
            .links
            .dc_of(&name)
            .map(|(link, domain)| (link, domain.as_str().len()));
        match (own, peer) {
            (Some(own), peer) if peer.is_none_or(|(_, len)| len < own) => {
                self.direct_to_own(now, caller, tx, &name)
            }
            (_, Some((link, _))) if self.links.is_located(link) => {
                self.start(now, caller, tx, name, Via::Link(link))
            }
            (_, _) => self.resolve(now, caller, tx, name),
        }
    }

    fn direct_to_own(&mut self, now: Now, caller: NodeId, tx: TxId, name: &Fqdn) {
        let devices = match self.targets(name, caller) {
            Ok(devices) => devices,
            Err(error) => return self.refuse_request(caller, tx, error),
        };
        let named = |d: NodeId| Some((d, self.registry.get(d)?.fqdn()?));
        let named: Vec<_> = devices.into_iter().filter_map(named).collect();
        for (device, name) in named {
            self.start(now, caller, tx, name, Via::Own(device));
        }
    }

    fn resolve(&mut self, now: Now, caller: NodeId, tx: TxId, name: Fqdn) {
        if let Some(query) = self.directions.query_of.get(&name) {
            if let Some(query) = self.directions.queries.get_mut(query) {
                query.waiting.push((caller, tx));
            }
            return;
        }
        let id = QueryId(self.fx.u64());
        self.directions.query_of.insert(name.clone(), id);
        let query = Query {
            name: name.clone(),
            waiting: vec![(caller, tx)],
        };
        self.directions.queries.insert(id, query);
        self.timers.set(now.mono + RESOLVE_TIME, Timer::Query(id));
        self.fx.event(Event::Resolve {
            query: id,
            domain: name,
        });
    }

    /// The name service answered, or did not.
    pub(crate) fn finish_query(
        &mut self,
        now: Now,
        id: QueryId,
        found: Result<Located, ResolveError>,
    ) {
        let Some(Query { name, waiting }) = self.directions.queries.remove(&id) else {
            return;
        };
        self.directions.query_of.remove(&name);
        let link = match found {
            Ok(located) => self
                .take_location(&name, located)
                .ok_or(DirectionError::NoCoordinator),
            Err(ResolveError::NotFound) => Err(DirectionError::NoCoordinator),
            Err(ResolveError::Unreachable) => Err(DirectionError::CoordinatorUnreachable),
        };
        for (caller, tx) in waiting {
            match link {
                Ok(link) => self.start(now, caller, tx, name.clone(), Via::Link(link)),
                Err(error) => self.refuse_request(caller, tx, error),
            }
        }
    }

    fn take_location(&mut self, name: &Fqdn, located: Located) -> Option<usize> {
        let (link, domain) = self.links.dc_of(name)?;
        // The domain with the record is the authority, none above and none below it (rule 12).
        if *domain != located.domain || located.addrs.is_empty() {
            return None;
        }
        self.links.locate(link, located.addrs);
        Some(link)
    }

    /// Starts a direction to one device (or to whichever device the other DC picks), or joins one.
    fn start(&mut self, now: Now, caller: NodeId, tx: TxId, wanted: Fqdn, via: Via) {
        if self.join(now, caller, tx, &wanted, via) {
            return;
        }
        let Some((inquiry, caller_legs)) = self.prepare(now, caller, &wanted, via) else {
            return self.refuse_request(caller, tx, DirectionError::NotRegistered);
        };
        let id = inquiry.tx;
        let direction = Direction {
            caller,
            caller_epoch: inquiry.caller_epoch,
            wanted: wanted.clone(),
            via,
            requests: vec![tx],
            inquiry: inquiry.clone(),
            caller_legs,
            told: None,
            since: now.mono,
        };
        self.directions.by_tx.insert(id, direction);
        self.directions.by_pair.insert((caller, wanted), id);
        self.timers.set(now.mono + MEMORY, Timer::Direction(id));
        if let Some(request) = self.directions.requests.get_mut(&(caller, tx)) {
            request.open.insert(id);
        }
        match via {
            Via::Own(device) => self.inquire(now, Asker::Own, inquiry, vec![device]),
            Via::Link(link) => self.request_link(now, link, id, inquiry.into()),
        }
    }

    /// Rule 14: a request for a pair that is being directed, or just was, gets that direction.
    fn join(&mut self, now: Now, caller: NodeId, tx: TxId, wanted: &Fqdn, via: Via) -> bool {
        let Some(id) = self
            .directions
            .by_pair
            .get(&(caller, wanted.clone()))
            .copied()
        else {
            return false;
        };
        let epoch = self.registry.get(caller).map(|n| n.epoch);
        let Some(direction) = self.directions.by_tx.get_mut(&id) else {
            return false;
        };
        let is_same = epoch == Some(direction.caller_epoch) && via == direction.via;
        let callee_moved = match (via, &direction.told) {
            (Via::Own(callee), Some((told, _))) => self
                .registry
                .get(callee)
                .is_none_or(|n| n.epoch != told.peer_epoch),
            (Via::Own(_) | Via::Link(_), _) => false,
        };
        if !is_same || callee_moved || now.mono.since(direction.since) > FRESH {
            return false;
        }
        direction.requests.push(tx);
        let told = direction.told.clone();
        if let Some(request) = self.directions.requests.get_mut(&(caller, tx)) {
            request.open.insert(id);
        }
        if let Some((told, others)) = told {
            self.tell_caller(now, id, tx, told, &others);
        }
        true
    }

    /// What the callee's DC must know, and the caller's own legs.
    fn prepare(
        &mut self,
        now: Now,
        caller: NodeId,
        wanted: &Fqdn,
        via: Via,
    ) -> Option<(InformationRequest, Vec<Leg>)> {
        let node = self.registry.online_node(caller)?;
        let candidates = node.candidates();
        let near = Reach::new(&node.relay_rtts, &candidates);
        let far = match via {
            Via::Own(device) => self.registry.online_node(device).map(reach),
            Via::Link(_) => None,
        };
        let far = far.unwrap_or_else(Reach::unknown);
        let is_same_operator = match via {
            Via::Own(_) => true,
            Via::Link(link) => self.links.dc(link).is_some_and(|dc| dc.same_operator),
        };
        let paths = Paths {
            from_caller: PathId(self.fx.u64()),
            from_callee: PathId(self.fx.u64()),
        };
        let mut inquiry = InformationRequest {
            tx: self.fx.tx(),
            wanted: wanted.clone(),
            caller: node.certificate()?,
            caller_v4: is_same_operator.then_some(node.addrs.v4),
            caller_candidates: candidates,
            caller_nat: node.nat(),
            caller_epoch: node.epoch,
            path_from_caller: paths.from_caller,
            path_from_callee: paths.from_callee,
            path_key: self.fx.key(),
            legs: Vec::new(),
        };
        let chosen = self.relays.choose(&near, &far);
        let limit = self.config.limits.leg_kbps;
        let legs = chosen
            .into_iter()
            .filter_map(|rs| self.relays.legs(&mut self.fx, now.wall, rs, paths, limit));
        let (near_legs, far_legs): (Vec<Leg>, Vec<Leg>) = legs.unzip();
        inquiry.legs = far_legs;
        fit(&mut inquiry);
        self.grants
            .note(now.mono, caller, paths.from_caller, &near_legs);
        Some((inquiry, near_legs))
    }

    /// No answer came over the link.
    pub(crate) fn direction_unreachable(&mut self, _now: Now, id: TxId) {
        self.fail_direction(id, DirectionError::CoordinatorUnreachable);
    }

    fn fail_direction(&mut self, id: TxId, error: DirectionError) {
        let Some(direction) = self.directions.by_tx.remove(&id) else {
            return;
        };
        let pair = (direction.caller, direction.wanted);
        if self.directions.by_pair.get(&pair) == Some(&id) {
            self.directions.by_pair.remove(&pair);
        }
        for tx in direction.requests {
            if let Some(request) = self.directions.requests.get_mut(&(direction.caller, tx)) {
                request.open.remove(&id);
            }
            self.refuse_request(direction.caller, tx, error);
        }
    }

    /// One way to the name failed; if it was the last, the node is told. Of several reasons a refusal
    /// says most.
    fn refuse_request(&mut self, caller: NodeId, tx: TxId, error: DirectionError) {
        let Some(request) = self.directions.requests.get_mut(&(caller, tx)) else {
            return;
        };
        let kept = request
            .error
            .filter(|_| error != DirectionError::Refused)
            .unwrap_or(error);
        request.error = Some(kept);
        if !request.open.is_empty() || request.told.is_some() {
            return;
        }
        let response = DirectionResponse {
            tx,
            result: Err(kept),
        };
        request.told = Some(response.clone());
        self.fx.counters.failed_directions += 1;
        self.tell(To::Node(caller), response);
    }

    /// A request's answer need not be kept any longer.
    pub(crate) fn expire_request(&mut self, caller: NodeId, tx: TxId) {
        self.directions.requests.remove(&(caller, tx));
    }

    /// A direction need not be kept any longer; one that is still open has failed.
    pub(crate) fn expire_direction(&mut self, id: TxId) {
        self.fail_direction(id, DirectionError::PeerOffline);
    }
}

fn reach(node: &Node) -> Reach {
    Reach::new(&node.relay_rtts, &node.candidates())
}

/// Makes an Information Request fit a LinkHello however long the names are: the stand-by relay goes
/// first, then candidates from the end.
fn fit(request: &mut InformationRequest) {
    let is_too_long = |r: &InformationRequest| r.emit().len() + FRAME_LEN > LINK_HELLO_ROOM;
    if is_too_long(request) {
        request.legs.truncate(1);
    }
    while is_too_long(request) && request.caller_candidates.pop().is_some() {}
}
