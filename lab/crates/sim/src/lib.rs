//! `ntm-sim`: the NTM world in virtual time.
//!
//! A [`World`] is a queue of events ordered by time, a [`net`]work of zones, links, NATs and
//! firewalls, and hosts. On each host runs a [`process`]: the very node, coordinator or relay that runs
//! in production, driven by its `poll_*` methods. An [`app`]lication on each node calls names and echoes
//! data through the tunnels. The [`account_server`] signs devices in, [`dns`] finds coordinators. All
//! that happens is in the [`trace`], with what the machines [`log`]; [`tap`]s see, alter and inject; a [`capture`] keeps the bytes.
//!
//! A [`deployment`] of servers and nodes with their [`access`] to the Internet makes a world; a
//! [`scenario`] draws one from a seed, lives through it and judges it, by [`counts`] as well.
//!
//! [`moves`] are worlds of their own: two people talk and move about, and an attacker is on every wire.
//!
//! Everything random comes from the world's seed ([`rng`]), so a run repeats to the bit.

pub mod access;
pub mod account_server;
pub mod app;
pub mod capture;
pub mod counts;
pub mod deployment;
pub mod dns;
pub mod log;
pub mod matrix;
pub mod moves;
pub mod net;
pub mod prediction;
pub mod process;
mod queue;
pub mod rng;
pub mod scenario;
pub mod tap;
pub mod trace;
mod world;

pub use world::{Host, Injected, World};
