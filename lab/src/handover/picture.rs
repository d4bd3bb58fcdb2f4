//! Hand-overs as a picture (SVG): the phases of each case's and peer's median run on one axis of time.

use std::fmt::Write as _;

use super::{Outcome, Sum};

const LEFT: f64 = 220.0;
const AXIS: f64 = 760.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 84.0;
const ROW: f64 = 24.0;
const BAR: f64 = 14.0;
/// Between cases.
const SPACE: f64 = 12.0;
const LEGEND: f64 = 70.0;
/// The axis is as long as the slowest that recovered, but no longer than this, in ms.
const LONGEST: f64 = 2000.0;

/// Told apart by lightness too.
const SYSTEM: &str = "#c4c9d1";
const TO_DATA: &str = "#2f5d9e";
const TO_BOTH: &str = "#e0a23b";
const NEVER: &str = "#8b1a1a";
const MARK: &str = "#14181f";

/// The picture, a block a case and a row a peer.
pub fn picture(sums: &[Sum]) -> String {
    let span = span(sums);
    let (width, height) = (LEFT + AXIS + RIGHT, TOP + rows_end(sums) + LEGEND);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n<text x=\"10\" y=\"24\" font-size=\"16\">Hand-overs: the run with the median gap{}</text>\n",
        sums.first().map(Sum::conditions).unwrap_or_default()
    );
    axis(&mut out, span, TOP + rows_end(sums));
    let mut before = None;
    for (sum, y) in sums.iter().zip(places(sums)) {
        if before != Some(sum.case) {
            text(&mut out, 10.0, y + 11.0, "start", sum.case.name());
            before = Some(sum.case);
        }
        row(&mut out, sum, y, span);
    }
    legend(&mut out, TOP + rows_end(sums) + 44.0);
    out + "</svg>\n"
}

/// How much time the axis shows.
fn span(sums: &[Sum]) -> f64 {
    let ends = sums.iter().filter_map(|s| end(s, s.median()?));
    let most = ends.filter(|end| *end <= LONGEST).fold(100.0, f64::max);
    (most / 100.0).ceil() * 100.0
}

/// What is little more than the sender's interval is no silence, and may be anywhere.
fn end(sum: &Sum, run: &Outcome) -> Option<f64> {
    let data = run.data_at?;
    let silence = run.gap_end.filter(|_| run.gap > 1.5 * sum.interval_ms());
    run.recovered.then_some(silence.unwrap_or(data).max(data))
}

/// Each row's upper edge.
fn places(sums: &[Sum]) -> Vec<f64> {
    let mut y = TOP;
    let mut places: Vec<f64> = Vec::new();
    for (number, sum) in sums.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|n| sums.get(n));
        if before.is_some_and(|b| b.case != sum.case) {
            y += SPACE;
        }
        places.push(y);
        y += ROW;
    }
    places
}

fn rows_end(sums: &[Sum]) -> f64 {
    places(sums).last().map_or(0.0, |y| y + ROW - TOP)
}

fn axis(out: &mut String, span: f64, bottom: f64) {
    let step = if span > 1000.0 { 200.0 } else { 100.0 };
    let mut ms = 0.0;
    while ms <= span {
        let x = LEFT + ms / span * AXIS;
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#e3e6ea\"/>",
            TOP - 10.0
        );
        text(out, x, TOP - 16.0, "middle", &format!("{ms:.0}"));
        ms += step;
    }
    text(out, LEFT, TOP - 34.0, "start", "ms since the move");
}

fn row(out: &mut String, sum: &Sum, y: f64, span: f64) {
    text(out, LEFT - 8.0, y + 11.0, "end", sum.peer.name());
    let Some(run) = sum.median() else { return };
    let x = |ms: f64| LEFT + ms.clamp(0.0, span) / span * AXIS;
    let mut bar = |from: f64, to: f64, colour: &str, what: &str| {
        let _ = writeln!(
            out,
            "<g><title>{what}: {from:.0} to {to:.0} ms</title><rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/></g>",
            x(from),
            (x(to) - x(from)).max(0.0)
        );
    };
    let Some(end) = end(sum, run) else {
        bar(0.0, span, NEVER, "nothing came again");
        text(out, LEFT + AXIS + 8.0, y + 11.0, "start", &note(sum, run));
        return;
    };
    let data = run.data_at.unwrap_or(end);
    bar(0.0, run.system, SYSTEM, "the system's part");
    bar(run.system, data, TO_DATA, "to the first data at the peer");
    bar(data, end, TO_BOTH, "to the end of the longest silence");
    let marks = run.told.iter().flat_map(|told| {
        let phases = [Some(told.detected), told.peer_answered, told.dc_updated];
        phases.into_iter().zip(["d", "a", "c"])
    });
    let marks = marks.filter_map(|(at, letter)| Some((at?, letter)));
    for (at, letter) in marks.filter(|(at, _)| *at <= span) {
        mark(out, x(at), y, letter);
    }
    text(out, LEFT + AXIS + 8.0, y + 11.0, "start", &note(sum, run));
}

/// The DC's stands above the bar: it often comes with the peer's answer.
fn mark(out: &mut String, x: f64, y: f64, letter: &str) {
    let below = if letter == "c" { -1.0 } else { BAR + 5.5 };
    let _ = writeln!(
        out,
        "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{MARK}\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"8\" fill=\"{MARK}\">{letter}</text>",
        y - 3.0,
        y + BAR + 3.0,
        x + 1.5,
        y + below
    );
}

fn note(sum: &Sum, run: &Outcome) -> String {
    let came = format!("{} of {}", sum.recovered(), sum.runs());
    if run.recovered {
        format!("gap {:.0} ms, lost {} ({came})", run.gap, run.lost)
    } else {
        format!("not within 9 s ({came})")
    }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, what: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}

fn legend(out: &mut String, y: f64) {
    let entries = [
        (SYSTEM, "until the address can be used"),
        (TO_DATA, "until data is at the peer"),
        (TO_BOTH, "until the longest silence is over"),
        (NEVER, "nothing came again"),
    ];
    for (number, (colour, what)) in (0_u8..).zip(entries) {
        let x = 10.0 + f64::from(number) * 225.0;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"14\" height=\"14\" fill=\"{colour}\"/>",
            y - 12.0
        );
        text(out, x + 20.0, y, "start", what);
    }
    let marks =
        "d noticed, a the peer answered, c the DC knows; a bar that meets the right edge goes on";
    text(out, 10.0, y + 18.0, "start", marks);
}
