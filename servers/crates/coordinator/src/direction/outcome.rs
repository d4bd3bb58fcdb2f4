//! What becomes of a direction: the callee's side has answered, and the caller is told.

use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::TxId;
use ntm_wire::message::{
    DirectionError, DirectionResponse, Information, MAX_DEVICES, Role, RouteDirection, RouteOrder,
};
use ntm_wire::time::Now;

use super::Via;
use crate::candidates;
use crate::coordinator::{Coordinator, To};
use crate::event::Event;
use crate::names::domain_of;
use crate::orders::Purpose;
use crate::route::{End, decide};

impl Coordinator {
    /// The callee's side answered.
    pub(crate) fn handle_information(
        &mut self,
        now: Now,
        id: TxId,
        result: Result<Information, DirectionError>,
    ) {
        let Some(direction) = self.directions.by_tx.get(&id).filter(|d| d.told.is_none()) else {
            self.fx.counters.dropped.out_of_order += 1;
            return;
        };
        let via = direction.via;
        let result = result.and_then(|mut information| {
            self.check_information(now, id, via, &mut information)?;
            let told = self.direction_to_caller(id, &information)?;
            Ok((told, information))
        });
        match result {
            Ok((told, information)) => self.tell_all(now, id, told, information),
            Err(error) => self.fail_direction(id, error),
        }
    }

    /// Rule 12: what another DC says of its node is believed as far as its AS vouches for it.
    fn check_information(
        &mut self,
        now: Now,
        id: TxId,
        via: Via,
        information: &mut Information,
    ) -> Result<(), DirectionError> {
        let Via::Link(link) = via else {
            return Ok(());
        };
        let verdict = self.is_callee_believed(now, id, link, &information.callee);
        let from_loopback = self
            .links
            .get(link)
            .and_then(|l| l.live)
            .is_some_and(|a| a.is_loopback());
        candidates::retain_sendable(&mut information.candidates, from_loopback);
        if !self.links.dc(link).is_some_and(|dc| dc.same_operator) {
            information.callee_v4 = None;
        }
        if verdict {
            return Ok(());
        }
        self.fx.counters.dropped.bad_certificate += 1;
        Err(DirectionError::CoordinatorUnreachable)
    }

    fn is_callee_believed(
        &self,
        now: Now,
        id: TxId,
        link: usize,
        callee: &IdentityCertificate,
    ) -> bool {
        let wanted = self.directions.by_tx.get(&id).map(|d| &d.wanted);
        let is_wanted = wanted == Some(&callee.fqdn) || wanted == callee.account().as_ref();
        let peer = self.links.dc(link);
        let domain = peer.and_then(|p| Some((p, domain_of(&callee.fqdn, p.domains.iter())?)));
        is_wanted
            && domain
                .is_some_and(|(p, domain)| callee.verify(&p.authority, domain, now.wall).is_ok())
    }

    fn direction_to_caller(
        &self,
        id: TxId,
        information: &Information,
    ) -> Result<RouteDirection, DirectionError> {
        let direction = self
            .directions
            .by_tx
            .get(&id)
            .ok_or(DirectionError::NotRegistered)?;
        let caller = self
            .registry
            .online_node(direction.caller)
            .ok_or(DirectionError::NotRegistered)?;
        let order = decide(
            End::of(&caller.candidates(), caller.nat()),
            End::of(&information.candidates, information.nat),
            information.consent,
        );
        if order == RouteOrder::RelayOnly && direction.caller_legs.is_empty() {
            return Err(DirectionError::NoRelay);
        }
        Ok(RouteDirection {
            tx: TxId(0),
            for_request: TxId(0),
            role: Role::Caller,
            path_out: direction.inquiry.path_from_caller,
            path_in: direction.inquiry.path_from_callee,
            path_key: direction.inquiry.path_key.clone(),
            peer: information.callee.clone(),
            peer_v4: information.callee_v4,
            peer_candidates: information.candidates.clone(),
            peer_nat: information.nat,
            peer_epoch: information.epoch,
            own_epoch: caller.epoch,
            order,
            legs: direction.caller_legs.clone(),
        })
    }

    /// The callee goes along: everybody who asked is told, and the account's other devices follow.
    fn tell_all(&mut self, now: Now, id: TxId, told: RouteDirection, information: Information) {
        let Some(direction) = self.directions.by_tx.get_mut(&id) else {
            return;
        };
        let (caller, requests, via) = (direction.caller, direction.requests.clone(), direction.via);
        let is_account = direction.wanted != information.callee.fqdn;
        let others = if is_account {
            information.others
        } else {
            Vec::new()
        };
        direction.told = Some((told.clone(), others.clone()));
        self.fx.counters.directed += 1;
        let callee = information.callee.node_id();
        self.fx.event(Event::Directed {
            caller,
            callee,
            order: told.order,
        });
        if let Via::Own(_) = via {
            self.grants.note(now.mono, callee, told.path_in, &told.legs);
        }
        for tx in requests {
            self.tell_caller(now, id, tx, told.clone(), &others);
            for other in &others {
                self.start(now, caller, tx, other.clone(), via);
            }
        }
    }

    /// Directs the caller; the first time, its request is answered too.
    pub(super) fn tell_caller(
        &mut self,
        now: Now,
        id: TxId,
        tx: TxId,
        mut told: RouteDirection,
        others: &[Fqdn],
    ) {
        let Some(caller) = self.directions.by_tx.get(&id).map(|d| d.caller) else {
            return;
        };
        told.for_request = tx;
        let first = told.peer.fqdn.clone();
        let by_tx = &self.directions.by_tx;
        let response = self
            .directions
            .requests
            .get_mut(&(caller, tx))
            .and_then(|request| {
                request.open.remove(&id);
                if request.told.is_some() {
                    return None;
                }
                let open = request
                    .open
                    .iter()
                    .filter_map(|other| Some(by_tx.get(other)?.wanted.clone()));
                let devices: Vec<Fqdn> = core::iter::once(first)
                    .chain(others.iter().cloned())
                    .chain(open)
                    .collect();
                let devices = devices.into_iter().take(MAX_DEVICES).collect();
                request.told = Some(DirectionResponse {
                    tx,
                    result: Ok(devices),
                });
                request.told.clone()
            });
        if let Some(response) = response {
            self.tell(To::Node(caller), response);
        }
        self.order(now, caller, told, Purpose::Caller);
    }
}
