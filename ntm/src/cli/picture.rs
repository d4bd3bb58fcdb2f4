//! The route as a small picture, and durations as people read them.

use std::time::Duration;

use ntm_proto::Route;

/// `this device ── relay rs1 ── bob@example.org`.
pub(super) fn route(route: &Route, peer: &str) -> String {
    match route {
        Route::Relay { rs, .. } => format!("this device ── relay rs{rs} ── {peer}"),
        Route::Direct { remote } => format!("this device ═══ direct {} ═══ {peer}", remote.0),
    }
}

/// `relay rs1` or `direct 192.0.2.7:7930`.
pub(super) fn way(route: &Route) -> String {
    match route {
        Route::Relay { rs, .. } => format!("relay rs{rs}"),
        Route::Direct { remote } => format!("direct {}", remote.0),
    }
}

/// `12.3 ms`.
pub(super) fn millis(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.1} ms")
    }
}

/// `6 days 3 h`, `3 h 20 min`, `40 s`.
pub(super) fn span(duration: Duration) -> String {
    let s = duration.as_secs();
    match (s / 86_400, s / 3600 % 24, s / 60 % 60) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, m) => format!("{m} min"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} days {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::addr::RealAddr;
    use ntm_wire::id::RsId;

    use super::*;

    #[test]
    fn a_route_is_drawn() {
        let via = RealAddr("192.0.2.1:7930".parse().unwrap());
        let relay = Route::Relay { rs: RsId(1), via };
        assert_eq!(
            route(&relay, "bob@example.org"),
            "this device ── relay rs1 ── bob@example.org"
        );
        let direct = Route::Direct { remote: via };
        assert_eq!(
            route(&direct, "bob"),
            "this device ═══ direct 192.0.2.1:7930 ═══ bob"
        );
    }

    #[test]
    fn spans_are_said_in_two_units() {
        for (seconds, text) in [
            (40, "40 s"),
            (300, "5 min"),
            (12_000, "3 h 20 min"),
            (529_200, "6 days 3 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
