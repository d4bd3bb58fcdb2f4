//! Which outside ports Linux takes for one socket that writes to many destinations.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;

use crate::address::SERVERS;
use crate::host::Host;
use crate::netns::Namespace;
use crate::network::{Network, prediction};
use crate::sniffer::Sniffer;
use crate::world::{Weather, World};

/// Ways in which Linux translates (nftables).
const WAYS: [&str; 4] = [
    "masquerade",
    "masquerade to :20000-59999",
    "masquerade random",
    "masquerade fully-random",
];
const FIRST_PORT: u16 = 10_000;
/// The last packet is there.
const PAUSE: Duration = Duration::from_millis(400);
/// A new link finds its neighbours.
const WARM_UP: Duration = Duration::from_secs(10);
const GAP: Duration = Duration::from_micros(500);
/// A node sees itself from the DC and from two relays.
const KNOWN: usize = 3;

/// What one way does. Serialised it is a line of `ntm-lab ports --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Habit {
    /// What the router was told.
    pub way: &'static str,
    /// Destinations written to from one socket, one after the other.
    pub mappings: usize,
    /// How many different outside ports they got.
    pub different: usize,
    /// Half of the differences from a port to the next were at most this.
    pub median_step: u16,
    /// The share of mappings that this many guesses would have met.
    pub guessed: [(u16, f64); 3],
}

/// Tries every way with so many mappings.
pub fn measure(mappings: u16) -> anyhow::Result<Vec<Habit>> {
    let mut world = World::build(Weather::default())?;
    let access = world.add_access("home", Network::HomeNat)?;
    let lan = Arc::clone(world.access(access)?.lan());
    let host = world.add_host_in("host", &lan)?;
    let router = world.access(access)?.routers().first().cloned();
    let router = router.ok_or_else(|| anyhow::anyhow!("a home has a router"))?;
    let sniffer = Sniffer::start(world.servers())?;
    warm_up(&host, &sniffer)?;
    let mut habits = Vec::new();
    for way in WAYS {
        translate(&router, way)?;
        drop(sniffer.take());
        host.namespace().enter(|| write_to(mappings))?;
        habits.push(Habit::of(way, mappings, &sniffer)?);
    }
    Ok(habits)
}

fn translate(router: &Namespace, way: &str) -> anyhow::Result<()> {
    router.nft(&format!(
        "table ip nat\ndelete table ip nat\ntable ip nat {{
            chain post {{
                type nat hook postrouting priority srcnat;
                oifname wan meta l4proto udp {way}
            }}
        }}"
    ))
}

/// Writes until something arrives.
fn warm_up(host: &Host, sniffer: &Sniffer) -> anyhow::Result<()> {
    let until = Instant::now() + WARM_UP;
    while sniffer.take().is_empty() {
        ensure!(Instant::now() < until, "nothing reaches the server's host");
        host.namespace().enter(|| write_to(1))?;
    }
    Ok(())
}

/// From one socket, each to a port of its own.
fn write_to(mappings: u16) -> anyhow::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    for port in (FIRST_PORT..).take(mappings.into()) {
        socket.send_to(&[0], SocketAddr::from((SERVERS.own.0, port)))?;
        std::thread::sleep(GAP);
    }
    std::thread::sleep(PAUSE);
    Ok(())
}

impl Habit {
    fn of(way: &'static str, mappings: u16, sniffer: &Sniffer) -> anyhow::Result<Self> {
        let mut seen = sniffer.take();
        seen.sort_by_key(|d| d.to.port());
        let came = seen.len();
        ensure!(came == usize::from(mappings), "{came} of {mappings} came");
        let ports: Vec<u16> = seen.iter().map(|d| d.from.port()).collect();
        let mut steps: Vec<u16> = ports.windows(2).map(|w| w[0].abs_diff(w[1])).collect();
        steps.sort_unstable();
        let guessed = [1, 5, 16].map(|n| (n, prediction::share(&ports, KNOWN, n)));
        let different: std::collections::BTreeSet<u16> = ports.into_iter().collect();
        Ok(Self {
            way,
            mappings: came,
            different: different.len(),
            median_step: steps.get(steps.len() / 2).copied().unwrap_or_default(),
            guessed,
        })
    }
}
