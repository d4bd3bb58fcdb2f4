//! `ntm ping NAME`: round trip, route and loss.

use std::time::Duration;

use clap::Args;
use ntm_proto::{Peer, Route};
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Running;
use super::snapshot::{RouteReport, millis};
use super::{Context, names, picture, session, signals};
use crate::error::ProbeError;
use crate::node::RoundTrip;

/// Measures round trip, route and loss to a name.
#[derive(Debug, Args)]
pub(super) struct Ping {
    /// `bob`, `bob@example.org`, or `phone.bob.example.org`.
    name: String,
    /// How many; 0: until stopped.
    #[arg(short, long, default_value_t = 5)]
    count: u32,
    /// Seconds between two.
    #[arg(short, long, default_value_t = 1.0, value_name = "SECONDS")]
    interval: f64,
}

/// What came of all pings.
#[derive(Debug, Default)]
struct Tally {
    sent: u32,
    trips: Vec<RoundTrip>,
}

impl Ping {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let interval = Duration::try_from_secs_f64(self.interval)
            .map_err(|e| Failure::new(Exit::BadArguments, format!("--interval: {e}")))?;
        let running = session::start(context).await?;
        let peer = running.resolve_first(&self.name).await?;
        context.out.line(format!(
            "{} is {}",
            names::device(&peer.fqdn),
            peer.addrs.v6
        ));
        let mut tally = Tally::default();
        tokio::select! {
            result = self.all(context, &running, &peer, interval, &mut tally) => result?,
            () = signals::stop() => {}
            () = running.publish() => {}
        }
        tally.report(context, &peer);
        running.finish().await;
        Ok(if tally.trips.is_empty() {
            Exit::NoAnswer
        } else {
            Exit::Ok
        })
    }

    async fn all(
        &self,
        context: &Context,
        running: &Running,
        peer: &Peer,
        interval: Duration,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
        while self.count == 0 || tally.sent < self.count {
            ticks.tick().await;
            tally.sent += 1;
            match running.node.probe(peer.addrs.v6.into()).await {
                Ok(trip) => {
                    tally.show(context, &trip, peer);
                    tally.trips.push(trip);
                }
                Err(ProbeError::Stopped) => return Err(Failure::stopped()),
                Err(ProbeError::Lost | ProbeError::Send(_)) => {
                    context.out.line(format!("{}: no answer", tally.sent))
                }
            }
        }
        Ok(())
    }
}

impl Tally {
    fn show(&self, context: &Context, trip: &RoundTrip, peer: &Peer) {
        let changed = self
            .trips
            .last()
            .is_none_or(|last| last.route != trip.route);
        if changed {
            context.out.line(format!(
                "  {}",
                picture::route(&trip.route, &names::device(&peer.fqdn))
            ));
        }
        context.out.line(format!(
            "{}: {} by {}",
            self.sent,
            picture::millis(trip.rtt),
            picture::way(&trip.route)
        ));
    }

    fn loss_percent(&self) -> f64 {
        let received = f64::from(u32::try_from(self.trips.len()).unwrap_or(u32::MAX));
        if self.sent == 0 {
            0.0
        } else {
            100.0 * (1.0 - received / f64::from(self.sent))
        }
    }

    fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.trips.len()).ok().filter(|n| *n > 0)?;
        Some(self.trips.iter().map(|t| t.rtt).sum::<Duration>() / count)
    }

    fn report(&self, context: &Context, peer: &Peer) {
        let rtts = || self.trips.iter().map(|t| t.rtt);
        let (min, mean, max) = (rtts().min(), self.mean(), rtts().max());
        let route: Option<&Route> = self.trips.last().map(|t| &t.route);
        context.out.line(format!(
            "{} sent, {} answered, {:.0} % lost",
            self.sent,
            self.trips.len(),
            self.loss_percent()
        ));
        if let (Some(min), Some(mean), Some(max)) = (min, mean, max) {
            let [min, mean, max] = [min, mean, max].map(picture::millis);
            context
                .out
                .line(format!("round trip: least {min}, mean {mean}, most {max}"));
        }
        context.out.json(&json!({
            "device": peer.fqdn.to_string(),
            "sent": self.sent,
            "received": self.trips.len(),
            "loss_percent": self.loss_percent(),
            "rtt_ms": { "min": min.map(millis), "mean": mean.map(millis), "max": max.map(millis) },
            "route": route.map(RouteReport::from),
            "picture": route.map(|r| picture::route(r, &names::device(&peer.fqdn))),
            "rtts_ms": rtts().map(millis).collect::<Vec<_>>(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::addr::RealAddr;

    use super::*;

    #[test]
    fn loss_and_mean_count_what_was_sent() {
        let route = Route::Direct {
            remote: RealAddr("192.0.2.1:7930".parse().unwrap()),
        };
        let trip = |ms| RoundTrip {
            rtt: Duration::from_millis(ms),
            route,
        };
        let tally = Tally {
            sent: 4,
            trips: vec![trip(10), trip(20), trip(30)],
        };
        assert!((tally.loss_percent() - 25.0).abs() < 1e-9);
        assert_eq!(tally.mean(), Some(Duration::from_millis(20)));
        assert_eq!(Tally::default().mean(), None);
    }
}
