//! What a node's log says about its tunnel.

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
    use std::time::SystemTime;

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
    fn a_complaint_is_told_from_a_log_line() {
        let lines = [
            line("2026-01-01T00:00:00Z DEBUG ntm: x"),
            line("ntm: bob: offline"),
        ];
        assert_eq!(complaint(&lines).as_deref(), Some("ntm: bob: offline"));
        assert_eq!(complaint(&lines[..1]), None);
    }
}
