//! The matrix for people: a grid, and below it whatever is not as it should be.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Row, Spread};
use crate::network::Network;

/// A cell's width.
const WIDTH: usize = 9;
const NAMES: usize = 14;

/// The grid. Rows are callers, columns are callees; a cell has the route and the median time to the first
/// byte in ms, and an exclamation mark if something is not as it should be.
pub fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    let callers = networks(rows, |r| r.pair().0);
    let callees = networks(rows, |r| r.pair().1);
    let _ = write!(out, "{:NAMES$}", "from \\ to");
    for callee in &callees {
        let _ = write!(out, "{:>WIDTH$}", short(*callee));
    }
    out.push('\n');
    for caller in &callers {
        let _ = write!(out, "{caller:NAMES$}");
        for callee in &callees {
            let row = rows.iter().find(|r| r.pair() == (*caller, *callee));
            let _ = write!(out, "{:>WIDTH$}", row.map(cell).unwrap_or_default());
        }
        out.push('\n');
    }
    out + &summary(rows)
        + "\nD direct, R by the relay, with the median ms to the first byte; ! not as it should be\n"
        + &findings(rows)
}

fn networks(rows: &[Row], of: impl Fn(&Row) -> Network) -> Vec<Network> {
    let there = |n: &Network| rows.iter().any(|r| of(r) == *n);
    Network::ALL.into_iter().filter(there).collect()
}

fn short(network: Network) -> &'static str {
    match network {
        Network::SymmetricNat => "symmetric",
        Network::DualStack => "dual",
        Network::V6Firewall => "v6-fw",
        Network::Udp443Only => "443-only",
        Network::PublicV4 => "public",
        Network::HomeNat
        | Network::Cgnat
        | Network::V6Only
        | Network::SameLan
        | Network::SmallMtu
        | Network::Nat64 => network.name(),
    }
}

/// `D 152`, or `!R 2/3` if a try failed.
pub(super) fn cell(row: &Row) -> String {
    let letter = match row.route {
        Some("direct") => "D",
        Some(_) => "R",
        None => "-",
    };
    let mark = if row.is_as_expected() { "" } else { "!" };
    if row.ok < row.tries {
        return format!("{mark}{letter} {}/{}", row.ok, row.tries);
    }
    let ms = row.first_byte_ms.p50.unwrap_or_default();
    format!("{mark}{letter} {ms:.0}")
}

/// Times over all pairs, by route, without loss and with.
fn summary(rows: &[Row]) -> String {
    let mut out = format!("\n{:28}{:>8}{:>8}{:>8}\n", "ms", "median", "p95", "worst");
    for (route, letter) in [("direct", "direct"), ("relay", "by the relay")] {
        let of_route = || rows.iter().filter(move |r| r.route == Some(route));
        for (i, loss) in ["", ", with loss"].into_iter().enumerate() {
            let times = of_route().filter_map(|r| r.first_bytes.get(i)).flatten();
            line(&mut out, &format!("first byte {letter}{loss}"), times);
        }
    }
    for (i, loss) in ["", ", with loss"].into_iter().enumerate() {
        let times = rows.iter().filter_map(|r| r.directs.get(i)).flatten();
        line(&mut out, &format!("relay to direct{loss}"), times);
    }
    out
}

fn line<'a>(out: &mut String, what: &str, times: impl Iterator<Item = &'a Duration>) {
    let times: Vec<Duration> = times.copied().collect();
    let Spread { p50, p95, max } = Spread::of(&times);
    if let (Some(p50), Some(p95), Some(max)) = (p50, p95, max) {
        let _ = writeln!(out, "{what:28}{p50:8.0}{p95:8.0}{max:8.0}");
    }
}

fn findings(rows: &[Row]) -> String {
    let wrong: Vec<&Row> = rows.iter().filter(|r| !r.is_as_expected()).collect();
    let (all, good) = (rows.len(), rows.len() - wrong.len());
    let mut out = format!("\n{good} of {all} pairs as they should be\n");
    for row in wrong {
        let _ = writeln!(
            out,
            "  {} to {}: {} of {} connected, {} direct, expected {:?}. {}",
            row.from,
            row.to,
            row.ok,
            row.tries,
            row.direct,
            row.expectation(),
            row.trouble.join("; ")
        );
    }
    out
}
