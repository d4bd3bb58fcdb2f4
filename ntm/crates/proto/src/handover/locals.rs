//! The local addresses of a node, and what a change of them means.

use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;

use crate::config::LocalAddr;

/// A phone has two interfaces of two families each.
const MEETING: usize = 4;

/// Which addresses reach each other at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// IPv4 of a network.
    V4,
    /// IPv6 of a network.
    V6,
    /// This machine's own loopback, IPv4.
    Loopback4,
    /// The same, IPv6.
    Loopback6,
}

impl Class {
    /// The class of an address.
    pub fn of(addr: RealAddr) -> Self {
        match (addr.is_ipv4(), addr.is_loopback()) {
            (true, false) => Self::V4,
            (false, false) => Self::V6,
            (true, true) => Self::Loopback4,
            (false, true) => Self::Loopback6,
        }
    }
}

/// One class of address of one interface: what a real socket is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) interface: InterfaceId,
    pub(crate) class: Class,
}

impl Port {
    pub(crate) fn of(interface: InterfaceId, addr: RealAddr) -> Self {
        Self {
            interface,
            class: Class::of(addr),
        }
    }
}

/// An interface's time in one network. Numbered by the node, and no number comes twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attachment(u32);

#[cfg(test)]
impl Attachment {
    pub(crate) fn numbered(n: u32) -> Self {
        Self(n)
    }
}

/// The local addresses, the preferred interface first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locals {
    all: Vec<LocalAddr>,
    attachments: Vec<(Port, Attachment)>,
    last: Attachment,
}

/// What became of the ports when the addresses changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Their addresses are not there any more; one that is renumbered is fresh as well.
    pub(crate) gone: Vec<Port>,
    /// They have an address that they had not.
    pub(crate) fresh: Vec<Port>,
}

impl Locals {
    pub(crate) fn new(all: &[LocalAddr]) -> Self {
        Self {
            all: all.to_vec(),
            ..Self::default()
        }
    }

    /// Whether the addresses are the same.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.all == other.all
    }

    /// What is fresh is another attachment; fresh ports of one interface share it, for they are of one network.
    pub(crate) fn attach(&mut self, before: &Self, change: &Change) {
        self.last = before.last;
        for port in self.ports() {
            let known = before.attachment_of(port);
            let goes_on = known.filter(|_| !change.fresh.contains(&port));
            let mut fresh = self.attachments.iter();
            let fresh = fresh.find(|(p, a)| p.interface == port.interface && *a > before.last);
            let attachment = goes_on.or(fresh.map(|(_, a)| *a));
            let attachment = attachment.unwrap_or(Attachment(self.last.0 + 1));
            self.last = self.last.max(attachment);
            self.attachments.push((port, attachment));
        }
    }

    /// Which attachment a port is of.
    pub(crate) fn attachment_of(&self, port: Port) -> Option<Attachment> {
        let mut all = self.attachments.iter();
        all.find(|(p, _)| *p == port).map(|(_, a)| *a)
    }

    /// Every attachment there is.
    pub(crate) fn attachments(&self) -> impl Iterator<Item = Attachment> {
        self.attachments.iter().map(|(_, a)| *a)
    }

    /// The preferred interface.
    pub(crate) fn first(&self) -> Option<InterfaceId> {
        self.all.first().map(|l| l.interface)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &LocalAddr> {
        self.all.iter()
    }

    /// The ports that peers are met from: some, for each is tried with each address of the peer (rule 10).
    pub(crate) fn meeting_ports(&self) -> Vec<Port> {
        let mut ports = self.ports();
        ports.truncate(MEETING);
        ports
    }

    /// Whether this node can send from there.
    pub(crate) fn has(&self, port: Port) -> bool {
        self.all_of(port).next().is_some()
    }

    /// The address of a port.
    pub(crate) fn addr_of(&self, port: Port) -> Option<RealAddr> {
        self.all_of(port).next().map(|l| l.addr)
    }

    /// Every port once, the preferred one first.
    pub(crate) fn ports(&self) -> Vec<Port> {
        let mut out = Vec::new();
        for local in &self.all {
            let port = Port::of(local.interface, local.addr);
            if !out.contains(&port) {
                out.push(port);
            }
        }
        out
    }

    /// The preferred interface among those that may reach it; 0, the system's choice, when none is known.
    pub(crate) fn home(&self, to: RealAddr) -> InterfaceId {
        let fits = |l: &&LocalAddr| Class::of(l.addr) == Class::of(to);
        let first = self.all.iter().find(fits);
        first.map_or(InterfaceId(0), |l| l.interface)
    }

    fn all_of(&self, port: Port) -> impl Iterator<Item = &LocalAddr> {
        let fits = move |l: &&LocalAddr| Port::of(l.interface, l.addr) == port;
        self.all.iter().filter(fits)
    }

    /// A port goes on when one of its addresses is still there.
    pub(crate) fn change_to(&self, new: &Self) -> Change {
        let goes_on = |port: Port| {
            let mut before = self.all_of(port);
            before.any(|a| new.all_of(port).any(|b| a == b))
        };
        let without = |ports: Vec<Port>| ports.into_iter().filter(|p| !goes_on(*p)).collect();
        Change {
            gone: without(self.ports()),
            fresh: without(new.ports()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals(all: &[(u16, &str)]) -> Locals {
        let local = |(n, text): &(u16, &str)| LocalAddr {
            interface: InterfaceId(*n),
            addr: RealAddr(text.parse().unwrap()),
            attachment: 0,
        };
        let all: Vec<LocalAddr> = all.iter().map(local).collect();
        Locals::new(&all)
    }

    fn port(n: u16, class: Class) -> Port {
        let interface = InterfaceId(n);
        Port { interface, class }
    }

    fn real(text: &str) -> RealAddr {
        RealAddr(text.parse().unwrap())
    }

    #[test]
    fn an_interface_that_comes_and_goes_is_seen_by_family() {
        let wifi = locals(&[(1, "192.168.1.2:7")]);
        let both = locals(&[(1, "192.168.1.2:7"), (2, "[2001:db8::2]:7")]);
        let change = wifi.change_to(&both);
        assert_eq!(
            (change.gone, change.fresh),
            (vec![], vec![port(2, Class::V6)])
        );
        let change = both.change_to(&wifi);
        assert_eq!(
            (change.gone, change.fresh),
            (vec![port(2, Class::V6)], vec![])
        );
    }

    #[test]
    fn a_renumbered_interface_is_gone_and_fresh() {
        let (old, new) = (locals(&[(1, "10.0.0.2:7")]), locals(&[(1, "10.0.9.9:7")]));
        let change = old.change_to(&new);
        assert_eq!(change.gone, [port(1, Class::V4)]);
        assert_eq!(change.fresh, [port(1, Class::V4)]);
    }

    #[test]
    fn the_same_address_in_another_network_is_gone_and_fresh() {
        let home = locals(&[(1, "192.168.1.2:7")]);
        let mut cafe = home.clone();
        cafe.all[0].attachment = 1;
        let change = home.change_to(&cafe);
        assert_eq!(change.gone, change.fresh);
        assert_eq!(change.fresh, [port(1, Class::V4)]);
    }

    #[test]
    fn a_second_address_changes_nothing_for_the_port() {
        let one = locals(&[(1, "[2001:db8::2]:7")]);
        let two = locals(&[(1, "[2001:db8::3]:7"), (1, "[2001:db8::2]:7")]);
        assert_eq!(one.change_to(&two), Change::default());
    }

    #[test]
    fn home_is_the_first_that_has_the_family() {
        let all = [
            (2, "[2001:db8::2]:7"),
            (1, "10.0.0.2:7"),
            (3, "10.0.1.2:7"),
            (4, "127.0.0.1:7"),
        ];
        let (all, v4) = (locals(&all), real("203.0.113.1:7930"));
        assert_eq!(all.home(v4), InterfaceId(1));
        assert_eq!(all.home(real("[2001:db8::1]:7930")), InterfaceId(2));
        assert_eq!(all.home(real("127.0.0.1:7930")), InterfaceId(4));
        assert_eq!(Locals::default().home(v4), InterfaceId(0), "not known yet");
    }

    fn after(before: &Locals, all: &[(u16, &str)]) -> Locals {
        let mut new = locals(all);
        let change = before.change_to(&new);
        new.attach(before, &change);
        new
    }

    fn attachments(all: &Locals) -> Vec<u32> {
        all.attachments().map(|a| a.0).collect()
    }

    #[test]
    fn families_of_one_interface_that_come_together_are_one_attachment() {
        let both = [(1, "192.168.1.2:7"), (1, "[2001:db8::2]:7")];
        let wifi = after(&Locals::default(), &both);
        assert_eq!(attachments(&wifi), [1, 1]);
        let cellular = [both[0], both[1], (2, "10.0.0.2:7")];
        let more = after(&wifi, &cellular);
        assert_eq!(attachments(&more), [1, 1, 2], "what goes on stays");
    }

    #[test]
    fn no_attachment_comes_twice() {
        let wifi = after(&Locals::default(), &[(1, "192.168.1.2:7")]);
        let none = after(&wifi, &[]);
        let again = after(&none, &[(1, "192.168.1.2:7")]);
        assert_eq!(attachments(&again), [2]);
        let renumbered = after(&again, &[(1, "192.168.9.9:7")]);
        assert_eq!(attachments(&renumbered), [3]);
    }
}
