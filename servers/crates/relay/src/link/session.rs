//! One established session with a DC.

use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::message::Message;
use ntm_wire::noise::SessionKeys;
use ntm_wire::replay::ReplayWindow;
use ntm_wire::seal::{OpeningKey, SealingKey};

use crate::counters::DropReason;
use crate::log;

pub(super) struct Session {
    sid: u64,
    peer_sid: u64,
    sealing: SealingKey,
    opening: OpeningKey,
    counter: u64,
    window: ReplayWindow,
}

impl Session {
    pub(super) fn new(sid: u64, peer_sid: u64, keys: &SessionKeys) -> Self {
        Self {
            sid,
            peer_sid,
            sealing: SealingKey::new(&keys.send),
            opening: OpeningKey::new(&keys.recv),
            counter: 0,
            window: ReplayWindow::default(),
        }
    }

    pub(super) fn sid(&self) -> u64 {
        self.sid
    }

    /// A Control packet with this content.
    pub(super) fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Control,
            selector: self.peer_sid,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = header.emit();
        let from = out.len();
        out.extend_from_slice(content);
        let aad = [header.first_byte()];
        self.sealing.seal(header.counter, &aad, &mut out, from);
        out
    }

    /// The messages of a Control packet, once only.
    pub(super) fn open(&mut self, d: Datagram<&mut [u8]>) -> Result<Vec<Message>, DropReason> {
        let (counter, aad) = (d.counter(), d.aad());
        if !self.window.is_fresh(counter) {
            return Err(DropReason::LinkReplayed);
        }
        let content = self.opening.open(counter, &aad, d.into_body_mut());
        let content = content.map_err(|_| DropReason::BadLink)?;
        self.window.mark(counter);
        log::opened(content).map_err(|_| DropReason::BadLink)
    }
}
