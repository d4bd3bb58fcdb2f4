//! The command line of all four binaries.

mod peer;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ntm_account_api::server::ServerRole;

use crate::account_role::AccountRole;
use crate::config::{self, Config, EXAMPLE, Environment, Loaded};
use crate::data_dir;
use crate::failure::Failure;
use crate::server::{Roles, Start, serve};

/// NTM server.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes and every key are in docs/self-hosting.md."
)]
struct Command {
    /// The configuration; without this /etc/ntm/ntm-server.toml if it is there.
    #[arg(short, long, global = true, env = "NTM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Serve until SIGTERM (what happens without a command, too).
    Run {
        /// Write a JSON file with the addresses listened on when ready.
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Explain what is wrong with the configuration, key by key.
    Check,
    /// Print the commented configuration with every key at its default.
    ExampleConfig,
    /// Print an invitation for people to make accounts with. Only where the Account Server runs.
    Invite {
        /// How many accounts may be made with it.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// How many days it is good for.
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
    /// Print a token with which a DC or RS elsewhere joins. Only where the Account Server runs.
    Token {
        /// What the other server is.
        role: Joining,
    },
    /// Print the public keys of this machine's DC and RS, for the other side's configuration.
    Keys,
    /// Print what another operator needs so that their people and ours can call each other.
    Peer,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Joining {
    Dc,
    Rs,
}

/// `ntm-server`: all three roles in one process.
pub fn server() -> ExitCode {
    main(Roles {
        dc: true,
        rs: true,
        account: true,
    })
}

/// `ntm-dc`: a Direction Coordinator alone.
pub fn dc() -> ExitCode {
    main(Roles {
        dc: true,
        rs: false,
        account: false,
    })
}

/// `ntm-rs`: a Relay Server alone.
pub fn rs() -> ExitCode {
    main(Roles {
        dc: false,
        rs: true,
        account: false,
    })
}

/// `ntm-as`: an Account Server alone.
pub fn account() -> ExitCode {
    main(Roles {
        dc: false,
        rs: false,
        account: true,
    })
}

fn main(roles: Roles) -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return misunderstood(&error),
    };
    match run(command, roles) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Standard error is gone: nobody is there to be told.
            drop(writeln!(io::stderr(), "error: {failure}"));
            failure.exit_code()
        }
    }
}

/// EX_USAGE; help and version are no failure.
fn misunderstood(error: &clap::Error) -> ExitCode {
    drop(error.print());
    if error.use_stderr() {
        ExitCode::from(64)
    } else {
        ExitCode::SUCCESS
    }
}

fn run(command: Command, roles: Roles) -> Result<(), Failure> {
    let what = command.what.unwrap_or(What::Run { ready_file: None });
    let file = command.config.as_deref();
    match what {
        What::ExampleConfig => say(EXAMPLE.trim_end()),
        What::Check => check(file),
        What::Keys => keys(&usable(file)?.1, roles),
        What::Peer => block_on(peer::introduce(usable(file)?.1, roles)),
        What::Invite { uses, days } => {
            let lifetime = Duration::from_secs(u64::from(days) * 86_400);
            block_on(invite(usable(file)?.1, uses, lifetime))
        }
        What::Token { role } => block_on(token(usable(file)?.1, role)),
        What::Run { ready_file } => {
            let (config_file, config) = usable(file)?;
            let start = Start {
                config_file,
                ready_file,
            };
            block_on(serve(config, roles, start))
        }
    }
}

fn check(file: Option<&Path>) -> Result<(), Failure> {
    let (path, _) = usable(file)?;
    say(&format!("{}: nothing is wrong", path.display()))
}

async fn invite(config: Config, uses: u32, lifetime: Duration) -> Result<(), Failure> {
    let account = AccountRole::beside(&config).await?;
    say(&account.invite(uses, lifetime).await?)?;
    new_link(&account);
    account.stop().await;
    Ok(())
}

async fn token(config: Config, role: Joining) -> Result<(), Failure> {
    let account = AccountRole::beside(&config).await?;
    let role = match role {
        Joining::Dc => ServerRole::Dc {
            domains: Vec::new(),
        },
        Joining::Rs => ServerRole::Rs { dcs: Vec::new() },
    };
    say(&account.enrolment_elsewhere(role).await?.to_string())?;
    new_link(&account);
    account.stop().await;
    Ok(())
}

/// Looking at the accounts voids the set-up link that was shown before, as a start does. The new one
/// goes to standard error, since standard output is for what was asked.
fn new_link(account: &AccountRole) {
    if let Some(link) = account.setup_link() {
        drop(writeln!(io::stderr(), "{link}"));
    }
}

fn keys(config: &Config, roles: Roles) -> Result<(), Failure> {
    for (has, role) in [(roles.dc, "dc"), (roles.rs, "rs")] {
        if has {
            let _held = data_dir::claim(config, "keys")?;
            let key = data_dir::key_pair(config, &format!("{role}.key"))?;
            say(&format!("{role}.key = \"{}\"", key.server()))?;
        }
    }
    Ok(())
}

/// The configuration without problems, or all of them as a failure.
fn usable(file: Option<&Path>) -> Result<(PathBuf, Config), Failure> {
    let path = file.unwrap_or(config::default_path()).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if file.is_none() && e.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            let key = "--config";
            return Err(Failure::NoFile { path, key, source });
        }
    };
    let Loaded { config, problems } = config::load(&text, &environment());
    if problems.is_empty() {
        Ok((path, config))
    } else {
        Err(Failure::Config { path, problems })
    }
}

fn environment() -> Environment {
    let text = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
        Some((k.into_string().ok()?, v.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = built.map_err(|e| anyhow::anyhow!("no event loop to be had ({e})"))?;
    let outcome = runtime.block_on(work);
    // A long question to the Account Server may still be open: nobody waits for it.
    runtime.shutdown_background();
    outcome
}

pub(crate) fn say(line: &str) -> Result<(), Failure> {
    let said = writeln!(io::stdout(), "{line}");
    said.map_err(|e| anyhow::anyhow!("standard output is closed ({e})").into())
}
