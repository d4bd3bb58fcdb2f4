//! RTP (RFC 3550) with Opus (RFC 7587), on one port with RTCP (RFC 5761).

pub(crate) mod report;
pub(crate) mod unwrap;

use report::Report;
use rtp_types::{RtpPacket, RtpPacketBuilder};

/// Profile of one-octet header extensions (RFC 8285 section 4.2).
const ONE_BYTE: u16 = 0xBEDE;

/// The longest payload that is taken: 120 ms of Opus at its highest rate is 7,650 octets, a call's is below 400.
const MAX_PAYLOAD: usize = 1_500;

/// What the engine uses of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) marker: bool,
    pub(crate) report: Option<Report>,
    pub(crate) payload: &'a [u8],
}

/// RTCP packet types 192 to 223 lie where RTP has a marker and payload types 64 to 95 (RFC 5761 section 4).
pub(crate) fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// `None` for what is no RTP packet of this payload type with something in it.
pub(crate) fn parse(bytes: &[u8], payload_type: u8, report_id: Option<u8>) -> Option<Packet<'_>> {
    let packet = RtpPacket::parse(bytes).ok()?;
    let payload = packet.payload_offset()..packet.payload_offset() + packet.payload_len();
    let payload = bytes.get(payload)?;
    if packet.payload_type() != payload_type || payload.is_empty() || payload.len() > MAX_PAYLOAD {
        return None;
    }
    let report = match (packet.extension(), report_id) {
        (Some((ONE_BYTE, data)), Some(id)) => element(data, id).and_then(Report::parse),
        _ => None,
    };
    Some(Packet {
        sequence: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        marker: packet.marker_bit(),
        report,
        payload,
    })
}

/// The datagram of a packet. The report goes in as the extension `report_id`.
pub(crate) fn emit(packet: &Packet<'_>, payload_type: u8, report_id: Option<u8>) -> Vec<u8> {
    let mut extension = [0; 8];
    let builder = RtpPacketBuilder::<&[u8], &[u8]>::new()
        .payload_type(payload_type)
        .sequence_number(packet.sequence)
        .timestamp(packet.timestamp)
        .ssrc(packet.ssrc)
        .marker_bit(packet.marker)
        .payload(packet.payload);
    let builder = match (packet.report, report_id) {
        (Some(report), Some(id)) => {
            extension[0] = id << 4 | (Report::OCTETS as u8 - 1);
            extension[1..=Report::OCTETS].copy_from_slice(&report.emit());
            builder.extension(ONE_BYTE, &extension)
        }
        _ => builder,
    };
    builder.write_vec().unwrap_or_default()
}

/// The element `id` of a one-octet header extension.
fn element(mut data: &[u8], id: u8) -> Option<&[u8]> {
    loop {
        let (&head, rest) = data.split_first()?;
        match head >> 4 {
            0 => data = rest, // padding
            15 => return None,
            found => {
                let (value, after) = rest.split_at_checked(usize::from(head & 15) + 1)?;
                if found == id {
                    return Some(value);
                }
                data = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Packet<'static> = Packet {
        sequence: 0x1234,
        timestamp: 0x0102_0304,
        ssrc: 0xAABB_CCDD,
        marker: true,
        report: Some(Report {
            base: 0x0506,
            bitmap: 0x8001,
        }),
        payload: &[0x78, 1, 2],
    };

    #[test]
    fn a_packet_has_these_octets() {
        let golden = [
            0x90, 0xEF, 0x12, 0x34, 1, 2, 3, 4, 0xAA, 0xBB, 0xCC, 0xDD, // RTP
            0xBE, 0xDE, 0, 2, 0x13, 5, 6, 0x80, 1, 0, 0, 0, // extension, padded
            0x78, 1, 2,
        ];
        assert_eq!(emit(&PACKET, 111, Some(1)), golden);
        assert_eq!(parse(&golden, 111, Some(1)), Some(PACKET));
    }

    #[test]
    fn an_extension_that_was_not_agreed_on_is_not_read() {
        let bytes = emit(&PACKET, 111, Some(1));
        assert_eq!(parse(&bytes, 111, Some(2)).and_then(|p| p.report), None);
        assert_eq!(parse(&bytes, 111, None).and_then(|p| p.report), None);
    }

    #[test]
    fn another_payload_type_is_refused() {
        assert_eq!(parse(&emit(&PACKET, 111, None), 112, None), None);
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_its_second_octet() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 201]));
        assert!(!is_rtcp(&emit(&PACKET, 111, None)) && !is_rtcp(&[0x80]));
    }
}
