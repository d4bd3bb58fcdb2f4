//! A conversation before and during a flood.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use ntm::{Node, ProbeError};
use ntm_proto::Route;
use tokio::task::JoinSet;

use super::generator::{Kind, Sent, flood};
use super::scene::{Scene, pin};
use super::usage::Usage;

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
    /// Of the server, before and after.
    pub(crate) usage: (Usage, Usage),
}

/// How hard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Datagrams a second.
    pub(crate) rate: u32,
    pub(crate) lasts: Duration,
    /// The CPU that the flood comes from.
    pub(crate) cpu: Option<usize>,
}

impl Row {
    /// Datagrams that the server fetched.
    pub(crate) fn reached(&self) -> u64 {
        self.flood.datagrams.saturating_sub(self.dropped())
    }

    /// Datagrams, of the flood or not, that the kernel let go.
    pub(crate) fn dropped(&self) -> u64 {
        self.usage.1.dropped - self.usage.0.dropped
    }

    /// The server's time.
    pub(crate) fn cpu(&self) -> Duration {
        self.usage.1.cpu - self.usage.0.cpu
    }
}

impl Pings {
    pub(crate) fn lost(&self) -> usize {
        self.sent - self.rtts.len()
    }
}

/// Pings over the relay, then again while datagrams of this kind come in.
pub(crate) async fn run(scene: &Scene, kind: Kind, plan: Plan) -> Row {
    let lasts = plan.lasts;
    let peer = call(&scene.alice, &scene.bob).await.unwrap();
    ping(&scene.alice, peer, lasts / 4).await;
    let before = ping(&scene.alice, peer, lasts).await;
    let usage = scene.usage();
    let target = scene.target;
    let flood = std::thread::spawn(move || {
        if let Some(cpu) = plan.cpu {
            pin(Pid::from_raw(0), cpu);
        }
        flood(&target, kind, plan.rate, lasts)
    });
    let (during, call) = tokio::join!(ping(&scene.alice, peer, lasts), newcomer(scene));
    let flood = tokio::task::spawn_blocking(|| flood.join());
    Row {
        flood: flood.await.unwrap().unwrap(),
        before,
        during,
        call,
        usage: (usage, scene.usage()),
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
