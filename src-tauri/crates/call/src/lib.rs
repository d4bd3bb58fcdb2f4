//! Calls and texts by name: SIP and SDP over Legato's virtual sockets. This crate acts: [`Phone`] drives the
//! deciding [`core`] with sockets and a clock.
//!
//! The overlay does the hard part. A peer's virtual address never changes, so a change of network sends no
//! message of SIP; a name leads to addresses and back, certified, so there is no registrar, no password and
//! no From field to believe; and everything is sealed end to end below this crate.
//!
//! - [`sip`], [`sdp`]: bytes to meaning
//! - [`core`]: what to do
//! - [`overlay`]: what is asked of the network: a node of `ntm`, or a network in memory
//! - [`Phone`], [`Events`], [`RtpSocket`]: what the application holds

pub mod core;
mod driver;
pub mod overlay;
mod phone;
mod rtp;
pub mod sdp;
pub mod sip;

pub use phone::{Events, Notice, Phone, PhoneConfig, StartError, Usage};
pub use rtp::RtpSocket;
