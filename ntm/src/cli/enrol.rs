//! `ntm enrol`: the right to join as a server, for administrators.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ntm_account_api::text::Text;
use ntm_wire::fqdn::Fqdn;
use serde_json::json;

use super::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::account::{ServerRole, Session};
use crate::profile::Profile;

/// Makes a token with which one coordinator or relay server joins; for administrators.
#[derive(Debug, Args)]
pub(super) struct Enrol {
    /// What joins.
    role: Role,
    /// The domains a coordinator serves [default: all of the account server's].
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<Fqdn>,
    /// The coordinators a relay server works for, by number [default: all].
    #[arg(long = "dc", value_name = "NUMBER")]
    dcs: Vec<u32>,
    /// Hours until the token ends.
    #[arg(long, default_value_t = 24, value_name = "HOURS")]
    hours: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// A coordinator.
    Dc,
    /// A relay server.
    Rs,
}

impl Enrol {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        let role = match self.role {
            Role::Dc => ServerRole::Dc {
                domains: self.domains.into_iter().map(Text).collect(),
            },
            Role::Rs => ServerRole::Rs { dcs: self.dcs },
        };
        let lifetime = Duration::from_secs(self.hours.saturating_mul(3600));
        let token = Session::new(&profile)?
            .enrolment(role, lifetime)
            .await?
            .to_string();
        context.out.line(&token);
        context
            .out
            .json(&json!({ "token": token, "lifetime_s": lifetime.as_secs() }));
        Ok(Exit::Ok)
    }
}
