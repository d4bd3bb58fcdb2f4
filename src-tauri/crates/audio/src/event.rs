//! What sound tells the application.

use std::path::PathBuf;

use crate::{
    devices::{Device, Why},
    error::SoundError,
    level::Level,
    line::LineId,
    tone::Tone,
};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum SoundEvent {
    /// About fifteen times a second. Levels are left out when nobody reads them fast enough.
    Levels {
        /// What the microphone hears after processing, muted or not: "you are muted" can be told to who speaks.
        microphone: Level,
        /// What is heard.
        ear: Level,
        /// Somebody speaks into the microphone.
        speaking: bool,
    },
    /// Once a second.
    Statistics(Box<SoundStats>),
    /// Something happened in a call.
    Line {
        /// Which call.
        line: LineId,
        /// What.
        event: voice_media::Event,
    },
    /// The list of devices, whenever it changes; once at the beginning.
    Devices(Vec<Device>),
    /// A device was opened.
    Using {
        /// Which one.
        device: Device,
        /// Chosen, or in place of the chosen one.
        why: Why,
        /// Frames of its buffer, as granted.
        frames: u32,
        /// Its samples a second.
        rate: u32,
    },
    /// Something went wrong; sound goes on as well as it can.
    Problem(SoundError),
    /// The file that stands for a microphone is at its end; silence follows.
    SourceEnded,
    /// A tone that ends by itself has ended.
    ToneEnded(Tone),
    /// This recording is complete.
    Recorded(PathBuf),
}

/// Figures of the audio thread over the last second, unless it says "so far".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoundStats {
    /// The microphone; `None` without an open device.
    pub microphone: Option<DeviceStats>,
    /// The loudspeaker; `None` without an open device.
    pub speaker: Option<DeviceStats>,
    /// What waits for the loudspeaker in the ring, ms.
    pub waiting_ms: f32,
    /// The audio thread's share of one core, by the clock on the wall, 0-1.
    pub busy: f32,
    /// The longest that one turn of the thread took, ms.
    pub longest_turn_ms: f32,
    /// Datagrams that nobody took from a line fast enough, so far.
    pub unsent: u64,
    /// By how many decibels echo is weakened, by the canceller's estimate; `None` while it is off.
    pub echo_reduction: Option<f64>,
    /// From loudspeaker to microphone, ms, as estimated.
    pub echo_delay_ms: Option<i32>,
    /// Each call's own figures.
    pub lines: Vec<(LineId, voice_media::Stats)>,
}

/// Figures of a device since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceStats {
    /// Frames of the last callback.
    pub frames: u32,
    /// Callbacks.
    pub callbacks: u64,
    /// Microphone: samples for which there was no room. Loudspeaker: callbacks for which there were too few samples.
    pub gaps: u64,
}
