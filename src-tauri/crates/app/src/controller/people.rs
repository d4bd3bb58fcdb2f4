//! Contacts, past calls and the push-to-talk key: small things that a window asks.

use super::{Controller, HISTORY};
use crate::contacts::Contact;
use crate::error::AppError;
use crate::view::{AppEvent, CallView};

impl Controller {
    pub(super) fn set_contact(&mut self, contact: Contact) -> Result<(), AppError> {
        self.parts.contacts.set(contact);
        self.keep_contacts()
    }

    pub(super) fn remove_contact(&mut self, name: &str) -> Result<(), AppError> {
        self.parts.contacts.remove(name)?;
        self.keep_contacts()
    }

    pub(super) fn clear_history(&mut self) -> Result<(), AppError> {
        self.parts.history.clear()?;
        self.tell_history();
        Ok(())
    }

    pub(super) fn mark_missed_seen(&mut self) -> Result<(), AppError> {
        if self.parts.history.mark_seen()? {
            self.tell_history();
        }
        Ok(())
    }

    pub(super) fn tell_history(&self) {
        let history = self.parts.history.latest(HISTORY);
        self.tell(AppEvent::History { history });
    }

    pub(super) fn push_to_talk(&mut self, down: bool) {
        if self.parts.settings.push_to_talk {
            self.mute(!down);
            self.tell(AppEvent::Ptt { down });
        }
    }

    pub(super) fn shown_calls(&self) -> Vec<CallView> {
        let mut all = self.calls.all();
        all.iter_mut().for_each(|c| c.muted = self.muted);
        all
    }
}
