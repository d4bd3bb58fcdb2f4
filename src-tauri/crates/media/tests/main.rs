//! One test binary for the crate: calls in virtual time with a codec whose packets say what they hold.

mod hostile;
mod laws;
mod outages;
mod shadow;
