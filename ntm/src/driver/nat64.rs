//! Looks for a NAT64 whenever the network changed and has no IPv4, and tells the node.

use std::time::Duration;

use ntm_wire::time::Now;
use tokio::sync::mpsc;

use super::{Command, Driver};
use crate::nat64::{self, Prefix};

/// Waits between tries: just after a change the resolver is often not there yet.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
];

impl Driver {
    /// After every reading of the interfaces. The old prefix serves until there is an answer.
    pub(super) fn look_for_nat64(&mut self, now: Now) {
        if let Some(old) = self.nat64.take() {
            old.abort();
        }
        if nat64::is_wanted(&self.locals) {
            let commands = self.wires.own_commands.clone();
            self.nat64 = Some(tokio::spawn(look(commands)).abort_handle());
        } else {
            self.set_nat64(now, None);
        }
    }

    pub(super) fn set_nat64(&mut self, now: Now, prefix: Option<Prefix>) {
        let usable = prefix.and_then(|p| p.of_96_bits());
        if usable.is_none()
            && let Some(other) = prefix
        {
            tracing::warn!(
                bits = other.len,
                "this network's NAT64 prefix is none of 96 bits: servers with IPv4 only stay out of reach"
            );
        }
        self.node.set_nat64(now, usable);
    }
}

async fn look(commands: mpsc::WeakUnboundedSender<Command>) {
    let mut found = nat64::discover().await;
    for wait in AGAIN {
        if found.is_some() {
            break;
        }
        tokio::time::sleep(wait).await;
        found = nat64::discover().await;
    }
    if let Some(commands) = commands.upgrade() {
        let _ = commands.send(Command::Nat64(found));
    }
}
