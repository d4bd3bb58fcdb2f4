//! One TRACE line per message, with its kind and nothing else: contents may be secret.

use ntm_wire::message::{Message, MessageType};

/// Messages whose seal held.
pub(crate) fn opened(messages: &[Message]) {
    messages.iter().for_each(|m| opened_kind(m.kind()));
}

/// Messages on their way into a datagram.
pub(crate) fn sealed(messages: &[Message]) {
    messages.iter().for_each(|m| sealed_kind(m.kind()));
}

pub(crate) fn opened_kind(kind: MessageType) {
    tracing::trace!(?kind, "opened");
}

pub(crate) fn sealed_kind(kind: MessageType) {
    tracing::trace!(?kind, "sealed");
}
