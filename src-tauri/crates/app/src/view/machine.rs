//! This machine and the account: sound devices, the account's devices, what an examination of the network found.

use serde::Serialize;
use ts_rs::TS;
use voice_audio::{Device, Direction};

/// What there is to speak into and to hear with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct SoundDevices {
    /// To speak into.
    pub microphones: Vec<DeviceView>,
    /// To hear with.
    pub speakers: Vec<DeviceView>,
}

/// A sound device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct DeviceView {
    /// What the settings keep.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The system's choice.
    pub is_default: bool,
}

impl SoundDevices {
    pub(crate) fn of(all: &[Device]) -> Self {
        let that = |direction| {
            let found = all.iter().filter(move |d| d.direction == direction);
            found.map(DeviceView::of).collect()
        };
        Self {
            microphones: that(Direction::Microphone),
            speakers: that(Direction::Speaker),
        }
    }
}

impl DeviceView {
    fn of(device: &Device) -> Self {
        Self {
            id: device.id.clone(),
            name: device.name.clone(),
            is_default: device.default,
        }
    }
}

/// A part of the examination of this network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct DoctorLine {
    /// What was looked at.
    pub topic: String,
    /// How it looks.
    pub verdict: Verdict,
    /// What was found.
    pub words: String,
    /// What to do.
    pub advice: Option<String>,
}

/// How a part of the network looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should.
    Good,
    /// Calls work, some by a longer way.
    Limited,
    /// Calls fail.
    Bad,
    /// It could not be told.
    Unknown,
}

/// A device of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct AccountDevice {
    /// `phone`.
    pub name: String,
    /// The one that asks.
    pub this_one: bool,
    /// When the server last heard of it.
    pub last_seen_ms: Option<u64>,
}
