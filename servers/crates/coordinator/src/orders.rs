//! Route Directions on their way to nodes: sent again until the node has read them.

use std::collections::BTreeMap;

use ntm_wire::id::{NodeId, TxId};
use ntm_wire::message::{KeepAlive, RouteDirection, RouteDirectionRequest, RouteDirectionResponse};
use ntm_wire::time::Now;

use crate::coordinator::{Coordinator, To};
use crate::information::Asker;
use crate::retry::{Due, Retry};
use crate::timers::Timer;

/// Whose direction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The callee's, for this inquiry.
    Callee(Asker, TxId),
    /// The caller's.
    Caller,
}

#[derive(Debug)]
struct Order {
    node: NodeId,
    direction: RouteDirection,
    purpose: Purpose,
    retry: Retry,
}

/// All Route Directions that wait for their Response.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    by_tx: BTreeMap<TxId, Order>,
    by_node: BTreeMap<NodeId, Vec<TxId>>,
}

impl Orders {
    fn insert(&mut self, tx: TxId, order: Order) {
        self.by_node.entry(order.node).or_default().push(tx);
        self.by_tx.insert(tx, order);
    }

    fn remove(&mut self, tx: TxId) -> Option<Order> {
        let order = self.by_tx.remove(&tx)?;
        if let Some(all) = self.by_node.get_mut(&order.node) {
            all.retain(|t| *t != tx);
            if all.is_empty() {
                self.by_node.remove(&order.node);
            }
        }
        Some(order)
    }
}

impl Coordinator {
    /// Directs a node.
    pub(crate) fn order(
        &mut self,
        now: Now,
        node: NodeId,
        mut direction: RouteDirection,
        purpose: Purpose,
    ) {
        let tx = self.fx.tx();
        direction.tx = tx;
        let retry = Retry::new(now.mono);
        self.timers.set(retry.next(), Timer::Order(tx));
        self.tell(To::Node(node), direction.clone());
        self.orders.insert(
            tx,
            Order {
                node,
                direction,
                purpose,
                retry,
            },
        );
    }

    /// The node has read its direction.
    pub(crate) fn handle_route_response(
        &mut self,
        now: Now,
        node: NodeId,
        response: &RouteDirectionResponse,
    ) {
        let is_its_own = self
            .orders
            .by_tx
            .get(&response.tx)
            .is_some_and(|o| o.node == node);
        if !is_its_own {
            self.fx.counters.dropped.out_of_order += 1;
            return;
        }
        if let Some(Purpose::Callee(asker, tx)) = self.orders.remove(response.tx).map(|o| o.purpose)
        {
            self.callee_consents(now, (asker, tx), response.consent);
        }
    }

    /// A woken node asks what waits for it.
    pub(crate) fn handle_route_request(&mut self, node: NodeId, request: &RouteDirectionRequest) {
        let waiting = self.orders.by_node.get(&node).cloned().unwrap_or_default();
        if waiting.is_empty() {
            let tx = request.tx;
            self.tell(To::Node(node), KeepAlive { tx, is_reply: true });
        }
        for tx in waiting {
            if let Some(direction) = self.orders.by_tx.get(&tx).map(|o| o.direction.clone()) {
                self.tell(To::Node(node), direction);
            }
        }
    }

    /// The deadline of a direction has come.
    pub(crate) fn retry_order(&mut self, now: Now, tx: TxId) {
        let Some(order) = self.orders.by_tx.get_mut(&tx) else {
            return;
        };
        let due = order.retry.due(now.mono);
        let (node, next) = (order.node, order.retry.next());
        match due {
            Due::Wait => self.timers.set(next, Timer::Order(tx)),
            Due::Again => {
                let direction = order.direction.clone();
                self.fx.counters.retransmissions += 1;
                self.timers.set(next, Timer::Order(tx));
                self.tell(To::Node(node), direction);
            }
            Due::GiveUp => {
                if let Some(Purpose::Callee(asker, tx)) = self.orders.remove(tx).map(|o| o.purpose)
                {
                    self.ask_next(now, (asker, tx));
                }
            }
        }
    }
}
