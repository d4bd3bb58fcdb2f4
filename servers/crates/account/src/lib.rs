//! `ntm-account`: the Account Server that decides.
//!
//! A [`Registrar`] is told what the store holds ([`record`]) and what is asked, and says what to answer
//! and which [`Change`]s to make, all or none ([`Decided`]). People come with invitations and become
//! accounts with devices ([`registrar`]); servers come with enrolment tokens and become DCs and RSs
//! with address [`blocks`] and link keys. How often a source may try is [`limits`]'.
//!
//! This crate decides: no clock, no store, no HTTP, and no OPAQUE, whose hashing is slow.

pub mod blocks;
mod change;
pub mod limits;
pub mod name;
pub mod record;
mod refusal;
pub mod registrar;
mod voucher;

pub use change::{Change, Note};
pub use refusal::Refusal;
pub use registrar::{Decided, Policy, Registrar, Registration};
