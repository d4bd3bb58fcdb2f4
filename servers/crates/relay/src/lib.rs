//! `ntm-relay`: the Relay Server that decides.
//!
//! A node presents a token that its DC sealed for this server, in a Bind packet that only this server
//! can open: that binds one *leg* of a path to the address the packet came from. Two legs of one path
//! make a pair, and what comes from one goes to the other, unchanged and unread ([`Relay::forward`]).
//! A leg moves when its node binds again, with a higher counter; the new address is believed when a
//! cookie comes back from it. A stranger leaves no state behind and gets no answer longer than its
//! question. The DC hears how busy the server is, and may limit, drain or revoke.
//!
//! See [`Relay`] for the contract with its driver.

mod bind;
mod bind_challenge;
mod config;
mod counters;
mod effects;
mod event;
mod forward;
mod hash;
mod leg;
mod leg_packet;
mod legs;
mod limit;
mod link;
mod log;
mod measured;
mod meter;
mod orders;
mod relay;
mod revoked;

pub use config::{Config, DcLink};
pub use counters::{Counters, DropReason};
pub use event::Event;
pub use forward::Forward;
pub use ntm_wire::transmit::Transmit;
pub use relay::Relay;
