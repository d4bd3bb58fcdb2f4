//! Drives coordinators over a network in memory, with nodes made by hand.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop, and looks at what it asked for only"
)]

mod direction;
mod hostile;
mod links;
mod node;
mod registration;
mod world;
