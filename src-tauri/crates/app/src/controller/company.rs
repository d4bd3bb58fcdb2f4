//! People beside calls: who is there, and what was written.

use std::collections::{BTreeMap, BTreeSet};

use ntm::wire::fqdn::Fqdn;
use voice_call::core::{Device, Presence, TextId, TextOutcome};

use super::{Controller, TEXTS, now};
use crate::contacts::Contact;
use crate::error::{AppError, Code};
use crate::view::{AppEvent, EndView, TextState, TextView};
use crate::{names, words};

/// What the controller remembers of it while it runs.
#[derive(Debug, Default)]
pub(super) struct Company {
    /// The telephone's numbers of texts on their way, and the numbers they are kept by.
    under_way: BTreeMap<TextId, u64>,
    /// The servers were lost, or the machine slept: others may have come and gone since.
    pub(super) was_away: bool,
    is_sharing: bool,
}

impl Controller {
    /// Presence is shared with the contacts, if it is at all.
    pub(super) fn share_presence(&mut self) {
        let is_sharing = self.parts.settings.presence;
        let was_sharing = std::mem::replace(&mut self.company.is_sharing, is_sharing);
        if !is_sharing && !was_sharing {
            return;
        }
        let own = &self.parts.profile.membership().domain;
        let contacts = self.parts.contacts.all().iter().filter(|_| is_sharing);
        let with: BTreeSet<Fqdn> = contacts
            .filter_map(|c| names::parse(&c.name, own).ok())
            .collect();
        self.parts.phone.share_presence(with);
        if !is_sharing {
            self.parts.presences.forget();
            self.tell_contacts();
        }
    }

    /// The servers know this device again: who is there now?
    pub(super) fn look_around(&mut self) {
        if std::mem::take(&mut self.company.was_away) {
            self.parts.phone.refresh_presence();
        }
    }

    pub(super) fn heard_of(&mut self, person: &Fqdn, told: Presence) {
        if !self.company.is_sharing {
            return;
        }
        let kept = self.parts.presences.handle(&names::person(person), told);
        kept.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
        self.tell_contacts();
    }

    pub(super) fn shown_contacts(&self) -> Vec<Contact> {
        let all = self.parts.contacts.all().iter();
        all.map(|c| self.parts.presences.of(c)).collect()
    }

    /// The contacts changed.
    pub(super) fn keep_contacts(&mut self) -> Result<(), AppError> {
        self.share_presence();
        self.tell_contacts();
        self.parts.contacts.save(&self.parts.profile)
    }

    fn tell_contacts(&self) {
        let contacts = self.shown_contacts();
        self.tell(AppEvent::Contacts { contacts });
    }

    pub(super) fn text(&mut self, name: &str, text: &str) -> Result<u64, AppError> {
        let known = self.parts.contacts.find(name).map(|c| c.name.clone());
        let own = &self.parts.profile.membership().domain;
        let name = names::parse(known.as_deref().unwrap_or(name), own)?;
        let sent = self.parts.phone.send_text(&name, text);
        let sent = sent.map_err(|e| AppError::new(Code::BadInput, e))?;
        let id = self.keep_text(names::person(&name), text.to_owned(), TextState::Sending);
        self.company.under_way.insert(sent, id);
        Ok(id)
    }

    pub(super) fn receive_text(&mut self, from: &Device, text: String) {
        let from = names::person(&from.account());
        self.keep_text(from.clone(), text.clone(), TextState::Received);
        self.tell(AppEvent::Text { from, text });
    }

    pub(super) fn text_done(&mut self, text: TextId, outcome: &TextOutcome) {
        let Some(id) = self.company.under_way.remove(&text) else {
            return;
        };
        let (delivered, state) = match outcome {
            TextOutcome::Delivered { .. } => (true, TextState::Delivered),
            TextOutcome::Failed { .. } => (false, TextState::Failed),
        };
        let kept = self.parts.texts.set_state(id, state);
        kept.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
        self.tell_texts();
        let text = id;
        let why = self.why_not(id, outcome);
        self.tell(AppEvent::TextDone {
            text,
            delivered,
            why,
        });
    }

    fn why_not(&self, id: u64, outcome: &TextOutcome) -> Option<EndView> {
        let TextOutcome::Failed { reason } = outcome else {
            return None;
        };
        let with = self.parts.texts.get(id).map(|t| t.with.as_str());
        Some(EndView {
            reason: words::code(*reason),
            words: words::undelivered(*reason, with.unwrap_or_default()),
        })
    }

    pub(super) fn clear_texts(&mut self) -> Result<(), AppError> {
        self.company.under_way.clear();
        self.parts.texts.clear()?;
        self.tell_texts();
        Ok(())
    }

    fn keep_text(&mut self, with: String, text: String, state: TextState) -> u64 {
        let id = self.parts.texts.next_id();
        let kept = self.parts.texts.set(TextView {
            id,
            with,
            outgoing: state == TextState::Sending,
            text,
            at_ms: now(),
            state,
        });
        kept.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
        self.tell_texts();
        id
    }

    fn tell_texts(&self) {
        let texts = self.parts.texts.latest(TEXTS);
        self.tell(AppEvent::Texts { texts });
    }
}
