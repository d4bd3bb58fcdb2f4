//! What people wrote to each other.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TextView {
    /// Its number here.
    pub id: u64,
    /// With whom: `bob@example.org`.
    pub with: String,
    /// This device wrote it.
    pub outgoing: bool,
    /// What.
    pub text: String,
    /// When it was written, or came.
    pub at_ms: u64,
    /// Where it is.
    pub state: TextState,
}

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TextState {
    /// On its way.
    Sending,
    /// A device of theirs has it.
    Delivered,
    /// It did not arrive.
    Failed,
    /// It came from there.
    Received,
}
