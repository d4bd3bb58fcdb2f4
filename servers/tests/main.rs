//! The binaries as a person meets them: real processes and sockets on the loopback.
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test says by a panic what went wrong, helpers included"
    )
)]

mod account;
mod all_in_one;
mod bad_start;
mod check;
mod device;
mod flood;
mod lifetime;
mod name_server;
mod process;
mod site;
mod sleep;
mod two_domains;
