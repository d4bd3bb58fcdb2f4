//! The ways to a peer as `ntm status` tells them.

use std::net::SocketAddr;
use std::time::Duration;

use ntm_proto::{Interface, PathState, PathStatus};
use serde::{Deserialize, Serialize};

use super::picture;
use super::snapshot::{RouteReport, millis};

/// One way to a peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PathReport {
    pub(super) interface: Option<InterfaceReport>,
    pub(super) local: Option<SocketAddr>,
    pub(super) route: RouteReport,
    pub(super) rtt_ms: Option<f64>,
    /// The share that gets lost, 0 to 1.
    pub(super) loss: Option<f64>,
    pub(super) heard_ago_ms: Option<f64>,
    /// `in-use`, `standby`, `probing` or `dead`.
    pub(super) state: String,
    /// For people.
    pub(super) text: String,
}

/// An interface of this device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct InterfaceReport {
    /// The node's own number of it.
    pub(super) number: u16,
    /// The system's name.
    pub(super) name: Option<String>,
}

impl InterfaceReport {
    pub(super) fn of(interface: &Interface) -> Self {
        Self {
            number: interface.number.0,
            name: interface.name.clone(),
        }
    }
}

impl PathReport {
    pub(super) fn of(p: &PathStatus) -> Self {
        Self {
            interface: p.interface.as_ref().map(InterfaceReport::of),
            local: p.local.map(|a| a.0),
            route: (&p.route).into(),
            rtt_ms: p.rtt.map(millis),
            loss: p.loss.map(|l| (l * 1e4).round() / 1e4),
            heard_ago_ms: p.heard_ago.map(millis),
            state: state(p.state).replace(' ', "-"),
            text: text(p),
        }
    }
}

/// What people call an interface.
pub(super) fn interface(interface: Option<&Interface>) -> String {
    let named = |i: &Interface| i.name.clone().unwrap_or_else(|| format!("#{}", i.number.0));
    interface.map_or_else(|| "any".to_owned(), named)
}

fn state(state: PathState) -> &'static str {
    match state {
        PathState::InUse => "in use",
        PathState::Standby => "standby",
        PathState::Probing => "probing",
        PathState::Dead => "dead",
    }
}

/// `wlan0   direct 192.0.2.7:7930   in use, 12.3 ms, loss 0.4 %, heard 0.1 s ago`.
fn text(p: &PathStatus) -> String {
    let mut facts = vec![state(p.state).to_owned()];
    facts.extend(p.rtt.map(picture::millis));
    facts.extend(p.loss.map(|l| format!("loss {:.1} %", l * 100.0)));
    facts.extend(p.heard_ago.map(|t| format!("heard {} ago", ago(t))));
    let (on, way) = (interface(p.interface.as_ref()), picture::way(&p.route));
    format!("{on:<8} {way}   {}", facts.join(", "))
}

fn ago(t: Duration) -> String {
    if t < Duration::from_secs(10) {
        format!("{:.1} s", t.as_secs_f64())
    } else {
        picture::span(t)
    }
}

#[cfg(test)]
mod tests {
    use ntm_proto::Route;
    use ntm_wire::addr::RealAddr;
    use ntm_wire::id::InterfaceId;

    use super::*;

    fn path() -> PathStatus {
        PathStatus {
            interface: Some(Interface {
                number: InterfaceId(2),
                name: Some("wlan0".to_owned()),
            }),
            local: Some(RealAddr("192.168.1.5:7930".parse().unwrap())),
            route: Route::Direct {
                remote: RealAddr("192.0.2.7:7930".parse().unwrap()),
            },
            rtt: Some(Duration::from_micros(12_340)),
            loss: Some(1.0 / 256.0),
            heard_ago: Some(Duration::from_millis(120)),
            state: PathState::InUse,
        }
    }

    #[test]
    fn a_path_is_told_to_people_and_programs() {
        let report = PathReport::of(&path());
        assert_eq!(
            report.text,
            "wlan0    direct 192.0.2.7:7930   in use, 12.3 ms, loss 0.4 %, heard 0.1 s ago"
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["interface"]["name"], "wlan0");
        assert_eq!(json["state"], "in-use");
        assert_eq!(json["loss"], 0.0039);
        assert_eq!(json["route"]["remote"], "192.0.2.7:7930");
    }

    #[test]
    fn what_is_not_known_of_a_path_is_left_out() {
        let unknown = PathStatus {
            interface: None,
            local: None,
            rtt: None,
            loss: None,
            heard_ago: None,
            state: PathState::Probing,
            ..path()
        };
        let report = PathReport::of(&unknown);
        assert_eq!(report.text, "any      direct 192.0.2.7:7930   probing");
    }
}
