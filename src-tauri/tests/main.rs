//! The bridge between the page and the program: what the page may say, what is refused, and what it can't reach.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on has failed"
)]

mod bridge;
mod garbage;
mod reach;
