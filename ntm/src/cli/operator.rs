//! `ntm operator`: servers of other people's, whose accounts can be called.

use clap::{Args, Subcommand};
use ntm_account_api::invitation::ServerRef;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::AuthorityKey;
use serde_json::{Value, json};

use super::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::hex;
use crate::operators::{Operator, OperatorError};
use crate::profile::Profile;

/// Operators of other servers, and the keys their accounts are known by. One whose domain has a public
/// certificate is found at the first call; others are made known here.
#[derive(Debug, Args)]
#[command(name = "operator")]
pub(super) struct OperatorCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Makes an operator known, and fetches and pins its key.
    Add {
        /// Its server link (`ntm devices` shows it there), or its domain.
        #[arg(value_name = "LINK|DOMAIN")]
        who: String,
        /// Pin this key, in hexadecimal, and ask nobody (`ntm-server peer` prints it).
        #[arg(long, value_name = "KEY", conflicts_with = "later")]
        key: Option<String>,
        /// Ask for the key at the first call: the server is not reached from here now.
        #[arg(long)]
        later: bool,
    },
    /// Forgets an operator and its key.
    Forget {
        /// Its domain.
        domain: String,
    },
    /// Lists them.
    List,
}

impl OperatorCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        match self.what {
            What::Add { who, key, later } => {
                let operator = introduced(&profile, &who, key.as_deref())?;
                profile.set_operator(&completed(operator, later).await?)?;
            }
            What::Forget { domain } => forget(&profile, &domain)?,
            What::List => {}
        }
        list(context, &profile)
    }
}

/// What the words say, on top of what is known.
fn introduced(profile: &Profile, who: &str, key: Option<&str>) -> Result<Operator, Failure> {
    let mut operator = match who.parse::<ServerRef>() {
        Ok(server) => Operator {
            domain: server.domain.clone(),
            key: None,
            server: Some(server),
        },
        Err(_) if !who.contains("//") => Operator::at(domain_of(who)?),
        Err(error) => return Err(Failure::new(Exit::BadArguments, error)),
    };
    if operator.domain == profile.membership().domain {
        return Err(OperatorError::Home(operator.domain).into());
    }
    let known = profile.operators()?;
    let known = known.iter().find(|o| o.domain == operator.domain);
    operator.key = match key {
        Some(text) => Some(read_key(text)?),
        None => known.and_then(|o| o.key),
    };
    Ok(operator)
}

/// A pinned key stays, unless its server says that it has another, signed by it.
async fn completed(mut operator: Operator, later: bool) -> Result<Operator, Failure> {
    let is_pinned_by_hand = operator.key.is_some() && operator.server.is_none();
    if !later && !is_pinned_by_hand {
        operator.key = Some(operator.fetch_key().await?);
    }
    Ok(operator)
}

fn forget(profile: &Profile, domain: &str) -> Result<(), Failure> {
    if profile.forget_operator(&domain_of(domain)?)? {
        return Ok(());
    }
    let unknown = "no such operator: see `ntm operator list`";
    Err(Failure::new(Exit::UnknownName, unknown).about(domain))
}

fn list(context: &Context, profile: &Profile) -> Result<Exit, Failure> {
    let all = profile.operators()?;
    for operator in &all {
        let key = key_text(operator).unwrap_or_else(|| "key: at the first call".to_owned());
        context.out.line(format!("{}  {key}", operator.domain));
    }
    if all.is_empty() {
        context.out.line("no other operators yet");
    }
    let all: Vec<Value> = all.iter().map(as_json).collect();
    context.out.json(&json!({ "operators": all }));
    Ok(Exit::Ok)
}

fn as_json(operator: &Operator) -> Value {
    json!({
        "domain": operator.domain.to_string(),
        "key": key_text(operator),
        "server": operator.server.as_ref().map(ToString::to_string),
    })
}

fn key_text(operator: &Operator) -> Option<String> {
    operator.key.map(|k| hex::encode(&k.0))
}

fn domain_of(text: &str) -> Result<Fqdn, Failure> {
    Fqdn::parse(text).map_err(|e| Failure::new(Exit::BadArguments, e).about(text))
}

fn read_key(text: &str) -> Result<AuthorityKey, Failure> {
    let wrong = || Failure::new(Exit::BadArguments, "a key is 64 hexadecimal digits");
    hex::array(text).map(AuthorityKey).ok_or_else(wrong)
}
