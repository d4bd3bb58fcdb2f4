//! The addresses of this machine, read again whenever the system says that they changed.

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(any(not(target_os = "linux"), test))]
mod told;

use std::net::IpAddr;

use ntm_wire::id::InterfaceId;

#[cfg(target_os = "linux")]
use linux::Monitor;
#[cfg(not(target_os = "linux"))]
use other::Monitor;
#[cfg(any(not(target_os = "linux"), test))]
pub use told::networks_changed;

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
    /// Another number when the interface was attached anew: two networks may give it the same address.
    pub(crate) attachment: u32,
    /// The system's number of the interface; 0 when it does not matter.
    pub(crate) index: u32,
}

impl LocalIp {
    fn fixed(ip: IpAddr) -> Self {
        Self {
            interface: InterfaceId(1),
            ip,
            attachment: 0,
            index: 0,
        }
    }
}

/// The addresses as they stand, and what tells of changes.
#[derive(Debug)]
pub(crate) struct Watch {
    mode: Interfaces,
    /// Absent where nothing tells.
    monitor: Option<Monitor>,
}

impl Watch {
    pub(crate) async fn start(mode: Interfaces) -> Self {
        let monitor = match mode {
            Interfaces::Fixed(_) => None,
            Interfaces::System | Interfaces::SystemAndLoopback => Self::monitor().await,
        };
        Self { mode, monitor }
    }

    async fn monitor() -> Option<Monitor> {
        let monitor = Monitor::start().await;
        if let Err(error) = &monitor {
            tracing::warn!(%error, "no events about network changes from this system");
        }
        monitor.ok()
    }

    /// The addresses there are now, the preferred interface's first; of each class one of each interface.
    pub(crate) fn current(&mut self) -> Vec<LocalIp> {
        if let Interfaces::Fixed(ips) = &self.mode {
            return ips.iter().copied().map(LocalIp::fixed).collect();
        }
        let with_loopback = self.mode == Interfaces::SystemAndLoopback;
        let is_usable = |ip: IpAddr| is_usable(ip, with_loopback);
        let monitor = self.monitor.as_mut();
        monitor.map(|m| m.current(is_usable)).unwrap_or_default()
    }

    /// What the system calls the interfaces.
    pub(crate) fn names(&self) -> impl Iterator<Item = (InterfaceId, &str)> {
        self.monitor.iter().flat_map(Monitor::names)
    }

    /// Ends when the addresses may have changed; never, where nothing tells.
    pub(crate) async fn changed(&mut self) {
        if let Some(monitor) = &mut self.monitor
            && monitor.changed().await.is_ok()
        {
            return;
        }
        self.monitor = None;
        std::future::pending::<()>().await;
    }
}

fn is_usable(ip: IpAddr, with_loopback: bool) -> bool {
    let link_local = match ip {
        IpAddr::V4(a) => a.is_link_local(),
        // Without its scope a link-local address means nothing to a peer.
        IpAddr::V6(a) => a.is_unicast_link_local(),
    };
    let loopback_ok = !ip.is_loopback() || with_loopback;
    !link_local && !ip.is_unspecified() && !ip.is_multicast() && loopback_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_loopback_addresses_are_no_candidates() {
        for (ip, usable) in [
            ("127.0.0.1", false),
            ("169.254.3.4", false),
            ("fe80::1", false),
            ("::1", false),
            ("192.168.1.2", true),
            ("100.64.0.9", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_usable(ip.parse().unwrap(), false), usable, "{ip}");
        }
    }

    #[tokio::test]
    async fn this_machine_tells_its_addresses() {
        let mut watch = Watch::start(Interfaces::SystemAndLoopback).await;
        let all = watch.current();
        assert!(
            all.iter().any(|l| l.ip.is_loopback()),
            "every machine has a loopback interface: {all:?}"
        );
    }
}
