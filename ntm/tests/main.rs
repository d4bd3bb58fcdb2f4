//! The node over real sockets: on loopback, against the deciding servers in tasks of this process, with
//! tickets minted here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that can't go on has failed"
)]

mod command;
mod doctor;
mod harness;
mod keyring;
mod operators;
mod ports;
mod secrecy;
mod tunnels;
mod virtual_udp;
