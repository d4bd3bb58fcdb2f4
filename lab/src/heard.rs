//! What a node's log says about its tunnel.

use std::time::{Duration, SystemTime};

use crate::conversation::Line;

/// Which way a tunnel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over the relay.
    Relay,
    /// Straight to the peer.
    Direct,
}

/// The log filter that makes a node say it.
pub const FILTER: &str = "ntm=debug,ntm_proto=debug";

/// Whether the node is registered with this line.
pub fn is_registered(line: &Line) -> bool {
    line.text.contains("event=Registered ")
}

/// The way of a tunnel that stands with this line.
pub fn tunnel_up(line: &Line) -> Option<Way> {
    line.text
        .contains("event=TunnelUp ")
        .then(|| after(&line.text, "route: "))?
}

/// The way of the tunnel from this line on.
pub fn way(line: &Line) -> Option<Way> {
    let changed = line.text.contains("event=RouteChanged ");
    tunnel_up(line).or_else(|| changed.then(|| after(&line.text, "new: "))?)
}

/// The relay's address, when the tunnel goes over a relay from this line on.
pub fn relay(line: &Line) -> Option<std::net::SocketAddr> {
    way(line).filter(|w| *w == Way::Relay)?;
    let (_, rest) = line.text.rsplit_once("via: RealAddr(")?;
    rest.split(')').next()?.parse().ok()
}

/// A hand-over as the node itself tells of it; the phases are since it noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// It noticed.
    pub at: SystemTime,
    /// The first probe or claim went out.
    pub probe_sent: Option<Duration>,
    /// The peer answered.
    pub peer_answered: Option<Duration>,
    /// Data came in over the new way.
    pub data_resumed: Option<Duration>,
    /// The DC knew.
    pub dc_updated: Option<Duration>,
}

/// The hand-over that this line tells of.
pub fn handed_over(line: &Line) -> Option<HandedOver> {
    let (_, told) = line.text.split_once("event=HandedOver(")?;
    let value = |key: &str| {
        let (_, rest) = told.split_once(&format!("{key}: "))?;
        let (_, rest) = rest.split_once('(')?;
        rest.split_once(')').map(|(value, _)| value)
    };
    let phase = |key: &str| {
        let (_, rest) = told.split_once(&format!("{key}: "))?;
        let (value, _) = rest.strip_prefix("Some(")?.split_once(')')?;
        duration(value)
    };
    let at = Duration::from_millis(value("at")?.parse().ok()?);
    Some(HandedOver {
        at: SystemTime::UNIX_EPOCH + at,
        probe_sent: phase("probe_sent"),
        peer_answered: phase("peer_answered"),
        data_resumed: phase("data_resumed"),
        dc_updated: phase("dc_updated"),
    })
}

/// As `Duration` writes itself.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at_checked(end)?;
    let scale = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * scale))
}

/// What a command said when it gave up: the line that is no log line.
pub fn complaint(lines: &[Line]) -> Option<String> {
    let said = lines.iter().rev().find(|l| l.text.starts_with("ntm: "));
    said.map(|l| l.text.clone())
}

fn after(text: &str, mark: &str) -> Option<Way> {
    let (_, rest) = text.rsplit_once(mark)?;
    if rest.starts_with("Direct") {
        Some(Way::Direct)
    } else if rest.starts_with("Relay") {
        Some(Way::Relay)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            at: SystemTime::UNIX_EPOCH,
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_way_is_read_from_the_log() {
        let up = line(
            "2026-01-01T00:00:00.1Z DEBUG ntm::driver: event event=TunnelUp { peer: Peer { fqdn: b }, route: Relay { rs: rs:1, via: RealAddr(203.0.113.10:7930) } }",
        );
        assert_eq!(
            (tunnel_up(&up), way(&up)),
            (Some(Way::Relay), Some(Way::Relay))
        );
        let moved = line(
            "… event event=RouteChanged { peer: node:1, old: Relay { rs: rs:1, via: x }, new: Direct { remote: y } }",
        );
        assert_eq!((tunnel_up(&moved), way(&moved)), (None, Some(Way::Direct)));
        assert_eq!(way(&line("… event event=Pinned { account: a }")), None);
        assert_eq!(relay(&up), Some("203.0.113.10:7930".parse().unwrap()));
        assert_eq!(relay(&moved), None);
    }

    #[test]
    fn the_time_line_of_a_hand_over_is_read_from_the_log() {
        let told = line(
            "… event event=HandedOver(Handover { peer: node:1, fqdn: b, reason: AddressGone, at: Wall(1700000000123), old: None, new: Some(Direct { remote: y }), probe_sent: Some(1.5ms), peer_answered: Some(82.25ms), data_resumed: Some(1.0625s), dc_updated: None })",
        );
        let ms = |ms: f64| Some(Duration::from_secs_f64(ms / 1000.0));
        let expected = HandedOver {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            probe_sent: ms(1.5),
            peer_answered: ms(82.25),
            data_resumed: ms(1062.5),
            dc_updated: None,
        };
        assert_eq!(handed_over(&told), Some(expected));
        assert_eq!(duration("250µs"), ms(0.25));
        assert_eq!(
            handed_over(&line("… event event=Pinned { account: a }")),
            None
        );
    }

    #[test]
    fn a_complaint_is_told_from_a_log_line() {
        let lines = [
            line("2026-01-01T00:00:00Z DEBUG ntm: x"),
            line("ntm: bob: offline"),
        ];
        assert_eq!(complaint(&lines).as_deref(), Some("ntm: bob: offline"));
        assert_eq!(complaint(&lines[..1]), None);
    }
}
