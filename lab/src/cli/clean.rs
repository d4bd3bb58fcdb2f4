//! `ntm-lab clean`.

use clap::Args;

use super::print;
use crate::lease;

/// Removes what runs left that did not end by themselves.
#[derive(Debug, Args)]
pub(super) struct Clean {}

impl Clean {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let swept = lease::clean()?;
        for run in &swept {
            print(&format!(
                "run {}: {} namespaces and {} processes removed",
                run.id, run.namespaces, run.processes
            ));
        }
        if swept.is_empty() {
            print("nothing was left");
        }
        Ok(true)
    }
}
