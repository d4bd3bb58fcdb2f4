//! `ntm-https` (acts): one HTTPS request, JSON in and out.
//!
//! A [`Client`] belongs to one server, known by the pin of its TLS key or, without a pin, by a
//! certificate that the public roots vouch for ([`tls`]). No redirects, no cookies, no cache; answers
//! are bounded in size and time.

mod client;
mod error;
mod public;
pub mod tls;
mod url;

pub use client::{Client, Limits};
pub use error::{HttpsError, Unreachable};
