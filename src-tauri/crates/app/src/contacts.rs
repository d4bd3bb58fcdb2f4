//! The people one knows. They may reach this device directly and learn its real addresses; others only by a
//! relay (the protocol's rule 11).

use ntm::profile::Profile;
use ntm::wire::fqdn::Fqdn;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::error::{AppError, Code};
use crate::{names, store};

const FILE: &str = "people.json";
/// So many fit on the screen of whoever dials.
const COMPLETIONS: usize = 8;

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Contact {
    /// `bob@example.org`.
    pub name: String,
    /// What this person is called here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[ts(optional, as = "Option<String>")]
    pub nick: String,
    /// Shown before the others.
    #[serde(default)]
    pub favourite: bool,
    /// The two safety numbers were compared, and are the same.
    #[serde(default)]
    pub verified: bool,
    /// Whether a device of theirs is there; never kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub presence: Option<Presence>,
}

/// Whether somebody can be called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// A device of theirs is on the air.
    Online,
    /// None is.
    Offline,
    /// Nobody says.
    Unknown,
}

/// Everybody, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contacts(Vec<Contact>);

impl Contacts {
    /// Of the profile; what `ntm contact` knows is there too.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub fn load(profile: &Profile) -> Result<Self, AppError> {
        let mut all: Self = store::read(profile.folder(), FILE)?.unwrap_or_default();
        for account in profile.contacts()? {
            all.put(Contact::plain(&account));
        }
        all.sort();
        Ok(all)
    }

    /// Keeps them, here and where the node reads who may reach it directly.
    ///
    /// # Errors
    /// [`Code::Storage`], [`Code::DiskFull`].
    pub fn save(&self, profile: &Profile) -> Result<(), AppError> {
        store::write(profile.folder(), FILE, self)?;
        let own = &profile.membership().domain;
        let accounts = self
            .0
            .iter()
            .filter_map(|c| names::parse(&c.name, own).ok());
        Ok(profile.set_contacts(&accounts.collect::<Vec<_>>())?)
    }

    /// All of them.
    pub fn all(&self) -> &[Contact] {
        &self.0
    }

    /// Adds or changes one.
    pub fn set(&mut self, contact: Contact) {
        self.0.retain(|c| c.name != contact.name);
        self.0.push(contact);
        self.sort();
    }

    /// Takes one out.
    ///
    /// # Errors
    /// [`Code::NoSuchContact`].
    pub fn remove(&mut self, name: &str) -> Result<(), AppError> {
        let before = self.0.len();
        self.0.retain(|c| c.name != name);
        if self.0.len() == before {
            let what = format!("{name} is not among your contacts");
            return Err(AppError::new(Code::NoSuchContact, what));
        }
        Ok(())
    }

    /// The one that is called so; the nickname counts as a name.
    pub fn find(&self, text: &str) -> Option<&Contact> {
        let text = text.trim();
        let is_it = |c: &&Contact| {
            c.name == text || (!c.nick.is_empty() && c.nick.eq_ignore_ascii_case(text))
        };
        self.0.iter().find(is_it)
    }

    /// Whom somebody who has typed so much may mean: names that begin so first, then those that hold it.
    pub fn complete(&self, typed: &str) -> Vec<&Contact> {
        let typed = typed.trim().to_lowercase();
        let rank = |c: &Contact| {
            let all = [c.name.to_lowercase(), c.nick.to_lowercase()];
            let begins = all.iter().any(|n| n.starts_with(&typed));
            let holds = all.iter().any(|n| n.contains(&typed));
            holds.then_some((!begins, !c.favourite))
        };
        let mut found: Vec<_> = self.0.iter().filter_map(|c| Some((rank(c)?, c))).collect();
        found.sort_by_key(|(rank, _)| *rank);
        found
            .into_iter()
            .map(|(_, c)| c)
            .take(COMPLETIONS)
            .collect()
    }

    fn put(&mut self, contact: Contact) {
        if !self.0.iter().any(|c| c.name == contact.name) {
            self.0.push(contact);
        }
    }

    fn sort(&mut self) {
        self.0
            .sort_by(|a, b| (!a.favourite, &a.name).cmp(&(!b.favourite, &b.name)));
    }
}

impl Contact {
    /// Somebody without a nickname.
    pub fn plain(account: &Fqdn) -> Self {
        Self {
            name: names::person(account),
            nick: String::new(),
            favourite: false,
            verified: false,
            presence: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(names: &[(&str, &str, bool)]) -> Contacts {
        let mut all = Contacts::default();
        for (name, nick, favourite) in names {
            all.set(Contact {
                name: (*name).to_owned(),
                nick: (*nick).to_owned(),
                favourite: *favourite,
                verified: false,
                presence: None,
            });
        }
        all
    }

    #[test]
    fn who_types_finds_names_that_begin_so_before_those_that_hold_it() {
        let all = people(&[
            ("bob@example.org", "", false),
            ("jacob@example.org", "", true),
            ("carol@example.org", "Bobby", false),
        ]);
        let found = |typed| -> Vec<&str> { all.complete(typed).iter().map(|c| &*c.name).collect() };
        assert_eq!(found("bo"), ["bob@example.org", "carol@example.org"]);
        assert_eq!(found("OB")[0], "jacob@example.org", "favourites first");
        assert!(found("z").is_empty());
    }

    #[test]
    fn a_nickname_is_a_name() {
        let all = people(&[("bob@example.org", "Dad", false)]);
        assert_eq!(all.find("dad").map(|c| &*c.name), Some("bob@example.org"));
        assert_eq!(all.find(""), None);
    }

    #[test]
    fn somebody_unknown_can_t_be_removed() {
        let mut all = people(&[("bob@example.org", "", false)]);
        assert_eq!(
            all.remove("eve@example.org").unwrap_err().code,
            "no-such-contact"
        );
        all.remove("bob@example.org").unwrap();
        assert!(all.all().is_empty());
    }
}
