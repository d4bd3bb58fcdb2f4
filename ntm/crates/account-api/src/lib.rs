//! `ntm-account-api`: what is said to the Account Server over HTTPS.
//!
//! A person comes with an [`invitation`] and a password. The password itself is never said: both sides
//! speak OPAQUE (`opaque`, behind the feature of that name), and the account's root key travels only sealed under a key that OPAQUE
//! gives the person's device alone. What nodes ask and are answered is in [`node`]; what DCs and RSs
//! ask is in [`server`], what anybody may in [`well_known`]. Whatever goes wrong has a code and a sentence ([`error`]). Keys and names
//! inside JSON are written as [`text`] says.
//!
//! This crate decides: random numbers are an argument, and requests are sent by others.

pub mod error;
pub mod invitation;
pub mod node;
#[cfg(feature = "opaque")]
pub mod opaque;
pub mod server;
pub mod text;
pub mod well_known;
