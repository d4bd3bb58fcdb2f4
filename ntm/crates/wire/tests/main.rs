//! Tests of `ntm-wire` from outside: golden bytes, properties, hostile input, sizes, documentation.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that can't make its sample has failed the test"
)]

mod golden;
mod samples;
