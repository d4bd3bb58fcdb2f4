//! [`Method`]: what a request asks for.

use core::fmt;

/// The methods that are served, as they stand in an `Allow` field.
pub const ALLOW: &str = "INVITE,ACK,CANCEL,BYE,OPTIONS,MESSAGE,UPDATE";
/// No method is longer: it stands in answers.
const LONGEST: usize = 32;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Begins a call.
    Invite,
    /// Confirms the final answer to an INVITE.
    Ack,
    /// Takes an INVITE back that has no final answer yet.
    Cancel,
    /// Ends a call.
    Bye,
    /// Asks whether somebody (or a call) is there.
    Options,
    /// Carries a text (RFC 3428).
    Message,
    /// Changes a call that stands: hold and resume (RFC 3311).
    Update,
    /// Something that is not served.
    Other(String),
}

impl Method {
    /// Reads a method; upper and lower case differ (RFC 3261, 7.1).
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "CANCEL" => Self::Cancel,
            "BYE" => Self::Bye,
            "OPTIONS" => Self::Options,
            "MESSAGE" => Self::Message,
            "UPDATE" => Self::Update,
            other if super::field::is_token(other) && other.len() <= LONGEST => {
                Self::Other(other.to_owned())
            }
            _ => return None,
        })
    }

    /// The method as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Cancel => "CANCEL",
            Self::Bye => "BYE",
            Self::Options => "OPTIONS",
            Self::Message => "MESSAGE",
            Self::Update => "UPDATE",
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
