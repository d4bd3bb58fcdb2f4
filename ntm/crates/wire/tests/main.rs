//! Tests of `ntm-wire` from outside: golden bytes, properties, hostile input, sizes, documentation.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that can't make its sample has failed the test"
)]

mod corpus;
mod docs;
#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the library of the fuzz targets, included")]
mod fuzzing;
mod golden;
mod hostile;
mod replay;
mod round_trip;
mod samples;
mod secrecy;
mod size;
mod strategies;
mod tamper;
