//! A port of the router, mapped to the node's own (UPnP, PCP or NAT-PMP), as long as there is a router
//! with a NAT in front of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU16;
use std::time::Duration;

use netwatch::interfaces::HomeRouter;
use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;
use portmapper::{Client, ProbeOutput};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::interfaces::LocalIp;

/// A router that had no port to give, or restarted, is asked again: soon, for Wi-Fi may not be through
/// with its own beginning, then now and then. While a mapping stands, asking does nothing.
const AGAIN: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(600)];
/// A router takes this long at most to take its port back.
const RELEASE: Duration = Duration::from_secs(2);

/// Asks for the mapping, renews it and gives it back.
#[derive(Debug)]
pub(crate) struct PortMap {
    enabled: bool,
    active: Option<Active>,
}

#[derive(Debug)]
struct Active {
    behind: Behind,
    client: Client,
    external: watch::Receiver<Option<SocketAddrV4>>,
    asking: AbortHandle,
}

/// What is mapped, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Behind {
    router: IpAddr,
    local: LocalIp,
    port: NonZeroU16,
}

/// A mapping that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The interface whose address it leads to.
    pub(crate) interface: InterfaceId,
    /// The address outside.
    pub(crate) addr: RealAddr,
}

impl PortMap {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            active: None,
        }
    }

    /// After every reading of the interfaces: another router or port, another mapping.
    pub(crate) fn follow(&mut self, locals: &[LocalIp], port: Option<u16>) {
        let port = port.and_then(NonZeroU16::new).filter(|_| self.enabled);
        let behind = port.and_then(|port| behind(locals, HomeRouter::new()?, port));
        if self.active.as_ref().map(|a| a.behind) == behind {
            return;
        }
        self.withdraw();
        self.active = behind.map(Active::start);
    }

    /// Gives the port back. Whether there was one.
    pub(crate) fn withdraw(&mut self) -> bool {
        self.active.take().is_some_and(Active::release)
    }

    /// Ends when [`PortMap::mapped`] may have changed.
    pub(crate) async fn changed(&mut self) {
        if let Some(active) = &mut self.active
            && active.external.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// The mapping that stands.
    pub(crate) fn mapped(&self) -> Option<Mapped> {
        let active = self.active.as_ref()?;
        let external = (*active.external.borrow())?;
        Some(Mapped {
            interface: active.behind.local.interface,
            addr: RealAddr(external.into()),
        })
    }
}

/// The router in front of a private IPv4 address of this machine.
fn behind(locals: &[LocalIp], router: HomeRouter, port: NonZeroU16) -> Option<Behind> {
    let ours = |l: &&LocalIp| Some(l.ip) == router.my_ip && l.ip.is_ipv4();
    let local = locals.iter().find(ours)?;
    let is_private = RealAddr((local.ip, port.get()).into()).is_private();
    (is_private && router.gateway.is_ipv4()).then_some(Behind {
        router: router.gateway,
        local: *local,
        port,
    })
}

impl Active {
    fn start(behind: Behind) -> Self {
        let client = Client::default();
        let external = client.watch_external_address();
        let asking = tokio::spawn(ask(client.clone(), behind.port)).abort_handle();
        Self {
            behind,
            client,
            external,
            asking,
        }
    }

    /// Whether there was a mapping.
    fn release(self) -> bool {
        self.asking.abort();
        let stood = self.external.borrow().is_some();
        self.client.deactivate();
        // The client's end would end its farewell.
        tokio::spawn(async move {
            tokio::time::sleep(RELEASE).await;
            drop(self.client);
        });
        stood
    }
}

async fn ask(client: Client, port: NonZeroU16) {
    // Without a probe only UPnP would be tried.
    let _ = client.probe().await;
    client.update_local_port(port);
    let [first, later] = AGAIN;
    let mut wait = first;
    loop {
        tokio::time::sleep(wait).await;
        if client.watch_external_address().borrow().is_none() {
            let _ = client.probe().await;
        }
        client.procure_mapping();
        wait = later;
    }
}

/// What the router offers, and the address it calls its own outside when `port` may be mapped for a
/// moment. Takes some two seconds at most.
pub(crate) async fn examine(port: Option<NonZeroU16>) -> Option<(ProbeOutput, Option<Ipv4Addr>)> {
    let client = Client::default();
    let offers = client.probe().await.ok()?.ok()?;
    let any = offers.upnp || offers.pcp || offers.nat_pmp;
    let Some(port) = port.filter(|_| any) else {
        return Some((offers, None));
    };
    client.update_local_port(port);
    let mut external = client.watch_external_address();
    let patience = Duration::from_millis(1500);
    let got = tokio::time::timeout(patience, external.wait_for(Option::is_some)).await;
    let address = got.ok().and_then(Result::ok).and_then(|a| *a);
    client.deactivate();
    tokio::time::sleep(Duration::from_millis(150)).await;
    Some((offers, address.map(|a| *a.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(gateway: &str, own: &str) -> HomeRouter {
        HomeRouter {
            gateway: gateway.parse().unwrap(),
            my_ip: Some(own.parse().unwrap()),
        }
    }

    fn local(ip: &str) -> LocalIp {
        LocalIp {
            interface: InterfaceId(3),
            ip: ip.parse().unwrap(),
            attachment: 0,
            index: 0,
        }
    }

    const PORT: NonZeroU16 = NonZeroU16::MAX;

    #[test]
    fn a_mapping_is_asked_for_a_private_address_behind_a_router() {
        let locals = [local("2001:db8::2"), local("192.168.1.2")];
        let found = behind(&locals, router("192.168.1.1", "192.168.1.2"), PORT).unwrap();
        assert_eq!(found.local, local("192.168.1.2"));
        assert_eq!(found.router, IpAddr::from([192, 168, 1, 1]));
    }

    #[test]
    fn no_mapping_is_asked_for_a_public_address_nor_for_one_the_node_does_not_use() {
        let public = [local("198.51.100.2")];
        assert_eq!(
            behind(&public, router("198.51.100.1", "198.51.100.2"), PORT),
            None
        );
        let other = [local("192.168.1.2")];
        assert_eq!(behind(&other, router("10.0.0.1", "10.0.0.2"), PORT), None);
    }

    #[tokio::test]
    async fn switched_off_it_asks_for_nothing() {
        let mut map = PortMap::new(false);
        let own = HomeRouter::new().and_then(|r| r.my_ip);
        let locals: Vec<LocalIp> = own.map(|ip| local(&ip.to_string())).into_iter().collect();
        map.follow(&locals, Some(7000));
        assert!(map.active.is_none());
        assert!(!map.withdraw());
    }
}
