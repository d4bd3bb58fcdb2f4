//! Handover: the paths of a tunnel, which of them lives, which one is used, and what a move does to them.

pub(crate) mod attachments;
pub(crate) mod doubt;
pub(crate) mod locals;
pub(crate) mod moves;
pub(crate) mod passage;
pub(crate) mod path;
pub(crate) mod paths;
mod peer_networks;
pub(crate) mod published;
pub(crate) mod pulse;
mod survey;
mod tally;
pub(crate) mod timeline;
pub(crate) mod whereabouts;
