//! What the kernel says of links, addresses and default routes, and what it comes to.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the kernel's many messages and attributes few matter"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use ntm_proto::Class;
use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;

use super::LocalIp;

/// The kernel's state as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    links: BTreeMap<u32, Link>,
    addrs: BTreeMap<(u32, IpAddr), AddressFlags>,
    /// By interface and whether it is IPv4: the metrics of its default routes.
    defaults: BTreeMap<(u32, bool), Vec<u32>>,
    /// Which address of an interface and class is in use: it stays so while it may.
    chosen: BTreeMap<(u32, Class), IpAddr>,
    numbers: BTreeMap<u32, InterfaceId>,
}

#[derive(Debug, Default)]
struct Link {
    name: String,
    is_up: bool,
    attachment: u32,
}

impl Kernel {
    /// Takes a message; whether it may have changed anything.
    pub(super) fn handle(&mut self, message: NetlinkMessage<RouteNetlinkMessage>) -> bool {
        let NetlinkPayload::InnerMessage(message) = message.payload else {
            return false;
        };
        match message {
            RouteNetlinkMessage::NewLink(m) => self.set_link(&m),
            RouteNetlinkMessage::DelLink(m) => {
                self.links.remove(&m.header.index);
            }
            RouteNetlinkMessage::NewAddress(m) => self.set_address(&m),
            RouteNetlinkMessage::DelAddress(m) => self.remove_address(&m),
            RouteNetlinkMessage::NewRoute(m) => self.set_route(&m, true),
            RouteNetlinkMessage::DelRoute(m) => self.set_route(&m, false),
            _ => return false,
        }
        true
    }

    /// A loopback has no carrier to speak of; everything else needs one.
    fn set_link(&mut self, m: &LinkMessage) {
        let flags = m.header.flags;
        let carrier = m.attributes.iter().find_map(|a| match a {
            LinkAttribute::Carrier(carrier) => Some(*carrier != 0),
            _ => None,
        });
        let carries = carrier.unwrap_or(flags.contains(LinkFlags::LowerUp));
        let is_up = flags.contains(LinkFlags::Up) && carries;
        let name = m.attributes.iter().find_map(|a| match a {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        });
        let link = self.links.entry(m.header.index).or_default();
        link.name = name.unwrap_or_else(|| core::mem::take(&mut link.name));
        if is_up && !link.is_up {
            link.attachment += 1;
        }
        link.is_up = is_up;
        if !is_up {
            // An administrative link-down tells of no route that goes with it.
            self.defaults
                .retain(|(index, _), _| *index != m.header.index);
        }
    }

    fn set_address(&mut self, m: &AddressMessage) {
        if let Some(ip) = ip_of(m) {
            self.addrs.insert((m.header.index, ip), flags_of(m));
        }
    }

    /// The same address may come back in another network.
    fn remove_address(&mut self, m: &AddressMessage) {
        let (Some(ip), index) = (ip_of(m), m.header.index) else {
            return;
        };
        if self.addrs.remove(&(index, ip)).is_some()
            && let Some(link) = self.links.get_mut(&index)
        {
            link.attachment += 1;
        }
    }

    /// An address whose default route came only now can be used only now. With IPv4 each telling is of a
    /// new one: the kernel takes routes away with their address and does not say so.
    fn set_route(&mut self, m: &RouteMessage, is_new: bool) {
        let Some((index, metric)) = default_route(m) else {
            return;
        };
        let v4 = m.header.address_family == AddressFamily::Inet;
        let routes = self.defaults.entry((index, v4)).or_default();
        let had = !routes.is_empty();
        routes.retain(|r| *r != metric);
        if is_new {
            routes.push(metric);
        }
        if let Some(link) = self.links.get_mut(&index)
            && is_new
            && (v4 || !had)
        {
            link.attachment += 1;
        }
    }

    /// One address of each class of each interface, the interface with the best default route first.
    pub(super) fn current(&mut self, is_usable: impl Fn(IpAddr) -> bool) -> Vec<LocalIp> {
        let mut out: Vec<(u32, LocalIp)> = Vec::new();
        let up: Vec<u32> = self
            .links
            .iter()
            .filter(|(_, l)| l.is_up)
            .map(|(i, _)| *i)
            .collect();
        for index in up {
            for class in [Class::V4, Class::V6, Class::Loopback4, Class::Loopback6] {
                if let Some(ip) = self.choose(index, class, &is_usable) {
                    out.push((self.metric(index), self.local(index, ip)));
                }
            }
        }
        out.sort_by_key(|(metric, l)| (l.ip.is_loopback(), *metric, l.index));
        out.into_iter().map(|(_, local)| local).collect()
    }

    fn local(&mut self, index: u32, ip: IpAddr) -> LocalIp {
        LocalIp {
            interface: self.number(index),
            ip,
            attachment: self.links.get(&index).map_or(0, |l| l.attachment),
            index,
        }
    }

    /// Of the interfaces that were ever used, those that are there.
    pub(super) fn names(&self) -> impl Iterator<Item = (InterfaceId, &str)> {
        let named = |(index, number): (&u32, &InterfaceId)| {
            let link = self.links.get(index).filter(|l| !l.name.is_empty())?;
            Some((*number, link.name.as_str()))
        };
        self.numbers.iter().filter_map(named)
    }

    /// The best metric of an interface's default routes.
    fn metric(&self, index: u32) -> u32 {
        let of = |v4| self.defaults.get(&(index, v4)).into_iter().flatten();
        of(true).chain(of(false)).copied().min().unwrap_or(u32::MAX)
    }

    /// The address in use while it may be, or else the best.
    fn choose(
        &mut self,
        index: u32,
        class: Class,
        is_usable: &impl Fn(IpAddr) -> bool,
    ) -> Option<IpAddr> {
        let used = self.chosen.get(&(index, class)).copied();
        let of_link = self
            .addrs
            .range((index, LOWEST)..)
            .take_while(|((i, _), _)| *i == index);
        let all = of_link
            .map(|((_, ip), flags)| (*ip, *flags))
            .filter(|(ip, flags)| class_of(*ip) == class && is_usable(*ip) && is_ready(*flags));
        let best = all.min_by_key(|(ip, flags)| {
            let is_old = flags.contains(AddressFlags::Deprecated);
            (
                is_old,
                Some(*ip) != used,
                is_unique_local(*ip),
                !is_temporary(*ip, *flags),
                *ip,
            )
        });
        let ip = best.map(|(ip, _)| ip)?;
        self.chosen.insert((index, class), ip);
        Some(ip)
    }

    /// An interface keeps its number for the life of the process; 0 is "any".
    fn number(&mut self, index: u32) -> InterfaceId {
        let next = u16::try_from(self.numbers.len() + 1).unwrap_or(u16::MAX);
        *self.numbers.entry(index).or_insert(InterfaceId(next))
    }
}

const LOWEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

fn class_of(ip: IpAddr) -> Class {
    Class::of(RealAddr((ip, 0).into()))
}

/// While duplicate address detection lasts the kernel does not send from an address, unless it is
/// optimistic (RFC 4429).
fn is_ready(flags: AddressFlags) -> bool {
    let waits =
        flags.contains(AddressFlags::Tentative) && !flags.contains(AddressFlags::Optimistic);
    !waits && !flags.contains(AddressFlags::Dadfailed)
}

/// Of IPv6 addresses the temporary ones tell the least about a person (RFC 8981); the flag is the one that
/// means "secondary" with IPv4.
fn is_temporary(ip: IpAddr, flags: AddressFlags) -> bool {
    ip.is_ipv6() && flags.contains(AddressFlags::Secondary)
}

fn is_unique_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(a) if a.is_unique_local())
}

/// On a point-to-point link the local address is another attribute than the peer's.
fn ip_of(m: &AddressMessage) -> Option<IpAddr> {
    let local = m.attributes.iter().find_map(|a| match a {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    local.or_else(|| {
        m.attributes.iter().find_map(|a| match a {
            AddressAttribute::Address(ip) => Some(*ip),
            _ => None,
        })
    })
}

fn flags_of(m: &AddressMessage) -> AddressFlags {
    let whole = m.attributes.iter().find_map(|a| match a {
        AddressAttribute::Flags(flags) => Some(*flags),
        _ => None,
    });
    whole.unwrap_or(AddressFlags::from_bits_retain(u32::from(
        m.header.flags.bits(),
    )))
}

/// The interface and metric of a default route of the main table.
fn default_route(m: &RouteMessage) -> Option<(u32, u32)> {
    let is_main = m.header.table == RouteHeader::RT_TABLE_MAIN;
    if !is_main || m.header.destination_prefix_length != 0 {
        return None;
    }
    let index = m.attributes.iter().find_map(|a| match a {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })?;
    let metric = m.attributes.iter().find_map(|a| match a {
        RouteAttribute::Priority(metric) => Some(*metric),
        _ => None,
    });
    Some((index, metric.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, is_up: bool) -> RouteNetlinkMessage {
        let mut m = LinkMessage::default();
        m.header.index = index;
        if is_up {
            m.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
        }
        RouteNetlinkMessage::NewLink(m)
    }

    fn address(index: u32, ip: &str, flags: AddressFlags) -> AddressMessage {
        let mut m = AddressMessage::default();
        m.header.index = index;
        let ip = AddressAttribute::Address(ip.parse().unwrap());
        m.attributes = vec![ip, AddressAttribute::Flags(flags)];
        m
    }

    fn route(index: u32, metric: u32) -> RouteMessage {
        let mut m = RouteMessage::default();
        m.header.address_family = AddressFamily::Inet;
        m.header.table = RouteHeader::RT_TABLE_MAIN;
        m.attributes = vec![RouteAttribute::Oif(index), RouteAttribute::Priority(metric)];
        m
    }

    fn tell(kernel: &mut Kernel, message: RouteNetlinkMessage) {
        kernel.handle(NetlinkMessage::from(message));
    }

    fn new_address(kernel: &mut Kernel, index: u32, ip: &str, flags: AddressFlags) {
        tell(
            kernel,
            RouteNetlinkMessage::NewAddress(address(index, ip, flags)),
        );
    }

    fn ips(kernel: &mut Kernel) -> Vec<String> {
        let all = kernel.current(|_| true);
        all.iter().map(|l| l.ip.to_string()).collect()
    }

    fn two_cards() -> Kernel {
        let mut kernel = Kernel::default();
        for index in [2, 3] {
            tell(&mut kernel, link(index, true));
        }
        new_address(&mut kernel, 2, "192.168.1.5", AddressFlags::Permanent);
        new_address(&mut kernel, 3, "10.9.0.5", AddressFlags::Permanent);
        kernel
    }

    #[test]
    fn an_interface_has_the_name_that_was_told_last() {
        let mut kernel = two_cards();
        assert_eq!(ips(&mut kernel).len(), 2);
        assert_eq!(kernel.names().next(), None, "no name was told");
        for name in ["wlan0", "wlp1s0"] {
            let RouteNetlinkMessage::NewLink(mut m) = link(3, true) else {
                continue;
            };
            m.attributes.push(LinkAttribute::IfName(name.to_owned()));
            tell(&mut kernel, RouteNetlinkMessage::NewLink(m));
            tell(&mut kernel, link(3, true));
            assert_eq!(kernel.names().next(), Some((InterfaceId(2), name)));
        }
    }

    #[test]
    fn the_interface_with_the_best_default_route_comes_first() {
        let mut kernel = two_cards();
        assert_eq!(ips(&mut kernel), ["192.168.1.5", "10.9.0.5"]);
        tell(&mut kernel, RouteNetlinkMessage::NewRoute(route(3, 600)));
        assert_eq!(ips(&mut kernel), ["10.9.0.5", "192.168.1.5"], "it has one");
        tell(&mut kernel, RouteNetlinkMessage::NewRoute(route(2, 100)));
        assert_eq!(
            ips(&mut kernel),
            ["192.168.1.5", "10.9.0.5"],
            "the lower metric"
        );
        tell(&mut kernel, RouteNetlinkMessage::DelRoute(route(2, 100)));
        assert_eq!(ips(&mut kernel), ["10.9.0.5", "192.168.1.5"]);
    }

    #[test]
    fn without_a_carrier_an_address_is_not_there_and_the_next_network_is_another() {
        let mut kernel = two_cards();
        let before = kernel.current(|_| true)[0];
        tell(&mut kernel, link(2, false));
        assert_eq!(ips(&mut kernel), ["10.9.0.5"]);
        tell(&mut kernel, link(2, true));
        let after = kernel.current(|_| true)[0];
        assert_eq!((before.ip, before.interface), (after.ip, after.interface));
        assert_ne!(before.attachment, after.attachment);
    }

    #[test]
    fn an_address_can_be_used_once_it_is_no_longer_tentative_or_is_optimistic() {
        let mut kernel = Kernel::default();
        tell(&mut kernel, link(2, true));
        new_address(&mut kernel, 2, "2001:db8::5", AddressFlags::Tentative);
        assert!(ips(&mut kernel).is_empty());
        let optimistic = AddressFlags::Tentative | AddressFlags::Optimistic;
        new_address(&mut kernel, 2, "2001:db8::5", optimistic);
        assert_eq!(ips(&mut kernel), ["2001:db8::5"]);
    }

    #[test]
    fn the_address_in_use_stays_until_it_is_deprecated() {
        let mut kernel = Kernel::default();
        tell(&mut kernel, link(2, true));
        new_address(&mut kernel, 2, "2001:db8::9", AddressFlags::empty());
        assert_eq!(ips(&mut kernel), ["2001:db8::9"]);
        new_address(&mut kernel, 2, "2001:db8::a", AddressFlags::Secondary);
        assert_eq!(ips(&mut kernel), ["2001:db8::9"], "it is in use");
        new_address(&mut kernel, 2, "2001:db8::9", AddressFlags::Deprecated);
        assert_eq!(ips(&mut kernel), ["2001:db8::a"]);
    }

    #[test]
    fn an_address_whose_route_comes_later_is_told_again() {
        let mut kernel = two_cards();
        let before = kernel.current(|_| true)[1].attachment;
        tell(&mut kernel, RouteNetlinkMessage::NewRoute(route(3, 600)));
        let after = kernel.current(|_| true)[0].attachment;
        assert_ne!(before, after);
    }
}
