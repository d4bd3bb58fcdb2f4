//! The system's microphones and loudspeakers: what there is, which one to take, and keeping it open.

#[cfg_attr(
    all(not(feature = "device"), not(test)),
    expect(dead_code, reason = "only devices use all of it")
)]
mod choice;
#[cfg(feature = "device")]
mod host;
#[cfg(feature = "device")]
mod keeper;
#[cfg_attr(
    all(not(feature = "device"), not(test)),
    expect(dead_code, reason = "only devices use all of it")
)]
pub(crate) mod ring;
#[cfg(feature = "device")]
mod stream;
#[cfg(not(feature = "device"))]
mod without;

use std::{fmt, str::FromStr};

pub use choice::Why;
#[cfg(feature = "device")]
pub use host::list;
#[cfg(feature = "device")]
pub(crate) use keeper::{Keeper, Wanted};
#[cfg(not(feature = "device"))]
pub use without::list;
#[cfg(not(feature = "device"))]
pub(crate) use without::{Keeper, Wanted};

use crate::event::SoundEvent;

/// Which way sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Into this machine.
    Microphone,
    /// Out of it.
    Speaker,
}

/// A microphone or a loudspeaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Stays the same when the device is unplugged and comes back: `pipewire:alsa_input.usb-...`.
    pub id: String,
    /// For a person: "USB Headset".
    pub name: String,
    /// Which way sound goes.
    pub direction: Direction,
    /// What it looks like, as far as the system tells.
    pub kind: DeviceKind,
    /// Whether the system uses it for programs that don't choose.
    pub default: bool,
    /// No device of its own: the system's "whatever is the default".
    pub(crate) alias: bool,
}

/// What a device looks like, as far as the system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Headphones or a headset: the loudspeaker is at an ear, and no echo comes back.
    Headset,
    /// A loudspeaker in a room.
    Speaker,
    /// A microphone.
    Microphone,
    /// Made of software.
    Virtual,
    /// The system doesn't say.
    Unknown,
}

/// Which device is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The one that the system uses.
    #[default]
    Default,
    /// The one with this [`Device::id`].
    Id(String),
    /// The one with this name, or the first whose name contains it, upper or lower case alike.
    Name(String),
}

/// `default`, an id, which has a colon in it, or a name.
impl FromStr for DeviceChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "" | "default" => Self::Default,
            id if id.contains(':') => Self::Id(id.to_owned()),
            name => Self::Name(name.to_owned()),
        })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Id(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

/// What whoever keeps the devices tells the audio thread.
#[cfg_attr(
    not(feature = "device"),
    expect(dead_code, reason = "only devices use all of it")
)]
pub(crate) enum News {
    /// A microphone was opened. It replaces the one before.
    Capture(ring::Capture),
    /// A loudspeaker was opened. It replaces the one before.
    Playback(ring::Playback),
    /// That one is gone, and nothing has taken its place yet.
    Gone(Direction),
    /// Whether what is heard with is at an ear.
    Headset(bool),
    /// For the application.
    Tell(SoundEvent),
}
