//! Calls under way, by the deciding node's ids.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// Who waits for which answer.
pub(super) struct Calls<Id, Answer>(BTreeMap<Id, oneshot::Sender<Answer>>);

impl<Id: Ord, Answer> Default for Calls<Id, Answer> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord, Answer> Calls<Id, Answer> {
    pub(super) fn add(&mut self, id: Id, done: oneshot::Sender<Answer>) {
        self.0.insert(id, done);
    }

    /// An answer nobody waits for any more is dropped.
    pub(super) fn end(&mut self, id: Id, answer: Answer) {
        if let Some(done) = self.0.remove(&id) {
            let _ = done.send(answer);
        }
    }
}
