//! `ntm-coordinator`: the Direction Coordinator (DC) that decides.

pub mod config;
mod coordinator;
mod counters;
mod event;

pub use config::{Config, ConfigError, Ipv4Block, Limits, PeerDc, RelayConfig};
pub use coordinator::Coordinator;
pub use counters::{Counters, Dropped, Sent};
pub use event::{Assignment, Event, Located, OfflineReason, QueryId, ResolveError, StoreError};
