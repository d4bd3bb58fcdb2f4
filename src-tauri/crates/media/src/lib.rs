//! `voice-media`: the media engine that decides. Sound goes in and out in blocks of 10 ms (480 samples of 48 kHz,
//! mono, `f32`), datagrams go in and out as octets, time is an argument.
//!
//! A call's way through it: [`Engine::handle_capture`] collects frames, lets the codec encode them and
//! wraps them into RTP (`send`); each packet also says which of the peer's packets arrived (`rtp::report`), so
//! that after a gap in the path the missing ones go again, oldest first. At the other end
//! [`Engine::handle_datagram`] puts them into the jitter buffer, and [`Engine::play`] takes them out (`receive`): it
//! decodes, recovers what is lost from later packets, waits and conceals while nothing comes, and stretches time
//! to come back to the delay that the network asks for.
//!
//! See [`Engine`] for the contract with its driver, and `docs/design/voice.md` for the reasons.

pub mod codec;
mod config;
mod emodel;
mod engine;
mod event;
mod receive;
mod rtcp;
mod rtp;
mod send;
mod stats;
mod time;
mod voice_activity;
pub mod world;

pub use config::{Config, FrameLength};
pub use engine::Engine;
pub use event::{Datagram, Decoded, Event, Origin, Outage, PathEvent, Quality};
pub use stats::{HeardStats, SentStats, Stats};

/// Samples per second of everything here.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples of one block: 10 ms.
pub const BLOCK: usize = 480;
