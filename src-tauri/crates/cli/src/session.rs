//! `call`, `listen`, `echo`: a device that is on the air.

use std::time::Duration;

use clap::Args;
use tokio::sync::broadcast::error::RecvError;
use voice_app::view::{CallState, CallView};
use voice_app::{AnswerRule, App, AppConfig, AppError, AppEvent, AppEvents};

use crate::args::{Context, Rule, SoundArgs};
use crate::exit::Exit;
use crate::keys::Key;
use crate::show::Screen;
use crate::signals::Stop;
use crate::stage::Stage;

/// From the microphone to the other side's ear, and then some.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// Calls somebody. Ctrl-C or SIGTERM hangs up.
///
/// Keys: m mutes, h holds, r records, t writes a text, q hangs up; with --plain, or where this is no terminal, each with Enter.
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
    /// Lines instead of the one-screen view of a terminal.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    sound: SoundArgs,
}

/// Waits for calls, and answers by a rule. Ctrl-C or SIGTERM ends it.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// What to do with a call.
    #[arg(long, value_enum, default_value_t)]
    answer: Rule,
    /// End after so many calls.
    #[arg(long, value_name = "NUMBER")]
    calls: Option<u64>,
    /// Lines instead of the one-screen view of a terminal.
    #[arg(long)]
    plain: bool,
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
        let mut stage = Stage::open(context, &self.sound, self.plain);
        let (mut over, mut stop) = (None, Stop::new());
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = taken(event)? else { continue };
                    stage.show(&event);
                    if event == AppEvent::SourceEnded && self.until_said {
                        // What was said last is still on its way.
                        tokio::time::sleep(LAST_WORDS).await;
                        hang_up(app, id).await;
                    }
                    let Some(call) = of(&event, id) else { continue };
                    if let Some(end) = &call.ended {
                        return Ok(Exit::of_call(end.reason));
                    }
                    if call.state == CallState::Talking && over.is_none() {
                        over = Some(self.end());
                        stage.record_if_asked(app).await;
                    }
                }
                () = at(over.flatten()) => {
                    over = Some(None);
                    hang_up(app, id).await;
                }
                key = stage.next() => stage.obey(app, id, key).await,
                () = stop.next() => hang_up(app, id).await,
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

/// The other side may have hung up first; then the end is told already.
async fn hang_up(app: &App, id: u64) {
    let _ = app.hang_up(id).await;
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
        let mut stage = Stage::open(context, &self.sound, self.plain);
        let (mut current, mut calls, mut stop) = (None, 0, Stop::new());
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = taken(event)? else { continue };
                    stage.show(&event);
                    let AppEvent::Call(call) = &event else { continue };
                    if call.state != CallState::Ended {
                        current = Some(call.id);
                    } else if current == Some(call.id) {
                        current = stage.fall_back(app).await;
                    }
                    if call.state == CallState::RingingHere && self.answer == Rule::Ask {
                        stage.hint("  Enter takes the call, d and Enter declines it");
                    }
                    if call.state == CallState::Talking && call.route.is_none() {
                        stage.record_if_asked(app).await;
                    }
                    calls += u64::from(call.state == CallState::Ended);
                    if self.calls.is_some_and(|most| calls >= most) {
                        return Ok(Exit::Ok);
                    }
                }
                key = stage.next() => match (key, current) {
                    (Key::Stop, None) => return Ok(Exit::Ok),
                    (key, Some(id)) => stage.obey(app, id, key).await,
                    (_, None) => stage.draw(),
                },
                () = stop.next() => return Ok(Exit::Ok),
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
    let (mut screen, mut stop) = (Screen::new(context.json), Stop::new());
    loop {
        tokio::select! {
            event = events.recv() => taken(event)?.iter().for_each(|e| screen.show(e)),
            () = stop.next() => break,
        }
    }
    app.stop().await;
    Ok(Exit::Ok)
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

/// Nothing when some were missed.
fn taken(event: Result<AppEvent, RecvError>) -> Result<Option<AppEvent>, AppError> {
    match event {
        Ok(event) => Ok(Some(event)),
        Err(RecvError::Lagged(_)) => Ok(None),
        Err(RecvError::Closed) => Err(AppError::new(
            voice_app::Code::System,
            "Legato has stopped: start it again",
        )),
    }
}
