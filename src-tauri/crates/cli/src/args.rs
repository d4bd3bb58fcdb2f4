//! What may be written behind `legato-cli`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use ntm::Profile;
use voice_app::{AnswerRule, AppError};

use crate::exit::Exit;
use crate::{account, contacts, people, session, texts, verify};

const AFTER_HELP: &str = "\
Exit codes: 0 as asked, 1 something else, 2 bad input, 3 not signed in (or already), 4 another copy runs,
5 servers, 6 sound, 7 not answered (offline, busy, declined, ...), 8 cut off.
NTM_KEYSTORE=auto|keyring|file says where the keys of this device lie.";

/// Voice calls by name, which go on when the network changes.
#[derive(Debug, Parser)]
#[command(name = "legato-cli", version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Folder of this device's profile [default: the system's place for a program's data].
    #[arg(long, global = true, env = "NTM_PROFILE", value_name = "DIR")]
    profile: Option<PathBuf>,
    /// Print one JSON object a line instead of words.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log to stderr: a filter such as `debug` or `voice_call=trace`.
    #[arg(long, global = true, env = "LEGATO_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes an account with an invitation, and this machine its first device.
    SignUp(account::SignUp),
    /// Makes this machine a device of an account that is there.
    SignIn(account::SignIn),
    /// Shows the people you know; adds one, or takes one out.
    Contacts(contacts::Contacts),
    /// Compares safety numbers with a contact.
    Verify(verify::Verify),
    /// Calls somebody.
    Call(session::Call),
    /// Waits for calls, and answers by a rule.
    Listen(session::Listen),
    /// Answers every call, and sends back what it hears.
    Echo,
    /// Writes to somebody.
    Text(texts::Text),
    /// Shows the last texts.
    Texts(texts::Texts),
    /// Shows the microphones and loudspeakers of this machine.
    Devices,
    /// Says what kind of network this is, and what to expect of calls.
    Doctor,
    /// Shows the last calls.
    History(people::History),
}

/// Where sound comes from and goes to.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct SoundArgs {
    /// A WAV file in the place of the microphone; `silence` for none.
    #[arg(long = "in", value_name = "FILE")]
    pub(crate) source: Option<PathBuf>,
    /// Begin the file again at its end.
    #[arg(long, requires = "source")]
    pub(crate) repeat: bool,
    /// A WAV file in the place of the loudspeaker; `nowhere` for none.
    #[arg(long = "out", value_name = "FILE")]
    pub(crate) sink: Option<PathBuf>,
    /// The microphone: its id or a part of its name.
    #[arg(long, value_name = "DEVICE", conflicts_with = "source")]
    pub(crate) microphone: Option<String>,
    /// The loudspeaker: its id or a part of its name.
    #[arg(long, value_name = "DEVICE", conflicts_with = "sink")]
    pub(crate) speaker: Option<String>,
    /// The microphone's sound as it is: no echo cancellation, noise suppression or gain.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Record the call into a WAV file: this side left, the other right.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

/// What `listen` does with a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rule {
    /// Asks: press Enter to take it.
    #[default]
    Ask,
    /// Takes every call.
    Always,
    /// Takes calls of contacts.
    Contacts,
    /// Says "busy".
    Busy,
}

impl From<Rule> for AnswerRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Ask => Self::Ask,
            Rule::Always => Self::Always,
            Rule::Contacts => Self::Contacts,
            Rule::Busy => Self::Busy,
        }
    }
}

/// What every command needs.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) folder: PathBuf,
    pub(crate) json: bool,
}

impl Args {
    pub(crate) async fn run(self) -> Result<Exit, AppError> {
        let folder = match self.profile {
            Some(folder) => folder,
            None => Profile::default_folder()?,
        };
        let context = Context {
            folder,
            json: self.json,
        };
        match self.command {
            Command::SignUp(command) => command.run(&context).await,
            Command::SignIn(command) => command.run(&context).await,
            Command::Contacts(command) => command.run(&context).await,
            Command::Verify(command) => command.run(&context),
            Command::Text(command) => command.run(&context).await,
            Command::Texts(command) => command.run(&context),
            Command::Call(command) => command.run(&context).await,
            Command::Listen(command) => command.run(&context).await,
            Command::Echo => session::echo(&context).await,
            Command::Devices => people::devices(&context),
            Command::Doctor => people::doctor(&context),
            Command::History(command) => command.run(&context),
        }
    }
}
