//! The application as a shell uses it, over real nodes with a coordinator and a relay on loopback sockets, and
//! sound from files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on has failed"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test waits for one event of many"
)]

mod calls;
mod desk;
#[expect(
    dead_code,
    reason = "shared with the node's own tests, which use more of it"
)]
#[path = "../../../../ntm/tests/harness.rs"]
mod harness;
mod people;
mod refusals;
