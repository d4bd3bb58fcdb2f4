//! `history`, `devices`, `doctor`: what needs no call.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use ntm::Profile;
use voice_app::history::{History as Past, PastCall};
use voice_app::{AppError, Code};
use voice_audio::{Device, Direction};

use crate::args::Context;
use crate::exit::Exit;
use crate::show;

/// Shows the last calls.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// So many at most.
    #[arg(long, default_value_t = 20)]
    last: usize,
}

impl History {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, AppError> {
        let profile = Profile::open(&context.folder)?;
        let calls = Past::load(profile.folder())?.latest(self.last);
        show::json(context.json, &serde_json::json!({ "history": calls }));
        for call in &calls {
            show::line(context.json, &past(call));
        }
        Ok(Exit::Ok)
    }
}

fn past(call: &PastCall) -> String {
    let way = match (call.outgoing, call.missed) {
        (true, _) => "to",
        (false, true) => "missed",
        (false, false) => "from",
    };
    let talked = if call.seconds > 0 {
        format!("{}:{:02} min", call.seconds / 60, call.seconds % 60)
    } else {
        call.ended.replace('_', " ")
    };
    let moved = match call.handovers {
        0 => String::new(),
        n => format!(", {n} hand-overs, {} ms of speech lost", call.lost_ms),
    };
    format!(
        "{:>16}  {way:6}  {:32} {talked}{moved}",
        ago(call.at_ms),
        call.with
    )
}

/// `3 min ago`.
pub(crate) fn ago(at_ms: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let past = now.saturating_sub(Duration::from_millis(at_ms)).as_secs();
    match past {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", past / 60),
        3600..86_400 => format!("{} h ago", past / 3600),
        _ => format!("{} days ago", past / 86_400),
    }
}

/// Shows the microphones and loudspeakers of this machine.
pub(crate) fn devices(context: &Context) -> Result<Exit, AppError> {
    let all = voice_audio::devices::list(None)?;
    show::json(
        context.json,
        &serde_json::json!({ "devices": all.iter().map(device).collect::<Vec<_>>() }),
    );
    for (direction, title) in [
        (Direction::Microphone, "Microphones"),
        (Direction::Speaker, "Loudspeakers"),
    ] {
        show::line(context.json, title);
        for d in all.iter().filter(|d| d.direction == direction) {
            let mark = if d.default { "*" } else { " " };
            show::line(context.json, &format!("  {mark} {}  [{}]", d.name, d.id));
        }
    }
    Ok(Exit::Ok)
}

fn device(d: &Device) -> serde_json::Value {
    let direction = match d.direction {
        Direction::Microphone => "microphone",
        Direction::Speaker => "speaker",
    };
    serde_json::json!({ "id": d.id, "name": d.name, "direction": direction, "default": d.default })
}

/// Says what kind of network this is: `ntm doctor` does that, and is the same program family.
pub(crate) fn doctor(context: &Context) -> Result<Exit, AppError> {
    let mut command = std::process::Command::new(beside("ntm"));
    command.arg("--profile").arg(&context.folder);
    if context.json {
        command.arg("--json");
    }
    let status = command.arg("doctor").status();
    let status = status.map_err(|e| {
        AppError::new(
            Code::System,
            format!("`ntm`, which examines networks, can't be run: {e}"),
        )
    })?;
    Ok(if status.success() {
        Exit::Ok
    } else {
        Exit::NoService
    })
}

/// A program that was installed beside this one, or else whichever is on the path.
fn beside(name: &str) -> std::path::PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|p| Some(p.parent()?.join(name)));
    beside.filter(|p| p.exists()).unwrap_or_else(|| name.into())
}
