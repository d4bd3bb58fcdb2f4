//! What a person chose, kept between runs.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use voice_audio::{DeviceChoice, EchoCancellation, Latency, Processing, Sink, SoundConfig, Source};

use crate::error::AppError;
use crate::store;

const FILE: &str = "settings.json";

/// Everything that can be chosen. A file of an older version lacks some; they are as in [`Settings::default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// The microphone's id or name; none is the system's choice.
    pub microphone: Option<String>,
    /// The loudspeaker's.
    pub speaker: Option<String>,
    /// Loudness of what is heard, 0 to 2.
    pub volume: f32,
    /// Takes the loudspeaker's sound out of the microphone's.
    pub echo_cancellation: Switch,
    /// Takes steady noise away.
    pub noise_suppression: bool,
    /// Brings voices to the same loudness.
    pub gain_control: bool,
    /// Packets of 10 ms and small buffers: 20 ms less delay, more data.
    pub low_delay: bool,
    /// The window's colours.
    pub theme: Theme,
    /// The window's language.
    pub language: Language,
    /// Silent but while the key is held down.
    pub push_to_talk: bool,
    /// The key for that, in whatever program: `Ctrl+Shift+Space`.
    pub ptt_shortcut: String,
    /// The system shows calls that come in and calls missed.
    pub notifications: bool,
    /// Contacts who want the same see whether this device is there.
    pub presence: bool,
    /// Closing the window leaves the telephone on.
    pub close_to_tray: bool,
}

/// The window's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system has them.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The window's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// The system's, where there is a translation.
    #[default]
    Auto,
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// A choice that the program can make itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// As the devices suggest.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            microphone: None,
            speaker: None,
            volume: 1.0,
            echo_cancellation: Switch::Auto,
            noise_suppression: true,
            gain_control: true,
            low_delay: false,
            theme: Theme::Auto,
            language: Language::Auto,
            push_to_talk: false,
            ptt_shortcut: "Ctrl+Shift+Space".to_owned(),
            notifications: true,
            presence: false,
            close_to_tray: true,
        }
    }
}

impl Settings {
    /// Of the profile in this folder.
    ///
    /// # Errors
    /// [`Storage`](crate::Code::Storage) when they can't be read.
    pub fn load(folder: &Path) -> Result<Self, AppError> {
        Ok(store::read(folder, FILE)?.unwrap_or_default())
    }

    /// Keeps them.
    ///
    /// # Errors
    /// [`Storage`](crate::Code::Storage), [`DiskFull`](crate::Code::DiskFull).
    pub fn save(&self, folder: &Path) -> Result<(), AppError> {
        store::write(folder, FILE, self)
    }

    /// What sound starts with.
    pub fn sound(&self) -> SoundConfig {
        SoundConfig {
            source: Source::Device(choice(self.microphone.as_deref())),
            sink: Sink::Device(choice(self.speaker.as_deref())),
            system: None,
            latency: self.latency(),
            processing: self.processing(),
            volume: self.volume,
        }
    }

    /// How small buffers are.
    pub fn latency(&self) -> Latency {
        if self.low_delay {
            Latency::Low
        } else {
            Latency::Normal
        }
    }

    /// What is done to the microphone's sound.
    pub fn processing(&self) -> Processing {
        Processing {
            echo: match self.echo_cancellation {
                Switch::Auto => EchoCancellation::Auto,
                Switch::On => EchoCancellation::On,
                Switch::Off => EchoCancellation::Off,
            },
            noise: self.noise_suppression,
            gain: self.gain_control,
        }
    }

    /// Milliseconds of sound in a packet.
    pub fn ptime(&self) -> u8 {
        if self.low_delay { 10 } else { 20 }
    }
}

fn choice(wanted: Option<&str>) -> DeviceChoice {
    let choice = wanted.map(str::parse::<DeviceChoice>);
    choice.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_version_keeps_what_it_says_and_the_rest_is_as_at_first() {
        let folder = tempfile::tempdir().unwrap();
        ntm::files::write_private(&folder.path().join(FILE), b"{\"volume\": 0.5}").unwrap();
        let settings = Settings::load(folder.path()).unwrap();
        assert_eq!(
            settings,
            Settings {
                volume: 0.5,
                ..Settings::default()
            }
        );
        let chosen = Settings {
            microphone: Some("micA".to_owned()),
            ..settings
        };
        chosen.save(folder.path()).unwrap();
        assert_eq!(Settings::load(folder.path()).unwrap(), chosen);
    }

    #[test]
    fn a_damaged_file_says_where_it_is_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        ntm::files::write_private(&folder.path().join(FILE), b"{\"volume\": ").unwrap();
        let error = Settings::load(folder.path()).unwrap_err();
        assert_eq!(error.code, "storage");
        assert!(
            error.message.contains(FILE) && error.message.contains("move it away"),
            "{error}"
        );
    }
}
