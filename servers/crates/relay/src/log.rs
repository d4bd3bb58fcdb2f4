//! One TRACE line per message, with its kind and nothing else: contents may be secret.

use ntm_wire::codec::Malformed;
use ntm_wire::message::{Message, Messages, emit_all};

/// The messages of a content whose seal held.
pub(crate) fn opened(content: &[u8]) -> Result<Vec<Message>, Malformed> {
    let messages = Messages::parse_all(content)?;
    for message in &messages {
        tracing::trace!(kind = ?message.kind(), "opened");
    }
    Ok(messages)
}

/// The content that is about to be sealed.
pub(crate) fn sealed(messages: &[Message]) -> Vec<u8> {
    for message in messages {
        tracing::trace!(kind = ?message.kind(), "sealed");
    }
    emit_all(messages)
}
