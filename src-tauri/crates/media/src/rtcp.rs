//! RTCP (RFC 3550 section 6): sender and receiver reports with CNAME, every five seconds or so, on the port of the media.

use rtcp_types::prelude::*;
use rtcp_types::{
    Compound, Packet, ReceiverReport, ReportBlock, Sdes, SdesChunk, SdesItem, SenderReport,
};
use std::time::Duration;

/// The minimum of RFC 3550 section 6.2, spread to 0.5-1.5 of it.
const INTERVAL: Duration = Duration::from_secs(5);

/// What this side says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    pub(crate) ssrc: u32,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// What it says of the peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfPeer {
    pub(crate) ssrc: u32,
    pub(crate) highest: u32,
    pub(crate) lost: u32,
    pub(crate) share: u8,
    pub(crate) jitter: u32,
}

/// When reports go, and what came.
#[derive(Debug)]
pub(crate) struct Rtcp {
    cname: String,
    next: Duration,
    spread: u32,
    last_sr: Option<(u32, Duration)>,
    round_trip: Option<Duration>,
}

impl Rtcp {
    pub(crate) fn new(cname: &str, seed: u32) -> Self {
        let cut = (0..=cname.len().min(255))
            .rev()
            .find(|&at| cname.is_char_boundary(at))
            .unwrap_or(0);
        let cname = cname.get(..cut).unwrap_or_default().to_owned();
        Self {
            cname,
            next: INTERVAL / 2,
            spread: seed | 1,
            last_sr: None,
            round_trip: None,
        }
    }

    pub(crate) const fn next(&self) -> Duration {
        self.next
    }

    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// The report that is due, if one is. Who has sent nothing gives a receiver report.
    pub(crate) fn report(
        &mut self,
        now: Duration,
        own: Own,
        peer: Option<OfPeer>,
    ) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        self.spread = self
            .spread
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.next = now + INTERVAL / 2 + INTERVAL * (self.spread >> 16) / 65_536;
        let cname = SdesItem::builder(SdesItem::CNAME, &self.cname);
        let sdes = Sdes::builder().add_chunk(SdesChunk::builder(own.ssrc).add_item(cname));
        let block = peer.map(|peer| self.block(now, peer));
        let compound = if own.packets > 0 {
            let report = SenderReport::builder(own.ssrc)
                .ntp_timestamp(ntp(now))
                .rtp_timestamp(own.timestamp)
                .packet_count(own.packets)
                .octet_count(own.octets);
            let report = block
                .into_iter()
                .fold(report, |report, block| report.add_report_block(block));
            Compound::builder().add_packet(report)
        } else {
            let report = ReceiverReport::builder(own.ssrc);
            let report = block
                .into_iter()
                .fold(report, |report, block| report.add_report_block(block));
            Compound::builder().add_packet(report)
        };
        let compound = compound.add_packet(sdes);
        let mut bytes = vec![0; compound.calculate_size().ok()?];
        compound.write_into(&mut bytes).ok()?;
        Some(bytes)
    }

    /// A compound packet of the peer. False if it is none.
    pub(crate) fn handle(&mut self, now: Duration, own_ssrc: u32, bytes: &[u8]) -> bool {
        let Ok(compound) = Compound::parse(bytes) else {
            return false;
        };
        for packet in compound {
            match packet {
                Ok(Packet::Sr(report)) => {
                    self.last_sr = Some(((report.ntp_timestamp() >> 16) as u32, now));
                    report
                        .report_blocks()
                        .for_each(|block| self.measure(now, own_ssrc, &block));
                }
                Ok(Packet::Rr(report)) => report
                    .report_blocks()
                    .for_each(|block| self.measure(now, own_ssrc, &block)),
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn block(&self, now: Duration, peer: OfPeer) -> rtcp_types::ReportBlockBuilder {
        let (last, ago) = self.last_sr.map_or((0, Duration::ZERO), |(last, at)| {
            (last, now.saturating_sub(at))
        });
        ReportBlock::builder(peer.ssrc)
            .fraction_lost(peer.share)
            .cumulative_lost(peer.lost)
            .extended_sequence_number(peer.highest)
            .interarrival_jitter(peer.jitter)
            .last_sender_report_timestamp(last)
            .delay_since_last_sender_report_timestamp((ntp(ago) >> 16) as u32)
    }

    /// Round trip by the report block (RFC 3550 section 6.4.1): now - LSR - DLSR, in 1/65536 s.
    fn measure(&mut self, now: Duration, own_ssrc: u32, block: &ReportBlock<'_>) {
        let last = block.last_sender_report_timestamp();
        if block.ssrc() != own_ssrc || last == 0 {
            return;
        }
        let then = last.wrapping_add(block.delay_since_last_sender_report_timestamp());
        let trip = ((ntp(now) >> 16) as u32).wrapping_sub(then);
        if trip < 10 << 16 {
            self.round_trip = Some(Duration::from_nanos(
                (u64::from(trip) * 1_000_000_000) >> 16,
            ));
        }
    }
}

/// The engine's clock as an NTP time stamp: RFC 3550 section 4 allows any clock that both ends need not share. Never 0.
fn ntp(time: Duration) -> u64 {
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    (time.as_secs() & 0xFFFF_FFFF) << 32 | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Own = Own {
        ssrc: 1,
        timestamp: 960,
        packets: 10,
        octets: 800,
    };
    const PEER: OfPeer = OfPeer {
        ssrc: 2,
        highest: 70_000,
        lost: 3,
        share: 12,
        jitter: 99,
    };

    #[test]
    fn the_round_trip_is_what_the_peer_held_it_for_less() {
        let (mut here, mut there) = (Rtcp::new("here", 1), Rtcp::new("there", 2));
        let at = Duration::from_millis;
        let report = here.report(at(4_000), OWN, None).expect("due");
        assert!(crate::rtp::is_rtcp(&report));
        assert!(
            there.handle(at(14_030), 2, &report),
            "another clock, 30 ms on the way"
        );
        let answer = there
            .report(
                at(15_030),
                Own { ssrc: 2, ..OWN },
                Some(OfPeer { ssrc: 1, ..PEER }),
            )
            .expect("due");
        assert!(
            here.handle(at(5_070), 1, &answer),
            "held for 1 s, 40 ms back"
        );
        let trip = here.round_trip().expect("measured").as_millis();
        assert!((69..=71).contains(&trip), "{trip} ms");
    }

    #[test]
    fn reports_go_about_every_five_seconds() {
        let mut rtcp = Rtcp::new("here", 7);
        let sent = (0..60_000)
            .filter(|&t| {
                rtcp.report(Duration::from_millis(t), OWN, Some(PEER))
                    .is_some()
            })
            .count();
        assert!((9..=16).contains(&sent), "{sent} in a minute");
    }

    #[test]
    fn a_name_too_long_is_cut() {
        let mut rtcp = Rtcp::new(&"ä".repeat(200), 7);
        assert!(rtcp.report(Duration::from_secs(9), OWN, None).is_some());
    }
}
