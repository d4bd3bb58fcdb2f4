//! A test for each rule of the design's section 10 that can be tested now.
//!
//! What waits: bind + claim + data in one datagram (part of 18; they are three of one burst). Of rule 8 the gateway, of rule 12 the fetching of foreign keys over HTTPS are not
//! the overlay's.

mod addressing;
mod answers;
mod claims;
mod floods;
mod keys;
mod legs;
mod neighbours;
mod people;
mod sleep;
mod tunnels;
mod unlinkable;

use core::net::{IpAddr, Ipv4Addr};

use ntm_sim::capture::{Captured, Way};
use ntm_sim::net::{HostId, LinkConfig, Packet};
use ntm_sim::process::{Process, Sink};
use ntm_sim::tap::{Spoof, Verdict};
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use crate::stage::{Stage, ms};

/// What a host has sent of one type.
fn sent(stage: &Stage, by: HostId, kind: PacketType) -> Vec<Captured> {
    let fits = |d: &&Captured| {
        let view = Datagram::new_checked(d.payload.as_slice());
        d.host == by && d.way == Way::Sent && view.is_ok_and(|v| v.kind() == kind)
    };
    let all = &stage.world.capture.as_ref().unwrap().datagrams;
    all.iter().filter(fits).cloned().collect()
}

/// Where the stranger is.
const THIEF: &str = "198.51.100.66:6666";

/// Whatever `is_it` picks is at its receiver before it is, from the stranger.
fn pass_on(stage: &mut Stage, mut is_it: impl FnMut(HostId, &Packet) -> bool + 'static) {
    let tap = move |_: Mono, from: HostId, packet: &Packet| {
        if !is_it(from, packet) {
            return Verdict::pass();
        }
        let copy = Spoof {
            after: ms(0),
            src: THIEF.parse().unwrap(),
            dst: packet.dst,
            payload: packet.payload.clone(),
        };
        Verdict {
            spoofed: vec![copy],
            ..Verdict::default()
        }
    };
    stage.world.set_tap(tap);
}

/// Somebody at the core who is nobody's peer.
fn stranger(stage: &mut Stage) -> HostId {
    let sink = Process::Sink(Sink::new(6666, false));
    let host = stage.world.add_host("stranger", sink);
    let addr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 66));
    stage
        .world
        .plug_at_core(host, &[addr], LinkConfig::default());
    host
}

fn say(stage: &mut Stage, from: HostId, to: core::net::SocketAddr, payload: Vec<u8>) {
    stage.world.with_process(from, |p, _| {
        if let Process::Sink(sink) = p {
            sink.send(InterfaceId(0), to, payload);
        }
    });
    stage.world.run_for(ms(200));
}

/// What came back.
fn answers(stage: &Stage, host: HostId) -> Vec<Vec<u8>> {
    match &stage.world.host(host).unwrap().process {
        Process::Sink(sink) => sink.received.iter().map(|r| r.2.clone()).collect(),
        Process::Node(_) | Process::Coordinator(_) | Process::Relay(_) => Vec::new(),
    }
}
