//! `sign-up` and `sign-in`.

use std::path::PathBuf;

use clap::Args;
use voice_app::account::{self, SignedIn};
use voice_app::{AppError, Code};

use crate::args::Context;
use crate::exit::Exit;
use crate::show;

/// Makes an account with an invitation, and this machine its first device.
///
/// The password is asked for; or it comes from --password-file, or from LEGATO_PASSWORD.
#[derive(Debug, Args)]
pub(crate) struct SignUp {
    /// The invitation: legato://invite/...
    invitation: String,
    /// What you want to be called: `alice`, or `alice@example.org`.
    account: String,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Makes this machine a device of an account that is there.
#[derive(Debug, Args)]
pub(crate) struct SignIn {
    /// The account: `alice@example.org`, or `alice` with --server.
    account: String,
    /// The server's link or https address, when the domain alone does not lead there.
    #[arg(long, value_name = "LINK")]
    server: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Args)]
struct DeviceArgs {
    /// What this device is called [default: the machine's name].
    #[arg(long = "device", value_name = "NAME")]
    name: Option<String>,
    /// A file whose first line is the password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl SignUp {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, AppError> {
        let password = self.device.password(true)?;
        let name = self.device.name.as_deref();
        let signed_in = account::sign_up(
            &context.folder,
            &self.invitation,
            &self.account,
            &password,
            name,
        );
        report(context, &signed_in.await?);
        Ok(Exit::Ok)
    }
}

impl SignIn {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, AppError> {
        let password = self.device.password(false)?;
        let (server, name) = (self.server.as_deref(), self.device.name.as_deref());
        let signed_in = account::sign_in(&context.folder, server, &self.account, &password, name);
        report(context, &signed_in.await?);
        Ok(Exit::Ok)
    }
}

impl DeviceArgs {
    fn password(&self, is_new: bool) -> Result<String, AppError> {
        if let Some(file) = &self.password_file {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|e| bad(format!("{}: {e}", file.display())))?;
            return Ok(text.lines().next().unwrap_or_default().to_owned());
        }
        if let Ok(password) = std::env::var("LEGATO_PASSWORD") {
            return Ok(password);
        }
        let password = ask("Password: ")?;
        if is_new && ask("Again: ")? != password {
            return Err(bad("the two passwords differ: try again"));
        }
        Ok(password)
    }
}

fn ask(what: &str) -> Result<String, AppError> {
    rpassword::prompt_password(what).map_err(|e| {
        bad(format!(
            "no terminal to ask for the password ({e}): use --password-file or LEGATO_PASSWORD"
        ))
    })
}

fn bad(what: impl ToString) -> AppError {
    AppError::new(Code::BadInput, what)
}

fn report(context: &Context, signed_in: &SignedIn) {
    show::line(
        context.json,
        &format!("signed in: this device is {}", signed_in.me),
    );
    if let Some(remark) = &signed_in.remark {
        show::note(&format!(
            "note: {remark}; the keys lie in a file, readable by you only"
        ));
    }
    show::json(
        context.json,
        &serde_json::json!({ "event": "signed_in", "me": signed_in.me }),
    );
}
