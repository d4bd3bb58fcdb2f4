//! Header compression (rule 15): stateless, one form byte, ports; everything else travels whole.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ntm_wire::addr::VirtualAddrs;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6Packet, UdpPacket};

use crate::stack::udp::{self, UdpDatagram};

/// Content is control messages, framed.
pub(crate) const FORM_CONTROL: u8 = 0x00;
/// Content is a whole virtual IP packet.
pub(crate) const FORM_WHOLE: u8 = 0x01;
/// Content is one of two fragments of another content.
pub(crate) const FORM_FRAGMENT: u8 = 0x02;
/// Content is a UDP datagram over virtual IPv6: ports, payload.
pub(crate) const FORM_UDP6: u8 = 0x10;
/// Content is a UDP datagram over virtual IPv4: ports, payload.
pub(crate) const FORM_UDP4: u8 = 0x11;

/// A virtual IPv6 packet is longer than [`udp6`] by this: headers of 48 bytes, less form and ports.
pub(crate) const LEFT_OUT_6: usize = 43;

const HOP_LIMIT: u8 = 64;
const UDP_HEADER: usize = 8;

/// The content of a data packet that carries the virtual IP packet `ip` from `own` to `peer`.
pub(crate) fn compress(ip: &[u8], own: &VirtualAddrs, peer: &VirtualAddrs) -> Vec<u8> {
    compress_v6(ip, own.v6, peer.v6)
        .or_else(|| compress_v4(ip, own.v4, peer.v4))
        .unwrap_or_else(|| {
            let mut whole = vec![FORM_WHOLE];
            whole.extend_from_slice(ip);
            whole
        })
}

/// The virtual IP packet inside a content; `None` when it is malformed or its addresses are not the
/// tunnel's (rule 7).
pub(crate) fn decompress(
    content: &[u8],
    own: &VirtualAddrs,
    peer: &VirtualAddrs,
) -> Option<Vec<u8>> {
    let (form, body) = content.split_first()?;
    match *form {
        FORM_UDP6 => rebuild(body, peer.v6.into(), own.v6.into()),
        FORM_UDP4 => rebuild(body, peer.v4.into(), own.v4.into()),
        FORM_WHOLE => addresses(body)
            .filter(|a| belongs(*a, own, peer))
            .map(|_| body.to_vec()),
        _ => None,
    }
}

/// The content that carries a UDP datagram over virtual IPv6 between the tunnel's ends.
pub(crate) fn udp6(src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    [
        &[FORM_UDP6][..],
        &src_port.to_be_bytes(),
        &dst_port.to_be_bytes(),
        payload,
    ]
    .concat()
}

fn belongs((src, dst): (IpAddr, IpAddr), own: &VirtualAddrs, peer: &VirtualAddrs) -> bool {
    (src == peer.v6 && dst == own.v6) || (src == peer.v4 && dst == own.v4)
}

fn addresses(ip: &[u8]) -> Option<(IpAddr, IpAddr)> {
    match ip.first()? >> 4 {
        4 => Ipv4Packet::new_checked(ip)
            .ok()
            .map(|p| (p.src_addr().into(), p.dst_addr().into())),
        6 => Ipv6Packet::new_checked(ip)
            .ok()
            .map(|p| (p.src_addr().into(), p.dst_addr().into())),
        _ => None,
    }
}

fn rebuild(body: &[u8], src: IpAddr, dst: IpAddr) -> Option<Vec<u8>> {
    let (ports, payload) = body.split_first_chunk::<4>()?;
    let [a, b, c, d] = *ports;
    let datagram = UdpDatagram {
        src,
        dst,
        src_port: u16::from_be_bytes([a, b]),
        dst_port: u16::from_be_bytes([c, d]),
        payload,
    };
    Some(udp::emit(&datagram))
}

fn compress_v6(ip: &[u8], own: Ipv6Addr, peer: Ipv6Addr) -> Option<Vec<u8>> {
    let p = Ipv6Packet::new_checked(ip)
        .ok()
        .filter(|p| p.version() == 6)?;
    let plain = p.next_header() == IpProtocol::Udp
        && p.hop_limit() == HOP_LIMIT
        && p.traffic_class() == 0
        && p.flow_label() == 0
        && p.total_len() == ip.len()
        && p.src_addr() == own
        && p.dst_addr() == peer;
    plain.then(|| udp_content(FORM_UDP6, p.payload(), own.into(), peer.into()))?
}

fn compress_v4(ip: &[u8], own: Ipv4Addr, peer: Ipv4Addr) -> Option<Vec<u8>> {
    let p = Ipv4Packet::new_checked(ip)
        .ok()
        .filter(|p| p.version() == 4)?;
    let plain = p.next_header() == IpProtocol::Udp
        && p.hop_limit() == HOP_LIMIT
        && p.header_len() == 20
        && p.dscp() == 0
        && p.ecn() == 0
        && !p.more_frags()
        && p.frag_offset() == 0
        && p.ident() == 0
        && usize::from(p.total_len()) == ip.len()
        && p.src_addr() == own
        && p.dst_addr() == peer;
    plain.then(|| udp_content(FORM_UDP4, p.payload(), own.into(), peer.into()))?
}

/// The checksum must be right, since the other end computes it anew.
fn udp_content(form: u8, segment: &[u8], src: IpAddr, dst: IpAddr) -> Option<Vec<u8>> {
    let p = UdpPacket::new_checked(segment).ok()?;
    if usize::from(p.len()) != segment.len()
        || p.checksum() == 0
        || !p.verify_checksum(&src.into(), &dst.into())
    {
        return None;
    }
    let mut out = Vec::with_capacity(5 + segment.len() - UDP_HEADER);
    out.push(form);
    out.extend_from_slice(&segment[..4]);
    out.extend_from_slice(p.payload());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (VirtualAddrs, VirtualAddrs) {
        let v = |n: u8| VirtualAddrs {
            v6: Ipv6Addr::from([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n]),
            v4: Ipv4Addr::new(100, 64, 0, n),
        };
        (v(1), v(2))
    }

    fn packet(src: IpAddr, dst: IpAddr) -> Vec<u8> {
        udp::emit(&UdpDatagram {
            src,
            dst,
            src_port: 5000,
            dst_port: 6000,
            payload: b"voice",
        })
    }

    #[test]
    fn a_udp_packet_between_the_ends_costs_five_bytes_and_comes_back_to_the_letter() {
        let (a, b) = ends();
        for ip in [
            packet(a.v6.into(), b.v6.into()),
            packet(a.v4.into(), b.v4.into()),
        ] {
            let content = compress(&ip, &a, &b);
            assert_eq!(
                content.len(),
                5 + b"voice".len(),
                "form byte, two ports, payload"
            );
            assert_eq!(decompress(&content, &b, &a), Some(ip));
        }
    }

    #[test]
    fn a_packet_out_of_the_ordinary_travels_whole() {
        let (a, b) = ends();
        let mut ip = packet(a.v6.into(), b.v6.into());
        ip[7] = 63; // another hop limit
        let content = compress(&ip, &a, &b);
        assert_eq!(content[0], FORM_WHOLE);
        assert_eq!(decompress(&content, &b, &a), Some(ip));
    }

    #[test]
    fn inner_addresses_that_are_not_the_tunnels_are_dropped() {
        let (a, b) = ends();
        let stranger = Ipv6Addr::from([0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        let mut whole = vec![FORM_WHOLE];
        whole.extend(packet(stranger.into(), b.v6.into()));
        assert_eq!(decompress(&whole, &b, &a), None);
    }
}
