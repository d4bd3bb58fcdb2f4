//! `ntm devices`: the account's devices, and taking one's right away.

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::{Context, names};
use crate::account::Session;
use crate::profile::Profile;

/// Lists the devices of this account; revokes a lost one.
#[derive(Debug, Args)]
pub(super) struct Devices {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists them.
    List,
    /// Takes a device's right away: it registers no more.
    Revoke {
        /// The device's name: `phone`.
        device: String,
    },
}

impl Devices {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        let session = Session::new(&profile)?;
        if let Some(What::Revoke { device }) = &self.what {
            session.revoke(device).await?;
            context.out.line(format!("{device} is revoked"));
            context.out.json(&json!({ "revoked": device }));
            return Ok(Exit::Ok);
        }
        let devices = session.devices().await?;
        for device in &devices {
            let here = if device.this { "   (this one)" } else { "" };
            context.out.line(format!("{}{here}", device.name));
        }
        let server = session.server().to_string();
        context.out.line(another(&profile, &server));
        let answer = json!({ "devices": devices, "server": server });
        context.out.json(&answer);
        Ok(Exit::Ok)
    }
}

/// How to make one more machine a device: with the link, no name service and no public certificate
/// is needed to find and believe the server.
fn another(profile: &Profile, server: &str) -> String {
    let device = &profile.membership().certificate.fqdn;
    let account = device.parent().unwrap_or_else(|| device.clone());
    let account = names::account(&account);
    format!("\nanother device: ntm sign-in --server {server} {account}")
}
