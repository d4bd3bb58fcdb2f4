//! [`Basic`]: what a message says of presence, in the words of PIDF (RFC 3863, 4.1.4) and without its XML.

/// The field.
pub const PRESENCE: &str = "X-Presence";

/// Whether the sender's device is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basic {
    /// It is, and can be called.
    Open,
    /// It goes.
    Closed,
}

impl Basic {
    /// Reads the field's value; an unknown word says nothing.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }

    /// The field's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}
