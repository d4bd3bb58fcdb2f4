//! Bytes to meaning and back: the part of SIP (RFC 3261) that calls over the overlay need. Nothing here acts.

mod field;
mod incoming;
mod method;
mod outgoing;
mod presence;
mod uri;

pub(crate) use incoming::socket_address;
pub use incoming::{Content, Head, Message, Party, Request, Response, Unread, Via, parse};
pub use method::{ALLOW, Method};
pub use outgoing::{Outgoing, respond};
pub use presence::{Basic, PRESENCE};
pub use uri::Uri;

/// Nothing longer is read: the overlay carries 1,232 bytes, a gateway's network a little more.
pub const MAX_DATAGRAM: usize = 2048;
/// The port of SIP on the virtual network.
pub const PORT: u16 = 5060;
