//! `ntm-lab capture`.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{note, print};
use crate::matrix::{Bench, Matrix};
use crate::netns::Namespace;

/// Packets that are on their way to the file when the try ends.
const TAIL: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries one pair and keeps every packet that passed the core, with `tcpdump`.
#[derive(Debug, Args)]
pub(super) struct Capture {
    /// `caller:callee`.
    pair: String,
    /// The file (pcap).
    #[arg(short, long, default_value = "ntm-lab.pcap", value_name = "FILE")]
    write: PathBuf,
    /// Percent of packets lost between the ends.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    loss: f64,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 50, value_name = "MS")]
    rtt: u64,
}

impl Capture {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let pair = super::pair(&self.pair)?;
        let matrix = Matrix {
            loss: self.loss / 100.0,
            rtt: Duration::from_millis(self.rtt),
            ..Matrix::of(vec![pair])
        };
        let bench = Bench::build(&matrix)?;
        let tcpdump = start(bench.world().core(), &self.write)?;
        let attempt = bench.try_once(&matrix, pair, 0, self.loss > 0.0)?;
        std::thread::sleep(TAIL);
        stop(tcpdump)?;
        print(&attempt.transcript);
        note(&format!("packets: {}", self.write.display()));
        Ok(attempt.is_ok())
    }
}

/// Returns once it listens: the file's header is there.
fn start(core: &Namespace, file: &std::path::Path) -> anyhow::Result<Child> {
    ensure!(
        crate::lease::is_installed("tcpdump"),
        "missing tool; run: apt-get install -y tcpdump"
    );
    // An older one would look like this one's.
    drop(std::fs::remove_file(file));
    let mut command = core.command("tcpdump");
    command
        .args(["-i", "any", "-Q", "in", "-y", "LINUX_SLL"])
        .args(["-U", "-Z", "root", "-w"])
        .arg(file);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().context("tcpdump")?;
    let until = Instant::now() + PATIENCE;
    while !std::fs::metadata(file).is_ok_and(|m| m.len() > 0) {
        ensure!(Instant::now() < until, "tcpdump does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}

fn stop(mut tcpdump: Child) -> anyhow::Result<()> {
    kill(Pid::from_raw(i32::try_from(tcpdump.id())?), Signal::SIGINT)?;
    tcpdump.wait()?;
    Ok(())
}
