//! Built without the feature `device`: there are none.

use std::thread::Thread;

use async_channel::Sender;

use super::{Device, DeviceChoice, News};
use crate::{
    config::{Latency, System},
    error::SoundError,
    event::SoundEvent,
};

/// Every microphone and loudspeaker: none in this build.
///
/// # Errors
/// Always [`SoundError::NoSoundSystem`].
pub fn list(_system: Option<System>) -> Result<Vec<Device>, SoundError> {
    Err(none())
}

fn none() -> SoundError {
    SoundError::NoSoundSystem {
        why: "this program was built without sound devices".into(),
    }
}

/// Which devices to keep open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) system: Option<System>,
    pub(crate) microphone: Option<DeviceChoice>,
    pub(crate) speaker: Option<DeviceChoice>,
    pub(crate) latency: Latency,
}

/// Says once for each wish that it can't be had.
pub(crate) struct Keeper(Sender<News>);

impl Keeper {
    pub(crate) fn start(
        wanted: Wanted,
        news: Sender<News>,
        _thread: Thread,
    ) -> Result<Self, SoundError> {
        let keeper = Self(news);
        keeper.want(wanted);
        Ok(keeper)
    }

    pub(crate) fn want(&self, wanted: Wanted) {
        if wanted.microphone.is_some() || wanted.speaker.is_some() {
            let _ = self.0.try_send(News::Tell(SoundEvent::Problem(none())));
        }
    }
}
