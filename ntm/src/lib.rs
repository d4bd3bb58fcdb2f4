//! The NTM node library: virtual sockets over tunnels that survive a change of network.
//!
//! [`start_default`], or [`Node::start`] with a configuration of one's own, runs a node: it registers with its Direction Coordinator, answers peers, and keeps
//! tunnels alive whatever the network does. [`net`] has the sockets, with tokio's names, so that a
//! program is ported by changing its import:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ntm::net::{UdpSocket, lookup_host};
//!
//! ntm::start_default().await?;
//!
//! let bob = lookup_host("bob.example.org:7").await?.next().ok_or("no device")?;
//! let socket = UdpSocket::bind("[::]:0").await?;
//! socket.send_to(b"hello", bob).await?;
//! # Ok(()) }
//! ```
//!
//! This crate acts: one task ([`mod@node`] is its handle) owns the deciding node of `ntm-proto` with its
//! sockets, timer and commands. A [`Profile`] is what a device keeps between runs, its secrets in a
//! [`keystore`].

pub mod account;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod clock;
pub mod config;
pub mod doctor;
mod driver;
pub mod error;
pub mod event;
pub mod files;
mod hex;
mod interfaces;
pub mod keystore;
pub mod nat64;
pub mod net;
pub mod node;
pub mod operators;
mod outbox;
mod port_map;
pub mod profile;
mod reach;
mod recent;
pub mod sleep;
mod sockets;
mod start;

pub use config::{Config, Interfaces, Keeper, RenewError};
pub use error::{LookupError, ProbeError, SleepError, StartError, WaitError};
pub use event::Event;
#[cfg(any(not(target_os = "linux"), test))]
pub use interfaces::networks_changed;
pub use node::{Node, RoundTrip};
pub use ntm_proto as proto;
pub use ntm_wire as wire;
pub use profile::Profile;
pub use sleep::{Asleep, Woken};
pub use start::start_default;
