//! Which relays may carry which node's paths: so that a revocation reaches them.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use ntm_wire::id::{NodeId, PathId, RsId};
use ntm_wire::message::Leg;
use ntm_wire::time::Mono;
use ntm_wire::token::LEG_TOKEN_LIFETIME;

/// At most so many legs are remembered; the oldest are forgotten first.
const MAX_GRANTS: usize = 200_000;
/// A token binds for as long as it lives; what is bound stays bound, so remember a while longer.
const MEMORY: Duration = LEG_TOKEN_LIFETIME.saturating_mul(2);

type Grant = (NodeId, PathId, RsId);

/// The legs that were granted.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    by_node: BTreeSet<Grant>,
    by_age: VecDeque<(Mono, Grant)>,
}

impl Grants {
    /// Remembers a node's legs.
    pub(crate) fn note(&mut self, now: Mono, node: NodeId, path: PathId, legs: &[Leg]) {
        for leg in legs {
            let grant = (node, path, leg.rs);
            self.by_node.insert(grant);
            self.by_age.push_back((now, grant));
        }
        while self
            .by_age
            .front()
            .is_some_and(|(at, _)| now.since(*at) > MEMORY)
            || self.by_age.len() > MAX_GRANTS
        {
            if let Some((_, grant)) = self.by_age.pop_front() {
                self.by_node.remove(&grant);
            }
        }
    }

    /// The paths of a node, and the relays that carry them.
    pub(crate) fn of(&self, node: NodeId) -> Vec<(PathId, RsId)> {
        let all = (node, PathId(0), RsId(0))..=(node, PathId(u64::MAX), RsId(u32::MAX));
        self.by_node
            .range(all)
            .map(|(_, path, rs)| (*path, *rs))
            .collect()
    }
}
