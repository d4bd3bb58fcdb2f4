//! `verify`: two people compare their safety numbers, so that both know that nobody is between them.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use ntm::Profile;
use ntm::profile::safety_number;
use voice_app::contacts::{Contact, Contacts as People};
use voice_app::{AppError, Code, names};

use crate::args::Context;
use crate::contacts;
use crate::exit::Exit;
use crate::show;

/// Shows two safety numbers to compare with somebody by voice, and keeps that they were the same.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A contact.
    name: String,
    /// They were compared, and both were the same.
    #[arg(long)]
    yes: bool,
    /// They were not: takes the mark away.
    #[arg(long, conflicts_with = "yes")]
    no: bool,
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, AppError> {
        let profile = Profile::open(&context.folder)?;
        let mut people = People::load(&profile)?;
        let contact = contacts::find(&people, &profile, &self.name)?;
        let theirs = their_number(&profile, &contact.name)?;
        let mine = safety_number(&profile.membership().certificate.root);
        show::line(context.json, &format!("yours:  {mine}"));
        show::line(context.json, &format!("theirs: {theirs}"));
        let verified = match self.decided(context, &contact)? {
            Some(verified) => {
                keep(context, &profile, &mut people, &contact, verified)?;
                verified
            }
            None => contact.verified,
        };
        show::line(context.json, said(verified));
        show::json(
            context.json,
            &serde_json::json!({ "name": contact.name, "yours": mine, "theirs": theirs, "verified": verified }),
        );
        Ok(Exit::Ok)
    }

    /// What a person decided; nothing, when nobody was asked.
    fn decided(&self, context: &Context, contact: &Contact) -> Result<Option<bool>, AppError> {
        if self.yes || self.no {
            return Ok(Some(self.yes));
        }
        if context.json || !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        show::line(
            false,
            &format!(
                "Call {}. Each reads out \"yours\"; the other looks whether it is the same as \"theirs\".",
                contact.name
            ),
        );
        ask("Were both the same? [y/n, Enter: decide later] ")
    }
}

fn their_number(profile: &Profile, name: &str) -> Result<String, AppError> {
    let account = names::parse(name, &profile.membership().domain)?;
    let pins = profile.pins()?;
    let pin = pins.iter().find(|(known, _)| *known == account);
    pin.map(|(_, root)| safety_number(root)).ok_or_else(|| {
        let what = format!("{name} was never met from this device: call them once, then compare");
        AppError::new(Code::NoSuchContact, what)
    })
}

fn keep(
    context: &Context,
    profile: &Profile,
    people: &mut People,
    contact: &Contact,
    verified: bool,
) -> Result<(), AppError> {
    let _lock = Profile::lock(&context.folder)?;
    people.set(Contact {
        verified,
        ..contact.clone()
    });
    people.save(profile)
}

fn ask(what: &str) -> Result<Option<bool>, AppError> {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{what}");
    let _ = out.flush();
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.map_err(|e| AppError::new(Code::System, e))?;
    Ok(answer(&line))
}

fn answer(line: &str) -> Option<bool> {
    match line.trim().chars().next() {
        Some('y' | 'Y') => Some(true),
        Some('n' | 'N') => Some(false),
        _ => None,
    }
}

fn said(verified: bool) -> &'static str {
    if verified {
        "verified"
    } else {
        "not verified: if the numbers differ, somebody may be between you; don't tell secrets"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_verifies() {
        assert_eq!(answer("yes\n"), Some(true));
        assert_eq!(answer("n\n"), Some(false));
        assert_eq!(answer("\n"), None);
        assert_eq!(answer("maybe\n"), None);
    }
}
