//! [`Announcer`]: a router that answers solicitations, so that hosts make addresses themselves (SLAAC).

use std::io::Read as _;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use socket2::{Domain, Protocol, Socket, Type};

use super::advertisement::{ALL_NODES, HOPS, ROUTER_ADVERTISEMENT};
use crate::netns::Namespace;

const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ROUTER_SOLICITATION: u8 = 133;
const SOURCE_LINK_LAYER: u8 = 1;
const PREFIX: u8 = 3;
/// In units of eight octets.
const PREFIX_UNITS: u8 = 4;
/// The prefix is on this link, and addresses may be made of it.
const ON_LINK_AUTONOMOUS: u8 = 0xc0;
/// Of router, prefix and addresses, in seconds.
const LIFETIME: u16 = 1800;
/// It looks at least this often whether it is to end.
const GLANCE: Duration = Duration::from_millis(200);

/// It ends when dropped.
#[derive(Debug)]
pub struct Announcer {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Announcer {
    /// Answers at the router's `device`, at once, so that all the waiting is the host's.
    pub(super) fn start(
        router: &Namespace,
        device: &str,
        prefix: Ipv6Addr,
    ) -> anyhow::Result<Self> {
        let (socket, number) = router.enter(|| open(device))?;
        let hardware = router.enter(|| hardware_address(device))?;
        let end = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&end);
        let to = SocketAddr::from(SocketAddrV6::new(ALL_NODES, 0, 0, number));
        let answer = advertisement(prefix, hardware);
        let serve = move || {
            let mut question = [0; 256];
            while !is_over.load(Ordering::Relaxed) {
                let got = (&socket).read(&mut question);
                if got.is_ok() && question.first() == Some(&ROUTER_SOLICITATION) {
                    // Whoever hears nothing asks again.
                    drop(socket.send_to(&answer, &to.into()));
                }
            }
        };
        let thread = std::thread::Builder::new().name("announcer".to_owned());
        Ok(Self {
            end,
            thread: Some(thread.spawn(serve)?),
        })
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn open(device: &str) -> anyhow::Result<(Socket, u32)> {
    let number = if_nametoindex(device).with_context(|| device.to_owned())?;
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_multicast_hops_v6(HOPS)?;
    socket.set_multicast_if_v6(number)?;
    socket.join_multicast_v6(&ALL_ROUTERS, number)?;
    socket.set_read_timeout(Some(GLANCE))?;
    Ok((socket, number))
}

fn hardware_address(device: &str) -> anyhow::Result<[u8; 6]> {
    let mut all = getifaddrs()?.filter(|i| i.interface_name == device);
    let found = all.find_map(|i| i.address?.as_link_addr()?.addr());
    found.with_context(|| format!("{device} has no hardware address"))
}

/// A default router with one prefix; the kernel fills in the checksum. Linux makes an optimistic address only
/// if the router tells its hardware address, for then nobody need be asked for it (RFC 4429, 3.2).
fn advertisement(prefix: Ipv6Addr, hardware: [u8; 6]) -> Vec<u8> {
    let seconds = u32::from(LIFETIME).to_be_bytes();
    let mut out = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0];
    out.extend(LIFETIME.to_be_bytes());
    out.extend([0; 8]);
    out.extend([PREFIX, PREFIX_UNITS, 64, ON_LINK_AUTONOMOUS]);
    out.extend(seconds);
    out.extend(seconds);
    out.extend([0; 4]);
    out.extend(prefix.octets());
    out.extend([SOURCE_LINK_LAYER, 1]);
    out.extend(hardware);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_stands_where_rfc_4861_wants_it() {
        let prefix = "2001:db8:2::".parse().unwrap();
        let message = advertisement(prefix, [2, 0, 0, 0, 0, 7]);
        assert_eq!(message.len(), 16 + 32 + 8);
        assert_eq!(message[6..8], LIFETIME.to_be_bytes());
        assert_eq!(message[16..20], [3, 4, 64, 0xc0]);
        assert_eq!(message[32..48], prefix.octets());
        assert_eq!(message[48..], [1, 1, 2, 0, 0, 0, 0, 7]);
    }
}
