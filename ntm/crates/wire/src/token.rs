//! Tokens a DC makes for an RS and hands to a node: so the RS keeps no state for strangers.

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::{PathId, RsId};
use crate::kdf::{derive, sha256};
use crate::key::SecretKey;
use crate::seal::{BadSeal, SALT_LEN, open_salted, seal_salted};
use crate::time::Wall;

/// A leg token lives this long, and is renewed while the tunnel lives.
pub const LEG_TOKEN_LIFETIME: core::time::Duration = core::time::Duration::from_secs(24 * 3600);

/// The right to bind one leg of one relayed path, or to measure the round trip to an RS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayToken {
    /// What the token allows.
    pub grant: Grant,
    /// The RS it is for.
    pub rs: RsId,
    /// Seals node <-> RS messages, by way of derived keys only.
    pub leg_key: SecretKey,
    /// Checked at the first bind only (rule 2).
    pub expires: Wall,
}

/// What a [`RelayToken`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Bind a leg: packets under `from_node` come from this leg and go to the other one, packets
    /// under `to_node` go to it.
    Leg {
        /// Path id of what this node sends.
        from_node: PathId,
        /// Path id of what this node receives.
        to_node: PathId,
        /// At most this much may be relayed from this leg, in kbit/s; 0: no limit.
        limit_kbps: u32,
    },
    /// Measure the round trip; the id is the selector of the answers.
    Measure {
        /// Selector of Leg packets to and from this node.
        id: u64,
    },
}

/// A sealed token as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedToken(pub Vec<u8>);

/// No sealed token is longer.
pub const MAX_TOKEN_LEN: usize = 160;

impl SealedToken {
    /// What a bind's HMAC covers instead of the token itself.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"ntm token", &self.0])
    }
}

impl RelayToken {
    /// Seals the token for the RS that shares `link` with the DC; `issued` picks the day's key and
    /// `key_id` says which link key it is, so that link keys can be rotated.
    pub fn seal(
        &self,
        link: &SecretKey,
        key_id: u32,
        issued: Wall,
        salt: [u8; SALT_LEN],
    ) -> SealedToken {
        let mut head = key_id.to_be_bytes().to_vec();
        head.extend(issued.day().to_be_bytes());
        let key = derive(link, "ntm token day", &[&head]);
        let sealed = seal_salted(&key, "ntm token", salt, &head, &self.emit());
        head.extend(sealed);
        SealedToken(head)
    }

    /// The link key's id, by which the RS finds the DC that made the token.
    pub fn key_id(sealed: &SealedToken) -> Option<u32> {
        sealed.0.first_chunk().map(|b| u32::from_be_bytes(*b))
    }

    /// Opens a token; the caller checks expiry and RS id.
    pub fn open(sealed: &SealedToken, link: &SecretKey) -> Result<Self, BadSeal> {
        let (head, body) = sealed.0.split_first_chunk::<8>().ok_or(BadSeal)?;
        let key = derive(link, "ntm token day", &[head]);
        let content = open_salted(&key, "ntm token", head, body)?;
        Self::parse(&content).map_err(|_| BadSeal)
    }
}

impl Codec for RelayToken {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let grant = match r.u8("grant")? {
            0 => Grant::Leg {
                from_node: Codec::read(r)?,
                to_node: Codec::read(r)?,
                limit_kbps: r.u32("limit")?,
            },
            1 => Grant::Measure {
                id: r.u64("measure id")?,
            },
            _ => return Err(Malformed::Invalid("grant")),
        };
        let (rs, leg_key) = (Codec::read(r)?, Codec::read(r)?);
        Ok(Self {
            grant,
            rs,
            leg_key,
            expires: Wall::from_millis(r.u64("expires")?),
        })
    }
    fn write(&self, w: &mut Writer) {
        match self.grant {
            Grant::Leg {
                from_node,
                to_node,
                limit_kbps,
            } => {
                w.u8(0);
                from_node.write(w);
                to_node.write(w);
                w.u32(limit_kbps);
            }
            Grant::Measure { id } => {
                w.u8(1);
                w.u64(id);
            }
        }
        self.rs.write(w);
        self.leg_key.write(w);
        w.u64(self.expires.as_millis());
    }
}

impl Codec for SealedToken {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.bytes16(MAX_TOKEN_LEN, "token").map(|b| Self(b.to_vec()))
    }
    fn write(&self, w: &mut Writer) {
        w.bytes16(&self.0);
    }
}
