//! The command line: links to follow, and the few things that need no window.

use std::io::Write as _;
use std::process::ExitCode;

use ntm::Profile;

use crate::host;

const HELP: &str = "\
Legato: voice calls that go on when the network changes

legato [LINK...]       opens the window; a link (legato:bob@example.org, sip:...) is put into the dialler
legato --hidden        the same without showing the window
legato --uninstall     forgets this device, its keys, what was kept and the start with the session
    --keep-keys        the same, but the keys stay in the keyring
legato --version, legato --help

NTM_PROFILE is another folder for the profile, NTM_KEYSTORE=auto|keyring|file where its keys lie, LEGATO_LOG a
filter for the log, such as debug.";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Args {
    /// The window.
    Run(Start),
    /// Words, and an exit code.
    Answer {
        /// The words.
        text: String,
        /// The code.
        code: u8,
    },
    /// To be forgotten.
    Uninstall {
        /// But for the keys.
        keep_keys: bool,
    },
}

/// How the window starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// It is not shown.
    pub hidden: bool,
    /// Links to follow.
    pub links: Vec<String>,
}

/// Reads the command line.
pub fn parse(args: impl Iterator<Item = String>) -> Args {
    let mut start = Start::default();
    let (mut uninstall, mut keep_keys) = (false, false);
    for arg in args {
        match &*arg {
            "--hidden" => start.hidden = true,
            "--uninstall" => uninstall = true,
            "--keep-keys" => keep_keys = true,
            "--version" | "-V" => return said(format!("legato {}", env!("CARGO_PKG_VERSION")), 0),
            "--help" | "-h" => return said(HELP.to_owned(), 0),
            option if option.starts_with('-') => {
                return said(format!("legato: no option {option}; see legato --help"), 2);
            }
            _ => start.links.push(arg),
        }
    }
    if uninstall {
        return Args::Uninstall { keep_keys };
    }
    Args::Run(start)
}

fn said(text: String, code: u8) -> Args {
    Args::Answer { text, code }
}

/// Says something without a window.
pub(crate) fn answer(text: &str, code: u8) -> ExitCode {
    let written = if code == 0 {
        writeln!(std::io::stdout(), "{text}")
    } else {
        writeln!(std::io::stderr(), "{text}")
    };
    // A reader that went away is no failure.
    drop(written);
    ExitCode::from(code)
}

/// Leaves nothing of this person's Legato on this machine.
pub(crate) fn uninstall(keep_keys: bool) -> ExitCode {
    let forgotten = tauri::async_runtime::block_on(host::forget(keep_keys));
    match forgotten {
        Ok(()) if keep_keys => answer("forgotten; the keys stay in the keyring", 0),
        Ok(()) => answer("forgotten, with the keys", 0),
        Err(error) => answer(&format!("legato: {error}"), 1),
    }
}

/// The folder of this person's profile, as `legato-cli` and `ntm` have it.
pub(crate) fn folder() -> Result<std::path::PathBuf, voice_app::AppError> {
    Ok(Profile::default_folder()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Args {
        parse(args.iter().map(|a| (*a).to_owned()))
    }

    #[test]
    fn links_are_followed_and_options_are_none() {
        let start = Start {
            hidden: true,
            links: vec!["legato:bob@example.org".to_owned()],
        };
        assert_eq!(
            of(&["--hidden", "legato:bob@example.org"]),
            Args::Run(start)
        );
    }

    #[test]
    fn an_unknown_option_is_refused_with_words() {
        let Args::Answer { text, code } = of(&["--frobnicate"]) else {
            unreachable!("it is answered")
        };
        assert!(code == 2 && text.contains("--help"), "{text}");
    }

    #[test]
    fn keys_are_kept_only_when_asked() {
        assert_eq!(of(&["--uninstall"]), Args::Uninstall { keep_keys: false });
        assert_eq!(
            of(&["--uninstall", "--keep-keys"]),
            Args::Uninstall { keep_keys: true }
        );
    }
}
