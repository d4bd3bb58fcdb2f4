//! `ntm perf`: how much goes through a tunnel, and what it costs.
//!
//! Round trips come from probes. For throughput, numbered datagrams go to the peer's virtual echo port.
//! `ntm perf --serve` there counts them and reports; `ntm echo` sends them back, and what came back is
//! counted here.

mod client;
mod serve;
mod wire;

use std::time::Duration;

use clap::Args;
use ntm_proto::Peer;
use serde_json::json;

use super::echo::ECHO_PORT;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Running;
use super::snapshot::{RouteReport, millis};
use super::{Context, names, picture, session, signals};
use client::Outcome;

/// Measures throughput, packets per second, round trip, loss and CPU time to a name.
///
/// It loads the path as far as it goes, the relay's too: pass --rate where others share it.
#[derive(Debug, Args)]
pub(super) struct Perf {
    /// The peer, where `ntm perf --serve` or `ntm echo` runs.
    #[arg(required_unless_present = "serve")]
    name: Option<String>,
    /// Answer others' measurements, until stopped.
    #[arg(long, conflicts_with = "name")]
    serve: bool,
    /// The virtual port of the answering side.
    #[arg(long, default_value_t = ECHO_PORT, value_name = "PORT")]
    virtual_port: u16,
    /// Seconds to send.
    #[arg(short, long, default_value_t = 5.0, value_name = "SECONDS")]
    time: f64,
    /// Bytes per datagram, 24 to 1,232.
    #[arg(short, long, default_value_t = 1200, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(24..=1232))]
    size: u16,
    /// Most Mbit/s; 0: as fast as it goes.
    #[arg(short, long, default_value_t = 0.0, value_name = "MBIT/S")]
    rate: f64,
}

/// Round trips measured before the load.
const PROBES: u32 = 10;

impl Perf {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let time = Duration::try_from_secs_f64(self.time)
            .map_err(|e| Failure::new(Exit::BadArguments, format!("--time: {e}")))?;
        let running = session::start(context).await?;
        let work = async {
            match &self.name {
                None => serve::run(context, &running, self.virtual_port).await,
                Some(name) => self.measure(context, &running, name, time).await,
            }
        };
        let result = tokio::select! {
            result = work => result,
            () = signals::stop() => Ok(()),
            () = running.publish() => Ok(()),
        };
        running.finish().await;
        result.map(|()| Exit::Ok)
    }

    async fn measure(
        &self,
        context: &Context,
        running: &Running,
        name: &str,
        time: Duration,
    ) -> Result<(), Failure> {
        let peer = running.resolve_first(name).await?;
        let rtts = round_trips(running, &peer).await;
        context.out.line(format!(
            "measuring to {} for {}",
            names::device(&peer.fqdn),
            picture::span(time)
        ));
        let load = client::Load {
            time,
            size: usize::from(self.size),
            bits_per_second: self.rate * 1e6,
        };
        let outcome = client::run(&running.node, &peer, self.virtual_port, &load).await?;
        report(context, running, &peer, &rtts, &outcome).await;
        Ok(())
    }
}

async fn round_trips(running: &Running, peer: &Peer) -> Vec<Duration> {
    let mut rtts = Vec::new();
    for _ in 0..PROBES {
        rtts.extend(
            running
                .node
                .probe(peer.addrs.v6.into())
                .await
                .ok()
                .map(|t| t.rtt),
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rtts.sort();
    rtts
}

async fn report(context: &Context, running: &Running, peer: &Peer, rtts: &[Duration], o: &Outcome) {
    let tunnels = running.node.tunnels().await;
    let route = tunnels
        .iter()
        .find(|t| t.peer.node == peer.node)
        .map(|t| t.route);
    let median = rtts.get(rtts.len() / 2).copied();
    let way = if o.echoed {
        "there and back"
    } else {
        "one way"
    };
    let out = &context.out;
    if let Some(route) = &route {
        out.line(format!(
            "  {}",
            picture::route(route, &names::device(&peer.fqdn))
        ));
    }
    out.line(format!(
        "  throughput   {:.1} Mbit/s {way}, {:.0} packets/s of {} bytes",
        o.megabits(),
        o.packets_per_second(),
        o.size
    ));
    out.line(format!(
        "  loss         {:.2} % of {} packets",
        o.loss_percent(),
        o.sent
    ));
    out.line(format!(
        "  round trip   {}",
        median.map_or_else(|| "not measured".to_owned(), picture::millis)
    ));
    out.line(format!(
        "  CPU          {:.0} % of a core here, {:.1} µs per packet sent",
        o.cpu_percent(),
        o.cpu_micros_per_packet()
    ));
    out.json(&json!({
        "device": peer.fqdn.to_string(),
        "route": route.as_ref().map(RouteReport::from),
        "mode": if o.echoed { "echo" } else { "one_way" },
        "megabits_per_second": o.megabits(),
        "packets_per_second": o.packets_per_second(),
        "packet_bytes": o.size,
        "sent": o.sent,
        "received": o.received,
        "loss_percent": o.loss_percent(),
        "rtt_ms": { "median": median.map(millis), "min": rtts.first().copied().map(millis), "max": rtts.last().copied().map(millis) },
        "cpu_percent": o.cpu_percent(),
        "cpu_us_per_packet": o.cpu_micros_per_packet(),
        "peer_cpu_percent": o.peer_cpu_percent,
    }));
}
