//! The hot path: where does this packet go?

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType, stamp};
use ntm_wire::id::PathId;
use ntm_wire::seal::{SALTED_OVERHEAD, seal_salted};
use ntm_wire::time::Now;

use crate::counters::DropReason;
use crate::leg::Destination;
use crate::relay::Relay;

/// Bytes of a hint; a shorter question gets none.
const HINT_LEN: usize = HEADER_LEN + SALTED_OVERHEAD;

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Send it on as it is now: its path id is that of the leg that it leaves by.
    To(RealAddr),
    /// It is for the server itself: hand it to [`Relay::handle_datagram`].
    Consumed,
    /// Dropped and counted.
    Dropped,
}

impl Relay {
    /// Where a datagram goes, without a copy.
    ///
    /// Only what two nodes say to each other is looked at here, and of it only the header, in which the path id
    /// becomes that of the other leg (rule 13). A packet that is dropped may leave a hint in [`Relay::poll_transmit`];
    /// one from an address not yet proved, the cookie once more; one for a node that has moved and not yet proved
    /// its new address, a copy for there.
    #[inline]
    pub fn forward(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) -> Forward {
        let Ok(d) = Datagram::new_checked(&*datagram) else {
            return self.drop_received(DropReason::Malformed);
        };
        match d.kind() {
            PacketType::Data
            | PacketType::TunnelRequest
            | PacketType::TunnelResponse
            | PacketType::Punch => {
                let path = d.path_id();
                self.route(now, from, path, datagram)
            }
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

    fn route(&mut self, now: Now, from: RealAddr, path: PathId, datagram: &mut [u8]) -> Forward {
        let len = datagram.len();
        let (to, remind) = self.legs.route(now.mono, from, path, len);
        if remind {
            self.remind(now, from, path);
        }
        let counters = &mut self.fx.counters;
        match to {
            Ok(to) => {
                counters.received += 1;
                counters.forwarded += 1;
                counters.forwarded_bytes += len as u64;
                counters.doubled += u64::from(to.also.is_some());
                self.send_on(to, datagram)
            }
            Err(reason) => {
                if matches!(reason, DropReason::UnknownPath | DropReason::WrongAddress) {
                    self.hint(now, from, path, len);
                }
                self.drop_received(reason)
            }
        }
    }

    fn send_on(&mut self, Destination { to, also }: Destination, datagram: &mut [u8]) -> Forward {
        if let Some(new) = also {
            stamp(datagram, new.ids.to_node);
            self.fx.pass_on(new.addr, datagram);
        }
        stamp(datagram, to.ids.to_node);
        Forward::To(to.addr)
    }

    #[cold]
    fn remind(&mut self, now: Now, to: RealAddr, path: PathId) {
        let leg = self.legs.by_id_mut(path);
        if let Some(name) = leg.map(|leg| leg.token_ids.from_node) {
            self.answer_bound(now, to, name);
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
