//! Random worlds: a seed is drawn into a [`Spec`], the spec is lived through, and the end is judged.
//!
//! What is demanded of every world:
//!
//! - no machine panics or spins;
//! - every resolution ends, within [`RESOLVE_LIMIT`](crate::app::RESOLVE_LIMIT) of virtual time, in peers
//!   or in an error by name; every call ends in an echo or in such an error;
//! - no two nodes have one virtual address, over all DCs.
//!
//! And of a *calm* one, where no server or node was restarted, cut off or moved, whatever its loss,
//! reordering and duplication:
//!
//! - a call to a device that is on and consents ends in an echo, under the rules of retry of
//!   [`app`](crate::app) and within its patience;
//! - any other call ends in the one error that fits;
//! - nothing was counted as forged;
//! - without loss, a pair that RFC 4787 lets meet is on a direct route in the end.

mod draw;
mod live;
mod report;
mod spec;
mod verdict;

pub use draw::draw;
pub use live::{Lived, live};
pub(crate) use report::panic_text;
pub use report::{CallReport, Report, Summary};
pub use spec::{CallSpec, Disturbance, NodeSpec, Quality, Spec, Target};
pub use verdict::judge;
