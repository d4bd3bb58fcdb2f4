//! `ntm-lab call`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::print;
use crate::handover::{Case, Ear, PhoneCall};
use crate::network::Network;

/// Two people talk (`legato-cli`, sound from and to files), and one of them changes the network meanwhile.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 both were on the call to its end and no speech was lost, 1 not so, 2 the lab itself failed.\nExample:\n  ntm-lab call --case home-to-home --nothing 300 --folder demo"
)]
pub(super) struct CallCommand {
    /// How the caller moves (`ntm-lab handover --list` names the cases).
    #[arg(long, default_value = "home-to-home")]
    case: Case,
    /// The callee's network instead of the case's own.
    #[arg(long, value_name = "NETWORK")]
    callee: Option<Network>,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 50, value_name = "MS")]
    rtt: u64,
    /// Seconds of talk before and after each move.
    #[arg(long, default_value_t = 8.0, value_name = "SECONDS")]
    after: f64,
    /// How often the caller moves.
    #[arg(long, default_value_t = 1)]
    moves: usize,
    /// No network at all for so long at each move, in ms.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    nothing: u64,
    /// What both say.
    #[arg(long, default_value = "assets/speech/hello.wav", value_name = "WAV")]
    speech: PathBuf,
    /// Sound devices `HOST:micA`, `HOST:spkA` (caller), `HOST:micB` and `HOST:spkB` (callee) in the place of files.
    #[arg(long, value_name = "HOST", conflicts_with = "speech")]
    devices: Option<String>,
    /// With --devices: echo cancellation, noise suppression and gain on, as with a loudspeaker.
    #[arg(long, requires = "devices")]
    processing: bool,
    /// Somebody else's programs in the place of ours: started as `SCRIPT server|callee|caller FOLDER CALLEE SERVER` in the networks, with
    /// addresses; each prints `ready` (the caller when they talk). Wants --callee public-v4.
    #[arg(long, value_name = "SCRIPT")]
    program: Option<PathBuf>,
    /// Recordings and logs go there.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl CallCommand {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let call = PhoneCall {
            case: self.case,
            callee: self.callee,
            rtt: Duration::from_millis(self.rtt),
            after: Duration::try_from_secs_f64(self.after)?,
            moves: self.moves,
            nothing: Duration::from_millis(self.nothing),
            speech: self.speech.canonicalize()?,
            devices: self.devices,
            raw: !self.processing,
            program: self.program.map(|p| p.canonicalize()).transpose()?,
            folder: std::path::absolute(&self.folder)?,
            seed: self.seed,
        };
        let heard = call.run()?;
        if self.json {
            print(&serde_json::to_string(&heard)?);
        } else {
            tell("caller", &heard.caller);
            tell("callee", &heard.callee);
        }
        let is_sound =
            |e: &Ear| e.lost_speech_ms == Some(0) && e.ended.as_deref() == Some("hung_up");
        Ok(is_sound(&heard.caller) && is_sound(&heard.callee))
    }
}

fn tell(name: &str, ear: &Ear) {
    let lost = ear
        .lost_speech_ms
        .map_or_else(|| "?".to_owned(), |ms| ms.to_string());
    print(&format!(
        "{name}: {lost} ms of speech lost, {} hand-overs, {} packets sent again{}",
        ear.handovers.len(),
        ear.backfilled.unwrap_or_default(),
        ear.recording
            .as_ref()
            .map_or_else(String::new, |p| format!("; {}", p.display()))
    ));
    for outage in &ear.outages {
        print(&format!("  a gap of {} ms: {outage}", outage["silence_ms"]));
    }
    for handover in &ear.handovers {
        print(&format!("  {handover}"));
    }
}
