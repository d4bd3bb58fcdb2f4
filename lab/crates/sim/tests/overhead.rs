//! The bar: a voice packet costs at most 40 bytes, from the bytes that were on the wire.

use ntm_sim::capture::{Capture, Way};
use ntm_wire::header::{Datagram, PacketType};

use crate::stage::{Setting, Stage, symmetric};

/// An RTP header and 160 bytes of Opus.
const VOICE: usize = 172;
const AT_MOST: usize = 40;

fn overhead(setting: Setting) -> Vec<usize> {
    let mut stage = Stage::ready(setting);
    stage.call_works();
    stage.world.run_for(crate::stage::secs(10));
    stage.world.capture = Some(Capture::default());
    let voice: Vec<u8> = (0..VOICE).map(|i| i as u8).collect();
    assert!(stage.send(&voice), "the packet arrives whole");
    let capture = stage.world.capture.take().unwrap();
    let is_voice = |d: &&ntm_sim::capture::Captured| {
        let data =
            Datagram::new_checked(d.payload.as_slice()).is_ok_and(|v| v.kind() == PacketType::Data);
        data && d.way == Way::Sent && (VOICE..1200).contains(&d.payload.len())
    };
    let sent = capture.datagrams.iter().filter(is_voice);
    sent.map(|d| d.payload.len() - VOICE).collect()
}

#[test]
fn a_voice_packet_costs_at_most_40_bytes_on_the_direct_route() {
    let costs = overhead(Setting::default());
    assert_eq!(costs.len(), 1, "sent once: {costs:?}");
    assert!(costs[0] <= AT_MOST, "{} bytes", costs[0]);
}

#[test]
fn a_voice_packet_costs_at_most_40_bytes_on_both_legs_of_a_relay() {
    let costs = overhead(Setting {
        mn: symmetric(),
        cn: symmetric(),
        ..Setting::default()
    });
    assert_eq!(costs.len(), 2, "by the node, and by the relay: {costs:?}");
    assert!(costs.iter().all(|c| *c <= AT_MOST), "{costs:?}");
}
