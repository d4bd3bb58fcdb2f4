//! What came for a virtual socket and was not read yet; shared by the driver and the socket.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntm_proto::{Received, UdpId};
use tokio::sync::Notify;

/// Datagrams a socket holds before it drops, as the kernel would.
const ROOM: usize = 1024;

/// One socket's queue.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    datagrams: VecDeque<Received>,
    is_closed: bool,
}

/// What a look into an inbox gives.
pub(crate) enum Look {
    Datagram(Received),
    Empty,
    Closed,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, received: Received) {
        let mut queue = self.lock();
        if queue.datagrams.len() < ROOM {
            queue.datagrams.push_back(received);
        }
        drop(queue);
        self.filled.notify_waiters();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_waiters();
    }

    /// The next datagram that `wanted` lets through; others before it are dropped.
    pub(crate) fn take(&self, wanted: impl Fn(&Received) -> bool) -> Look {
        let mut queue = self.lock();
        while let Some(received) = queue.datagrams.pop_front() {
            if wanted(&received) {
                return Look::Datagram(received);
            }
        }
        if queue.is_closed {
            Look::Closed
        } else {
            Look::Empty
        }
    }

    /// A copy of the next datagram that `wanted` lets through.
    pub(crate) fn peek(&self, wanted: impl Fn(&Received) -> bool) -> Look {
        let mut queue = self.lock();
        queue.datagrams.retain(wanted);
        let is_closed = queue.is_closed;
        let empty = if is_closed { Look::Closed } else { Look::Empty };
        queue
            .datagrams
            .front()
            .cloned()
            .map_or(empty, Look::Datagram)
    }

    /// Looks again and again until there is something; `None` once closed.
    pub(crate) async fn wait(&self, look: impl Fn(&Self) -> Look) -> Option<Received> {
        loop {
            let mut filled = std::pin::pin!(self.filled.notified());
            // From here on nothing is missed between the look and the wait.
            filled.as_mut().enable();
            match look(self) {
                Look::Datagram(received) => return Some(received),
                Look::Closed => return None,
                Look::Empty => filled.await,
            }
        }
    }
}

/// All sockets' inboxes.
#[derive(Debug, Default)]
pub(super) struct Inboxes(BTreeMap<UdpId, Arc<Inbox>>);

impl Inboxes {
    pub(super) fn open(&mut self, id: UdpId) -> Arc<Inbox> {
        Arc::clone(self.0.entry(id).or_default())
    }

    pub(super) fn deliver(&self, id: UdpId, received: Received) {
        if let Some(inbox) = self.0.get(&id) {
            inbox.push(received);
        }
    }

    pub(super) fn close(&mut self, id: UdpId) {
        if let Some(inbox) = self.0.remove(&id) {
            inbox.close();
        }
    }

    pub(super) fn close_all(&mut self) {
        self.0.values().for_each(|i| i.close());
        self.0.clear();
    }
}
