//! `ntm-lab app`.

use std::io::BufRead as _;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::print;
use crate::handover::AppWorld;
use crate::network::Network;

/// Two networks and the servers, for apps that somebody else starts in them (`scripts/app-e2e`).
///
/// The first line says where things are; then each line of standard input is obeyed and answered by one line:
/// `wifi off`, `wifi on`, `end`. All lines are JSON objects.
#[derive(Debug, Args)]
pub(super) struct App {
    /// Round trip between the ends, and of each to the server, in ms.
    #[arg(long, default_value_t = 50, value_name = "MS")]
    rtt: u64,
    /// The callee's network [default: a home's].
    #[arg(long, value_name = "NETWORK")]
    callee: Option<Network>,
    /// For all that is random in the lab.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl App {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let mut world = AppWorld::build(Duration::from_millis(self.rtt), self.callee, self.seed)?;
        print(&serde_json::to_string(&world.stage()?)?);
        for line in std::io::stdin().lock().lines() {
            let at = match line?.trim() {
                "wifi off" => world.switch_wifi(false)?,
                "wifi on" => world.switch_wifi(true)?,
                "end" => break,
                other => bail!("{other:?} is no order: wifi off, wifi on, end"),
            };
            print(&json!({ "at_ms": at }).to_string());
        }
        Ok(true)
    }
}
