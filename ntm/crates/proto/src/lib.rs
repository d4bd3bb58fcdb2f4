//! `ntm-proto`: the NTM node that decides.
//!
//! The modules are the paper's: `negotiation` registers with the Direction Coordinator, resolves names
//! and sets tunnels up; `packet` encapsulates and decapsulates by the tunnel table; `stack` is the
//! virtual IP stack behind the virtual sockets. No clock, socket or random number of its own: see
//! [`Node`] for the contract with its driver.

mod config;
mod effects;
mod event;
mod handover;
mod log;
mod negotiation;
mod node;
mod packet;
mod stack;
mod status;

pub use config::{Authority, Config, ConsentPolicy, DcEndpoint, LocalAddr, Renewal};
pub use event::{
    BindError, DownReason, Event, NoAuthority, Peer, ProbeId, Received, RegisterError,
    ResolveError, ResolveId, Route, SendError, Transmit, UdpId,
};
pub use handover::locals::Class;
pub use handover::passage::Passage;
pub use handover::published::Order;
pub use handover::timeline::{Handover, Reason};
pub use negotiation::resolution::MAX_EARLY;
pub use node::Node;
pub use status::{
    Counters, Interface, PathState, PathStatus, RelayStatus, Sight, Status, TunnelStatus,
};
