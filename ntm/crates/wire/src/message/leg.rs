//! Leg Bind, its Response and Confirmation: node <-> RS (rule 2).

use crate::addr::RealAddr;
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::RsId;
use crate::kdf::hmac_sha256;
use crate::key::SecretKey;
use crate::token::SealedToken;

/// Binds a leg to the address the packet comes from; travels in a Bind packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegBind {
    /// The right to do so.
    pub token: SealedToken,
    /// Rises with every bind of the leg; the node's wall clock in milliseconds, or one more than the last.
    pub counter: u64,
    /// Which attachment of the node it comes from, as the node numbers them for this leg: with each the leg has other
    /// path ids ([`path_id::leg`](crate::path_id::leg)).
    pub attachment: u32,
    /// Whether the node sends over IPv6.
    pub is_ipv6: bool,
    /// [`LegBind::mac_of`] under the leg key.
    pub mac: [u8; 32],
}

impl LegBind {
    /// A bind with its HMAC.
    pub fn new(
        token: SealedToken,
        counter: u64,
        attachment: u32,
        is_ipv6: bool,
        rs: RsId,
        leg_key: &SecretKey,
    ) -> Self {
        let mut bind = Self {
            token,
            counter,
            attachment,
            is_ipv6,
            mac: [0; 32],
        };
        bind.mac = bind.mac_of(rs, leg_key);
        bind
    }

    /// HMAC-SHA256 under the leg key over token hash, counter, attachment, family and RS id.
    pub fn mac_of(&self, rs: RsId, leg_key: &SecretKey) -> [u8; 32] {
        let key = crate::kdf::derive(leg_key, "ntm leg bind", &[]);
        hmac_sha256(
            &key,
            &[
                &self.token.hash(),
                &self.counter.to_be_bytes(),
                &self.attachment.to_be_bytes(),
                &[u8::from(self.is_ipv6)],
                &rs.0.to_be_bytes(),
            ],
        )
    }

    /// Whether the HMAC is right, in constant time.
    pub fn is_authentic(&self, rs: RsId, leg_key: &SecretKey) -> bool {
        use subtle::ConstantTimeEq;
        self.mac_of(rs, leg_key).ct_eq(&self.mac).into()
    }
}

impl Codec for LegBind {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            token: Codec::read(r)?,
            counter: r.u64("bind counter")?,
            attachment: r.u32("attachment")?,
            is_ipv6: r.bool("family")?,
            mac: r.array("mac")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.token.write(w);
        w.u64(self.counter);
        w.u32(self.attachment);
        w.bool(self.is_ipv6);
        w.put(&self.mac);
    }
}

/// What became of a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BindStatus {
    /// The leg is bound; confirm with the cookie.
    Bound = 0,
    /// The counter is not above the highest known: try one above it.
    Stale = 1,
    /// No state, and the counter is further than 30 s from the RS's clock: use its time.
    ClockOff = 2,
    /// The token has expired.
    Expired = 3,
    /// The RS takes no new legs.
    Draining = 4,
}

/// RS -> node, in a Leg packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegBindResponse {
    /// What became of it.
    pub status: BindStatus,
    /// The bind's counter; for [`BindStatus::Stale`] the highest known.
    pub counter: u64,
    /// The RS's wall clock in milliseconds.
    pub rs_time_ms: u64,
    /// The address the bind came from.
    pub observed: RealAddr,
    /// Proves the address when it comes back.
    pub cookie: [u8; 16],
}

impl Codec for LegBindResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let status = match r.u8("bind status")? {
            0 => BindStatus::Bound,
            1 => BindStatus::Stale,
            2 => BindStatus::ClockOff,
            3 => BindStatus::Expired,
            4 => BindStatus::Draining,
            _ => return Err(Malformed::Invalid("bind status")),
        };
        Ok(Self {
            status,
            counter: r.u64("bind counter")?,
            rs_time_ms: r.u64("rs time")?,
            observed: Codec::read(r)?,
            cookie: r.array("cookie")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(self.status as u8);
        w.u64(self.counter);
        w.u64(self.rs_time_ms);
        self.observed.write(w);
        w.put(&self.cookie);
    }
}

/// Node -> RS, in a Leg packet: the address is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegBindConfirm {
    /// The bind's counter.
    pub counter: u64,
    /// From the response.
    pub cookie: [u8; 16],
}

impl Codec for LegBindConfirm {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            counter: r.u64("bind counter")?,
            cookie: r.array("cookie")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u64(self.counter);
        w.put(&self.cookie);
    }
}
