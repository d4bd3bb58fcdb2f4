//! A Direction Coordinator at work: the deciding one, its store, its name service, its orders from
//! the Account Server.

use std::collections::BTreeSet;

use ntm_account_api::server::DcUpdate;
use ntm_coordinator::{Assignment, Coordinator, Event, Located, QueryId, ResolveError, StoreError};
use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use ntm_wire::push::PushToken;
use ntm_wire::time::{Mono, Now};
use ntm_wire::transmit::Transmit;
use tokio::sync::{mpsc, oneshot};

use crate::driver::{Machine, Onward};
use crate::membership;

/// What the loop is told beside datagrams.
pub(crate) enum Command {
    /// A name was looked up.
    Resolved(QueryId, Result<Located, ResolveError>),
    /// An assignment is on disk, or is not.
    Stored(NodeId, Result<(), StoreError>),
    /// A push service asks whether a push to this token wakes this node.
    IsWokenBy(NodeId, PushToken, oneshot::Sender<bool>),
    /// The Account Server has news.
    Updated(Box<DcUpdate>),
}

/// What takes time, and is done beside the loop.
pub(crate) enum Work {
    /// Look a name up.
    Resolve(QueryId, Fqdn),
    /// Write an assignment down.
    Store(Assignment),
    /// Tell a node that sleeps.
    Wake(PushToken, u64),
    /// Ask for a further block of virtual IPv4 addresses.
    MoreBlocks,
}

/// The coordinator in the clothes of a role.
pub(crate) struct Dc {
    pub(crate) coordinator: Coordinator,
    pub(crate) work: mpsc::UnboundedSender<Work>,
    pub(crate) names: BTreeSet<Fqdn>,
}

impl Machine for Dc {
    type Command = Command;

    fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) -> Onward {
        self.coordinator.handle_datagram(now, from, datagram);
        Onward::Done
    }

    fn set_pressed(&mut self, is_pressed: bool) {
        self.coordinator.set_pressed(is_pressed);
    }

    fn handle_command(&mut self, now: Now, command: Command) {
        match command {
            Command::Resolved(query, found) => self.coordinator.handle_resolved(now, query, found),
            Command::Stored(node, stored) => self.coordinator.handle_stored(now, node, stored),
            Command::IsWokenBy(node, token, answer) => {
                // Whoever asked may have left.
                let _ = answer.send(self.coordinator.is_woken_by(node, &token));
            }
            Command::Updated(update) => self.update(now, *update),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.coordinator.handle_timeout(now);
    }

    /// Nodes keep what they have and find the DC again: there is nothing to say goodbye for.
    fn stop(&mut self, _now: Now) {}

    fn act(&mut self) {
        while let Some(event) = self.coordinator.poll_event() {
            self.on_event(event);
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.coordinator.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.coordinator.poll_timeout()
    }

    fn is_done(&self) -> bool {
        true
    }
}

impl Dc {
    fn update(&mut self, now: Now, update: DcUpdate) {
        if update.whole {
            self.names.clear();
        }
        self.names.extend(update.names.into_iter().map(|n| n.0));
        for gone in update.gone {
            self.names.remove(&gone.0);
        }
        self.coordinator
            .set_names(self.names.iter().cloned().collect());
        for node in update.revoked {
            self.coordinator.revoke(now, node.0);
        }
        for relay in &update.setup.relays {
            self.coordinator.add_relay(membership::relay(relay));
        }
        for peer in &update.setup.peers {
            self.coordinator.add_peer(membership::peer(peer));
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Resolve { query, domain } => self.ask(Work::Resolve(query, domain)),
            Event::Store(assignment) => self.ask(Work::Store(assignment)),
            Event::BlocksNearlyFull { left } => {
                tracing::warn!(left, "few virtual IPv4 addresses are left");
                self.ask(Work::MoreBlocks);
            }
            Event::Wake { token, id } => self.ask(Work::Wake(token, id)),
            Event::Registered {
                node,
                fqdn,
                addrs,
                observed,
            } => {
                tracing::debug!(%node, %fqdn, v6 = %addrs.v6, v4 = %addrs.v4, observed = %observed.0, "a node registered");
            }
            Event::Offline { node, reason } => tracing::debug!(%node, ?reason, "a node went"),
            Event::Directed {
                caller,
                callee,
                order,
            } => {
                tracing::debug!(%caller, %callee, ?order, "a tunnel was directed");
            }
            Event::RelayUp(rs) => tracing::info!(%rs, "a relay reports"),
            Event::RelayDown(rs) => tracing::warn!(%rs, "a relay fell silent"),
        }
    }

    fn ask(&self, work: Work) {
        // Nobody takes work any more when the process ends.
        drop(self.work.send(work));
    }
}
