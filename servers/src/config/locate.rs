//! From a byte offset in a text to line and column, and from a misspelt key to the one meant.

use super::problem::Place;

/// The place of the byte at `offset`.
pub(super) fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Place::File {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// The known key most like `wrong`, if one is like it at all.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (strsim::normalized_damerau_levenshtein(wrong, k), k))
        // A third of the letters may be wrong: beyond that a guess confuses more than it helps.
        .filter(|(likeness, _)| *likeness > 0.66)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}
