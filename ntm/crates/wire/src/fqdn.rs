//! Names: `<device>.<account>.<domain>`, and how people write them.

use core::fmt;
use core::str::FromStr;

use crate::codec::{Codec, Malformed, Reader, Writer};

/// No name in a message or certificate is longer: with two names of this length the largest messages
/// still fit a control datagram (the sizes are tested). Longer names exist in the DNS only.
pub const MAX_NAME: usize = 128;

/// A fully qualified domain name: lower case, without the final dot, at most 253 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fqdn(Box<str>);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FqdnError {
    /// Nothing, or fewer than two labels.
    #[error("a name needs at least two parts, as in alice.example.org or alice@example.org")]
    TooFewLabels,
    /// Longer than 253 bytes, or a label longer than 63.
    #[error("a name has at most 253 characters, and 63 between two dots")]
    TooLong,
    /// A character other than letters, digits and inner hyphens.
    #[error("a name is made of letters, digits and hyphens between dots")]
    BadCharacter,
}

impl Fqdn {
    /// Parses a name; `alice@example.org` means `alice.example.org`.
    pub fn parse(text: &str) -> Result<Self, FqdnError> {
        let text = text
            .strip_suffix('.')
            .unwrap_or(text)
            .replacen('@', ".", 1)
            .to_ascii_lowercase();
        if text.len() > 253 || text.split('.').any(|l| l.len() > 63) {
            return Err(FqdnError::TooLong);
        }
        if !text.split('.').all(is_label) {
            return Err(if text.is_empty() {
                FqdnError::TooFewLabels
            } else {
                FqdnError::BadCharacter
            });
        }
        if text.split('.').count() < 2 {
            return Err(FqdnError::TooFewLabels);
        }
        Ok(Self(text.into_boxed_str()))
    }

    /// This name under one more label, as a device under its account.
    pub fn child(&self, label: &str) -> Result<Self, FqdnError> {
        if label.contains(['.', '@']) {
            return Err(FqdnError::BadCharacter);
        }
        Self::parse(&format!("{label}.{}", self.0))
    }

    /// The name without its first label; `None` when two labels would not remain.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_once('.')?;
        rest.contains('.').then(|| Self(rest.into()))
    }

    /// This name and every name above it down to two labels, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        core::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Whether the name is `domain` or below it.
    pub fn is_under(&self, domain: &Self) -> bool {
        self.0
            .strip_suffix(&*domain.0)
            .is_some_and(|head| head.is_empty() || head.ends_with('.'))
    }

    /// Whether the name is short enough for messages and certificates ([`MAX_NAME`]).
    pub fn fits_wire(&self) -> bool {
        self.0.len() <= MAX_NAME
    }

    /// The labels, first to last.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// The first label.
    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(legal)
}

impl FromStr for Fqdn {
    type Err = FqdnError;
    fn from_str(s: &str) -> Result<Self, FqdnError> {
        Self::parse(s)
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Codec for Fqdn {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let n = r.u8("name")?;
        let text = core::str::from_utf8(r.take(usize::from(n), "name")?)
            .map_err(|_| Malformed::Invalid("name"))?;
        let name = Self::parse(text).map_err(|_| Malformed::Invalid("name"))?;
        // One form only: what parses after folding case or '@' would have two.
        if name.as_str() == text && name.fits_wire() {
            Ok(name)
        } else {
            Err(Malformed::Invalid("name"))
        }
    }
    fn write(&self, w: &mut Writer) {
        w.u8(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        w.put(self.0.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_and_a_host_name_mean_the_same() {
        assert_eq!(
            Fqdn::parse("Alice@Example.ORG."),
            Fqdn::parse("alice.example.org")
        );
    }

    #[test]
    fn a_name_is_under_its_domain_only_at_a_label_boundary() {
        let name = Fqdn::parse("phone.alice.example.org").unwrap();
        assert!(name.is_under(&Fqdn::parse("example.org").unwrap()));
        assert!(!name.is_under(&Fqdn::parse("ample.org").unwrap()));
    }

    #[test]
    fn bad_names_are_refused_each_with_its_reason() {
        for (text, why) in [
            ("", FqdnError::TooFewLabels),
            ("alice", FqdnError::TooFewLabels),
            ("-a.example.org", FqdnError::BadCharacter),
            ("a..org", FqdnError::BadCharacter),
            ("a_b.example.org", FqdnError::BadCharacter),
        ] {
            assert_eq!(Fqdn::parse(text), Err(why), "{text:?}");
        }
        assert_eq!(
            Fqdn::parse(&format!("{}.org", "a".repeat(64))),
            Err(FqdnError::TooLong)
        );
    }
}
