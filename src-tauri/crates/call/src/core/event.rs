//! [`Event`]: what a person or a script is told. As JSON: `{"event": "incoming", "call": 3, ...}`.

use ntm::wire::fqdn::Fqdn;
use serde::{Serialize, Serializer};

use super::{CallId, Device, EndReason, Presence, TextId, TextOutcome};
use crate::sdp::Media;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Somebody calls: ring.
    Incoming {
        /// Which call.
        call: CallId,
        /// Who, as certified.
        from: Device,
    },
    /// The name led to devices, and each is being called.
    Calling {
        /// Which call.
        call: CallId,
        /// Who is called.
        #[serde(serialize_with = "as_person")]
        name: Fqdn,
        /// The devices that are reachable.
        devices: Vec<Device>,
    },
    /// A device rings: ring back. Told for the first one only.
    Ringing {
        /// Which call.
        call: CallId,
        /// Which device.
        device: Device,
    },
    /// It was answered: sound may flow.
    Answered {
        /// Which call.
        call: CallId,
        /// The other end.
        device: Device,
        /// What was agreed on.
        media: Media,
    },
    /// Who holds the line has changed; nobody does when both are false.
    Held {
        /// Which call.
        call: CallId,
        /// This device holds.
        here: bool,
        /// The other one holds.
        there: bool,
    },
    /// It is over; the first and last word of a call that failed.
    Ended {
        /// Which call.
        call: CallId,
        /// Why.
        #[serde(flatten)]
        reason: EndReason,
        /// The other end, if it came so far.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<Device>,
    },
    /// Somebody wrote.
    Text {
        /// Who, as certified.
        from: Device,
        /// What.
        text: String,
    },
    /// A text was delivered, or will not be.
    TextDone {
        /// Which.
        text: TextId,
        /// What became of it.
        #[serde(flatten)]
        outcome: TextOutcome,
    },
    /// Whether somebody is there, among those with whom presence is shared.
    Presence {
        /// Whose (the account).
        #[serde(serialize_with = "as_person")]
        person: Fqdn,
        /// What is known now.
        presence: Presence,
    },
}

fn as_person<S: Serializer>(name: &Fqdn, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::device::person(name))
}
