//! Under which path id a datagram of a tunnel leaves, and under which ones it looks for the peer's (rule 13).

use ntm_wire::header::{PacketType, stamp};
use ntm_wire::id::PathId;
use ntm_wire::path_id::Attachments;

use super::data::{Live, Phase, Tunnel};
use crate::effects::Effects;
use crate::handover::path::Way;
use crate::negotiation::leg::RelayLeg;

impl Tunnel {
    /// Writes the path id of a direct way into a data packet. A handshake's datagrams keep the first one: there is no
    /// key yet to derive others from.
    pub(super) fn stamp_direct(&mut self, fx: &Effects, way: Way, datagram: &mut [u8]) {
        let is_data = datagram
            .first()
            .is_some_and(|b| b & 0xf == PacketType::Data as u8);
        let Phase::Live(live) = &mut self.phase else {
            return;
        };
        if is_data {
            stamp(datagram, live.path_id(fx, way));
        }
    }

    /// Every path id that the peer's datagrams may bear now.
    pub(crate) fn looked_for(&self) -> Vec<PathId> {
        let legs = self.legs.iter().flat_map(RelayLeg::ids_in);
        match &self.phase {
            Phase::Live(live) => legs.chain(live.ids.looked_for()).collect(),
            Phase::Setup(_) => legs.chain([self.path_in]).collect(),
        }
    }

    /// Networks came or went, here or at the peer's: others are looked for from now on.
    pub(crate) fn look_anew(&mut self, fx: &mut Effects) {
        let path_in = self.path_in;
        if self.live_mut().is_some_and(Live::look_anew) {
            fx.renamed.insert(path_in);
        }
    }

    /// Something authentic came over a way, under this id: the peer's end of it is of that network.
    pub(super) fn note_heard_under(&mut self, fx: &mut Effects, way: Way, id: PathId) {
        let Some(live) = self.live_mut() else { return };
        let is_other = live.paths.is_heard_under(way, id);
        let sender = live.ids.sender_of(id).filter(|_| is_other);
        if sender.is_some_and(|number| live.paths.note_peer_attachment(way, number)) {
            self.look_anew(fx);
        }
    }
}

impl Live {
    fn path_id(&mut self, fx: &Effects, way: Way) -> PathId {
        let attachment = way.port().and_then(|port| fx.locals.attachment_of(port));
        let number = attachment.and_then(|a| self.numbers.number(a));
        self.ids.outbound(Attachments {
            sender: number.unwrap_or(self.numbers.newest()),
            receiver: self.paths.peer_attachment(way),
        })
    }

    pub(crate) fn look_anew(&mut self) -> bool {
        let mut peers = self.paths.peer_attachments();
        peers.extend(self.numbers.peer_window());
        self.ids.look_for(&self.numbers.own(), &peers)
    }
}
