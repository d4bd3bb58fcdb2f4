//! A grand tour: one run in which every packet type and every message type is on its way once.

use std::collections::BTreeMap;

use ntm_sim::access::Access;
use ntm_sim::log::{LogBuffer, Opened};
use ntm_sim::net::HostId;
use ntm_sim::process::Process;
use ntm_sim::tap::Tap;
use ntm_sim::trace::What;
use ntm_wire::header::PacketType;
use ntm_wire::id::RsId;

use crate::stage::{Setting, Stage, delay, secs, symmetric};

/// Long enough for keys to be renewed, which happens every ten minutes.
const UNTIL_REKEYED: u64 = 640;

/// What an attacker learns from watching the tour: which datagram is of which type, who opens it.
pub(crate) struct Itinerary {
    /// Each with its bytes of payload.
    pub(crate) packets: BTreeMap<PacketType, Vec<(Leg, usize)>>,
    pub(crate) messages: BTreeMap<String, Vec<Leg>>,
}

/// A datagram of the tour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    pub(crate) id: u64,
    pub(crate) to: HostId,
    /// Whether a node gets it there, not a server.
    pub(crate) is_node: bool,
}

/// Takes the tour; the tap acts on it. The end is a stage on which a second call must work.
pub(crate) fn take(tap: Option<impl Tap + 'static>, log: Option<LogBuffer>) -> Stage {
    let mut stage = Stage::dark(Setting {
        relays_per_domain: 2,
        ..Setting::default()
    });
    stage.world.trace.keep(usize::MAX);
    stage.world.log = log;
    if let Some(tap) = tap {
        stage.world.set_tap(tap);
    }
    let (mn, cn) = (stage.mn, stage.cn);
    // Punches reach whoever is public; all else passes a NAT.
    stage.connect(mn, Access::PublicV4, delay(10));
    stage.connect(cn, symmetric(), delay(10));
    stage.world.run_for(secs(15));
    let id = stage.call();
    stage.finish(mn, id);
    stage.world.run_for(secs(10));
    // A move: the ends tell each other where they are.
    stage.connect(cn, symmetric(), delay(10));
    stage.world.run_for(secs(5));
    for relay in 0..4 {
        let rs = stage.rs(relay);
        stage.world.restart(rs);
        // As under load: Bind Challenges travel too.
        stage.world.with_process(rs, |process, _| {
            if let Process::Relay(relay) = process {
                relay.relay.always_challenge();
            }
        });
    }
    stage.world.run_for(secs(UNTIL_REKEYED));
    drain(&mut stage);
    stage.world.run_for(secs(5));
    stage.world.with_node(cn, |n, now| n.leave(now));
    stage.world.run_for(secs(15));
    stage.world.with_node(cn, |n, now| n.node.register(now));
    stage.world.run_for(secs(20));
    stage
}

/// The first coordinator takes one of its two relays out of service, so that Relay Directions travel.
fn drain(stage: &mut Stage) {
    let dc = stage.dc(0);
    stage.world.with_process(dc, |process, now| {
        if let Process::Coordinator(host) = process {
            host.coordinator.drain_relay(now, RsId(1));
        }
    });
}

/// Takes the tour undisturbed and notes everything.
pub(crate) fn watch() -> Itinerary {
    let log = LogBuffer::default();
    let stage = tracing::subscriber::with_default(log.subscriber(), || {
        take(None::<NoTap>, Some(log.clone()))
    });
    let mut packets: BTreeMap<PacketType, Vec<(Leg, usize)>> = BTreeMap::new();
    for line in stage.world.trace.lines() {
        if let What::Received(seen) = &line.what {
            let leg = Leg {
                id: seen.id,
                to: line.host,
                is_node: stage.world.node(line.host).is_some(),
            };
            let legs = packets.entry(seen.kind.unwrap()).or_default();
            legs.push((leg, seen.len));
        }
    }
    let mut messages: BTreeMap<String, Vec<Leg>> = BTreeMap::new();
    for Opened {
        host,
        datagram,
        kind,
        ..
    } in &stage.world.opened
    {
        let leg = Leg {
            id: *datagram,
            to: *host,
            is_node: stage.world.node(*host).is_some(),
        };
        messages.entry(kind.clone()).or_default().push(leg);
    }
    Itinerary { packets, messages }
}

/// Nobody on the path.
struct NoTap;

impl Tap for NoTap {
    fn on_send(
        &mut self,
        _: ntm_wire::time::Mono,
        _: HostId,
        _: &ntm_sim::net::Packet,
    ) -> ntm_sim::tap::Verdict {
        ntm_sim::tap::Verdict::pass()
    }
}
