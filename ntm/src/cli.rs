//! The `ntm` command: sign in, and look at, measure and use tunnels from a terminal.
//!
//! One file per command; [`exit`] has the exit codes, which `docs/exit-codes.md` lists.

mod contact;
mod devices;
mod doctor;
mod echo;
mod enrol;
pub mod exit;
mod failure;
mod handovers;
mod id;
mod invite;
mod names;
mod nc;
mod operator;
mod output;
mod paths;
mod perf;
mod picture;
mod ping;
mod resolve;
mod session;
mod sign_in;
mod sign_out;
mod signals;
mod snapshot;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use exit::Exit;
use failure::Failure;
use output::Output;

use crate::profile::Profile;

/// Talk to other devices by name, through tunnels that survive a change of network.
#[derive(Debug, Parser)]
#[command(name = "ntm", version, after_help = AFTER_HELP)]
struct Args {
    /// Folder of this device's profile [default: the system's place for a program's data].
    #[arg(long, global = true, env = "NTM_PROFILE", value_name = "DIR")]
    profile: Option<PathBuf>,
    /// Print JSON instead of words; failures too.
    #[arg(long, global = true)]
    json: bool,
    /// UDP port of this machine to use; 0: any.
    #[arg(long, global = true, default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// Ask no router for a port (UPnP, PCP, NAT-PMP).
    #[arg(long, global = true)]
    no_port_mapping: bool,
    /// Log to stderr: a filter such as `debug` or `ntm=trace`.
    #[arg(long, global = true, env = "NTM_LOG", value_name = "FILTER")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
NTM_KEYSTORE=auto|keyring|file says where the keys of this device lie (auto: the keyring if it works).
Exit codes: docs/exit-codes.md.";

#[derive(Debug, Subcommand)]
enum Command {
    SignIn(sign_in::SignIn),
    SignOut(sign_out::SignOut),
    Status(status::StatusCommand),
    Resolve(resolve::Resolve),
    Ping(ping::Ping),
    Echo(echo::Echo),
    Nc(nc::Nc),
    Perf(perf::Perf),
    Id(id::Id),
    Contact(contact::Contact),
    Operator(operator::OperatorCommand),
    Invite(invite::Invite),
    Devices(devices::Devices),
    Enrol(enrol::Enrol),
    Doctor(doctor::Doctor),
}

/// What every command is given.
#[derive(Clone, Debug)]
struct Context {
    folder: PathBuf,
    port: u16,
    port_mapping: bool,
    out: Output,
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            let is_help = !error.use_stderr();
            return if is_help {
                Exit::Ok
            } else {
                Exit::BadArguments
            }
            .into();
        }
    };
    log_to_stderr(args.log.as_deref());
    let out = Output::new(args.json);
    match run(args, out.clone()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(args: Args, out: Output) -> Result<Exit, Failure> {
    let folder = args.profile.map_or_else(Profile::default_folder, Ok)?;
    let context = Context {
        folder,
        port: args.port,
        port_mapping: !args.no_port_mapping,
        out,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::system)?;
    let result = runtime.block_on(dispatch(&context, args.command));
    // A read from a terminal may still block a thread of the runtime: not waited for.
    runtime.shutdown_background();
    result
}

async fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::SignIn(c) => c.run(context).await,
        Command::SignOut(c) => c.run(context).await,
        Command::Status(c) => c.run(context).await,
        Command::Resolve(c) => c.run(context).await,
        Command::Ping(c) => c.run(context).await,
        Command::Echo(c) => c.run(context).await,
        Command::Nc(c) => c.run(context).await,
        Command::Perf(c) => c.run(context).await,
        Command::Id(c) => c.run(context).await,
        Command::Contact(c) => c.run(context),
        Command::Operator(c) => c.run(context).await,
        Command::Invite(c) => c.run(context).await,
        Command::Devices(c) => c.run(context).await,
        Command::Enrol(c) => c.run(context).await,
        Command::Doctor(c) => c.run(context).await,
    }
}

fn log_to_stderr(filter: Option<&str>) {
    let filter = EnvFilter::new(filter.unwrap_or("warn"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Set by an embedding test already: that one stays.
    let _ = logs.try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_password() {
        let command = Args::command();
        let all = command.get_subcommands().flat_map(|c| c.get_arguments());
        let taking: Vec<_> = all.filter(|a| a.get_id() == "password").collect();
        assert!(
            taking.is_empty(),
            "arguments are readable by every user of the machine"
        );
    }
}
