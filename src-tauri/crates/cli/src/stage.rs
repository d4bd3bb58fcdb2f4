//! [`Stage`]: where a session is seen and steered: one screen of a terminal with its keys, or lines out and in.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use voice_app::view::{CallState, CallView};
use voice_app::{App, AppError, AppEvent};
use voice_audio::{RecordAs, RecordTo};

use crate::args::{Context, SoundArgs};
use crate::keys::{Key, Keys};
use crate::live::Live;
use crate::show::{self, Screen};

/// Ways and the clock are looked at so often.
const LOOK: Duration = Duration::from_millis(500);

/// What a person looks at, and how she answers.
#[derive(Debug)]
pub(crate) struct Stage {
    view: View,
    keys: Keys,
    ticks: tokio::time::Interval,
    is_json: bool,
    asked: Option<PathBuf>,
    /// So many files were written as asked.
    files: u32,
    recording: bool,
    /// Problems of this call.
    told: BTreeSet<String>,
}

#[derive(Debug)]
enum View {
    Lines(Screen),
    Live(Box<Live>),
}

impl Stage {
    pub(crate) fn open(context: &Context, sound: &SoundArgs, plain: bool) -> Self {
        let is_json = context.json;
        let live = if is_json || plain {
            None
        } else {
            Live::begin()
        };
        let (view, keys) = match live {
            Some(live) => (View::Live(Box::new(live)), Keys::terminal()),
            None => (View::Lines(Screen::new(is_json)), Keys::lines()),
        };
        Self {
            view,
            keys,
            ticks: tokio::time::interval(LOOK),
            is_json,
            asked: sound.record.clone(),
            files: 0,
            recording: false,
            told: BTreeSet::new(),
        }
    }

    /// Something happened.
    pub(crate) fn show(&mut self, event: &AppEvent) {
        self.recording &= !ends_recording(event);
        if self.was_told(event) {
            return;
        }
        match &mut self.view {
            View::Lines(screen) => screen.show(event),
            View::Live(live) => live.show(event),
        }
        self.draw();
    }

    /// A device that is missing is looked for every second: a person is told once in a call, a script every time.
    fn was_told(&mut self, event: &AppEvent) -> bool {
        if is_end(event) {
            self.told.clear();
        }
        let AppEvent::Problem(error) = event else {
            return false;
        };
        !self.is_json && !self.told.insert(error.message.clone())
    }

    /// How to go on; the screen has that in its last line.
    pub(crate) fn hint(&self, text: &str) {
        if let View::Lines(_) = self.view {
            show::line(self.is_json, text);
        }
    }

    pub(crate) fn draw(&mut self) {
        if let View::Live(live) = &mut self.view {
            live.set(self.keys.typing(), self.recording);
            live.draw();
        }
    }

    /// What a person does next, or that it is time to look at what nobody tells.
    pub(crate) async fn next(&mut self) -> Key {
        let is_live = matches!(self.view, View::Live(_));
        tokio::select! {
            key = self.keys.next() => key,
            _ = self.ticks.tick(), if is_live => Key::Tick,
        }
    }

    /// A call is over: the latest that is left, which keys are for from now on.
    pub(crate) async fn fall_back(&mut self, app: &App) -> Option<u64> {
        let left = app.snapshot().await.ok()?.calls.pop()?;
        let id = left.id;
        self.show(&AppEvent::Call(Box::new(left)));
        Some(id)
    }

    async fn look(&mut self, app: &App, call: u64) -> Result<(), AppError> {
        let picture = Box::new(app.picture(call).await?);
        self.show(&AppEvent::Route { picture });
        Ok(())
    }

    /// Does what a key says to a call. What can't be done is shown, and the call goes on.
    pub(crate) async fn obey(&mut self, app: &App, id: u64, key: Key) {
        let done = self.does(app, id, key).await;
        done.unwrap_or_else(|e| self.show(&AppEvent::Problem(e)));
        self.draw();
    }

    async fn does(&mut self, app: &App, id: u64, key: Key) -> Result<(), AppError> {
        let snapshot = app.snapshot().await?;
        let Some(call) = snapshot.calls.into_iter().find(|c| c.id == id) else {
            return Ok(());
        };
        let rings = call.state == CallState::RingingHere;
        match key {
            Key::Enter if rings => app.accept(id).await,
            Key::Letter('d') if rings => app.decline(id).await,
            Key::Letter('m') => app.mute(!snapshot.muted).await,
            Key::Letter('h') => app.hold(id, !call.held_here).await,
            Key::Letter('r') => self.record(app, !self.recording).await,
            Key::Letter('q') | Key::Stop => app.hang_up(id).await,
            Key::Text(text) => self.write(app, &call, &text).await,
            Key::Tick => self.look(app, id).await,
            Key::Letter(_) | Key::Enter | Key::Look => Ok(()),
        }
    }

    async fn write(&mut self, app: &App, call: &CallView, text: &str) -> Result<(), AppError> {
        app.send_text(&call.with, text).await?;
        self.say(&format!("you: {}", show::printable(text)));
        Ok(())
    }

    /// As `--record` says.
    pub(crate) async fn record_if_asked(&mut self, app: &App) {
        if self.asked.is_none() || self.recording {
            return;
        }
        let begun = self.record(app, true).await;
        begun.unwrap_or_else(|e| self.show(&AppEvent::Problem(e)));
    }

    async fn record(&mut self, app: &App, on: bool) -> Result<(), AppError> {
        if !on {
            app.record(None).await?;
            self.recording = false;
            self.say("recorded");
            return Ok(());
        }
        let path = match &self.asked {
            Some(asked) => numbered(asked, self.files + 1),
            None => format!("call-{}.wav", now_ms()).into(),
        };
        let words = format!("recording into {}", path.display());
        let to = RecordTo {
            path,
            form: RecordAs::MeAndThem,
            announce: true,
        };
        app.record(Some(to)).await?;
        self.files += 1;
        self.recording = true;
        self.say(&words);
        Ok(())
    }

    fn say(&mut self, text: &str) {
        match &mut self.view {
            View::Lines(_) => show::line(self.is_json, text),
            View::Live(live) => live.say(text),
        }
    }
}

/// `call.wav`, then `call-2.wav`: the next call's recording replaces none.
fn numbered(asked: &Path, file: u32) -> PathBuf {
    if file < 2 {
        return asked.to_owned();
    }
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, end) = (part(asked.file_stem()), part(asked.extension()));
    let dot = if end.is_empty() { "" } else { "." };
    asked.with_file_name(format!("{stem}-{file}{dot}{end}"))
}

fn ends_recording(event: &AppEvent) -> bool {
    if let AppEvent::Problem(error) = event {
        return ["disk-full", "file-full"].contains(&&*error.code);
    }
    is_end(event)
}

fn is_end(event: &AppEvent) -> bool {
    matches!(event, AppEvent::Call(call) if call.state == CallState::Ended)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_recording_replaces_no_first_one() {
        let name = |asked: &str, file| numbered(Path::new(asked), file).display().to_string();
        assert_eq!(name("kept/call.wav", 1), "kept/call.wav");
        assert_eq!(name("kept/call.wav", 2), "kept/call-2.wav");
        assert_eq!(name("call", 3), "call-3");
    }
}
