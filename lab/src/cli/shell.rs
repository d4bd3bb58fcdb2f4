//! `ntm-lab shell`.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::note;
use crate::deployment::PASSWORD;
use crate::matrix::{Bench, Matrix, Pair, Side};
use crate::servers::Device;
use crate::{binaries, control};

/// Opens a shell on a host in a network, with a server, and a callee in another network.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ntm-lab shell home-nat\n  ntm-lab shell cgnat:v6-only -- ntm status\nIn the shell:\n  $AT_CALLEE ntm echo &          runs something at the callee\n  ntm ping $CALLEE               asks for it\n  ntm-lab link a-home-nat --delay 80   changes a link\n  ip netns exec $CORE tcpdump -i any   sees all that passes between networks"
)]
pub(super) struct Shell {
    /// The caller's network; with a colon the callee's too [default of the latter: public-v4].
    topology: String,
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 50, value_name = "MS")]
    rtt: u64,
    /// A command to run instead of a shell.
    #[arg(last = true)]
    command: Vec<String>,
}

impl Shell {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let pair = super::pair(&self.topology)?;
        let bench = Bench::build(&Matrix {
            rtt: Duration::from_millis(self.rtt),
            ..Matrix::of(vec![pair])
        })?;
        let links = bench.world().links();
        note(&format!(
            "{} calls {}; links: {}. `ntm-lab shell --help` says what to do here.",
            pair.0,
            pair.1,
            links.keys().cloned().collect::<Vec<_>>().join(", ")
        ));
        let socket = control::serve(bench.world().lease().folder(), links)?;
        let mut shell = self.command(&bench, pair)?;
        shell.env(control::VARIABLE, socket);
        Ok(shell.status()?.success())
    }

    fn command(&self, bench: &Bench, (from, to): Pair) -> anyhow::Result<Command> {
        let caller = bench.device(Side::Caller, from)?;
        let callee = bench.device(Side::Callee, to)?;
        let mut shell = caller.namespace().command("env");
        shell.arg(format!("PATH={}", path()?));
        shell.args(if self.command.is_empty() {
            vec!["bash".to_owned()]
        } else {
            self.command.clone()
        });
        shell
            .env("NTM_PROFILE", caller.profile())
            .env("NTM_KEYSTORE", "file")
            .env("NTM_PASSWORD", PASSWORD)
            .env("CALLEE", callee.name())
            .env("AT_CALLEE", at(callee))
            .env("CORE", bench.world().core().name())
            .env("SERVERS", bench.world().servers().name());
        Ok(shell)
    }
}

/// The words before a command that make it run at a device.
fn at(device: &Device) -> String {
    format!(
        "ip netns exec {} env NTM_PROFILE={}",
        device.namespace().name(),
        device.profile().display()
    )
}

/// With what cargo built before all else.
fn path() -> anyhow::Result<String> {
    let ntm = binaries::find("ntm")?;
    let folder = ntm.parent().context("a folder of binaries")?;
    let path = std::env::var("PATH").unwrap_or_default();
    Ok(format!("{}:{path}", folder.display()))
}
