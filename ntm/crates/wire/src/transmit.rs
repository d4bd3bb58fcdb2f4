//! An effect every machine has: a datagram to send.

use crate::addr::RealAddr;

/// A datagram that the driver of a server should send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: RealAddr,
    /// The whole UDP payload.
    pub payload: Vec<u8>,
}
