//! The ticket: what the AS tells a DC about a node, carried by the node, sealed for that DC.

use crate::certificate::IdentityCertificate;
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::kdf::derive;
use crate::key::SecretKey;
use crate::seal::{SALT_LEN, open_salted, seal_salted};
use crate::time::Wall;

/// A ticket lives this long; nodes renew it at half that.
pub const TICKET_LIFETIME: core::time::Duration = core::time::Duration::from_secs(7 * 86_400);

/// A ticket's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Seals node <-> DC messages, by way of derived keys only.
    pub node_key: SecretKey,
    /// When the AS made the ticket.
    pub issued: Wall,
    /// When it ends.
    pub expires: Wall,
    /// Who the node is; the DC hands this to peers.
    pub certificate: IdentityCertificate,
}

/// Why a ticket does not open, or is not good any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Altered, or sealed for another DC.
    #[error("the ticket was not made for this coordinator")]
    NotForUs,
    /// Past its end.
    #[error("the ticket has expired: sign in again")]
    Expired,
    /// From the future: one of the clocks is wrong.
    #[error("the ticket is from the future: is the clock of this machine right?")]
    FromTheFuture,
}

/// A sealed ticket as it travels: opaque to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTicket(pub Vec<u8>);

/// No sealed ticket is longer.
pub const MAX_TICKET_LEN: usize = 700;

impl Ticket {
    /// Seals the ticket for the DC that shares `link` with the AS. `salt`: fresh random bytes.
    pub fn seal(&self, link: &SecretKey, salt: [u8; SALT_LEN]) -> SealedTicket {
        let day = self.issued.day().to_be_bytes();
        let mut sealed = day.to_vec();
        let key = derive(link, "ntm ticket day", &[&day]);
        sealed.extend(seal_salted(&key, "ntm ticket", salt, &day, &self.emit()));
        SealedTicket(sealed)
    }

    /// Opens a ticket sealed for this DC. Its time is not checked yet, so that a node with an expired
    /// ticket can be told so under its node key: [`Ticket::check_time`].
    pub fn open(sealed: &SealedTicket, link: &SecretKey) -> Result<Self, TicketError> {
        let (day, body) = sealed
            .0
            .split_first_chunk::<4>()
            .ok_or(TicketError::NotForUs)?;
        let key = derive(link, "ntm ticket day", &[day]);
        let content =
            open_salted(&key, "ntm ticket", day, body).map_err(|_| TicketError::NotForUs)?;
        Self::parse(&content).map_err(|_| TicketError::NotForUs)
    }

    /// Whether the ticket is good at `now`.
    pub fn check_time(&self, now: Wall) -> Result<(), TicketError> {
        if now > self.expires {
            return Err(TicketError::Expired);
        }
        let early = now + crate::certificate::CLOCK_SKEW < self.issued;
        if early {
            Err(TicketError::FromTheFuture)
        } else {
            Ok(())
        }
    }
}

impl Codec for Ticket {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            node_key: Codec::read(r)?,
            issued: Wall::from_millis(r.u64("issued")?),
            expires: Wall::from_millis(r.u64("expires")?),
            certificate: Codec::read(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.node_key.write(w);
        w.u64(self.issued.as_millis());
        w.u64(self.expires.as_millis());
        self.certificate.write(w);
    }
}

impl Codec for SealedTicket {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.bytes16(MAX_TICKET_LEN, "ticket")
            .map(|b| Self(b.to_vec()))
    }
    fn write(&self, w: &mut Writer) {
        w.bytes16(&self.0);
    }
}
