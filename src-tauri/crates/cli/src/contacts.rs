//! `contacts`: the people one knows, and, among those who share it, who is there.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ntm::Profile;
use voice_app::contacts::{Contact, Contacts as People, Presence};
use voice_app::settings::Settings;
use voice_app::{AnswerRule, App, AppConfig, AppError, AppEvent, AppEvents, Code, names};

use crate::args::Context;
use crate::exit::Exit;
use crate::show;

/// Somebody who is there has answered by then, over a relay and with a packet lost.
const LOOK: Duration = Duration::from_secs(5);

/// Shows the people you know; adds one, or takes one out.
///
/// Where presence is shared, this device goes on the air for a few seconds and asks who is there.
#[derive(Debug, Args)]
pub(crate) struct Contacts {
    /// Adds somebody, or changes the nickname.
    #[arg(long, value_name = "NAME")]
    add: Option<String>,
    /// What this person is called here.
    #[arg(long, requires = "add", value_name = "NICKNAME")]
    nick: Option<String>,
    /// Takes somebody out.
    #[arg(long, value_name = "NAME", conflicts_with = "add")]
    remove: Option<String>,
    /// Whether contacts who want the same see that this device is there, and you see them.
    #[arg(long, value_name = "on|off")]
    presence: Option<OnOff>,
}

/// A choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnOff {
    On,
    Off,
}

impl Contacts {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, AppError> {
        let has_changed = self.change(context)?;
        let shares = Settings::load(&context.folder)?.presence;
        let mut all = People::load(&Profile::open(&context.folder)?)?
            .all()
            .to_vec();
        if shares && !has_changed && !all.is_empty() {
            all = match look(context).await {
                Ok(seen) => seen,
                Err(why) => {
                    show::note(&format!("who is there can't be seen: {}", why.message));
                    all
                }
            };
        }
        show::json(context.json, &serde_json::json!({ "contacts": all }));
        for contact in &all {
            show::line(context.json, &words(contact));
        }
        Ok(Exit::Ok)
    }

    /// Whether anything was to be changed.
    fn change(&self, context: &Context) -> Result<bool, AppError> {
        let profile = Profile::open(&context.folder)?;
        if self.add.is_none() && self.remove.is_none() && self.presence.is_none() {
            return Ok(false);
        }
        // A copy that runs has its own list, and would write over this one.
        let _lock = Profile::lock(&context.folder)?;
        if let Some(choice) = self.presence {
            let mut settings = Settings::load(&context.folder)?;
            settings.presence = choice == OnOff::On;
            settings.save(&context.folder)?;
        }
        let own = &profile.membership().domain;
        let mut people = People::load(&profile)?;
        if let Some(name) = &self.add {
            let plain = Contact::plain(&names::parse(name, own)?);
            let known = people.find(&plain.name).cloned().unwrap_or(plain);
            let nick = self.nick.clone().unwrap_or_default();
            people.set(Contact { nick, ..known });
        }
        if let Some(name) = &self.remove {
            people.remove(&names::person(&names::parse(name, own)?))?;
        }
        people.save(&profile)?;
        Ok(true)
    }
}

/// Goes on the air, and sees who is there.
async fn look(context: &Context) -> Result<Vec<Contact>, AppError> {
    let config = AppConfig {
        answer: AnswerRule::Busy,
        ..AppConfig::new(context.folder.clone())
    };
    let (app, mut events) = App::start(config).await?;
    // Nobody is waited for longer than that, and what is known by then is shown.
    let _ = tokio::time::timeout(LOOK, everybody(&mut events)).await;
    let seen = app.snapshot().await;
    app.stop().await;
    Ok(seen?.contacts)
}

/// Until something is known of each of them.
async fn everybody(events: &mut AppEvents) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match events.recv().await {
            Ok(AppEvent::Contacts { contacts })
                if contacts.iter().all(|c| c.presence.is_some()) =>
            {
                return;
            }
            Err(RecvError::Closed) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
    }
}

fn words(contact: &Contact) -> String {
    let nick = if contact.nick.is_empty() {
        String::new()
    } else {
        format!("  ({})", contact.nick)
    };
    let verified = if contact.verified { "  verified" } else { "" };
    let presence = contact.presence.map(presence).unwrap_or_default();
    format!("{}{nick}{verified}{presence}", contact.name)
}

fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "  online",
        Presence::Offline => "  offline",
        Presence::Unknown => "  unknown: nobody says",
    }
}

/// The contact of that name or nickname.
pub(crate) fn find(people: &People, profile: &Profile, name: &str) -> Result<Contact, AppError> {
    let own = &profile.membership().domain;
    let known = people.find(name).map(|c| c.name.clone());
    let full = match known {
        Some(known) => known,
        None => names::person(&names::parse(name, own)?),
    };
    people.find(&full).cloned().ok_or_else(|| {
        let what = format!("{full} is not among your contacts: legato-cli contacts --add {full}");
        AppError::new(Code::NoSuchContact, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_s_line_says_what_is_known_and_no_more() {
        let mut bob = Contact {
            name: "bob@example.org".to_owned(),
            nick: String::new(),
            favourite: false,
            verified: false,
            presence: None,
        };
        assert_eq!(words(&bob), "bob@example.org");
        bob.nick = "Bob".to_owned();
        bob.verified = true;
        bob.presence = Some(Presence::Offline);
        assert_eq!(words(&bob), "bob@example.org  (Bob)  verified  offline");
    }
}
