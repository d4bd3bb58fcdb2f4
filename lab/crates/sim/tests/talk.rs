//! A talk between the two nodes of a stage: a stream each way, packet by packet.

use core::net::SocketAddr;
use core::time::Duration;

use ntm_proto::UdpId;
use ntm_sim::net::HostId;
use ntm_sim::process::NodeHost;
use ntm_wire::time::Mono;

use crate::stage::{Stage, ms, secs};

/// A voice packet's payload; its number stands first.
const PAYLOAD: usize = 80;
const PORT: u16 = 4100;

/// Streams both ways.
pub(crate) struct Talk {
    interval: Duration,
    next: Mono,
    /// From MN to CN, and back.
    pub(crate) ways: [Stream; 2],
}

/// One direction.
pub(crate) struct Stream {
    from: HostId,
    to: HostId,
    source: UdpId,
    sink: UdpId,
    addr: SocketAddr,
    sent: u32,
    /// When each packet came, by its number.
    came: Vec<(u32, Mono)>,
}

impl Talk {
    pub(crate) fn new(stage: &mut Stage, interval: Duration) -> Self {
        let (mn, cn) = (stage.mn, stage.cn);
        let bind = |n: &mut NodeHost, _| n.node.udp_bind(None, PORT).unwrap();
        let at_mn = stage.world.with_node(mn, bind).unwrap();
        let at_cn = stage.world.with_node(cn, bind).unwrap();
        let there = Stream::new(stage, (mn, at_mn), (cn, at_cn));
        let back = Stream::new(stage, (cn, at_cn), (mn, at_mn));
        Self {
            interval,
            next: stage.world.now(),
            ways: [there, back],
        }
    }

    /// Talks for so long.
    pub(crate) fn run(&mut self, stage: &mut Stage, how_long: Duration) {
        let end = stage.world.now() + how_long;
        while stage.world.now() < end {
            if stage.world.now() >= self.next {
                self.ways.iter_mut().for_each(|w| w.send(stage));
                self.next = self.next + self.interval;
            }
            stage.world.run_for(ms(1).min(end.since(stage.world.now())));
            self.ways.iter_mut().for_each(|w| w.receive(stage));
        }
    }

    /// Packets of both directions that never came; a second is enough for those under way.
    pub(crate) fn lost(&mut self, stage: &mut Stage) -> usize {
        stage.world.run_for(secs(1));
        self.ways.iter_mut().for_each(|w| w.receive(stage));
        self.ways.iter().map(Stream::missing).sum()
    }

    /// Packets of both directions that came more than once.
    pub(crate) fn doubles(&self) -> usize {
        self.ways.iter().map(Stream::doubles).sum()
    }

    /// The first arrival of anything that was sent after `usable`, MN to CN.
    pub(crate) fn first_after(&self, number: u32) -> Option<Mono> {
        let later = self.ways[0].came.iter().filter(|(n, _)| *n >= number);
        later.map(|(_, at)| *at).min()
    }

    /// The first arrival at MN since then.
    pub(crate) fn first_back_since(&self, since: Mono) -> Option<Mono> {
        let all = self.ways[1].came.iter().map(|(_, at)| *at);
        all.filter(|at| *at >= since).min()
    }

    /// Nobody talked for a while: the next packet is due now, and none are made up for.
    pub(crate) fn restart(&mut self, stage: &Stage) {
        self.next = stage.world.now();
    }

    /// How many packets MN has sent.
    pub(crate) fn sent(&self) -> u32 {
        self.ways[0].sent
    }

    /// The longest silence at either receiver since `start`.
    pub(crate) fn gap_since(&self, start: Mono) -> Duration {
        self.ways.iter().map(|w| w.gap_since(start)).max().unwrap()
    }
}

impl Stream {
    fn new(stage: &Stage, from: (HostId, UdpId), to: (HostId, UdpId)) -> Self {
        let addr = stage.tunnel(from.0).peer.addrs.v6;
        Self {
            from: from.0,
            to: to.0,
            source: from.1,
            sink: to.1,
            addr: (addr, PORT).into(),
            sent: 0,
            came: Vec::new(),
        }
    }

    fn send(&mut self, stage: &mut Stage) {
        let mut payload = [0x5a; PAYLOAD];
        payload[..4].copy_from_slice(&self.sent.to_be_bytes());
        let (source, to) = (self.source, self.addr);
        let send = |n: &mut NodeHost, now| n.node.udp_send(now, source, to, &payload);
        let _ = stage.world.with_node(self.from, send);
        self.sent += 1;
    }

    fn receive(&mut self, stage: &mut Stage) {
        let (sink, now) = (self.sink, stage.world.now());
        let take = |n: &mut NodeHost, _| n.node.udp_recv(sink);
        while let Some(Some(got)) = stage.world.with_node(self.to, take) {
            let number = got.data.first_chunk().map(|b| u32::from_be_bytes(*b));
            self.came.extend(number.map(|n| (n, now)));
        }
    }

    fn different(&self) -> usize {
        let mut seen: Vec<u32> = self.came.iter().map(|(n, _)| *n).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    }

    fn missing(&self) -> usize {
        self.sent as usize - self.different()
    }

    fn doubles(&self) -> usize {
        self.came.len() - self.different()
    }

    fn gap_since(&self, start: Mono) -> Duration {
        let times: Vec<Mono> = self.came.iter().map(|(_, at)| *at).collect();
        let pairs = times.windows(2).filter(|w| w[1] >= start);
        pairs.map(|w| w[1].since(w[0])).max().unwrap_or_default()
    }
}
