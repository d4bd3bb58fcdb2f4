//! `ntm status`: how this device is, and its tunnels.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::snapshot::Snapshot;
use super::{Context, names, picture, session};
use crate::keystore::Place;
use crate::profile::{Profile, ProfileError};

/// Says how this device is: registration, addresses, relays, tunnels.
#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    /// Only what is known without asking any server.
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    device: String,
    server: String,
    coordinator: Vec<String>,
    keys: Place,
    ticket_left_s: u64,
    /// Whether another process runs the node.
    running: bool,
    node: Option<Snapshot>,
}

impl StatusCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        let (running, node) = self.node(context, &profile).await?;
        let m = profile.membership();
        let report = Report {
            device: m.certificate.fqdn.to_string(),
            server: m.server.clone(),
            coordinator: m.dc_addrs.iter().map(|a| a.0.to_string()).collect(),
            keys: profile.place(),
            ticket_left_s: m.ticket_expires.since(crate::clock::wall()).as_secs(),
            running,
            node,
        };
        context.out.json(&report);
        lines(&report, &profile)
            .iter()
            .for_each(|l| context.out.line(l));
        Ok(Exit::Ok)
    }

    async fn node(
        &self,
        context: &Context,
        profile: &Profile,
    ) -> Result<(bool, Option<Snapshot>), Failure> {
        match Profile::lock(&context.folder) {
            Err(ProfileError::InUse) => Ok((true, Snapshot::read(profile))),
            Err(error) => Err(error.into()),
            Ok(_) if self.offline => Ok((false, None)),
            Ok(lock) => {
                drop(lock);
                let running = session::start(context).await?;
                // The relays answer their first measurement within this time, or are far.
                tokio::time::sleep(Duration::from_millis(400)).await;
                let snapshot = Snapshot::take(&running.node).await;
                running.finish().await;
                Ok((false, snapshot))
            }
        }
    }
}

fn lines(report: &Report, profile: &Profile) -> Vec<String> {
    let m = profile.membership();
    let keys = match report.keys {
        Place::Keyring => "in the keyring of this system".to_owned(),
        Place::File => format!("in a file in {}", profile.folder().display()),
    };
    let mut out = vec![
        names::device(&m.certificate.fqdn),
        format!(
            "  server       {} (coordinator {})",
            report.server,
            report.coordinator.join(", ")
        ),
        format!(
            "  ticket       good for {}",
            picture::span(Duration::from_secs(report.ticket_left_s))
        ),
        format!("  keys         {keys}"),
    ];
    match &report.node {
        Some(node) => out.extend(node_lines(node)),
        None if report.running => out.push("  running in another process".to_owned()),
        None => {}
    }
    out
}

fn node_lines(node: &Snapshot) -> Vec<String> {
    let ms = |v: Option<f64>| v.map_or_else(|| "not measured".to_owned(), |v| format!("{v:.1} ms"));
    let text = |v: &Option<String>| v.clone().unwrap_or_else(|| "none yet".to_owned());
    let yes = if node.registered { "yes" } else { "no" };
    let seen = node
        .observed
        .map_or_else(|| "unknown".to_owned(), |a| a.to_string());
    let mut out = vec![
        format!(
            "  registered   {yes}, round trip to the coordinator {}",
            ms(node.coordinator_rtt_ms)
        ),
        format!(
            "  virtual      {} and {}",
            text(&node.virtual_v6),
            text(&node.virtual_v4)
        ),
        format!("  seen as      {seen} (NAT: {})", node.nat),
    ];
    let mapped = |a: &std::net::SocketAddr| format!("  opened at    {a}, by the router");
    out.extend(node.mapped.iter().map(mapped));
    let relay = |r: &super::snapshot::Relay| {
        format!(
            "  relay        {}, load {} %, round trip {}",
            r.id,
            r.load_percent,
            ms(r.rtt_ms)
        )
    };
    out.extend(node.relays.iter().map(relay));
    for tunnel in &node.tunnels {
        out.push(format!("  {}   {}", tunnel.picture, ms(tunnel.rtt_ms)));
        let path = |p: &super::paths::PathReport| format!("    {}", p.text);
        out.extend(tunnel.paths.iter().map(path));
    }
    if node.tunnels.is_empty() {
        out.push("  no tunnels".to_owned());
    }
    let now = crate::clock::wall().as_millis();
    let moved = |h: &super::handovers::HandoverReport| format!("  moved        {}", h.line(now));
    out.extend(node.handovers.iter().map(moved));
    out
}
