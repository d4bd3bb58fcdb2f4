//! `call`, `listen`, `echo`: a device that is on the air.

use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::broadcast::error::RecvError;
use voice_app::settings::Settings;
use voice_app::view::{CallState, CallView};
use voice_app::{AnswerRule, App, AppConfig, AppError, AppEvent, AppEvents};
use voice_audio::{Processing, RecordAs, RecordTo, Sink, SoundConfig, Source};

use crate::args::{Context, Rule, SoundArgs};
use crate::exit::Exit;
use crate::show::{self, Screen};

/// From the microphone to the other side's ear, and then some.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// Calls somebody. Ctrl-C hangs up; `m` and Enter mutes, `h` and Enter holds.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// Whom: `bob`, `bob@example.org`, or a nickname.
    name: String,
    /// Hang up after so many seconds of talk.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Hang up when the file of --in is at its end.
    #[arg(long, requires = "source")]
    until_said: bool,
    #[command(flatten)]
    sound: SoundArgs,
}

/// Waits for calls, and answers by a rule. Ctrl-C ends it.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// What to do with a call.
    #[arg(long, value_enum, default_value_t)]
    answer: Rule,
    /// End after so many calls.
    #[arg(long, value_name = "NUMBER")]
    calls: Option<u64>,
    #[command(flatten)]
    sound: SoundArgs,
}

impl Call {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, AppError> {
        let (app, events) = start(context, AnswerRule::Busy, &self.sound).await?;
        let begun = app.call(&self.name).await;
        let ended = match begun {
            Ok(call) => self.talk(context, &app, events, call.id).await,
            Err(error) => Err(error),
        };
        app.stop().await;
        ended
    }

    async fn talk(
        &self,
        context: &Context,
        app: &App,
        mut events: AppEvents,
        id: u64,
    ) -> Result<Exit, AppError> {
        let mut screen = Screen::new(context.json);
        let mut keys = Keys::new();
        let mut over = None;
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = taken(event) else { continue };
                    screen.show(&event);
                    if event == AppEvent::SourceEnded && self.until_said {
                        // What was said last is still on its way.
                        tokio::time::sleep(LAST_WORDS).await;
                        app.hang_up(id).await?;
                    }
                    let Some(call) = of(&event, id) else { continue };
                    if let Some(end) = &call.ended {
                        return Ok(Exit::of_call(end.reason));
                    }
                    if call.state == CallState::Talking && over.is_none() {
                        over = Some(self.end());
                        record(app, &self.sound).await?;
                    }
                }
                () = at(over.flatten()) => {
                    over = Some(None);
                    app.hang_up(id).await?;
                }
                key = keys.next() => obey(app, id, key).await?,
                _ = tokio::signal::ctrl_c() => { let _ = app.hang_up(id).await; }
            }
        }
    }

    fn end(&self) -> Option<tokio::time::Instant> {
        let seconds = self.seconds?;
        Some(tokio::time::Instant::now() + Duration::from_secs(seconds))
    }
}

/// The call as it is now, if the event tells of it.
fn of(event: &AppEvent, id: u64) -> Option<&CallView> {
    if let AppEvent::Call(call) = event {
        Some(&**call).filter(|c| c.id == id)
    } else {
        None
    }
}

async fn at(when: Option<tokio::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

impl Listen {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, AppError> {
        let (app, events) = start(context, self.answer.into(), &self.sound).await?;
        let heard = self.wait(context, &app, events).await;
        app.stop().await;
        heard
    }

    async fn wait(
        &self,
        context: &Context,
        app: &App,
        mut events: AppEvents,
    ) -> Result<Exit, AppError> {
        let mut screen = Screen::new(context.json);
        let mut keys = Keys::new();
        let (mut current, mut calls) = (None, 0);
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = taken(event) else { continue };
                    screen.show(&event);
                    let AppEvent::Call(call) = &event else { continue };
                    current = next(current, call);
                    if call.state == CallState::RingingHere && self.answer == Rule::Ask {
                        show::line(context.json, "  Enter takes the call, d and Enter declines it");
                    }
                    if call.state == CallState::Talking && call.route.is_none() {
                        record(app, &self.sound).await?;
                    }
                    calls += u64::from(call.state == CallState::Ended);
                    if self.calls.is_some_and(|most| calls >= most) {
                        return Ok(Exit::Ok);
                    }
                }
                key = keys.next() => if let Some(id) = current { answer(app, id, key).await?; },
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Ok),
            }
        }
    }
}

/// Answers every call, and sends back what it hears.
pub(crate) async fn echo(context: &Context) -> Result<Exit, AppError> {
    let config = AppConfig {
        answer: AnswerRule::Echo,
        ..AppConfig::new(context.folder.clone())
    };
    let (app, mut events) = App::start(config).await?;
    let mut screen = Screen::new(context.json);
    loop {
        tokio::select! {
            event = events.recv() => taken(event).iter().for_each(|e| screen.show(e)),
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    app.stop().await;
    Ok(Exit::Ok)
}

/// The call that keys are for: the latest that is not over.
fn next(current: Option<u64>, call: &CallView) -> Option<u64> {
    if call.state == CallState::Ended {
        current.filter(|id| *id != call.id)
    } else {
        Some(call.id)
    }
}

async fn answer(app: &App, id: u64, key: Key) -> Result<(), AppError> {
    match key {
        Key::Enter => app.accept(id).await,
        Key::Letter('d') => app.decline(id).await,
        key @ Key::Letter(_) => obey(app, id, key).await,
    }
}

async fn obey(app: &App, id: u64, key: Key) -> Result<(), AppError> {
    let snapshot = app.snapshot().await?;
    let Some(call) = snapshot.calls.iter().find(|c| c.id == id) else {
        return Ok(());
    };
    match key {
        Key::Letter('m') => app.mute(!call.muted).await,
        Key::Letter('h') => app.hold(id, !call.held_here).await,
        Key::Letter('q') => app.hang_up(id).await,
        Key::Letter(_) | Key::Enter => Ok(()),
    }
}

async fn start(
    context: &Context,
    answer: AnswerRule,
    sound: &SoundArgs,
) -> Result<(App, AppEvents), AppError> {
    let config = AppConfig {
        answer,
        sound: sound.config(&context.folder)?,
        ..AppConfig::new(context.folder.clone())
    };
    App::start(config).await
}

async fn record(app: &App, sound: &SoundArgs) -> Result<(), AppError> {
    let Some(path) = sound.record.clone() else {
        return Ok(());
    };
    let to = RecordTo {
        path,
        form: RecordAs::MeAndThem,
        announce: true,
    };
    app.record(Some(to)).await
}

fn taken(event: Result<AppEvent, RecvError>) -> Option<AppEvent> {
    event.ok()
}

impl SoundArgs {
    /// `None` when everything is as the settings say.
    fn config(&self, folder: &std::path::Path) -> Result<Option<SoundConfig>, AppError> {
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

/// What a person typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Enter,
    Letter(char),
}

/// Lines of standard input; a script's that is closed says nothing.
struct Keys {
    lines: Option<tokio::io::Lines<BufReader<tokio::io::Stdin>>>,
}

impl Keys {
    fn new() -> Self {
        Self {
            lines: Some(BufReader::new(tokio::io::stdin()).lines()),
        }
    }

    async fn next(&mut self) -> Key {
        if let Some(lines) = &mut self.lines {
            if let Ok(Some(line)) = lines.next_line().await {
                return line.trim().chars().next().map_or(Key::Enter, Key::Letter);
            }
            self.lines = None;
        }
        std::future::pending().await
    }
}
