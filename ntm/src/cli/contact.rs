//! `ntm contact`: the people who may learn this device's real addresses.

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::{Context, names};
use crate::profile::Profile;

/// People with whom direct routes are allowed; everybody else comes over a relay and learns no address.
#[derive(Debug, Args)]
pub(super) struct Contact {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Adds an account.
    Add {
        /// `bob` or `bob@example.org`.
        name: String,
    },
    /// Removes an account.
    Remove {
        /// `bob` or `bob@example.org`.
        name: String,
    },
    /// Lists them.
    List,
}

impl Contact {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let profile = Profile::open(&context.folder)?;
        let domain = &profile.membership().domain;
        let mut contacts = profile.contacts()?;
        match &self.what {
            What::Add { name } => {
                let account = names::parse(name, domain)?;
                contacts.retain(|c| *c != account);
                contacts.push(account);
                contacts.sort();
                profile.set_contacts(&contacts)?;
            }
            What::Remove { name } => {
                let account = names::parse(name, domain)?;
                let before = contacts.len();
                contacts.retain(|c| *c != account);
                if contacts.len() == before {
                    return Err(Failure::new(
                        Exit::UnknownName,
                        "not a contact: see `ntm contact list`",
                    )
                    .about(name));
                }
                profile.set_contacts(&contacts)?;
            }
            What::List => {}
        }
        contacts
            .iter()
            .for_each(|c| context.out.line(names::account(c)));
        if contacts.is_empty() {
            context
                .out
                .line("no contacts: everybody comes over a relay");
        }
        context.out.json(
            &json!({ "contacts": contacts.iter().map(ToString::to_string).collect::<Vec<_>>() }),
        );
        Ok(Exit::Ok)
    }
}
