//! A stream of 50 packets a second, one way, between the two nodes of a stage.

use core::net::SocketAddr;
use core::time::Duration;

use ntm_proto::UdpId;
use ntm_sim::process::NodeHost;
use ntm_wire::time::Mono;

use crate::stage::{Stage, ms, secs};

/// A voice packet's payload.
const PAYLOAD: [u8; 80] = [0x5a; 80];

/// The receiver has nothing to send: its signs of life must do.
pub(crate) struct Stream {
    source: UdpId,
    sink: UdpId,
    to: SocketAddr,
    sent: u32,
    came: u32,
    last: Mono,
}

impl Stream {
    /// UDP payload of each packet: header, form and ports, tag.
    pub(crate) const ON_THE_WIRE: usize = PAYLOAD.len() + 38;

    /// From MN to CN.
    pub(crate) fn new(stage: &mut Stage) -> Self {
        let bind = |n: &mut NodeHost, _| n.node.udp_bind(None, 4000).unwrap();
        let (mn, cn) = (stage.mn, stage.cn);
        let addr = stage.tunnel(mn).peer.addrs.v6;
        Self {
            source: stage.world.with_node(mn, bind).unwrap(),
            sink: stage.world.with_node(cn, bind).unwrap(),
            to: (addr, 4000).into(),
            sent: 0,
            came: 0,
            last: stage.world.now(),
        }
    }

    /// Sends for so long; the longest silence at the receiver.
    pub(crate) fn run(&mut self, stage: &mut Stage, how_long: Duration) -> Duration {
        let end = stage.world.now() + how_long;
        let mut longest = Duration::ZERO;
        while stage.world.now() < end {
            self.send(stage);
            for _ in 0..20 {
                stage.world.run_for(ms(1));
                longest = longest.max(self.receive(stage));
            }
        }
        longest
    }

    /// Packets that never came; a second is enough for those under way.
    pub(crate) fn missing(&mut self, stage: &mut Stage) -> u32 {
        stage.world.run_for(secs(1));
        self.receive(stage);
        self.sent - self.came
    }

    fn send(&mut self, stage: &mut Stage) {
        let (mn, source, to) = (stage.mn, self.source, self.to);
        let send = |n: &mut NodeHost, now| n.node.udp_send(now, source, to, &PAYLOAD);
        stage.world.with_node(mn, send).unwrap().unwrap();
        self.sent += 1;
    }

    /// The silence that ended just now.
    fn receive(&mut self, stage: &mut Stage) -> Duration {
        let (cn, sink, now) = (stage.cn, self.sink, stage.world.now());
        let mut silence = Duration::ZERO;
        while let Some(Some(_)) = stage.world.with_node(cn, |n, _| n.node.udp_recv(sink)) {
            silence = silence.max(now.since(self.last));
            self.last = now;
            self.came += 1;
        }
        silence
    }
}
