//! To which of its networks the peer is attached at each of its addresses: told with the address, or shown by the
//! path id that something came under (rule 13).

use std::collections::BTreeSet;

use ntm_wire::addr::RealAddr;
use ntm_wire::id::PathId;

use super::path::Way;
use super::paths::PathSet;

impl PathSet {
    /// The peer's attachment at the other end of a way; of an address that nobody has told of since the tunnel was
    /// set up, the first.
    pub(crate) fn peer_attachment(&self, way: Way) -> u16 {
        let Some((_, to)) = way.ends() else { return 0 };
        let there = self
            .paths
            .iter()
            .filter(|p| p.way.ends().is_some_and(|e| e.1 == to));
        let known = there.map(|p| p.peer_attachment());
        let told = self.told.iter().filter(|(addr, _)| *addr == to);
        known
            .chain(told.map(|(_, number)| *number))
            .max()
            .unwrap_or(0)
    }

    /// Every attachment of the peer's that a direct way leads to.
    pub(crate) fn peer_attachments(&self) -> BTreeSet<u16> {
        let direct = self.paths.iter().filter(|p| p.is_direct());
        direct.map(|p| p.peer_attachment()).collect()
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
