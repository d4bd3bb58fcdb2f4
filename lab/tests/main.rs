//! The real binaries, run as people would.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod allowed;
mod bad_input;
mod first_day;
mod hairpin;
mod handover;
mod matrix;
mod moves;
mod operators;
mod pref64;
mod relays;
mod sleep;
mod world;
