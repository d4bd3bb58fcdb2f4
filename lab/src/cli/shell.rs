//! `ntm-lab shell`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::note;
use crate::binaries;
use crate::deployment::PASSWORD;
use crate::matrix::{Bench, Matrix, Side};
use crate::netns::Namespace;
use crate::network::Network;

/// Opens a shell on a host in a network, with a server, and a callee in another network.
///
/// The shell is the caller's: `ntm ping $CALLEE` works once `ntm echo` runs at the callee ($AT_CALLEE ntm echo).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ntm-lab shell home-nat\n  ntm-lab shell cgnat:v6-only -- ntm status"
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
        let (caller, callee) = (
            bench.device(Side::Caller, pair.0)?,
            bench.device(Side::Callee, pair.1)?,
        );
        note(&guide(&bench, pair.1, callee.namespace()));
        let binaries = binaries::find("ntm")?;
        let folder = binaries.parent().context("a folder of binaries")?;
        let path = std::env::var("PATH").unwrap_or_default();
        let (program, args) = match self.command.split_first() {
            Some((program, args)) => (program.as_str(), args),
            None => ("bash", &[] as &[String]),
        };
        let mut shell = caller.namespace().command("env");
        shell
            .arg(format!("PATH={}:{path}", folder.display()))
            .arg(program)
            .args(args)
            .env("NTM_PROFILE", caller.profile())
            .env("NTM_KEYSTORE", "file")
            .env("NTM_PASSWORD", PASSWORD)
            .env("CALLEE", callee.name())
            .env(
                "AT_CALLEE",
                format!(
                    "ip netns exec {} env NTM_PROFILE={}",
                    callee.namespace().name(),
                    callee.profile().display()
                ),
            )
            .env("CORE", bench.world().core().name())
            .stdin(Stdio::inherit());
        Ok(shell.status()?.success())
    }
}

fn guide(bench: &Bench, to: Network, callee: &Namespace) -> String {
    format!(
        "callee in {to}: namespace {}; core: {}; servers: {}\nIn the shell: $CALLEE is the callee's name, `$AT_CALLEE ntm echo` runs something there, $CORE is the core's namespace.",
        callee.name(),
        bench.world().core().name(),
        bench.world().servers().name()
    )
}
