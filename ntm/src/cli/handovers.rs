//! Hand-overs as `ntm status` tells them.

use std::time::Duration;

use ntm_proto::{Handover, Reason};
use serde::{Deserialize, Serialize};

use super::paths::{self, InterfaceReport};
use super::snapshot::{RouteReport, millis};
use super::{names, picture};

/// One hand-over of one tunnel; times are since it was detected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HandoverReport {
    pub(super) peer: String,
    pub(super) reason: String,
    /// Time of day, in milliseconds since 1970.
    pub(super) at_unix_ms: u64,
    pub(super) old: Option<RouteReport>,
    pub(super) new: Option<RouteReport>,
    pub(super) probe_sent_ms: Option<f64>,
    pub(super) peer_answered_ms: Option<f64>,
    pub(super) data_resumed_ms: Option<f64>,
    pub(super) coordinator_updated_ms: Option<f64>,
    #[serde(default)]
    pub(super) old_interface: Option<InterfaceReport>,
    #[serde(default)]
    pub(super) new_interface: Option<InterfaceReport>,
    /// For people.
    pub(super) text: String,
}

impl HandoverReport {
    pub(super) fn of(h: &Handover) -> Self {
        Self {
            peer: h.fqdn.to_string(),
            reason: reason(h.reason).to_owned(),
            at_unix_ms: h.at.as_millis(),
            old: h.old.as_ref().map(Into::into),
            new: h.new.as_ref().map(Into::into),
            probe_sent_ms: h.probe_sent.map(millis),
            peer_answered_ms: h.peer_answered.map(millis),
            data_resumed_ms: h.data_resumed.map(millis),
            coordinator_updated_ms: h.dc_updated.map(millis),
            old_interface: h.old_interface.as_ref().map(InterfaceReport::of),
            new_interface: h.new_interface.as_ref().map(InterfaceReport::of),
            text: text(h),
        }
    }

    /// `carol@example.org: a better way, relay rs1 → direct 192.0.2.7:7930, wwan0 → wlan0; heard again after 41 ms (3 min ago)`.
    pub(super) fn line(&self, now_unix_ms: u64) -> String {
        let ago = Duration::from_millis(now_unix_ms.saturating_sub(self.at_unix_ms));
        format!("{} ({} ago)", self.text, picture::span(ago))
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::AddressGone => "address-gone",
        Reason::BetterInterface => "better-interface",
        Reason::PathSilent => "path-silent",
        Reason::PeerMoved => "peer-moved",
    }
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::AddressGone => "the network in use went",
        Reason::BetterInterface => "a better way",
        Reason::PathSilent => "the way in use fell silent",
        Reason::PeerMoved => "the other end moved",
    }
}

fn text(h: &Handover) -> String {
    let way = |r: &Option<_>| {
        r.as_ref()
            .map_or_else(|| "nowhere".to_owned(), picture::way)
    };
    let resumed = h.data_resumed.or(h.peer_answered);
    let heard = resumed.map_or_else(
        || "not heard since".to_owned(),
        |t| format!("heard again after {}", picture::millis(t)),
    );
    let peer = names::device(&h.fqdn);
    let (why, old, new) = (why(h.reason), way(&h.old), way(&h.new));
    let radios = radios(h);
    format!("{peer}: {why}, {old} → {new}{radios}; {heard}")
}

/// Which interface took over from which; nothing, when it is the same.
fn radios(h: &Handover) -> String {
    if h.old_interface == h.new_interface {
        return String::new();
    }
    let [old, new] = [&h.old_interface, &h.new_interface].map(|i| paths::interface(i.as_ref()));
    format!(", {old} → {new}")
}

#[cfg(test)]
mod tests {
    use ntm_proto::{Interface, Route};
    use ntm_wire::addr::RealAddr;
    use ntm_wire::id::{InterfaceId, NodeId, RsId};
    use ntm_wire::time::Wall;

    use super::*;

    fn handover() -> Handover {
        let addr = RealAddr("192.0.2.7:7930".parse().unwrap());
        Handover {
            peer: NodeId([7; 16]),
            fqdn: "desk.bob.example.org".parse().unwrap(),
            reason: Reason::AddressGone,
            at: Wall::from_secs(100),
            old: Some(Route::Direct { remote: addr }),
            new: Some(Route::Relay {
                rs: RsId(1),
                via: addr,
            }),
            probe_sent: Some(Duration::ZERO),
            peer_answered: Some(Duration::from_micros(81_250)),
            data_resumed: Some(Duration::from_micros(81_250)),
            dc_updated: None,
            old_interface: interface(1, "wlan0"),
            new_interface: interface(2, "wwan0"),
        }
    }

    fn interface(number: u16, name: &str) -> Option<Interface> {
        let (number, name) = (InterfaceId(number), Some(name.to_owned()));
        Some(Interface { number, name })
    }

    #[test]
    fn a_hand_over_is_told_to_people_and_programs() {
        let report = HandoverReport::of(&handover());
        assert_eq!(
            report.line(160_000),
            "bob@example.org (desk): the network in use went, direct 192.0.2.7:7930 → relay rs1, wlan0 → wwan0; heard again after 81.2 ms (1 min ago)"
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["reason"], "address-gone");
        assert_eq!(json["peer_answered_ms"], 81.25);
        assert_eq!(json["old"]["kind"], "direct");
        assert_eq!(json["new_interface"]["name"], "wwan0");
        assert!(json["coordinator_updated_ms"].is_null());
    }
}
