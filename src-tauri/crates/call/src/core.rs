//! The deciding core: calls and texts without a clock, a socket or a random number of their own.
//!
//! [`Agent`] is a machine of the house's four kinds of methods. It is told what came in
//! ([`Agent::handle_datagram`]), what the overlay found ([`Agent::handle_found`]) and what a person wants;
//! what it wants done is polled: datagrams, [questions](Ask) to the overlay, [events](Event), a time to be
//! called again. Names come from the overlay only: a [`Device`] is what a certificate says, and no header
//! of SIP is ever shown to anybody.

mod agent;
mod call;
mod callee;
mod caller;
mod crowd;
mod device;
mod dialog;
mod event;
mod hold;
mod limits;
mod presence;
mod random;
mod reach;
mod reason;
mod requests;
mod state;
mod text;
mod transaction;

pub use agent::{Agent, Ask, Config, Transmit, Want};
pub use call::CallId;
pub use device::Device;
pub use event::Event;
pub use limits::{Counters, Limits};
pub use presence::{PersonId, Presence};
pub use reach::Reach;
pub use reason::{By, Decline, EndReason};
pub use state::{Input, State};
pub use text::{MAX_TEXT, TextError, TextId, TextOutcome};
