//! Random moves in random worlds, an attacker in each of them: every tunnel recovers, and nobody is moved
//! but by its peer.

mod act;
mod attacker;
mod draw;
mod ground;
mod judge;
mod live;
mod spec;
mod tally;

pub use attacker::Powers;
pub use draw::{MOVES, draw};
pub use live::{Endless, Report, Wrong};
pub use spec::{EndSpec, Kind, MoveSpec, Spec, Trouble};
pub use tally::{Done, Row, Tally, quantile};
