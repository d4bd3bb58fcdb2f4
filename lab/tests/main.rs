//! The real binaries, run as people would.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod first_day;
