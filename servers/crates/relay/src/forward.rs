//! The hot path: where does this packet go?

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::id::PathId;
use ntm_wire::seal::{SALTED_OVERHEAD, seal_salted};
use ntm_wire::time::Now;

use crate::counters::DropReason;
use crate::relay::Relay;

/// Bytes of a hint; a shorter question gets none.
const HINT_LEN: usize = HEADER_LEN + SALTED_OVERHEAD;

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Send it on, unchanged.
    To(RealAddr),
    /// Send it on, unchanged, to both: the node has moved and not yet proved its new address.
    ToBoth {
        /// The proved address.
        old: RealAddr,
        /// The one that waits for its cookie to come back; gets at most three times what it sent.
        new: RealAddr,
    },
    /// It is for the server itself: hand it to [`Relay::handle_datagram`].
    Consumed,
    /// Dropped and counted.
    Dropped,
}

impl Relay {
    /// Where a datagram goes, without a copy.
    ///
    /// Only what two nodes say to each other is looked at here, and of it only the header. A packet
    /// that is dropped may leave a hint in [`Relay::poll_transmit`]; one from an address not yet
    /// proved, the cookie once more.
    #[inline]
    pub fn forward(&mut self, now: Now, from: RealAddr, datagram: &[u8]) -> Forward {
        let Ok(d) = Datagram::new_checked(datagram) else {
            return self.drop_received(DropReason::Malformed);
        };
        match d.kind() {
            PacketType::Data
            | PacketType::TunnelRequest
            | PacketType::TunnelResponse
            | PacketType::Punch => self.route(now, from, d.path_id(), datagram.len()),
            PacketType::Control
            | PacketType::Bind
            | PacketType::Leg
            | PacketType::LinkHello
            | PacketType::LinkAccept => Forward::Consumed,
            PacketType::Hello
            | PacketType::Challenge
            | PacketType::Accept
            | PacketType::Hint
            | PacketType::BindChallenge => self.drop_received(DropReason::NotForRelay),
        }
    }

    fn route(&mut self, now: Now, from: RealAddr, path: PathId, len: usize) -> Forward {
        let (to, remind) = self.legs.route(now.mono, from, path, len);
        if remind {
            self.answer_bound(now, from, path);
        }
        let counters = &mut self.fx.counters;
        match to {
            Ok(to) => {
                counters.received += 1;
                counters.forwarded += 1;
                counters.forwarded_bytes += len as u64;
                counters.doubled += u64::from(matches!(to, Forward::ToBoth { .. }));
                to
            }
            Err(reason) => {
                if matches!(reason, DropReason::UnknownPath | DropReason::WrongAddress) {
                    self.hint(now, from, path, len);
                }
                self.drop_received(reason)
            }
        }
    }

    #[cold]
    fn drop_received(&mut self, reason: DropReason) -> Forward {
        self.fx.counters.received += 1;
        self.fx.counters.drop_for(reason);
        Forward::Dropped
    }

    /// Asks for the token of a path that no leg at this address has. An unknown path and a known one
    /// from elsewhere (its NAT may have re-bound) get the same, so nobody learns which paths there are.
    #[cold]
    pub(crate) fn hint(&mut self, now: Now, to: RealAddr, path: PathId, question_len: usize) {
        let source = self.source_key.of_socket(&to);
        if question_len < HINT_LEN || !self.hint_limit.take(now.mono, source) {
            return;
        }
        let header = Header {
            kind: PacketType::Hint,
            selector: path.0,
            counter: 0,
        };
        let mut hint = header.emit();
        let (salt, aad) = (self.fx.salt(), [header.first_byte()]);
        hint.extend(seal_salted(&self.hint_key, "ntm hint", salt, &aad, &[]));
        self.fx.counters.hints += 1;
        self.fx.send(to, hint);
    }
}
