//! `ntm resolve NAME`: the devices behind a name, with a tunnel to each.

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::snapshot::RouteReport;
use super::{Context, names, picture, session};
use crate::profile::safety_number;

/// Builds tunnels to the devices of a name and shows their virtual addresses.
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// `bob`, `bob@example.org`, or `phone.bob.example.org`.
    name: String,
}

impl Resolve {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let running = session::start(context).await?;
        let peers = running.resolve(&self.name).await?;
        let tunnels = running.node.tunnels().await;
        let mut reports = Vec::new();
        for peer in &peers {
            let tunnel = tunnels.iter().find(|t| t.peer.node == peer.node);
            let way = tunnel.map_or_else(
                || "no tunnel any more".to_owned(),
                |t| picture::way(&t.route),
            );
            context.out.line(format!(
                "{}\n  {}\n  {}\n  by {way}",
                names::device(&peer.fqdn),
                peer.addrs.v6,
                peer.addrs.v4
            ));
            reports.push(json!({
                "device": peer.fqdn.to_string(),
                "virtual_v6": peer.addrs.v6,
                "virtual_v4": peer.addrs.v4,
                "safety_number": safety_number(&peer.root),
                "route": tunnel.map(|t| RouteReport::from(&t.route)),
            }));
        }
        context
            .out
            .json(&json!({ "name": self.name, "devices": reports }));
        running.finish().await;
        Ok(Exit::Ok)
    }
}
