//! Handover: the paths of a tunnel, which of them lives, and which one is used.

pub(crate) mod path;
pub(crate) mod paths;
pub(crate) mod pulse;
