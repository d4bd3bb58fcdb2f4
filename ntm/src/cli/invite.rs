//! `ntm invite`: the right to make an account, for somebody else.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::{Context, picture};
use crate::account::Session;
use crate::profile::Profile;

/// Makes an invitation: a link with which somebody makes an account on this server.
#[derive(Debug, Args)]
pub(super) struct Invite {
    /// How many accounts may be made with it.
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    uses: u32,
    /// Days until it ends.
    #[arg(long, default_value_t = 7, value_name = "DAYS")]
    days: u64,
}

impl Invite {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        let lifetime = Duration::from_secs(self.days.saturating_mul(86_400));
        let invitation = Session::new(&profile)?.invite(self.uses, lifetime).await?;
        context.out.line(invitation.to_string());
        context.out.json(&json!({ "invitation": invitation.to_string(), "uses": self.uses, "lifetime_s": lifetime.as_secs() }));
        if !context.out.is_json() {
            context.out.note(format!(
                "good for {}; whoever has it can use it: send it by a way you trust",
                picture::span(lifetime)
            ));
        }
        Ok(Exit::Ok)
    }
}
