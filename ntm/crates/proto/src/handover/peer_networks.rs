//! To which of its networks the peer is attached at each of its addresses: told with the address, or shown by the
//! path id that something came under (rule 13).

use std::collections::BTreeSet;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::PathId;

use super::path::{Path, Way};
use super::paths::PathSet;

/// More of the peer's addresses are not remembered; as many as there may be ways.
const MAX_TOLD: usize = 32;

impl PathSet {
    /// The peer's attachment at the other end of a way; of an address that nobody has told of since the tunnel was
    /// set up, the first.
    pub(crate) fn peer_attachment(&self, way: Way) -> u16 {
        let known = self.paths.iter().find(|p| p.way == way);
        known.map_or_else(|| self.peer_attachment_at(way), Path::peer_attachment)
    }

    /// The same of a way that is new.
    pub(super) fn peer_attachment_at(&self, way: Way) -> u16 {
        let Some((_, to)) = way.ends() else { return 0 };
        let there = |p: &&Path| p.way.ends().is_some_and(|(_, addr)| addr == to);
        let known = self.paths.iter().filter(there).map(Path::peer_attachment);
        let told = self.told.iter().filter(|(addr, _)| *addr == to);
        let told = told.map(|(_, number)| *number);
        known.chain(told).max().unwrap_or(0)
    }

    /// Every attachment of the peer's that a direct way leads to, or led to of late.
    pub(crate) fn peer_attachments(&self) -> BTreeSet<u16> {
        let direct = self.paths.iter().filter(|p| p.is_direct());
        let told = self.told.iter().map(|(_, number)| *number);
        direct.map(Path::peer_attachment).chain(told).collect()
    }

    /// This node's addresses go, and with them the ways that showed where the peer is.
    pub(super) fn remember_peer_attachments(&mut self) {
        let shown = |p: &Path| Some((p.way.ends()?.1, p.peer_attachment()));
        for shown in self.paths.iter().filter_map(shown) {
            if !self.told.contains(&shown) {
                self.told.push(shown);
            }
        }
        let too_many = self.told.len().saturating_sub(MAX_TOLD);
        self.told.drain(..too_many);
    }

    /// The peer tells its addresses, each with the attachment that it is of. True when that changes a way.
    pub(crate) fn tell_peer_attachments(&mut self, told: Vec<(RealAddr, u16)>) -> bool {
        let mut is_news = false;
        for (addr, number) in &told {
            is_news |= self.raise(*addr, *number);
        }
        self.told = told;
        is_news
    }

    /// Something authentic came over a way; true when it is under another path id than the last.
    pub(crate) fn is_heard_under(&mut self, way: Way, id: PathId) -> bool {
        self.find(way).is_some_and(|p| p.is_heard_under(id))
    }

    /// What came over a way came from this attachment of the peer's. True when that is news.
    pub(crate) fn note_peer_attachment(&mut self, way: Way, number: u16) -> bool {
        way.ends().is_some_and(|(_, from)| self.raise(from, number))
    }

    fn raise(&mut self, addr: RealAddr, number: u16) -> bool {
        let mut is_news = false;
        for path in &mut self.paths {
            if path.way.ends().is_some_and(|e| e.1 == addr) {
                is_news |= path.raise_peer_attachment(number);
            }
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::id::InterfaceId;
    use ntm_wire::time::Mono;

    use super::super::locals::{Change, Class, Locals, Port};
    use super::*;
    use crate::config::LocalAddr;

    const NOW: Mono = Mono::from_micros(0);

    fn real(text: &str) -> RealAddr {
        RealAddr(text.parse().unwrap())
    }

    fn locals(interface: u16) -> Locals {
        Locals::new(&[LocalAddr {
            interface: InterfaceId(interface),
            addr: real("192.0.2.7:7000"),
            attachment: 0,
        }])
    }

    fn way(interface: u16) -> Way {
        Way::Direct(InterfaceId(interface), real("203.0.113.9:7000"))
    }

    fn paths() -> PathSet {
        let mut set = PathSet::new(Way::Relay(0), true, locals(1), NOW);
        set.add(way(1), NOW);
        set
    }

    #[test]
    fn what_one_way_shows_of_an_address_holds_for_every_way_to_it() {
        let mut set = paths();
        assert_eq!(set.peer_attachment(way(2)), 0);
        assert!(set.note_peer_attachment(way(1), 3));
        assert_eq!(set.peer_attachment(way(2)), 3);
        assert!(!set.note_peer_attachment(way(1), 2), "it came late");
        assert_eq!(set.peer_attachment(way(1)), 3);
    }

    #[test]
    fn a_new_address_of_this_node_forgets_nothing_of_the_peers() {
        let mut set = paths();
        set.note_heard(way(1), true, 100, NOW);
        set.note_peer_attachment(way(1), 3);
        let port = |n| Port {
            interface: InterfaceId(n),
            class: Class::V4,
        };
        let change = Change {
            gone: vec![port(1)],
            fresh: vec![port(2)],
        };
        set.handle_change(&change, &locals(2), &[real("203.0.113.9:7000")], NOW);
        assert_eq!(set.peer_attachment(way(2)), 3);
        assert!(set.peer_attachments().contains(&3));
    }

    #[test]
    fn what_the_peer_tells_of_its_addresses_counts_when_it_is_later() {
        let mut set = paths();
        let addr = real("203.0.113.9:7000");
        assert!(set.tell_peer_attachments(vec![(addr, 5)]));
        assert!(!set.tell_peer_attachments(vec![(addr, 4)]));
        assert_eq!(set.peer_attachment(way(1)), 5);
    }

    #[test]
    fn another_id_on_a_way_is_noticed_once() {
        let mut set = paths();
        let heard = [1, 1, 2, 2].map(|id| set.is_heard_under(way(1), PathId(id)));
        assert_eq!(heard, [true, false, true, false]);
    }
}
