//! Negotiation (paper A, III.A): registration, name resolution, tunnel set-up.

pub(crate) mod authority;
pub(crate) mod bind;
pub(crate) mod candidates;
pub(crate) mod direction;
pub(crate) mod hello;
pub(crate) mod leg;
mod leg_ids;
pub(crate) mod measure;
pub(crate) mod punch;
pub(crate) mod reach;
pub(crate) mod registration;
pub(crate) mod rekey;
pub(crate) mod resolution;
pub(crate) mod retry;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod trust;
