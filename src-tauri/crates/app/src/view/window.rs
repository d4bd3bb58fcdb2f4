//! The window as a whole: whether somebody is signed in, and what is there then.

use ntm::keystore::Place;
use serde::Serialize;
use ts_rs::TS;

use super::Snapshot;
use crate::error::AppError;

/// The whole window.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct WindowView {
    /// How far the program came.
    pub stage: Stage,
    /// The program's version.
    pub version: String,
    /// The system's language: `en`, `ja`, ...
    pub locale: String,
}

/// How far the program came.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Stage {
    /// Nobody is signed in here.
    SignedOut,
    /// Somebody is; the servers don't know this device yet, and are asked until they do.
    Starting {
        /// `alice@example.org (laptop)`.
        me: String,
    },
    /// It can't start, and a person must do something.
    Failed {
        /// Who is signed in, where that could be read.
        me: Option<String>,
        /// Why.
        error: AppError,
    },
    /// This device calls and is called.
    Ready {
        /// All there is.
        snapshot: Box<Snapshot>,
    },
}

/// Where the keys lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Keystore {
    /// In the system's keyring.
    Keyring,
    /// In a file that only this user can read.
    File,
}

impl From<Place> for Keystore {
    fn from(place: Place) -> Self {
        match place {
            Place::Keyring => Self::Keyring,
            Place::File => Self::File,
        }
    }
}
