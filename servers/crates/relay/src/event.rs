//! What the driver may want to log or act on.

use ntm_wire::key::ServerKey;

/// Something that a person who runs the server would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The link to this DC stands: it knows of this server.
    Linked {
        /// Which DC.
        dc: ServerKey,
    },
    /// This DC does not answer; tokens are honoured all the same, and the link is tried again.
    Unlinked {
        /// Which DC.
        dc: ServerKey,
    },
    /// No new legs are taken from now on: of this DC, or of none.
    Draining {
        /// The DC that ordered it; `None` when [`Relay::drain`](crate::Relay::drain) was called.
        dc: Option<ServerKey>,
    },
    /// The server was drained and its last leg is gone: it may stop.
    Drained,
}
