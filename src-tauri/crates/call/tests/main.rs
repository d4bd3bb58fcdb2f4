//! Calls: in virtual time with the deciding core alone, on tokio's paused clock over a network in memory,
//! and over real nodes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that can't go on has failed"
)]

mod bench;
mod calls;
mod chance;
mod crossing;
mod devices;
#[expect(
    dead_code,
    reason = "shared with the node's own tests, which use more of it"
)]
#[path = "../../../../ntm/tests/harness.rs"]
mod harness;
mod memory;
mod nodes;
mod outage;
mod phones;
mod presence;
mod rules;
mod sizes;
mod strangers;
mod texts;
mod torture;
