//! `ntm sign-in`: makes this machine a device of an account, new or old.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use ntm_wire::fqdn::Fqdn;
use serde_json::json;
use zeroize::Zeroizing;

use super::exit::Exit;
use super::failure::Failure;
use super::{Context, names};
use crate::account::{self, Device, Invitation, ServerRef};
use crate::keystore::{Choice, Place};
use crate::profile::{Profile, safety_number};

/// Makes this machine a device of an account.
///
/// With an invitation the account is made, and this is its first device. Without, the account exists.
/// The password is asked for; or it comes from --password-file, or from NTM_PASSWORD.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ntm sign-in --invite legato://invite/... alice\n  ntm sign-in alice@example.org\n  ntm sign-in --server legato://server/... alice"
)]
pub(super) struct SignIn {
    /// The account: `alice`, or `alice@example.org`.
    account: String,
    /// An invitation: makes the account.
    #[arg(long, value_name = "LINK")]
    invite: Option<String>,
    /// The server's link or https address, when the domain alone does not lead there.
    #[arg(long, value_name = "LINK", conflicts_with = "invite")]
    server: Option<String>,
    /// Makes the account, on a server where anybody may.
    #[arg(long, conflicts_with = "invite")]
    new: bool,
    /// What this device is called [default: the machine's name].
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// A file whose first line is the password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl SignIn {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        // Before anything is made on a server that could not be kept here.
        Profile::prepare(&context.folder)?;
        let choice = Choice::from_env()?;
        let password = self.password()?;
        let device = self.ask_server(&password).await?;
        let (profile, fallback) =
            Profile::create(&context.folder, device.membership, device.secrets, choice)?;
        if let Some(why) = fallback {
            context.out.note(format!(
                "note: {why}\nnote: the keys lie in a file in {}, readable by you only",
                context.folder.display()
            ));
        }
        report(context, &profile);
        Ok(Exit::Ok)
    }

    async fn ask_server(&self, password: &str) -> Result<Device, Failure> {
        let device = self
            .device
            .clone()
            .unwrap_or_else(account::default_device_name);
        if let Some(link) = &self.invite {
            let invitation: Invitation = link
                .parse()
                .map_err(|e| Failure::new(Exit::BadArguments, e))?;
            let local = local_part(&self.account, &invitation.server.domain)?;
            return Ok(account::sign_up(&invitation, local, password, &device).await?);
        }
        let server = self.server()?;
        let local = local_part(&self.account, &server.domain)?;
        if self.new {
            Ok(account::sign_up_open(&server, local, password, &device).await?)
        } else {
            Ok(account::sign_in(&server, local, password, &device).await?)
        }
    }

    fn server(&self) -> Result<ServerRef, Failure> {
        let bad = |e: &dyn std::fmt::Display| Failure::new(Exit::BadArguments, e);
        match &self.server {
            Some(link) if link.starts_with("https://") => Ok(ServerRef {
                url: link.clone(),
                domain: self.domain()?,
                pin: None,
            }),
            Some(link) => link.parse().map_err(|e| bad(&e)),
            None => Ok(ServerRef::of_domain(self.domain()?)),
        }
    }

    fn domain(&self) -> Result<Fqdn, Failure> {
        let (_, domain) = self.account.split_once('@').ok_or_else(|| {
            Failure::new(
                Exit::BadArguments,
                format!(
                    "{}: of which server? Write name@domain, or pass --server or --invite",
                    self.account
                ),
            )
        })?;
        Fqdn::parse(domain).map_err(|e| Failure::new(Exit::BadArguments, e).about(domain))
    }

    fn password(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = &self.password_file {
            let text = std::fs::read_to_string(file).map(Zeroizing::new);
            let text = text.map_err(|e| {
                Failure::new(Exit::BadArguments, e).about(&file.display().to_string())
            })?;
            return Ok(Zeroizing::new(
                text.lines().next().unwrap_or_default().to_owned(),
            ));
        }
        if let Ok(password) = std::env::var("NTM_PASSWORD") {
            return Ok(Zeroizing::new(password));
        }
        let makes_account = self.invite.is_some() || self.new;
        let password = prompt("Password: ")?;
        if makes_account && *prompt("Again: ")? != *password {
            return Err(Failure::new(
                Exit::BadArguments,
                "the two passwords differ: try again",
            ));
        }
        Ok(password)
    }
}

fn prompt(what: &str) -> Result<Zeroizing<String>, Failure> {
    let _ = std::io::stderr().flush();
    let no_terminal = |e| {
        Failure::new(
            Exit::BadArguments,
            format!(
                "no terminal to ask for the password ({e}): use --password-file or NTM_PASSWORD"
            ),
        )
    };
    rpassword::prompt_password(what)
        .map(Zeroizing::new)
        .map_err(no_terminal)
}

/// `alice` of `alice` or `alice@<the server's domain>`.
fn local_part<'a>(account: &'a str, domain: &Fqdn) -> Result<&'a str, Failure> {
    match account.split_once('@') {
        Some((local, at)) if at.eq_ignore_ascii_case(domain.as_str()) => Ok(local),
        Some((_, at)) => Err(Failure::new(
            Exit::BadArguments,
            format!("this server is for {domain}, not for {at}"),
        )),
        None => Ok(account),
    }
}

fn report(context: &Context, profile: &Profile) {
    let certificate = &profile.membership().certificate;
    let keys = if profile.place() == Place::Keyring {
        "keyring"
    } else {
        "file"
    };
    context.out.line(format!(
        "signed in: this device is {}",
        names::device(&certificate.fqdn)
    ));
    context.out.line(format!(
        "safety number of the account: {}",
        safety_number(&certificate.root)
    ));
    context.out.json(&json!({
        "device": certificate.fqdn.to_string(),
        "account": certificate.account().map(|a| a.to_string()),
        "safety_number": safety_number(&certificate.root),
        "keys": keys,
    }));
}
