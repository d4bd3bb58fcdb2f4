//! Somebody with a device.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use voice_app::contacts::{Contact, Contacts};
use voice_app::view::{CallState, CallView};
use voice_app::{AnswerRule, App, AppConfig, AppEvent, AppEvents};
use voice_audio::{Processing, Sink, SoundConfig, Source};

use crate::harness::World;

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A signed-in device, its application and its ear.
pub(crate) struct Person {
    pub(crate) app: App,
    pub(crate) events: AppEvents,
    folder: TempDir,
}

/// A tone of this pitch into the telephone, what is heard into a file.
pub(crate) fn on_files(folder: &Path, hertz: f32) -> SoundConfig {
    SoundConfig {
        source: Source::Tone { hertz, dbfs: -12.0 },
        sink: Sink::File { path: ear(folder) },
        processing: Processing::OFF,
        ..SoundConfig::default()
    }
}

fn ear(folder: &Path) -> PathBuf {
    folder.join("heard.wav")
}

/// A profile as signing in leaves it; everybody is a contact of everybody.
pub(crate) fn profile(world: &World, account: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let profile = world.device("laptop", account).keep(folder.path());
    let mut contacts = Contacts::load(&profile).unwrap();
    for name in ["alice", "bob", "echo"] {
        let name = format!("{name}@example.org");
        contacts.set(Contact {
            name,
            nick: String::new(),
            favourite: false,
            verified: false,
            presence: None,
        });
    }
    contacts.save(&profile).unwrap();
    folder
}

impl Person {
    pub(crate) async fn start(
        world: &World,
        account: &str,
        answer: AnswerRule,
        hertz: f32,
    ) -> Self {
        let folder = profile(world, account);
        let config = AppConfig {
            answer,
            sound: Some(on_files(folder.path(), hertz)),
            ..AppConfig::new(folder.path().to_owned())
        };
        let (app, events) = App::start(config).await.unwrap();
        Self {
            app,
            events,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until a call is in this state.
    pub(crate) async fn until(&mut self, state: CallState) -> CallView {
        let found = async {
            loop {
                if let AppEvent::Call(call) = self.events.recv().await.unwrap()
                    && call.state == state
                {
                    return *call;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| panic!("never {state:?}"))
    }

    /// Waits until a call that is talked over is told to be muted, or not to be.
    pub(crate) async fn until_shown_as(&mut self, muted: bool) {
        while self.until(CallState::Talking).await.muted != muted {}
    }

    /// Waits until something is heard.
    pub(crate) async fn until_loud(&mut self) {
        let loud = async {
            loop {
                if let AppEvent::Levels { ear, .. } = self.events.recv().await.unwrap()
                    && ear > -40.0
                {
                    return;
                }
            }
        };
        let heard = tokio::time::timeout(PATIENCE, loud).await;
        heard.unwrap_or_else(|_| panic!("silence"));
    }

    /// Waits until these calls, and no others, are in these states.
    pub(crate) async fn until_states(&self, wanted: &[(u64, CallState)]) {
        let reached = async {
            loop {
                let calls = self.app.snapshot().await.unwrap().calls;
                let now: Vec<_> = calls.iter().map(|c| (c.id, c.state)).collect();
                if now == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("never {wanted:?}"));
    }

    /// Seconds of a tone of this pitch in what was heard, and seconds in all.
    pub(crate) fn heard(&self, hertz: f64) -> (f64, f64) {
        let mut file = hound::WavReader::open(ear(self.folder())).unwrap();
        let rate = f64::from(file.spec().sample_rate);
        let sound: Vec<f64> = file
            .samples::<i16>()
            .map(|s| f64::from(s.unwrap()) / 32_768.0)
            .collect();
        let step = (rate / 50.0) as usize;
        let frames = sound.chunks_exact(step);
        let there = frames
            .filter(|frame| share(frame, hertz / rate) > 0.8)
            .count();
        (there as f64 / 50.0, sound.len() as f64 / rate)
    }
}

/// The share of a frame's energy that lies at this frequency (Goertzel's sum), as a part of the sample rate.
fn share(frame: &[f64], frequency: f64) -> f64 {
    let energy: f64 = frame.iter().map(|s| s * s).sum();
    let turn = std::f64::consts::TAU * frequency;
    let sum = |f: fn(f64) -> f64| -> f64 {
        let at = frame.iter().enumerate();
        at.map(|(i, s)| s * f(turn * i as f64)).sum()
    };
    let (re, im) = (sum(f64::cos), sum(f64::sin));
    if energy < 1e-4 {
        return 0.0;
    }
    2.0 * (re * re + im * im) / (energy * frame.len() as f64)
}
