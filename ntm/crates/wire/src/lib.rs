//! `ntm-wire`: bytes to meaning and back.
//!
//! A datagram begins with an outer [`header`], fixed once for all, that says what it is and which key
//! opens it. Behind it everything is sealed ([`seal`], [`noise`]). Inside are [`message`]s, one file
//! each, or a data packet. What a datagram may carry beside: a [`ticket`] from the Account Server, a
//! [`token`] for a Relay Server, an identity [`certificate`]. How a node is woken that sleeps: [`push`] and
//! [`wake`].
//!
//! Wire types come in two layers: a checked view over bytes ([`header::Datagram`], [`message::Messages`])
//! and values that can only be valid. Every byte is read and written by the plain cursors of [`codec`].
//!
//! This crate decides: no clock, no socket, no random number of its own; [`time`] is an argument, as
//! are seeds and salts.

pub mod addr;
pub mod authority;
pub mod certificate;
pub mod codec;
pub mod fqdn;
pub mod header;
pub mod id;
pub mod kdf;
pub mod key;
pub mod message;
pub mod noise;
pub mod path_id;
pub mod push;
pub mod replay;
pub mod seal;
pub mod ticket;
pub mod time;
pub mod token;
pub mod transmit;
pub mod wake;
