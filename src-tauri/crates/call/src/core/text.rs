//! Texts (RFC 3428): a MESSAGE to each device of a person, and one word on what became of it.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;
use serde::Serialize;

use super::agent::{Agent, Ask, Want};
use super::crowd::Crowd;
use super::transaction::{LINGER, Purpose};
use super::{Device, EndReason, Event};
use crate::sip::{Method, Outgoing, Request};

/// Bytes of one text at most: with names of the greatest length the datagram still fits the overlay.
pub const MAX_TEXT: usize = 600;
const KIND: &str = "text/plain;charset=UTF-8";

/// A text of this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TextId(pub u64);

/// Why a text is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing to send.
    #[error("the text is empty")]
    Empty,
    /// More than one datagram holds.
    #[error("a text has at most {MAX_TEXT} bytes: send it in parts")]
    TooLong,
}

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum TextOutcome {
    /// A device of the person took it.
    Delivered {
        /// The first that did.
        device: Device,
    },
    /// None did.
    Failed {
        /// Why.
        #[serde(flatten)]
        reason: EndReason,
    },
}

/// Texts under way, and how many came from whom.
#[derive(Debug, Default)]
pub(super) struct Texts {
    own: BTreeMap<TextId, Text>,
    others: Crowd,
}

#[derive(Debug)]
struct Text {
    name: Fqdn,
    body: String,
    waiting: usize,
    codes: Vec<u16>,
}

impl Agent {
    /// Sends a text to every device of a person that is reachable.
    pub fn send_text(&mut self, id: TextId, name: Fqdn, text: &str) -> Result<(), TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(TextError::TooLong);
        }
        let want = Want::Text(id);
        self.effects.asks.push_back(Ask {
            want,
            name: name.clone(),
        });
        let text = Text {
            name,
            body: text.to_owned(),
            waiting: 0,
            codes: Vec::new(),
        };
        self.texts.own.insert(id, text);
        Ok(())
    }

    pub(super) fn text_found(
        &mut self,
        now: Mono,
        id: TextId,
        found: Result<Vec<Device>, EndReason>,
    ) {
        let devices = match found {
            Ok(devices) if !devices.is_empty() => devices,
            Ok(_) => return self.text_done(id, failed(EndReason::Offline)),
            Err(reason) => return self.text_done(id, failed(reason)),
        };
        let Some(text) = self.texts.own.get_mut(&id) else {
            return;
        };
        text.waiting = devices.len();
        let (name, body) = (text.name.clone(), text.body.clone());
        let (call_id, tag) = (self.random.tag(), self.random.tag());
        for device in devices {
            let to = self.sip_of(&device);
            let message = Outgoing {
                method: Method::Message,
                body: Some((KIND, body.clone().into_bytes())),
                ..self.outgoing(&name, &call_id, &tag, to)
            };
            self.begin(now, message, to, Purpose::Text(id), Some(LINGER));
        }
    }

    /// A device answered, or did not within the time there is.
    pub(super) fn text_answered(&mut self, id: TextId, code: u16, device: Option<&Device>) {
        let Some(text) = self.texts.own.get_mut(&id) else {
            return;
        };
        if let Some(device) = device.filter(|_| code < 300) {
            let device = device.clone();
            return self.text_done(id, TextOutcome::Delivered { device });
        }
        text.waiting = text.waiting.saturating_sub(1);
        text.codes.push(code);
        if text.waiting == 0 {
            let reason = EndReason::of_codes(text.codes.iter().copied());
            self.text_done(id, failed(reason));
        }
    }

    fn text_done(&mut self, id: TextId, outcome: TextOutcome) {
        if self.texts.own.remove(&id).is_some() {
            let text = id;
            self.effects
                .events
                .push_back(Event::TextDone { text, outcome });
        }
    }

    pub(super) fn handle_message(
        &mut self,
        now: Mono,
        from: IpAddr,
        device: &Device,
        request: &Request,
    ) -> (u16, &'static str) {
        let limit = self.config.limits.texts_from_one;
        self.texts.others.note(now, from);
        if self.texts.others.is_over(now, from, limit) || self.is_full() {
            self.counters.refused += 1;
            return (503, "Too Many Texts");
        }
        if request.content.kind.as_deref() != Some("text/plain") {
            return (415, "Plain Text Only");
        }
        let Ok(text) = core::str::from_utf8(&request.content.body) else {
            return (400, "Not UTF-8");
        };
        self.effects.events.push_back(Event::Text {
            from: device.clone(),
            text: text.to_owned(),
        });
        (200, "OK")
    }
}

fn failed(reason: EndReason) -> TextOutcome {
    TextOutcome::Failed { reason }
}
