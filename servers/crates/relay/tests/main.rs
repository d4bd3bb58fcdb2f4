//! Tests of `ntm-relay` from outside: a token maker, two nodes and a DC around one Relay Server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that can't make its sample has failed the test"
)]

mod binding;
mod forwarding;
mod hostile;
mod links;
mod world;
