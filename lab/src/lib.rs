//! `ntm-lab`: the proving ground, above everything it tests and below nothing.
//!
//! It knows the products only as processes: [`binaries`] finds what cargo built, [`deployment`] runs a
//! server and signs devices in, [`command`] runs a command and keeps what it said.

pub mod access;
pub mod address;
pub mod attempt;
pub mod binaries;
pub mod cli;
pub mod command;
pub mod control;
pub mod conversation;
pub mod deployment;
mod dns;
pub mod handover;
pub mod heard;
pub mod host;
pub mod lease;
pub mod matrix;
pub mod moves;
pub mod netns;
pub mod peer;
pub mod ports;
pub mod relay_trial;
mod rules;
pub mod servers;
pub mod sniffer;
pub mod talk;
pub mod wire;
pub mod world;

pub use ntm_networks as network;
