//! Waking a node that sleeps: a push that carries an opaque id, limited per pair (rule 11).

use std::collections::BTreeMap;

use ntm_wire::id::NodeId;
use ntm_wire::time::{Mono, Now};

use crate::coordinator::Coordinator;
use crate::event::Event;

/// At most this many pairs are remembered; when so many are busy at once, newcomers wait.
const MAX_PAIRS: usize = 65_536;

/// When who last had whom woken.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    last: BTreeMap<(NodeId, NodeId), Mono>,
}

impl Coordinator {
    /// Wakes `callee` for `caller`; `false` when it can't be woken, or was a moment ago.
    pub(crate) fn wake(&mut self, now: Now, caller: NodeId, callee: NodeId) -> bool {
        let node = self.registry.get(callee);
        let Some(token) = node.and_then(|n| n.push_token.clone()) else {
            return false;
        };
        if !self.may_wake(now.mono, caller, callee) {
            self.fx.counters.dropped.rate_limited += 1;
            return false;
        }
        let id = self.fx.u64();
        self.fx.counters.wakes += 1;
        self.fx.event(Event::Wake { token, id });
        true
    }

    fn may_wake(&mut self, now: Mono, caller: NodeId, callee: NodeId) -> bool {
        let interval = self.config.limits.wake_interval;
        let last = &mut self.wakes.last;
        if last.len() >= MAX_PAIRS {
            last.retain(|_, at| now.since(*at) < interval);
        }
        let is_early = last
            .get(&(caller, callee))
            .is_some_and(|at| now.since(*at) < interval);
        if is_early || last.len() >= MAX_PAIRS {
            return false;
        }
        last.insert((caller, callee), now);
        true
    }
}
