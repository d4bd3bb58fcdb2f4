//! The kinds of access network, and which way a tunnel between two of them must end (RFC 4787).
//!
//! The lab builds them of namespaces and the simulator of values; what theory says of a pair stands here,
//! once, and knows nothing of the programs that are held against it.

mod expectation;
mod network;
pub mod prediction;

pub use expectation::Expectation;
pub use network::{Facts, Filtering, Mapping, Network, UnknownNetwork, V4};
