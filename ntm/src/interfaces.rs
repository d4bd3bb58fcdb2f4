//! The addresses of this machine, read again whenever the system says that they changed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use n0_watcher::Watcher as _;
use netwatch::netmon::{Monitor, State};
use ntm_wire::id::InterfaceId;

/// Where a node's local addresses come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Interfaces {
    /// The system's, without loopback.
    #[default]
    System,
    /// The system's and loopback: for servers on this very machine.
    SystemAndLoopback,
    /// These, for ever: for tests.
    Fixed(Vec<IpAddr>),
}

/// A local address and the interface it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalIp {
    pub(crate) interface: InterfaceId,
    pub(crate) ip: IpAddr,
}

/// The addresses as they stand, and what tells of changes.
pub(crate) struct Watch {
    mode: Interfaces,
    /// Kept: its end would end the events.
    monitor: Option<Monitor>,
    events: Option<n0_watcher::Direct<State>>,
    numbers: BTreeMap<String, InterfaceId>,
}

impl Watch {
    pub(crate) async fn start(mode: Interfaces) -> Self {
        let mut watch = Self {
            mode,
            monitor: None,
            events: None,
            numbers: BTreeMap::new(),
        };
        if !matches!(watch.mode, Interfaces::Fixed(_)) {
            match Monitor::new().await {
                Ok(monitor) => {
                    watch.events = Some(monitor.interface_state());
                    watch.monitor = Some(monitor);
                }
                Err(error) => {
                    tracing::warn!(%error, "no events about network changes from this system")
                }
            }
        }
        watch
    }

    /// The addresses there are now, those of the default route's interface first.
    pub(crate) fn current(&mut self) -> Vec<LocalIp> {
        if let Interfaces::Fixed(ips) = &self.mode {
            return ips
                .iter()
                .map(|ip| LocalIp {
                    interface: InterfaceId(1),
                    ip: *ip,
                })
                .collect();
        }
        let Some(state) = self.events.as_mut().map(|e| e.get()) else {
            return Vec::new();
        };
        self.list(&state)
    }

    fn list(&mut self, state: &State) -> Vec<LocalIp> {
        let default = state.default_route_interface.as_deref();
        let mut names: Vec<&String> = state.interfaces.keys().collect();
        names.sort_by_key(|name| (Some(name.as_str()) != default, name.as_str()));
        let mut out = Vec::new();
        for name in names {
            let Some(interface) = state.interfaces.get(name).filter(|i| i.is_up()) else {
                continue;
            };
            let number = self.number(name);
            let usable = interface
                .addrs()
                .map(|net| net.addr())
                .filter(|ip| self.is_usable(ip));
            out.extend(usable.map(|ip| LocalIp {
                interface: number,
                ip,
            }));
        }
        out
    }

    fn is_usable(&self, ip: &IpAddr) -> bool {
        let link_local = match ip {
            IpAddr::V4(a) => a.is_link_local(),
            // Without its scope a link-local address means nothing to a peer.
            IpAddr::V6(a) => a.is_unicast_link_local(),
        };
        let loopback_ok = !ip.is_loopback() || self.mode == Interfaces::SystemAndLoopback;
        !link_local && !ip.is_unspecified() && !ip.is_multicast() && loopback_ok
    }

    /// An interface keeps its number for the life of the process; 0 is "any".
    fn number(&mut self, name: &str) -> InterfaceId {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let next = u16::try_from(self.numbers.len() + 1).unwrap_or(u16::MAX);
        self.numbers.insert(name.to_owned(), InterfaceId(next));
        InterfaceId(next)
    }

    /// Ends when the addresses changed; never, where nothing tells.
    pub(crate) async fn changed(&mut self) {
        if let Some(events) = &mut self.events
            && events.updated().await.is_ok()
        {
            return;
        }
        self.events = None;
        std::future::pending::<()>().await;
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Watch({:?}, events: {})",
            self.mode,
            self.monitor.is_some()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_keeps_its_number_when_others_come_and_go() {
        let mut watch = Watch {
            mode: Interfaces::System,
            monitor: None,
            events: None,
            numbers: BTreeMap::new(),
        };
        let wifi = watch.number("wifi0");
        let mobile = watch.number("rmnet0");
        assert_ne!(wifi, mobile);
        assert_eq!(watch.number("wifi0"), wifi);
        assert_ne!(wifi, InterfaceId(0), "0 means any interface");
    }

    #[test]
    fn link_local_and_loopback_addresses_are_no_candidates() {
        let watch = Watch {
            mode: Interfaces::System,
            monitor: None,
            events: None,
            numbers: BTreeMap::new(),
        };
        for (ip, usable) in [
            ("127.0.0.1", false),
            ("169.254.3.4", false),
            ("fe80::1", false),
            ("::1", false),
            ("192.168.1.2", true),
            ("100.64.0.9", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(watch.is_usable(&ip.parse().unwrap()), usable, "{ip}");
        }
    }

    #[tokio::test]
    async fn this_machine_tells_its_addresses() {
        let mut watch = Watch::start(Interfaces::SystemAndLoopback).await;
        let loopback = watch.current().iter().any(|l| l.ip.is_loopback());
        assert!(
            loopback,
            "every machine has a loopback interface: {:?}",
            watch.current()
        );
    }
}
