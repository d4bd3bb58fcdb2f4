//! `voice-audio` (acts): sound for calls. Devices, files, echo cancellation, tones, recordings, the codec, and the thread that joins them
//! to `voice-media`'s engines.
//!
//! [`Sound::start`] starts the thread: blocks of 10 ms come from a [`Source`], are freed of echo and noise ([`apm`]), and go to every
//! attached call's [`Engine`](voice_media::Engine); what the engines play is mixed, tones are laid under it, and it goes to a [`Sink`].
//! [`Sound::attach`] gives it a call and returns the [`Line`] on which that call's datagrams come and go.
//!
//! Nothing here ends a call: a microphone that is unplugged becomes silence until another one is opened, a full disk ends a recording only.
//!
//! With the feature `device` off no sound library is linked, and files, tones and silence remain. `docs/sound.md` tells how to use it,
//! `docs/design/voice-audio.md` why it is so.

pub mod apm;
mod config;
pub mod devices;
mod error;
mod event;
mod level;
mod line;
pub mod opus;
mod resample;
mod sound;
mod thread;
mod tone;
mod wav;

pub use config::{EchoCancellation, Latency, Processing, Sink, SoundConfig, Source, System};
pub use devices::{Device, DeviceChoice, DeviceKind, Direction, Why};
pub use error::SoundError;
pub use event::{DeviceStats, SoundEvent, SoundStats};
pub use level::Level;
pub use line::{Line, LineId};
pub use sound::{RecordAs, RecordTo, Sound};
pub use tone::Tone;
pub use voice_media::{BLOCK, SAMPLE_RATE as RATE};
