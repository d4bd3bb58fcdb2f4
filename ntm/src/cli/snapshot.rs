//! The state of a node as `ntm status` shows it, and as a running command leaves it for others.

use std::net::SocketAddr;
use std::time::Duration;

use ntm_proto::{Handover, Route, Status, TunnelStatus};
use serde::{Deserialize, Serialize};

use super::handovers::HandoverReport;
use super::paths::PathReport;
use crate::files;
use crate::node::Node;
use crate::profile::{Profile, status_file};

/// At least this often a running command renews what it says of its node.
const EVERY: Duration = Duration::from_secs(2);

/// A node at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) device: String,
    pub(super) registered: bool,
    pub(super) virtual_v6: Option<String>,
    pub(super) virtual_v4: Option<String>,
    pub(super) observed: Option<SocketAddr>,
    /// The router's port that leads here.
    #[serde(default)]
    pub(super) mapped: Option<SocketAddr>,
    pub(super) nat: String,
    #[serde(default)]
    pub(super) coordinator: Option<SocketAddr>,
    pub(super) coordinator_rtt_ms: Option<f64>,
    pub(super) relays: Vec<Relay>,
    pub(super) tunnels: Vec<Tunnel>,
    /// The last ones, the latest last.
    #[serde(default)]
    pub(super) handovers: Vec<HandoverReport>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Relay {
    pub(super) id: String,
    pub(super) load_percent: u32,
    pub(super) rtt_ms: Option<f64>,
    /// Its address, and this device's as it came in there.
    #[serde(default)]
    pub(super) sights: Vec<(SocketAddr, SocketAddr)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tunnel {
    pub(super) peer: String,
    pub(super) virtual_v6: String,
    pub(super) virtual_v4: String,
    pub(super) route: RouteReport,
    pub(super) picture: String,
    pub(super) rtt_ms: Option<f64>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) rekeys: u32,
    /// The one in use first.
    #[serde(default)]
    pub(super) paths: Vec<PathReport>,
}

/// A route for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum RouteReport {
    Relay { relay: String, via: SocketAddr },
    Direct { remote: SocketAddr },
}

impl From<&Route> for RouteReport {
    fn from(route: &Route) -> Self {
        match route {
            Route::Relay { rs, via } => Self::Relay {
                relay: format!("rs{rs}"),
                via: via.0,
            },
            Route::Direct { remote } => Self::Direct { remote: remote.0 },
        }
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    // Microseconds are enough, and read better.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Snapshot {
    pub(super) fn new(status: &Status, tunnels: &[TunnelStatus], handovers: &[Handover]) -> Self {
        Self {
            device: status.fqdn.to_string(),
            registered: status.registered,
            virtual_v6: status.addrs.map(|a| a.v6.to_string()),
            virtual_v4: status.addrs.map(|a| a.v4.to_string()),
            observed: status.observed.map(|a| a.0),
            mapped: status.mapped.map(|a| a.0),
            nat: nat(status).to_owned(),
            coordinator: status.dc.map(|a| a.0),
            coordinator_rtt_ms: status.dc_rtt.map(millis),
            relays: status.relays.iter().map(relay).collect(),
            tunnels: tunnels.iter().map(tunnel).collect(),
            handovers: handovers.iter().map(HandoverReport::of).collect(),
        }
    }

    pub(super) async fn take(node: &Node) -> Option<Self> {
        let (status, tunnels) = (node.status().await?, node.tunnels().await);
        Some(Self::new(&status, &tunnels, &node.handovers().await))
    }

    /// What the process that runs the profile's node left.
    pub(super) fn read(profile: &Profile) -> Option<Self> {
        let bytes = files::read_private(&status_file(profile)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

fn nat(status: &Status) -> &'static str {
    use ntm_wire::addr::NatVerdict as V;
    match status.nat {
        V::Unknown => "unknown",
        V::None => "none",
        V::EndpointIndependent => "endpoint-independent",
        V::EndpointDependent => "endpoint-dependent",
    }
}

fn relay(r: &ntm_proto::RelayStatus) -> Relay {
    Relay {
        id: format!("rs{}", r.rs),
        load_percent: u32::from(r.load) * 100 / 255,
        rtt_ms: r.rtt.map(millis),
        sights: r
            .sights
            .iter()
            .map(|s| (s.observer.0, s.observed.0))
            .collect(),
    }
}

fn tunnel(t: &TunnelStatus) -> Tunnel {
    let peer = super::names::device(&t.peer.fqdn);
    Tunnel {
        picture: super::picture::route(&t.route, &peer),
        peer: t.peer.fqdn.to_string(),
        virtual_v6: t.peer.addrs.v6.to_string(),
        virtual_v4: t.peer.addrs.v4.to_string(),
        route: (&t.route).into(),
        rtt_ms: t.rtt.map(millis),
        sent: t.sent,
        received: t.received,
        sent_bytes: t.sent_bytes,
        received_bytes: t.received_bytes,
        rekeys: t.rekeys,
        paths: t.paths.iter().map(PathReport::of).collect(),
    }
}

/// Writes the node's state beside its profile, again and again.
pub(super) async fn publish(node: &Node, profile: &Profile) {
    while let Some(snapshot) = Snapshot::take(node).await {
        if let Ok(bytes) = serde_json::to_vec(&snapshot) {
            let _ = files::write_private(&status_file(profile), &bytes);
        }
        tokio::time::sleep(EVERY).await;
    }
}

pub(super) fn withdraw(profile: &Profile) {
    let _ = files::remove(&status_file(profile));
}
