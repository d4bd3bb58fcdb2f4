//! `voice-bench`: plays recorded speech through two engines in virtual time and writes down what came out.
//!
//! It acts: it reads and writes files. One folder per run, with `mouth.wav` (what was said), `heard.wav` (what came out of the other
//! end's loudspeaker, both from the same moment on), `unwarped.wav` (what was decoded, put back at its media time) and
//! `run.json` (delay curve, events, figures). `scripts/voice-bench` scores such folders; a live run that
//! writes the same files is scored the same way.

mod conditions;
mod log;
mod record;
mod run;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use std::path::PathBuf;

/// Calls in virtual time, recorded.
#[derive(Debug, Parser)]
struct Arguments {
    /// Speech, 48 kHz mono 16 bit; repeated when a condition is longer.
    #[arg(long)]
    speech: PathBuf,
    /// Where the folders of the runs go.
    #[arg(long)]
    out: PathBuf,
    /// Only conditions whose name begins so.
    #[arg(long, default_value = "")]
    only: String,
    /// Leave out conditions longer than this many seconds.
    #[arg(long, default_value_t = u64::MAX)]
    longest: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let speech = record::read(&arguments.speech)?;
    ensure!(
        speech.len() > 48_000,
        "{} is too short",
        arguments.speech.display()
    );
    for condition in conditions::all() {
        if !condition.name.starts_with(&arguments.only) || condition.seconds > arguments.longest {
            continue;
        }
        for seed in 1..=condition.runs {
            let folder = arguments.out.join(format!("{}.{seed}", condition.name));
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("can't make {}", folder.display()))?;
            run::run(&condition, seed, &speech, &folder)?;
        }
    }
    Ok(())
}
