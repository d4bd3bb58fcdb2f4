//! The ways of a call as a person looks at them, from what the node tells.

use ntm::doctor;
use ntm::event::Route;
use ntm::proto::{PathState as State, PathStatus, RelayStatus, Status, TunnelStatus};
use ntm::wire::addr::NatVerdict;
use ntm::{Node, wire::fqdn::Fqdn};

use crate::error::{AppError, Code};
use crate::view::{
    CallView, Here, InterfaceKind, InterfaceView, PathKind, PathState, PathView, RelayView,
    RoutePicture, There,
};

/// Looks at a call's ways now.
pub(crate) async fn take(node: &Node, call: &CallView) -> Result<RoutePicture, AppError> {
    let gone = || AppError::new(Code::System, "Legato has stopped: start it again");
    let status = node.status().await.ok_or_else(gone)?;
    let tunnels = node.tunnels().await;
    let tunnel = tunnels.iter().find(|t| is_with(&t.peer.fqdn, call));
    let interfaces = interfaces().await;
    Ok(RoutePicture {
        call: call.id,
        peer: There {
            name: call.with.clone(),
            device: call.device.clone(),
            address: tunnel.and_then(|t| direct(&t.route)),
        },
        relays: status.relays.iter().map(|r| relay(r, tunnel)).collect(),
        paths: tunnel.map(paths).unwrap_or_default(),
        here: here(&status, interfaces),
    })
}

fn is_with(peer: &Fqdn, call: &CallView) -> bool {
    let is_account = peer
        .parent()
        .is_some_and(|account| crate::names::person(&account) == call.with);
    is_account
        && call
            .device
            .as_deref()
            .is_none_or(|d| d == peer.first_label())
}

fn here(status: &Status, interfaces: Vec<InterfaceView>) -> Here {
    Here {
        device: status.fqdn.first_label().to_owned(),
        interfaces,
        nat: Some(nat(status.nat).to_owned()),
        outside: status.observed.map(|a| a.0.to_string()),
    }
}

fn nat(verdict: NatVerdict) -> &'static str {
    match verdict {
        NatVerdict::Unknown => "unknown",
        NatVerdict::None => "none",
        NatVerdict::EndpointIndependent => "friendly",
        NatVerdict::EndpointDependent => "strict",
    }
}

fn relay(relay: &RelayStatus, tunnel: Option<&TunnelStatus>) -> RelayView {
    let used = tunnel.and_then(|t| match &t.route {
        Route::Relay { rs, via } if *rs == relay.rs => Some(via.0.to_string()),
        Route::Relay { .. } | Route::Direct { .. } => None,
    });
    let seen = relay.sights.first().map(|s| s.observer.0.to_string());
    RelayView {
        name: format!("rs{}", relay.rs),
        used: used.is_some(),
        via: used.or(seen).unwrap_or_default(),
        rtt_ms: relay.rtt.map(millis),
        load: f32::from(relay.load) / 255.0,
    }
}

fn direct(route: &Route) -> Option<String> {
    match route {
        Route::Direct { remote } => Some(remote.0.to_string()),
        Route::Relay { .. } => None,
    }
}

fn paths(tunnel: &TunnelStatus) -> Vec<PathView> {
    tunnel.paths.iter().map(path).collect()
}

fn path(path: &PathStatus) -> PathView {
    let (kind, remote, relay) = match &path.route {
        Route::Direct { remote } => (PathKind::Direct, remote.0, None),
        Route::Relay { rs, via } => (PathKind::Relay, via.0, Some(format!("rs{rs}"))),
    };
    let interface = path.interface.as_ref().and_then(|i| i.name.clone());
    PathView {
        interface: interface.unwrap_or_default(),
        local: path.local.map(|a| a.0.to_string()).unwrap_or_default(),
        remote: remote.to_string(),
        kind,
        relay,
        family: if remote.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned(),
        rtt_ms: path.rtt.map(millis),
        loss: path.loss,
        heard_ms_ago: path.heard_ago.map(crate::view::millis),
        state: match path.state {
            State::InUse => PathState::InUse,
            State::Standby => PathState::Standby,
            State::Probing => PathState::Probing,
            State::Dead => PathState::Dead,
        },
    }
}

/// Microseconds are enough.
fn millis(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

async fn interfaces() -> Vec<InterfaceView> {
    let all = doctor::interfaces().await.into_iter();
    all.map(|i| InterfaceView {
        kind: kind(&i.name),
        addresses: i.addrs.iter().map(ToString::to_string).collect(),
        preferred: i.default,
        name: i.name,
    })
    .collect()
}

/// What a network card is: by the system where it tells, else by the names that systems give.
fn kind(name: &str) -> InterfaceKind {
    #[cfg(target_os = "linux")]
    if std::path::Path::new("/sys/class/net")
        .join(name)
        .join("phy80211")
        .exists()
    {
        return InterfaceKind::Wifi;
    }
    by_name(name)
}

fn by_name(name: &str) -> InterfaceKind {
    let name = name.to_lowercase();
    let begins = |with: &[&str]| with.iter().any(|w| name.starts_with(w));
    if begins(&["wl", "wi-fi", "wifi", "wireless"]) {
        InterfaceKind::Wifi
    } else if begins(&["ww", "rmnet", "ccmni", "pdp_ip", "cellular", "mobile"]) {
        InterfaceKind::Cellular
    } else if begins(&["en", "eth", "lan"]) {
        InterfaceKind::Wired
    } else {
        InterfaceKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_known_by_the_name_that_its_system_gives_it() {
        for (name, kind) in [
            ("wlan0", InterfaceKind::Wifi),
            ("wlp3s0", InterfaceKind::Wifi),
            ("Wi-Fi", InterfaceKind::Wifi),
            ("wwan0", InterfaceKind::Cellular),
            ("rmnet_data0", InterfaceKind::Cellular),
            ("enp0s31f6", InterfaceKind::Wired),
            ("Ethernet 2", InterfaceKind::Wired),
            ("tun0", InterfaceKind::Other),
        ] {
            assert_eq!(by_name(name), kind, "{name}");
        }
    }
}
