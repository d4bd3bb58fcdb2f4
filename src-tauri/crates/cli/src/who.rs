//! Who came and who went, among the contacts who share presence.

use std::collections::BTreeMap;

use voice_app::contacts::{Contact, Presence};

/// What was shown last.
#[derive(Debug, Default)]
pub(crate) struct Who(BTreeMap<String, Presence>);

impl Who {
    /// A line for each who came or went.
    pub(crate) fn news(&mut self, contacts: &[Contact]) -> Vec<String> {
        contacts.iter().filter_map(|c| self.of(c)).collect()
    }

    fn of(&mut self, contact: &Contact) -> Option<String> {
        let now = contact.presence?;
        let before = self.0.insert(contact.name.clone(), now);
        match (before, now) {
            (Some(before), now) if before == now => None,
            (_, Presence::Online) => Some(format!("{} is online", contact.name)),
            (Some(Presence::Online), _) => Some(format!("{} went offline", contact.name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_is_told_once() {
        let bob = |presence| Contact {
            name: "bob@example.org".to_owned(),
            nick: String::new(),
            favourite: false,
            verified: false,
            presence,
        };
        let mut who = Who::default();
        assert!(who.news(&[bob(None)]).is_empty());
        assert!(who.news(&[bob(Some(Presence::Unknown))]).is_empty());
        let online = [bob(Some(Presence::Online))];
        assert_eq!(who.news(&online), ["bob@example.org is online"]);
        assert!(who.news(&online).is_empty());
        let offline = [bob(Some(Presence::Offline))];
        assert_eq!(who.news(&offline), ["bob@example.org went offline"]);
    }
}
