//! Where sound comes from and goes to, as it was asked for.

use voice_app::AppError;
use voice_app::settings::Settings;
use voice_audio::{Processing, Sink, SoundConfig, Source};

use crate::args::SoundArgs;

impl SoundArgs {
    /// `None` when everything is as the settings say.
    pub(crate) fn config(&self, folder: &std::path::Path) -> Result<Option<SoundConfig>, AppError> {
        let is_plain = self.source.is_none() && self.sink.is_none() && !self.raw;
        if is_plain && self.microphone.is_none() && self.speaker.is_none() {
            return Ok(None);
        }
        let mut settings = Settings::load(folder)?;
        settings.microphone = self.microphone.clone().or(settings.microphone);
        settings.speaker = self.speaker.clone().or(settings.speaker);
        let mut config = settings.sound();
        if let Some(path) = &self.source {
            config.source = self.source(path);
        }
        if let Some(path) = &self.sink {
            config.sink = sink(path);
        }
        // A file has no room that echoes, and is to be sent as it is.
        if self.raw || self.source.is_some() {
            config.processing = Processing::OFF;
        }
        Ok(Some(config))
    }

    fn source(&self, path: &std::path::Path) -> Source {
        if path.as_os_str() == "silence" {
            return Source::Silence;
        }
        Source::File {
            path: path.to_owned(),
            repeat: self.repeat,
        }
    }
}

fn sink(path: &std::path::Path) -> Sink {
    if path.as_os_str() == "nowhere" {
        return Sink::Nowhere;
    }
    Sink::File {
        path: path.to_owned(),
    }
}
