//! A UDP packet under way.

use core::net::SocketAddr;

/// Bytes of an IPv4 and a UDP header.
const V4_HEADERS: usize = 28;
/// Bytes of an IPv6 and a UDP header.
const V6_HEADERS: usize = 48;

/// A UDP packet under way; NATs change its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Numbers the datagrams of a world in the order of their sending; copies share it.
    pub id: u64,
    /// Source, as the place it is at sees it.
    pub src: SocketAddr,
    /// Destination, as the place it is at sees it.
    pub dst: SocketAddr,
    /// Whether a tap made it.
    pub is_injected: bool,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Its size as an IP packet.
    pub fn ip_len(&self) -> usize {
        let headers = if self.dst.is_ipv4() {
            V4_HEADERS
        } else {
            V6_HEADERS
        };
        self.payload.len() + headers
    }
}
