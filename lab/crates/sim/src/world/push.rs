//! Push services: they reach every node that sleeps and is switched on.

use core::time::Duration;

use ntm_wire::push::PushToken;

use super::{Event, World};
use crate::net::HostId;
use crate::process::Process;

/// From the coordinator to the node; the big services take about as long.
const PUSH: Duration = Duration::from_millis(300);

impl World {
    pub(super) fn push(&mut self, by: HostId, token: PushToken) {
        self.note(by, "pushes");
        self.queue.push(self.now + PUSH, Event::Push(token));
    }

    /// Whoever sleeps with this token starts again.
    pub(super) fn handle_push(&mut self, token: &PushToken) {
        let is_woken = |process: &Process| match process {
            Process::Node(node) => node.is_woken_by(token),
            Process::Coordinator(_) | Process::Relay(_) | Process::Sink(_) => false,
        };
        let sleeper = self
            .hosts
            .iter()
            .position(|h| h.is_on && is_woken(&h.process));
        if let Some(index) = sleeper {
            self.note(HostId(index), "is woken");
            self.restart(HostId(index));
        }
    }
}
