//! The hot path: where does this packet go?

use ntm_wire::addr::RealAddr;

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
    /// It is for the server itself: hand it to [`Relay::handle_datagram`](crate::Relay::handle_datagram).
    Consumed,
    /// Dropped and counted.
    Dropped,
}
