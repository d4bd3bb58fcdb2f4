//! A conversation before and during a flood.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ntm::{Node, ProbeError};
use ntm_proto::Route;
use tokio::task::JoinSet;

use super::generator::{Kind, Sent, flood};
use super::scene::Scene;

/// Between two pings: as often as a call sends.
const EVERY: Duration = Duration::from_millis(20);

/// What happened to a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pings {
    pub(crate) sent: usize,
    /// Of those that were answered, the quickest first.
    pub(crate) rtts: Vec<Duration>,
}

/// One kind of flood.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) flood: Sent,
    pub(crate) before: Pings,
    pub(crate) during: Pings,
    /// How long somebody took meanwhile to start, register and call; `None`: it failed.
    pub(crate) call: Option<Duration>,
    /// Of the server, in KiB.
    pub(crate) memory: (u64, u64),
}

impl Pings {
    pub(crate) fn lost(&self) -> usize {
        self.sent - self.rtts.len()
    }
}

/// Pings over the relay for `lasts`, then again while `rate` datagrams a second come in.
pub(crate) async fn run(scene: &Scene, kind: Kind, rate: u32, lasts: Duration) -> Row {
    let peer = call(&scene.alice, &scene.bob).await.unwrap();
    ping(&scene.alice, peer, lasts / 4).await;
    let before = ping(&scene.alice, peer, lasts).await;
    let memory_before = scene.resident_kib();
    let target = scene.target;
    let flood = tokio::task::spawn_blocking(move || flood(&target, kind, rate, lasts));
    let (during, call) = tokio::join!(ping(&scene.alice, peer, lasts), newcomer(scene));
    Row {
        flood: flood.await.unwrap(),
        before,
        during,
        call,
        memory: (memory_before, scene.resident_kib()),
    }
}

/// The peer's virtual address, once a tunnel stands.
async fn call(from: &Node, to: &Node) -> Option<IpAddr> {
    let peers = from.resolve(to.fqdn()).await.ok()?;
    Some(peers.first()?.addrs.v6.into())
}

async fn newcomer(scene: &Scene) -> Option<Duration> {
    let began = Instant::now();
    let carol = Node::start(scene.carol.clone()).await.ok()?;
    let registered = carol.wait_registered().await.ok();
    let peer = match registered {
        Some(_) => call(&carol, &scene.bob).await,
        None => None,
    };
    let took = peer.map(|_| began.elapsed());
    carol.shutdown().await;
    took
}

async fn ping(node: &Node, peer: IpAddr, lasts: Duration) -> Pings {
    let (began, mut under_way) = (Instant::now(), JoinSet::new());
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut pings = Pings::default();
    while began.elapsed() < lasts {
        ticks.tick().await;
        pings.sent += 1;
        let node = node.clone();
        under_way.spawn(async move { node.probe(peer).await });
    }
    while let Some(answer) = under_way.join_next().await {
        match answer.unwrap() {
            Ok(trip) => {
                assert!(matches!(trip.route, Route::Relay { .. }), "by the relay");
                pings.rtts.push(trip.rtt);
            }
            Err(ProbeError::Lost | ProbeError::Send(_)) => {}
            Err(ProbeError::Stopped) => unreachable!("nobody stops it"),
        }
    }
    pings.rtts.sort();
    pings
}
