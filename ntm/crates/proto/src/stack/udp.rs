//! UDP over the virtual IP packet: emit and parse.

use core::net::IpAddr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, UdpPacket, UdpRepr};

/// The virtual MTU: IPv6 allows no less, and every path carries it in at most two pieces.
pub(crate) const VIRTUAL_MTU: usize = 1280;
const HOP_LIMIT: u8 = 64;

/// A UDP datagram with its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpDatagram<'a> {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) src_port: u16,
    pub(crate) dst_port: u16,
    pub(crate) payload: &'a [u8],
}

/// The whole virtual IP packet. Both addresses must be of one family.
pub(crate) fn emit(d: &UdpDatagram<'_>) -> Vec<u8> {
    let udp_len = 8 + d.payload.len();
    let (mut out, head) = match (d.src, d.dst) {
        (IpAddr::V6(src_addr), IpAddr::V6(dst_addr)) => {
            let repr = Ipv6Repr {
                src_addr,
                dst_addr,
                next_header: IpProtocol::Udp,
                payload_len: udp_len,
                hop_limit: HOP_LIMIT,
            };
            let mut out = vec![0; 40 + udp_len];
            repr.emit(&mut Ipv6Packet::new_unchecked(&mut out[..]));
            (out, 40)
        }
        (IpAddr::V4(src_addr), IpAddr::V4(dst_addr)) => {
            let repr = Ipv4Repr {
                src_addr,
                dst_addr,
                next_header: IpProtocol::Udp,
                payload_len: udp_len,
                hop_limit: HOP_LIMIT,
            };
            let mut out = vec![0; 20 + udp_len];
            repr.emit(
                &mut Ipv4Packet::new_unchecked(&mut out[..]),
                &ChecksumCapabilities::default(),
            );
            (out, 20)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return Vec::new(),
    };
    let repr = UdpRepr {
        src_port: d.src_port,
        dst_port: d.dst_port,
    };
    let mut packet = UdpPacket::new_unchecked(&mut out[head..]);
    let fill = |body: &mut [u8]| body.copy_from_slice(d.payload);
    repr.emit(
        &mut packet,
        &d.src.into(),
        &d.dst.into(),
        d.payload.len(),
        fill,
        &ChecksumCapabilities::default(),
    );
    out
}

/// The UDP datagram inside a virtual IP packet, when there is one and its checksums hold.
pub(crate) fn parse(ip: &[u8]) -> Option<UdpDatagram<'_>> {
    match ip.first()? >> 4 {
        4 => {
            let p = Ipv4Packet::new_checked(ip).ok()?;
            let plain = p.next_header() == IpProtocol::Udp
                && p.verify_checksum()
                && !p.more_frags()
                && p.frag_offset() == 0;
            plain.then(|| parse_udp(p.payload(), p.src_addr().into(), p.dst_addr().into()))?
        }
        6 => {
            let p = Ipv6Packet::new_checked(ip).ok()?;
            let is_udp = p.next_header() == IpProtocol::Udp;
            is_udp.then(|| parse_udp(p.payload(), p.src_addr().into(), p.dst_addr().into()))?
        }
        _ => None,
    }
}

fn parse_udp(segment: &[u8], src: IpAddr, dst: IpAddr) -> Option<UdpDatagram<'_>> {
    let p = UdpPacket::new_checked(segment).ok()?;
    let good = p.verify_checksum(&src.into(), &dst.into()) && p.dst_port() != 0;
    good.then(|| UdpDatagram {
        src,
        dst,
        src_port: p.src_port(),
        dst_port: p.dst_port(),
        payload: p.payload(),
    })
}
