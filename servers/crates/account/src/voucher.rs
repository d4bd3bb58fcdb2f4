//! What the server hands out to be shown again, so that it keeps no state for people who have not
//! proved anything: sealed under a key of this process, with an end.

use core::time::Duration;

use ntm_wire::codec::Reader;
use ntm_wire::key::SecretKey;
use ntm_wire::seal::{SALT_LEN, open_salted, seal_salted};
use ntm_wire::time::Wall;

/// For what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The state between the halves of a sign-in.
    SignIn,
    /// The right to add a device.
    Grant,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::SignIn => "ntm sign-in state",
            Self::Grant => "ntm device grant",
        }
    }

    fn lifetime(self) -> Duration {
        match self {
            // Argon2 on a slow phone, and a bad line.
            Self::SignIn => Duration::from_secs(60),
            Self::Grant => Duration::from_secs(300),
        }
    }
}

pub(crate) fn seal(
    key: &SecretKey,
    purpose: Purpose,
    now: Wall,
    salt: [u8; SALT_LEN],
    content: &[u8],
) -> Vec<u8> {
    let end = now + purpose.lifetime();
    let mut body = end.as_millis().to_be_bytes().to_vec();
    body.extend_from_slice(content);
    seal_salted(key, purpose.label(), salt, &[], &body)
}

pub(crate) fn open(key: &SecretKey, purpose: Purpose, now: Wall, sealed: &[u8]) -> Option<Vec<u8>> {
    let body = open_salted(key, purpose.label(), &[], sealed).ok()?;
    let mut r = Reader::new(&body);
    let end = Wall::from_millis(r.u64("end").ok()?);
    (now <= end).then(|| r.rest().to_vec())
}
