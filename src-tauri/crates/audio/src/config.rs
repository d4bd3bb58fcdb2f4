//! What sound is to be made of.

use std::path::PathBuf;

use crate::devices::DeviceChoice;
use crate::error::SoundError;
use crate::wav;

/// How sound starts. Everything here can be changed later by [`Sound`](crate::Sound)'s methods, but the system.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundConfig {
    /// Where my voice comes from.
    pub source: Source,
    /// Where the others' voices go.
    pub sink: Sink,
    /// Which of the system's sound interfaces; `None` takes the best that answers.
    pub system: Option<System>,
    /// How small the devices' buffers are.
    pub latency: Latency,
    /// What is done to the microphone's sound.
    pub processing: Processing,
    /// Loudness of what is heard, 0.0 (nothing) to 2.0 (twice the amplitude); 1.0 leaves it as it came.
    pub volume: f32,
}

impl Default for SoundConfig {
    fn default() -> Self {
        Self {
            source: Source::default(),
            sink: Sink::default(),
            system: None,
            latency: Latency::default(),
            processing: Processing::default(),
            volume: 1.0,
        }
    }
}

impl SoundConfig {
    /// Whether the files in the place of devices can be used; devices are not looked at.
    ///
    /// # Errors
    /// [`SoundError::Unreadable`], [`SoundError::Unwritable`], [`SoundError::DiskFull`].
    pub fn check(&self) -> Result<(), SoundError> {
        if let Source::File { path, .. } = &self.source {
            wav::can_read(path)?;
        }
        if let Sink::File { path } = &self.sink {
            wav::can_write(path)?;
        }
        Ok(())
    }
}

/// Where my voice comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A microphone.
    Device(DeviceChoice),
    /// A WAV file of any rate and number of channels, played in real time.
    File {
        /// The file.
        path: PathBuf,
        /// Begin again at its end; otherwise silence follows.
        repeat: bool,
    },
    /// A sine.
    Tone {
        /// Its frequency.
        hertz: f32,
        /// Its peak, in decibels below full scale (0 or less).
        dbfs: f32,
    },
    /// Silence, for machines without a microphone.
    Silence,
}

impl Default for Source {
    fn default() -> Self {
        Self::Device(DeviceChoice::Default)
    }
}

/// Where the others' voices go.
#[derive(Debug, Clone, PartialEq)]
pub enum Sink {
    /// A loudspeaker or headphones.
    Device(DeviceChoice),
    /// A WAV file, 48 kHz, mono, 16 bit.
    File {
        /// The file; one that is there is overwritten.
        path: PathBuf,
    },
    /// Nowhere, for machines without a loudspeaker.
    Nowhere,
}

impl Default for Sink {
    fn default() -> Self {
        Self::Device(DeviceChoice::Default)
    }
}

/// The system's sound interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// PipeWire, natively (Linux, feature `pipewire`).
    PipeWire,
    /// PulseAudio's protocol, which PipeWire speaks too (Linux).
    PulseAudio,
    /// ALSA (Linux).
    Alsa,
}

/// How small the devices' buffers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Latency {
    /// 10 ms asked for. PipeWire grants 5.3 ms.
    #[default]
    Normal,
    /// 2.7 ms asked for, for the 10 ms mode: more wake-ups, and a busy machine is heard sooner.
    Low,
}

impl Latency {
    /// Frames at 48 kHz to ask of a device.
    pub fn frames(self) -> u32 {
        match self {
            Self::Normal => 480,
            Self::Low => 128,
        }
    }
}

/// What is done to the microphone's sound before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processing {
    /// Takes what the loudspeaker plays out of what the microphone hears.
    pub echo: EchoCancellation,
    /// Takes steady noise away.
    pub noise: bool,
    /// Brings every voice to the same loudness.
    pub gain: bool,
}

impl Processing {
    /// The microphone's sound as it is, and 8 ms earlier.
    pub const OFF: Self = Self {
        echo: EchoCancellation::Off,
        noise: false,
        gain: false,
    };
}

impl Default for Processing {
    fn default() -> Self {
        Self {
            echo: EchoCancellation::Auto,
            noise: true,
            gain: true,
        }
    }
}

/// When echo is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EchoCancellation {
    /// Always, but on headphones and headsets, which have no echo.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}
