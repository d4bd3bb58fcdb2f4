//! `text` and `texts`: what people write to each other.

use std::time::Duration;

use clap::Args;
use tokio::sync::broadcast::error::RecvError;
use voice_app::texts::Texts as Kept;
use voice_app::view::{EndView, TextState, TextView};
use voice_app::{AnswerRule, App, AppConfig, AppError, AppEvent, AppEvents, Code};

use crate::args::Context;
use crate::exit::Exit;
use crate::people::ago;
use crate::show;

/// The telephone gives up after 64 s by itself.
const PATIENCE: Duration = Duration::from_secs(70);

/// Writes to somebody, and waits until it has arrived.
#[derive(Debug, Args)]
pub(crate) struct Text {
    /// To whom: `bob`, `bob@example.org`, or a nickname.
    name: String,
    /// What; at most 600 bytes.
    #[arg(required = true)]
    words: Vec<String>,
}

/// Shows the last texts, from and to everybody or one person.
#[derive(Debug, Args)]
pub(crate) struct Texts {
    /// With whom.
    name: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 20)]
    last: usize,
    /// Forgets all of them.
    #[arg(long, conflicts_with_all = ["name", "last"])]
    clear: bool,
}

impl Text {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, AppError> {
        let config = AppConfig {
            answer: AnswerRule::Busy,
            ..AppConfig::new(context.folder.clone())
        };
        let (app, mut events) = App::start(config).await?;
        let sent = app.send_text(&self.name, &self.words.join(" ")).await;
        let arrived = match sent {
            Ok(id) => outcome(&mut events, id).await,
            Err(error) => Err(error),
        };
        app.stop().await;
        let why = arrived?;
        show::json(
            context.json,
            &serde_json::json!({ "event": "text_done", "delivered": why.is_none(), "why": why }),
        );
        Ok(match why {
            None => {
                show::line(context.json, "delivered");
                Exit::Ok
            }
            Some(why) => {
                show::line(context.json, &format!("not delivered: {}", why.words));
                Exit::NotAnswered
            }
        })
    }
}

/// Nothing when it arrived, else why not.
async fn outcome(events: &mut AppEvents, id: u64) -> Result<Option<EndView>, AppError> {
    let done = async {
        loop {
            match events.recv().await {
                Ok(AppEvent::TextDone { text, why, .. }) if text == id => return Ok(why),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => {
                    return Err(AppError::new(
                        Code::System,
                        "Legato has stopped: start it again",
                    ));
                }
            }
        }
    };
    let done = tokio::time::timeout(PATIENCE, done).await;
    done.unwrap_or_else(|_| {
        let what = "nobody says whether it arrived: ask";
        Err(AppError::new(Code::NoService, what))
    })
}

impl Texts {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, AppError> {
        let profile = ntm::Profile::open(&context.folder)?;
        let mut kept = Kept::load(profile.folder())?;
        if self.clear {
            let _lock = ntm::Profile::lock(&context.folder)?;
            kept.clear()?;
        }
        let mut all = kept.latest(usize::MAX);
        if let Some(name) = &self.name {
            let people = voice_app::contacts::Contacts::load(&profile)?;
            let own = &profile.membership().domain;
            let full = match people.find(name) {
                Some(contact) => contact.name.clone(),
                None => voice_app::names::person(&voice_app::names::parse(name, own)?),
            };
            all.retain(|t| t.with == full);
        }
        all.drain(..all.len().saturating_sub(self.last));
        show::json(context.json, &serde_json::json!({ "texts": all }));
        for text in &all {
            show::line(context.json, &line(text));
        }
        Ok(Exit::Ok)
    }
}

fn line(text: &TextView) -> String {
    let way = match text.state {
        TextState::Received => "from",
        TextState::Delivered => "to",
        TextState::Sending => "sending to",
        TextState::Failed => "not delivered to",
    };
    format!(
        "{:>16}  {way} {}: {}",
        ago(text.at_ms),
        text.with,
        show::printable(&text.text)
    )
}
