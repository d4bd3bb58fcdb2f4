//! `ntm-coordinator`: the Direction Coordinator (DC) that decides.
//!
//! A node comes with a Hello. It is sent away with a cookie, comes back, and if its ticket opens and
//! its proof holds it is let in (`hello`): it gets its permanent addresses from the `pool`, a
//! `session` of its own, and a place in the `registry`. What it says there later is `registration`.
//!
//! Then it asks for a name (`direction`). Whose name is it (`names`)? Another DC is found by the name
//! service and asked over a link (`links`); a node of our own is asked by ourselves. Either way the
//! callee's side (`information`) directs the callee first (`orders`), waking it if it sleeps
//! (`wakes`), and answers with what the callee agreed to. The caller's side decides the `route`,
//! over which of the `relays` (`reports`, `grants`), and directs the caller.
//!
//! Which addresses are handed on is decided in `candidates`, how often anybody may do anything in
//! `limiter`, when to try again in `retry`, and what is due when in `timers`. All of them are rooms of
//! one house: the [`Coordinator`], which takes datagrams and time, and gives datagrams and [`Event`]s.
//!
//! This crate decides: no clock, no socket, no thread, no random number of its own.

mod candidates;
pub mod config;
mod coordinator;
mod counters;
mod direction;
mod effects;
mod event;
mod grants;
mod hello;
mod information;
mod limiter;
mod links;
mod names;
mod orders;
mod pool;
mod registration;
mod registry;
mod relays;
mod reports;
mod retry;
mod route;
mod session;
mod timers;
mod wakes;

pub use config::{Config, ConfigError, Ipv4Block, Limits, PeerDc, RelayConfig};
pub use coordinator::Coordinator;
pub use counters::{Counters, Dropped, Sent};
pub use event::{Assignment, Event, Located, OfflineReason, QueryId, ResolveError, StoreError};
