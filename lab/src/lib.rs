//! `ntm-lab`: the proving ground, above everything it tests and below nothing.
//!
//! It knows the products only as processes: [`binaries`] finds what cargo built, [`deployment`] runs a
//! server and signs devices in, [`command`] runs a command and keeps what it said.

pub mod binaries;
pub mod command;
pub mod deployment;
