//! What is due when: one ordered set, so that a deadline costs a logarithm and never a scan.

use std::collections::BTreeSet;

use ntm_wire::id::{NodeId, RsId, TxId};
use ntm_wire::time::Mono;

use crate::event::QueryId;
use crate::information::Asker;

/// What a deadline is for. A fired deadline is a question, not an order: its owner looks whether it
/// still holds, so that nobody has to cancel one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A node may have fallen silent.
    Node(NodeId),
    /// A Route Direction may have to be sent again.
    Order(TxId),
    /// A request on a link may have to be sent again.
    LinkRequest(TxId),
    /// A Direction Request and its answer may be forgotten.
    Request(NodeId, TxId),
    /// A direction may be forgotten, or has failed.
    Direction(TxId),
    /// An inquiry may be forgotten, or its callee did not wake.
    Inquiry(Asker, TxId),
    /// The name service did not answer.
    Query(QueryId),
    /// A relay may have fallen silent.
    Relay(RsId),
    /// The store did not answer.
    Stored(NodeId),
}

/// All deadlines.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    set: BTreeSet<(Mono, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Mono, timer: Timer) {
        self.set.insert((at, timer));
    }

    /// Takes the earliest deadline that is not after `now`.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<Timer> {
        let first = *self.set.first()?;
        (first.0 <= now).then(|| {
            self.set.remove(&first);
            first.1
        })
    }

    pub(crate) fn next(&self) -> Option<Mono> {
        self.set.first().map(|(at, _)| *at)
    }
}
