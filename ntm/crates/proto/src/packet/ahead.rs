//! Data that overtook the handshake: the callee's first packets come straight, while its answer takes the
//! way over the relay. They wait for the keys.

use ntm_wire::addr::RealAddr;
use ntm_wire::header::Datagram;
use ntm_wire::id::{InterfaceId, PathId};
use ntm_wire::time::Now;

use crate::node::Node;

/// More are not kept: nothing shows yet that they are the peer's.
const KEPT: usize = 8;

/// Datagrams for a tunnel that has no keys yet, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Vec<(InterfaceId, RealAddr, Vec<u8>)>);

impl Ahead {
    /// False when there are enough.
    pub(crate) fn keep(&mut self, on: InterfaceId, from: RealAddr, datagram: &[u8]) -> bool {
        let has_room = self.0.len() < KEPT;
        if has_room {
            self.0.push((on, from, datagram.to_vec()));
        }
        has_room
    }
}

impl Node {
    /// The tunnel stands: what came too early comes now.
    pub(crate) fn handle_ahead(&mut self, now: Now, path: PathId) {
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        for (on, from, mut datagram) in core::mem::take(&mut tunnel.ahead.0) {
            if let Ok(d) = Datagram::new_checked(datagram.as_mut_slice()) {
                self.handle_data(now, on, from, d);
            }
        }
    }
}
