//! Looks for a NAT64 whenever the network changed and has no IPv4, listens to routers that advertise one,
//! and tells the node.

use std::time::Duration;

use ntm_wire::time::Now;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Command, Driver};
use crate::nat64::{self, Prefix};

/// Waits between tries: just after a change the resolver is often not there yet.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
];

/// What is known of the network's NAT64.
#[derive(Debug, Default)]
pub(super) struct Nat64 {
    /// The search under way.
    search: Option<AbortHandle>,
    listener: Option<AbortHandle>,
    resolved: Option<Prefix>,
    advertised: Option<Prefix>,
}

/// What was found, or is no longer there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finding {
    /// By asking the resolver (RFC 7050).
    Resolved(Option<Prefix>),
    /// From a router (RFC 8781).
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux tells")
    )]
    Advertised(Option<Prefix>),
}

impl Drop for Nat64 {
    fn drop(&mut self) {
        let tasks = [self.search.take(), self.listener.take()];
        tasks.into_iter().flatten().for_each(|t| t.abort());
    }
}

impl Nat64 {
    fn take(&mut self, finding: Finding) {
        match finding {
            Finding::Resolved(prefix) => self.resolved = prefix,
            Finding::Advertised(prefix) => self.advertised = prefix,
        }
    }

    /// A router's word counts more than a resolver's (RFC 8781, 5.1).
    fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        self.advertised.into_iter().chain(self.resolved)
    }
}

impl Driver {
    /// After every reading of the interfaces. The old prefix serves until there is an answer.
    pub(super) fn look_for_nat64(&mut self, now: Now) {
        if let Some(old) = self.nat64.search.take() {
            old.abort();
        }
        if nat64::is_wanted(&self.locals) {
            let commands = self.wires.own_commands.clone();
            self.nat64.search = Some(tokio::spawn(look(commands)).abort_handle());
        } else {
            self.nat64.resolved = None;
        }
        self.tell_nat64(now);
    }

    pub(super) fn found_nat64(&mut self, now: Now, finding: Finding) {
        tracing::debug!(?finding, "about the NAT64");
        self.nat64.take(finding);
        self.tell_nat64(now);
    }

    fn tell_nat64(&mut self, now: Now) {
        if !nat64::is_wanted(&self.locals) {
            return self.node.set_nat64(now, None);
        }
        let usable = self.nat64.prefixes().find_map(|p| p.of_96_bits());
        if usable.is_none()
            && let Some(other) = self.nat64.prefixes().next()
        {
            tracing::warn!(
                bits = other.len,
                "this network's NAT64 prefix is none of 96 bits: servers with IPv4 only stay out of reach"
            );
        }
        self.node.set_nat64(now, usable);
    }

    /// Where the system passes on what routers advertise.
    #[cfg(target_os = "linux")]
    pub(super) fn listen_to_routers(&mut self) {
        let commands = self.wires.own_commands.clone();
        let tell = move |prefix| {
            let found = Command::Nat64(Finding::Advertised(prefix));
            commands.upgrade().is_some_and(|c| c.send(found).is_ok())
        };
        let listening = tokio::spawn(async move {
            if let Err(error) = nat64::advertised::follow(tell).await {
                tracing::debug!(%error, "routers are not listened to");
            }
        });
        self.nat64.listener = Some(listening.abort_handle());
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "there is nothing to listen to")]
    pub(super) fn listen_to_routers(&mut self) {}
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
        let _ = commands.send(Command::Nat64(Finding::Resolved(found)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_counts_more_than_the_resolver_whichever_spoke_last() {
        let of = |addr: &str| {
            let addr = addr.parse().unwrap();
            Some(Prefix { addr, len: 96 })
        };
        let (heard, asked) = (of("2001:db8:64::"), of("64:ff9b::"));
        let mut nat64 = Nat64::default();
        nat64.take(Finding::Resolved(asked));
        assert_eq!(nat64.prefixes().next(), asked);
        nat64.take(Finding::Advertised(heard));
        nat64.take(Finding::Resolved(asked));
        assert_eq!(nat64.prefixes().next(), heard);
        nat64.take(Finding::Advertised(None));
        assert_eq!(nat64.prefixes().next(), asked);
    }
}
