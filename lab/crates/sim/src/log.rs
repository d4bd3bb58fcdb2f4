//! Listens to what the machines log, so that it becomes part of the trace.
//!
//! The machines log at TRACE each message they open and seal, with its kind and nothing else. So a
//! trace says which datagram carried which message, though nobody on the wire could.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use ntm_wire::time::Mono;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::net::HostId;

/// What the machines said since the world last listened.
#[derive(Clone, Debug, Default)]
pub struct LogBuffer(Arc<Mutex<Vec<Said>>>);

/// One line of a machine's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How loud.
    pub level: Level,
    /// The message.
    pub text: String,
    /// The kind of message opened or sealed.
    pub kind: Option<String>,
    /// All other fields, as `name=value`.
    pub fields: String,
}

/// A message that a host opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// When.
    pub at: Mono,
    /// Who opened it.
    pub host: HostId,
    /// The datagram that carried it.
    pub datagram: u64,
    /// Which message, as in `MessageType`.
    pub kind: String,
}

impl LogBuffer {
    /// A subscriber that writes here; see [`tracing::subscriber::with_default`].
    pub fn subscriber(&self) -> impl Subscriber + use<> {
        Listener(self.clone())
    }

    /// Takes what was said.
    pub fn take(&self) -> Vec<Said> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Listener(LogBuffer);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ntm_")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut said = Said {
            level: *event.metadata().level(),
            text: String::new(),
            kind: None,
            fields: String::new(),
        };
        event.record(&mut said);
        let mut buffer = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.push(said);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn core::fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.text, "{value:?}"),
            "kind" => {
                self.kind = Some(format!("{value:?}"));
                Ok(())
            }
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl core::fmt::Display for Said {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.level, self.text)?;
        if let Some(kind) = &self.kind {
            write!(f, " {kind}")?;
        }
        f.write_str(&self.fields)
    }
}
