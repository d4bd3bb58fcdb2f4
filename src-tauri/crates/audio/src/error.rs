//! What can go wrong with sound, in words for a person.

use std::path::{Path, PathBuf};

use crate::devices::Direction;

/// What went wrong with sound. The message says what happened and what to do; [`SoundError::code`] names it for the user interface.
///
/// Sound goes on after every one of them: silence stands in for a microphone, and what would be heard is counted and thrown away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// No sound server and no sound card answers.
    #[error(
        "this machine has no sound system that answers ({why}): sound can come from a file and go to one"
    )]
    NoSoundSystem {
        /// The system's own words.
        why: String,
    },
    /// There is no microphone.
    #[error("no microphone was found: plug one in, and it is taken at once")]
    NoMicrophone,
    /// There is nothing to hear with.
    #[error("no loudspeaker or headphones were found: plug some in, and they are taken at once")]
    NoSpeaker,
    /// Another program has the microphone for itself.
    #[error(
        "the microphone \"{device}\" is used by another program: close that one, or choose another microphone"
    )]
    MicrophoneTaken {
        /// Its name.
        device: String,
    },
    /// Another program has the loudspeaker for itself.
    #[error(
        "\"{device}\" is used by another program: close that one, or choose another loudspeaker"
    )]
    SpeakerTaken {
        /// Its name.
        device: String,
    },
    /// The system does not let this program use the device.
    #[error(
        "the system does not allow this program to use \"{device}\": allow it in the system's privacy settings"
    )]
    PermissionRefused {
        /// Its name.
        device: String,
    },
    /// The device in use went away; another is looked for.
    #[error("\"{device}\" was unplugged")]
    Unplugged {
        /// Microphone or loudspeaker.
        direction: Direction,
        /// Its name.
        device: String,
    },
    /// The chosen device is not there; another is used until it comes.
    #[error("\"{wanted}\" is not connected: another device is used until it is")]
    NotConnected {
        /// Microphone or loudspeaker.
        direction: Direction,
        /// The id or name that was chosen.
        wanted: String,
    },
    /// The device is there and can't be opened.
    #[error("\"{device}\" can't be used: {why}")]
    Unusable {
        /// Its name.
        device: String,
        /// The system's own words.
        why: String,
    },
    /// A sound file can't be read.
    #[error("{} can't be read as a WAV file: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// A sound file can't be written.
    #[error("{} can't be written: {why}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// The disk was full while a recording was written. What was written before can be played.
    #[error("the disk is full: the recording {} ends here, the call goes on", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The disk is slower than sound, and part of a recording is missing.
    #[error("the disk is too slow: {} lacks {millis} ms", path.display())]
    DiskTooSlow {
        /// The file.
        path: PathBuf,
        /// How much is missing.
        millis: u64,
    },
    /// A WAV file has no room for more than 4 GiB, 12 hours of one channel.
    #[error("{} is as long as a WAV file can be: start another recording", path.display())]
    FileFull {
        /// The file.
        path: PathBuf,
    },
    /// The audio thread could not be started, or has ended.
    #[error("sound has stopped ({why}): start the program again")]
    Stopped {
        /// The system's own words.
        why: String,
    },
}

impl SoundError {
    /// A name that stays the same in every language and version.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSoundSystem { .. } => "no-sound-system",
            Self::NoMicrophone => "no-microphone",
            Self::NoSpeaker => "no-speaker",
            Self::MicrophoneTaken { .. } => "microphone-taken",
            Self::SpeakerTaken { .. } => "speaker-taken",
            Self::PermissionRefused { .. } => "permission-refused",
            Self::Unplugged { .. } => "device-unplugged",
            Self::NotConnected { .. } => "device-not-connected",
            Self::Unusable { .. } => "device-unusable",
            Self::Unreadable { .. } => "file-unreadable",
            Self::Unwritable { .. } => "file-unwritable",
            Self::DiskFull { .. } => "disk-full",
            Self::DiskTooSlow { .. } => "disk-too-slow",
            Self::FileFull { .. } => "file-full",
            Self::Stopped { .. } => "sound-stopped",
        }
    }

    #[cfg(feature = "device")]
    pub(crate) fn missing(direction: Direction) -> Self {
        match direction {
            Direction::Microphone => Self::NoMicrophone,
            Direction::Speaker => Self::NoSpeaker,
        }
    }

    pub(crate) fn stopped(why: impl ToString) -> Self {
        Self::Stopped {
            why: why.to_string(),
        }
    }

    pub(crate) fn unreadable(path: &Path, why: impl ToString) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    pub(crate) fn unwritable(path: &Path, why: impl ToString) -> Self {
        Self::Unwritable {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}
