//! Who of the contacts is there: what the telephone is told becomes what a person sees. Decides.
//!
//! That the overlay knows of no device says "offline" only of somebody who shared presence before: whoever did
//! not choose to be seen is unknown, there or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use voice_call::core::Presence as Told;

use crate::contacts::{Contact, Presence};
use crate::error::AppError;
use crate::store;

const FILE: &str = "presence.json";

/// What is known of people.
#[derive(Debug, Default)]
pub struct Presences {
    folder: PathBuf,
    /// Everybody who shared presence when last heard of.
    sharers: Vec<String>,
    shown: BTreeMap<String, Presence>,
}

impl Presences {
    /// Of the profile in this folder.
    ///
    /// # Errors
    /// [`Storage`](crate::Code::Storage).
    pub fn load(folder: &Path) -> Result<Self, AppError> {
        Ok(Self {
            folder: folder.to_owned(),
            sharers: store::read(folder, FILE)?.unwrap_or_default(),
            shown: BTreeMap::new(),
        })
    }

    /// The telephone was told something of `person` (`bob@example.org`).
    ///
    /// # Errors
    /// [`Storage`](crate::Code::Storage), [`DiskFull`](crate::Code::DiskFull); what is shown is right all the same.
    pub fn handle(&mut self, person: &str, told: Told) -> Result<(), AppError> {
        let shares = self.sharers.iter().any(|s| s == person);
        let presence = match told {
            Told::Open => Presence::Online,
            Told::Closed => Presence::Offline,
            Told::Absent if shares => Presence::Offline,
            Told::Absent | Told::Untold | Told::Unknown => Presence::Unknown,
        };
        self.shown.insert(person.to_owned(), presence);
        match told {
            Told::Open if !shares => self.sharers.push(person.to_owned()),
            Told::Untold if shares => self.sharers.retain(|s| s != person),
            Told::Open | Told::Closed | Told::Untold | Told::Absent | Told::Unknown => {
                return Ok(());
            }
        }
        store::write(&self.folder, FILE, &self.sharers)
    }

    /// Presence is shared with nobody any more: nothing is known.
    pub fn forget(&mut self) {
        self.shown.clear();
    }

    /// The contact as it is shown.
    pub fn of(&self, contact: &Contact) -> Contact {
        Contact {
            presence: self.shown.get(&contact.name).copied(),
            ..contact.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "bob@example.org";

    fn shown(presences: &Presences) -> Option<Presence> {
        let bob = Contact::plain(&ntm::wire::fqdn::Fqdn::parse("bob.example.org").unwrap());
        presences.of(&bob).presence
    }

    #[test]
    fn who_never_shared_presence_is_not_called_offline() {
        let folder = tempfile::tempdir().unwrap();
        let mut presences = Presences::load(folder.path()).unwrap();
        assert_eq!(shown(&presences), None, "nothing was asked");
        presences.handle(BOB, Told::Absent).unwrap();
        assert_eq!(shown(&presences), Some(Presence::Unknown));
    }

    #[test]
    fn who_shared_it_is_offline_when_absent_at_the_next_start_and_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut presences = Presences::load(folder.path()).unwrap();
        presences.handle(BOB, Told::Open).unwrap();
        assert_eq!(shown(&presences), Some(Presence::Online));
        let mut again = Presences::load(folder.path()).unwrap();
        again.handle(BOB, Told::Absent).unwrap();
        assert_eq!(shown(&again), Some(Presence::Offline));
        again.handle(BOB, Told::Untold).unwrap();
        assert_eq!(shown(&again), Some(Presence::Unknown));
        again.handle(BOB, Told::Absent).unwrap();
        assert_eq!(shown(&again), Some(Presence::Unknown));
    }

    #[test]
    fn when_it_is_shared_no_longer_nothing_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let mut presences = Presences::load(folder.path()).unwrap();
        presences.handle(BOB, Told::Open).unwrap();
        presences.forget();
        assert_eq!(shown(&presences), None);
    }
}
