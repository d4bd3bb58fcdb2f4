//! Tests of the protocol in virtual time, and of the world itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that can't make its sample has failed the test"
)]

mod dc_cannot_read;
mod handover;
mod lying_relay;
mod many_moves;
mod matrix;
mod message_order;
mod network;
mod overhead;
mod paths;
mod relay_to_direct;
mod relays;
mod repeat;
mod rules;
mod setup_cost;
mod stage;
mod stream;
mod suspend;
mod talk;
mod tamper;
mod tour;
mod worlds;
