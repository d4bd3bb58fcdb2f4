//! RTP (RFC 3550) with Opus (RFC 7587), on one port with RTCP (RFC 5761).

pub(crate) mod red;
pub(crate) mod report;
pub(crate) mod unwrap;

use crate::Config;
use red::Earlier;
use report::Report;
use rtp_types::{RtpPacket, RtpPacketBuilder};

/// Profile of one-octet header extensions (RFC 8285 section 4.2).
const ONE_BYTE: u16 = 0xBEDE;

/// The longest payload that is taken: 120 ms of Opus at its highest rate is 7,650 octets, a call's is below 400.
const MAX_PAYLOAD: usize = 1_500;

/// The numbers that both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// The payload type of Opus, and that of packets with earlier ones in them (RFC 2198).
    opus: u8,
    red: Option<u8>,
    /// The header extension of receive reports.
    report: Option<u8>,
}

impl Numbers {
    /// What can't be a number counts as not agreed on.
    pub(crate) fn new(config: &Config) -> Self {
        let opus = config.payload_type & 0x7F;
        Self {
            opus,
            red: config
                .red_payload_type
                .filter(|&red| red < 128 && red != opus),
            report: config.report_extension.filter(|id| (1..=14).contains(id)),
        }
    }

    pub(crate) const fn has_red(self) -> bool {
        self.red.is_some()
    }

    pub(crate) const fn has_report(self) -> bool {
        self.report.is_some()
    }
}

/// What the engine uses of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) marker: bool,
    pub(crate) report: Option<Report>,
    /// Packets before this one that it brings once more.
    pub(crate) earlier: Vec<Earlier<'a>>,
    pub(crate) payload: &'a [u8],
}

/// RTCP packet types 192 to 223 lie where RTP has a marker and payload types 64 to 95 (RFC 5761 section 4).
pub(crate) fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// `None` for what is no RTP packet of these payload types with something in it.
pub(crate) fn parse(bytes: &[u8], numbers: Numbers) -> Option<Packet<'_>> {
    let packet = RtpPacket::parse(bytes).ok()?;
    let payload = packet.payload_offset()..packet.payload_offset() + packet.payload_len();
    let payload = bytes.get(payload)?;
    let (earlier, payload) = match packet.payload_type() {
        own if own == numbers.opus => (Vec::new(), payload),
        red if Some(red) == numbers.red => red::split(payload, numbers.opus)?,
        _ => return None,
    };
    if payload.is_empty() || payload.len() > MAX_PAYLOAD {
        return None;
    }
    let report = match (packet.extension(), numbers.report) {
        (Some((ONE_BYTE, data)), Some(id)) => element(data, id).and_then(Report::parse),
        _ => None,
    };
    Some(Packet {
        sequence: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        marker: packet.marker_bit(),
        report,
        earlier,
        payload,
    })
}

/// The datagram of a packet. Without a number for them, earlier packets and the report are left out.
pub(crate) fn emit(packet: &Packet<'_>, numbers: Numbers) -> Vec<u8> {
    let red = numbers.red.filter(|_| !packet.earlier.is_empty());
    let joined = red.map(|_| red::join(&packet.earlier, packet.payload, numbers.opus));
    let mut extension = [0; 8];
    let builder = RtpPacketBuilder::<&[u8], &[u8]>::new()
        .payload_type(red.unwrap_or(numbers.opus))
        .sequence_number(packet.sequence)
        .timestamp(packet.timestamp)
        .ssrc(packet.ssrc)
        .marker_bit(packet.marker)
        .payload(joined.as_deref().unwrap_or(packet.payload));
    let builder = match (packet.report, numbers.report) {
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

    const NUMBERS: Numbers = Numbers {
        opus: 111,
        red: Some(112),
        report: Some(1),
    };
    const PACKET: Packet<'static> = Packet {
        sequence: 0x1234,
        timestamp: 0x0102_0304,
        ssrc: 0xAABB_CCDD,
        marker: true,
        report: Some(Report {
            base: 0x0506,
            bitmap: 0x8001,
        }),
        earlier: Vec::new(),
        payload: &[0x78, 1, 2],
    };

    #[test]
    fn a_packet_has_these_octets() {
        let golden = [
            0x90, 0xEF, 0x12, 0x34, 1, 2, 3, 4, 0xAA, 0xBB, 0xCC, 0xDD, // RTP
            0xBE, 0xDE, 0, 2, 0x13, 5, 6, 0x80, 1, 0, 0, 0, // extension, padded
            0x78, 1, 2,
        ];
        assert_eq!(emit(&PACKET, NUMBERS), golden);
        assert_eq!(parse(&golden, NUMBERS), Some(PACKET));
    }

    #[test]
    fn an_earlier_packet_travels_in_a_later_one_if_both_sides_know_how() {
        let packet = Packet {
            earlier: Earlier::new(7_680, &[0x78, 3]).into_iter().collect(),
            ..PACKET
        };
        let bytes = emit(&packet, NUMBERS);
        assert_eq!(bytes[1] & 0x7F, 112);
        assert_eq!(parse(&bytes, NUMBERS), Some(packet.clone()));
        let without = Numbers {
            red: None,
            ..NUMBERS
        };
        assert_eq!(parse(&bytes, without), None);
        assert_eq!(parse(&emit(&packet, without), NUMBERS), Some(PACKET));
    }

    #[test]
    fn an_extension_that_was_not_agreed_on_is_not_read() {
        let bytes = emit(&PACKET, NUMBERS);
        for report in [Some(2), None] {
            let others = Numbers { report, ..NUMBERS };
            assert_eq!(parse(&bytes, others).and_then(|p| p.report), None);
        }
    }

    #[test]
    fn another_payload_type_is_refused() {
        let others = Numbers {
            opus: 110,
            ..NUMBERS
        };
        assert_eq!(parse(&emit(&PACKET, NUMBERS), others), None);
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_its_second_octet() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 201]));
        assert!(!is_rtcp(&emit(&PACKET, NUMBERS)) && !is_rtcp(&[0x80]));
    }
}
