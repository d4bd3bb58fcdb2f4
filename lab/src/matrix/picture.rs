//! The matrix as a picture (SVG).

use std::fmt::Write as _;

use super::Row;
use crate::network::Network;

const CELL: (usize, usize) = (74, 34);
const LEFT: usize = 120;
const TOP: usize = 100;

/// The picture: green direct, blue by the relay, red not as it should be.
pub fn picture(rows: &[Row]) -> String {
    let side = Network::ALL.len();
    let (width, height) = (LEFT + side * CELL.0 + 20, TOP + side * CELL.1 + 50);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n<text x=\"10\" y=\"24\" font-size=\"16\">Callers (rows) to callees (columns): route, and ms to the first byte</text>\n"
    );
    for (i, network) in Network::ALL.into_iter().enumerate() {
        heading(&mut out, i, network);
    }
    for row in rows {
        draw(&mut out, row);
    }
    legend(&mut out, height - 20);
    out + "</svg>\n"
}

fn heading(out: &mut String, i: usize, network: Network) {
    let (x, y) = (LEFT + i * CELL.0 + 12, TOP - 8);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" transform=\"rotate(-30 {x} {y})\">{network}</text>"
    );
    let y = TOP + i * CELL.1 + 21;
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{network}</text>",
        LEFT - 8
    );
}

fn index(network: Network) -> usize {
    let found = Network::ALL.into_iter().position(|n| n == network);
    found.unwrap_or_default()
}

fn draw(out: &mut String, row: &Row) {
    let (from, to) = row.pair();
    let (x, y) = (LEFT + index(to) * CELL.0, TOP + index(from) * CELL.1);
    let _ = writeln!(
        out,
        "<g><title>{from} to {to}: {} of {} connected, {} direct</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"3\" fill=\"{}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#ffffff\">{}</text></g>",
        row.ok,
        row.tries,
        row.direct,
        CELL.0 - 3,
        CELL.1 - 3,
        colour(row),
        x + CELL.0 / 2,
        y + 20,
        super::table::cell(row)
    );
}

/// Told apart by people who see red and green alike: by lightness too, and by the letter in the cell.
fn colour(row: &Row) -> &'static str {
    match (row.is_as_expected(), row.route) {
        (false, _) => "#8b1a1a",
        (true, Some("direct")) => "#3a9d5d",
        (true, _) => "#2f5d9e",
    }
}

fn legend(out: &mut String, y: usize) {
    let entries = [
        ("#3a9d5d", "D direct"),
        ("#2f5d9e", "R by the relay"),
        ("#8b1a1a", "! not as it should be"),
    ];
    for (i, (colour, text)) in entries.into_iter().enumerate() {
        let x = LEFT + i * 180;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"14\" rx=\"3\" fill=\"{colour}\"/><text x=\"{}\" y=\"{y}\">{text}</text>",
            y - 12,
            x + 20
        );
    }
}
