//! `ntm-lab ports`.

use clap::Args;

use super::print;
use crate::ports::{Habit, measure};

/// Whether the outside ports that Linux takes can be guessed, which a symmetric NAT would have to be reached by.
#[derive(Debug, Args)]
#[command(
    after_help = "A NAT that counts is in the simulator: `ntm-sim ports`. What follows from both is in docs/design/nat-traversal.md."
)]
pub(super) struct Ports {
    /// Destinations that one socket writes to.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(4..10_000))]
    mappings: u16,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
}

impl Ports {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        let habits = measure(self.mappings)?;
        if !self.json {
            print(
                "the router's rule            mappings  ports  median step  met by 1, 5, 16 guesses",
            );
        }
        for habit in &habits {
            print(&if self.json {
                serde_json::to_string(habit)?
            } else {
                line(habit)
            });
        }
        Ok(true)
    }
}

fn line(habit: &Habit) -> String {
    let percent = |(_, share): (u16, f64)| format!("{:5.1} %", share * 100.0);
    format!(
        "{:28} {:8}  {:5}  {:11}  {}",
        habit.way,
        habit.mappings,
        habit.different,
        habit.median_step,
        habit.guessed.map(percent).join(" ")
    )
}
