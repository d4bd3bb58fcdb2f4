//! Sound as long as there is a call: devices are open while something rings or is talked over, and closed when
//! the last call's farewell has been heard.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_channel::Receiver;
use voice_audio::{RecordTo, Sink, Sound, SoundConfig, SoundError, SoundEvent, Source, Tone};
use voice_call::core::EndReason;

use super::{Controller, farewell_over, never};
use crate::app::SoundTest;
use crate::error::{AppError, Code};
use crate::ringing;
use crate::settings::Settings;
use crate::view::{self, AppEvent, CallState, CallView, OutageView, StatsView};

/// Who tries the devices hears what was said so much later.
const ECHO_AFTER: Duration = Duration::from_millis(500);

/// The audio thread, while there is one.
pub(super) struct Ears {
    /// In place of what the settings say.
    wanted: Option<SoundConfig>,
    open: Option<Open>,
    muted: bool,
}

struct Open {
    sound: Sound,
    events: Receiver<SoundEvent>,
    tone: Option<Tone>,
    /// Files in the place of devices are used from the first word on.
    has_begun: bool,
    /// Nobody talks any more: closed after the farewell.
    closes_at: Option<Instant>,
    /// Open to try the devices only.
    is_test: bool,
    recording: Option<PathBuf>,
}

impl Open {
    fn stop_recording(&mut self) {
        if self.recording.take().is_some() {
            self.sound.stop_recording();
        }
    }
}

impl Ears {
    pub(super) fn new(wanted: Option<SoundConfig>) -> Self {
        Self {
            wanted,
            open: None,
            muted: false,
        }
    }

    /// Opens the devices.
    pub(super) fn open(&mut self, settings: &Settings) -> Result<(), AppError> {
        // A call begins with sound of its own.
        self.open = self.open.take().filter(|o| !o.is_test);
        if let Some(open) = &mut self.open {
            open.closes_at = None;
            return Ok(());
        }
        let config = self.config(settings);
        // Whoever is called shall not be, for a file that is not there.
        config.check()?;
        let (sound, events) = Sound::start(before_a_call(config))?;
        sound.mute(self.muted);
        self.open = Some(Open {
            sound,
            events,
            tone: None,
            has_begun: false,
            closes_at: None,
            is_test: false,
            recording: None,
        });
        Ok(())
    }

    fn config(&self, settings: &Settings) -> SoundConfig {
        self.wanted.clone().unwrap_or_else(|| settings.sound())
    }

    /// Somebody talks now.
    pub(super) fn talk(&mut self, settings: &Settings) -> Result<&Sound, AppError> {
        self.open(settings)?;
        let config = self.config(settings);
        let stopped = || AppError::new(Code::System, "sound has stopped: start the program again");
        let open = self.open.as_mut().ok_or_else(stopped)?;
        if !std::mem::replace(&mut open.has_begun, true) {
            if let file @ (Source::File { .. } | Source::Tone { .. }) = config.source {
                open.sound.source(file)?;
            }
            if let file @ Sink::File { .. } = config.sink {
                open.sound.sink(file)?;
            }
        }
        Ok(&open.sound)
    }

    /// Plays this tone from now on.
    pub(super) fn sound(&mut self, tone: Option<Tone>) {
        let Some(open) = self.open.as_mut().filter(|o| o.closes_at.is_none()) else {
            return;
        };
        if open.tone != tone {
            open.tone = tone;
            open.sound.tone(tone);
        }
    }

    /// A call is over; with the last one the devices are closed.
    pub(super) fn say_goodbye(&mut self, reason: EndReason, call: &CallView, is_last: bool) {
        let Some(open) = &mut self.open else { return };
        let tone = ringing::farewell(reason, call.outgoing, call.answered_ms.is_some());
        if !is_last {
            return;
        }
        open.stop_recording();
        match tone {
            // A file has what was said and no tones.
            Some(tone)
                if !matches!(
                    self.wanted.as_ref().map(|w| &w.sink),
                    Some(Sink::File { .. })
                ) =>
            {
                open.sound.tone(Some(tone));
                open.closes_at = Some(farewell_over());
            }
            Some(_) | None => self.open = None,
        }
    }

    /// Tries the devices without a call, or ends that.
    pub(super) fn test(
        &mut self,
        settings: &Settings,
        test: Option<SoundTest>,
    ) -> Result<(), AppError> {
        let Some(test) = test else {
            self.open = None;
            return Ok(());
        };
        self.open(settings)?;
        if let Some(open) = &mut self.open {
            open.is_test = true;
            let later = (test == SoundTest::Echo).then_some(ECHO_AFTER);
            // One who tries the microphone means to be heard.
            open.sound.mute(false);
            open.sound.hear_myself(later);
        }
        Ok(())
    }

    pub(super) fn mute(&mut self, muted: bool) {
        self.muted = muted;
        self.open.iter().for_each(|o| o.sound.mute(muted));
    }

    pub(super) fn record(&mut self, to: Option<RecordTo>) -> Result<(), AppError> {
        let nobody = || AppError::new(Code::NoSuchCall, "there is no call to record");
        let open = self.open.as_mut().ok_or_else(nobody)?;
        match to {
            Some(to) => {
                open.sound.record(&to)?;
                open.recording = Some(to.path);
            }
            None => open.stop_recording(),
        }
        Ok(())
    }

    /// A file that takes no more is given up: nobody shall hear of a recording that is none.
    fn note_problem(&mut self, error: &SoundError) {
        let is_full = matches!(
            error,
            SoundError::DiskFull { .. } | SoundError::FileFull { .. }
        );
        if let Some(open) = self.open.as_mut().filter(|_| is_full) {
            open.stop_recording();
        }
    }

    /// Where what is said is recorded to.
    pub(super) fn recording(&self) -> Option<&Path> {
        let open = self.open.as_ref().filter(|o| o.closes_at.is_none())?;
        open.recording.as_deref()
    }

    /// Other devices and switches, at once.
    pub(super) fn choose(&mut self, settings: &Settings) {
        let Some(open) = self.open.as_ref().filter(|_| self.wanted.is_none()) else {
            return;
        };
        let config = settings.sound();
        open.sound.processing(config.processing);
        open.sound.latency(config.latency);
        open.sound.volume(config.volume);
        // Devices give no error here; theirs come as events.
        let _ = open.sound.source(config.source);
        let _ = open.sound.sink(config.sink);
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// What the audio thread tells next; `None`: the farewell has been heard.
    pub(super) async fn next(&mut self) -> Option<SoundEvent> {
        let Some(open) = &self.open else {
            return never().await;
        };
        let farewell = async {
            match open.closes_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => never().await,
            }
        };
        tokio::select! {
            event = open.events.recv() => event.ok(),
            () = farewell => None,
        }
    }
}

/// Files wait for the first word.
fn before_a_call(config: SoundConfig) -> SoundConfig {
    let source = match config.source {
        Source::File { .. } | Source::Tone { .. } => Source::Silence,
        source @ (Source::Device(_) | Source::Silence) => source,
    };
    let sink = match config.sink {
        Sink::File { .. } => Sink::Nowhere,
        sink @ (Sink::Device(_) | Sink::Nowhere) => sink,
    };
    SoundConfig {
        source,
        sink,
        ..config
    }
}

impl Controller {
    pub(super) fn test_sound(&mut self, test: Option<SoundTest>) -> Result<(), AppError> {
        if !self.calls.is_empty() {
            // A call has ended the test already.
            if test.is_none() {
                return Ok(());
            }
            let what = "devices are tried while nobody calls: hang up first";
            return Err(AppError::new(Code::BadInput, what));
        }
        self.ears.test(&self.parts.settings, test)
    }

    /// The audio thread says something.
    pub(super) fn listen(&mut self, event: Option<SoundEvent>) {
        let Some(event) = event else {
            return self.ears.close();
        };
        match &event {
            SoundEvent::Statistics(sound) => {
                for (line, stats) in &sound.lines {
                    let Some(call) = self.call_of(*line) else {
                        continue;
                    };
                    let statistics = StatsView::new(stats, sound);
                    self.calls
                        .change(call, |c| c.lost_ms = statistics.lost_speech_ms);
                    self.tell(AppEvent::Statistics { call, statistics });
                }
            }
            SoundEvent::Line { line, event } => self.handle_line(*line, event),
            SoundEvent::Problem(error) => self.ears.note_problem(error),
            SoundEvent::ToneEnded(_) if self.calls.is_empty() => self.ears.close(),
            SoundEvent::Levels { .. }
            | SoundEvent::Devices(_)
            | SoundEvent::Using { .. }
            | SoundEvent::SourceEnded
            | SoundEvent::ToneEnded(_)
            | SoundEvent::Recorded(_) => {}
        }
        view::of_sound(&event)
            .into_iter()
            .for_each(|e| self.tell(e));
    }

    fn handle_line(&mut self, line: voice_audio::LineId, event: &voice_media::Event) {
        use voice_media::Event as E;
        let Some(call) = self.call_of(line) else {
            return;
        };
        let outage_ms = match event {
            E::OutageBegan => 100,
            E::SwitchingNetwork => 1000,
            E::SoftTone => 2000,
            E::OutageEnded(_) => 0,
            E::CaughtUp(outage) => {
                let outage = OutageView::from(*outage);
                return self.tell(AppEvent::Outage { call, outage });
            }
            E::FirstSound | E::QualityChanged(_) | E::EncoderChanged(_) | E::PeerRestarted => {
                return;
            }
        };
        let changed = self.calls.change(call, |c| {
            if c.state == CallState::Talking {
                c.outage_ms = outage_ms;
            }
        });
        changed.into_iter().for_each(|c| self.show(c));
    }

    fn call_of(&self, line: voice_audio::LineId) -> Option<u64> {
        let found = self.flows.iter().find(|(_, f)| f.line() == line);
        found.map(|(call, _)| *call)
    }
}
