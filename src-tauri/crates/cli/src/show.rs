//! What is printed: words for people, one JSON object a line for programs.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::json;
use tracing_subscriber::EnvFilter;
use voice_app::view::{CallState, CallView, OutageView, RouteView, StatsView};
use voice_app::{AppError, AppEvent};

use crate::who::Who;

/// Logs to stderr, when asked.
pub(crate) fn log(filter: Option<&str>) {
    if let Some(filter) = filter {
        let filter = EnvFilter::new(filter);
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr);
        subscriber.init();
    }
}

/// A line for people; nothing in JSON.
pub(crate) fn line(is_json: bool, text: &str) {
    if !is_json {
        print(text);
    }
}

/// An object for programs; nothing for people.
pub(crate) fn json(is_json: bool, object: &serde_json::Value) {
    if is_json {
        print(&object.to_string());
    }
}

/// A remark beside the report.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// What went wrong.
pub(crate) fn failure(is_json: bool, error: &AppError) {
    json(
        is_json,
        &json!({ "event": "failed", "code": error.code, "message": error.message }),
    );
    if !is_json {
        note(&format!("legato-cli: {}", error.message));
    }
}

/// Somebody else's words without what would steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let steers =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| if steers(c) { ' ' } else { c };
    text.chars().map(shown).collect()
}

/// A reader that went away (`| head`) is no failure.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Shows events; on a terminal the last line is a live one.
#[derive(Debug)]
pub(crate) struct Screen {
    is_json: bool,
    is_live: bool,
    shown: Option<(CallState, Option<RouteView>)>,
    status: Option<StatsView>,
    levels: (f32, f32),
    who: Who,
}

impl Screen {
    pub(crate) fn new(is_json: bool) -> Self {
        Self {
            is_json,
            is_live: !is_json && io::stdout().is_terminal(),
            shown: None,
            status: None,
            levels: (-120.0, -120.0),
            who: Who::default(),
        }
    }

    /// Something happened.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest is words, or for a window"
    )]
    pub(crate) fn show(&mut self, event: &AppEvent) {
        if self.is_json {
            return self.show_json(event);
        }
        match event {
            AppEvent::Call(call) => self.call(call),
            AppEvent::Statistics { statistics, .. } => self.statistics(statistics),
            AppEvent::Levels {
                microphone, ear, ..
            } => {
                self.levels = (*microphone, *ear);
                self.live();
            }
            AppEvent::Handover { handover, .. } => self.line(&format!("  {}", handover.words())),
            AppEvent::Contacts { contacts } => {
                let news = self.who.news(contacts);
                news.iter().for_each(|n| self.line(n));
            }
            _ => words_of(event).iter().for_each(|w| self.line(w)),
        }
    }

    fn show_json(&self, event: &AppEvent) {
        // Fifteen lines a second that no script asked for.
        if !matches!(event, AppEvent::Levels { .. }) {
            print(&serde_json::to_string(event).unwrap_or_default());
        }
    }

    fn call(&mut self, call: &CallView) {
        let now = (call.state, call.route.clone());
        if self.shown.as_ref() == Some(&now) {
            return;
        }
        self.shown = Some(now);
        self.line(&words(call));
    }

    fn statistics(&mut self, statistics: &StatsView) {
        self.status = Some(statistics.clone());
        self.live();
    }

    fn line(&self, text: &str) {
        if self.is_live {
            let _ = write!(io::stdout(), "\r\x1b[K");
        }
        print(text);
        self.live();
    }

    fn live(&self) {
        let Some(status) = self.status.as_ref().filter(|_| self.is_live) else {
            return;
        };
        let (microphone, ear) = self.levels;
        let mut out = io::stdout().lock();
        let _ = write!(
            out,
            "\r\x1b[K  mic {} ear {}  {}",
            bar(microphone),
            bar(ear),
            figures(status)
        );
        let _ = out.flush();
    }
}

/// What a person reads of an event that is about no call's state; nothing where it is for a window.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for a window")]
pub(crate) fn words_of(event: &AppEvent) -> Option<String> {
    Some(match event {
        AppEvent::Outage { outage, .. } => format!("  {}", cost(outage)),
        AppEvent::Text { from, text } => format!("{from}: {}", printable(text)),
        AppEvent::TextDone {
            delivered: true, ..
        } => "  delivered".to_owned(),
        AppEvent::TextDone { why, .. } => {
            let why = why.as_ref().map_or("", |w| w.words.as_str());
            format!("  not delivered: {why}")
        }
        AppEvent::Registered { me } => format!("on the air as {me}"),
        AppEvent::ServersLost => "the servers don't answer; calls under way go on".to_owned(),
        AppEvent::Sound { device, stands_in } => {
            let why = if *stands_in {
                " (the chosen one is not there)"
            } else {
                ""
            };
            format!("  sound: {device}{why}")
        }
        AppEvent::Problem(error) => format!("  {}", error.message),
        _ => return None,
    })
}

/// Eight steps from -60 dBFS to 0.
fn bar(dbfs: f32) -> String {
    let steps = ((dbfs + 60.0) / 7.5).clamp(0.0, 8.0) as usize;
    format!("[{}{}]", "#".repeat(steps), " ".repeat(8 - steps))
}

fn figures(s: &StatsView) -> String {
    let trip = s
        .round_trip_ms
        .map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let quality = s.quality.unwrap_or("-");
    format!(
        "{trip} ms there and back, {:.1} % lost on the way, {} ms of speech lost, sounds {quality}",
        s.loss * 100.0,
        s.lost_speech_ms
    )
}

fn cost(o: &OutageView) -> String {
    let lost = match o.lost_speech_ms {
        0 => "nothing lost".to_owned(),
        ms => format!("{ms} ms of speech lost"),
    };
    format!(
        "  a gap of {} ms: {lost}, {} packets sent again",
        o.silence_ms, o.backfilled
    )
}

/// What a person reads of a call's state.
pub(crate) fn words(call: &CallView) -> String {
    let with = match &call.device {
        Some(device) => format!("{} ({device})", call.with),
        None => call.with.clone(),
    };
    match call.state {
        CallState::Calling => format!("calling {with} ..."),
        CallState::RingingThere => format!("it rings at {with}"),
        CallState::RingingHere => format!("{with} calls"),
        CallState::Held if call.held_there => format!("{with} holds the line"),
        CallState::Held => format!("{with} is on hold"),
        CallState::Talking => {
            let route = call
                .route
                .as_ref()
                .map_or_else(String::new, |r| format!(", {}", r.words()));
            format!("talking with {with}{route}")
        }
        CallState::Ended => match &call.ended {
            Some(end) => end.words.clone(),
            None => "the call is over".to_owned(),
        },
    }
}
