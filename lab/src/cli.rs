//! The `ntm-lab` command.

mod app;
mod call;
mod capture;
mod clean;
mod endurance;
mod handover;
mod link;
mod list;
mod matrix;
mod moves;
mod ports;
mod relays;
mod shell;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::matrix::Pair;
use crate::network::Network;

/// Networks of all kinds on one machine, and the real programs in them. Needs root.
#[derive(Debug, Parser)]
#[command(name = "ntm-lab", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    App(app::App),
    Call(call::CallCommand),
    Handover(handover::HandoverCommand),
    Endurance(endurance::EnduranceCommand),
    List(list::List),
    Matrix(matrix::MatrixCommand),
    Moves(moves::MovesCommand),
    Ports(ports::Ports),
    Relays(relays::Relays),
    Shell(shell::Shell),
    Link(link::Link),
    Capture(capture::Capture),
    Clean(clean::Clean),
}

/// Something was not as it should be.
const UNMET: u8 = 1;
/// The lab itself failed.
const BROKEN: u8 = 2;

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::App(c) => c.run(),
        Command::Call(c) => c.run(),
        Command::Handover(c) => c.run(),
        Command::Endurance(c) => c.run(),
        Command::List(c) => c.run(),
        Command::Matrix(c) => c.run(),
        Command::Moves(c) => c.run(),
        Command::Ports(c) => c.run(),
        Command::Relays(c) => c.run(),
        Command::Shell(c) => c.run(),
        Command::Link(c) => c.run(),
        Command::Capture(c) => c.run(),
        Command::Clean(c) => c.run(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => UNMET.into(),
        Err(error) => {
            note(&format!("ntm-lab: {error:#}"));
            BROKEN.into()
        }
    }
}

/// A line of the report. A reader that went away (`| head`) is no failure.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// A remark beside the report.
fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `caller:callee`, or a caller whose callee has a public address.
fn pair(text: &str) -> anyhow::Result<Pair> {
    match text.split_once(':') {
        Some((from, to)) => Ok((from.parse()?, to.parse()?)),
        None => Ok((text.parse()?, Network::PublicV4)),
    }
}
