//! The NTM servers: Direction Coordinator, Relay Server and Account Server (acts).
//!
//! The deciding is done elsewhere: `ntm-coordinator`, `ntm-relay`, `ntm-account`. Here are the
//! sockets, clocks and files they lack. The [`command`] line reads the [`config`]uration and puts the
//! roles of the process together ([`server`]). A DC or RS runs on a thread of its own, in one loop
//! (`driver`) over its sockets (`udp`); nodes that sleep are told by `push`. What must outlive the process lies in one folder
//! (`data_dir`): keys, a DC's `assignments`, and the `membership` that a DC or RS got from its Account
//! Server. Whatever ends a server is a [`failure`] with an exit code and what to do.

mod account_role;
pub mod account_server;
mod assignments;
mod clock;
pub mod command;
pub mod config;
mod data_dir;
mod dc;
mod dns;
mod driver;
pub mod failure;
mod log;
mod membership;
mod push;
mod reach;
mod rs;
pub mod server;
mod udp;
