//! `ntm sign-out`: this machine is no device any more.

use clap::Args;
use serde_json::json;

use super::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::account::Session;
use crate::profile::Profile;

/// Forgets this device: its keys here, and its right at the server.
#[derive(Debug, Args)]
pub(super) struct SignOut {
    /// Forget the keys here even if the server can't be told.
    #[arg(long)]
    offline: bool,
}

impl SignOut {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        let _lock = Profile::lock(&context.folder)?;
        let device = profile.membership().certificate.fqdn.clone();
        if !self.offline {
            let told = async { Session::new(&profile)?.revoke(device.first_label()).await };
            told.await.map_err(|e| {
                let mut failure = Failure::from(e);
                failure
                    .message
                    .push_str("; or pass --offline, and revoke the device from another one");
                failure
            })?;
        }
        profile.delete()?;
        context.out.line(format!(
            "signed out: {} is no device any more",
            super::names::device(&device)
        ));
        context
            .out
            .json(&json!({ "signed_out": device.to_string(), "server_told": !self.offline }));
        Ok(Exit::Ok)
    }
}
