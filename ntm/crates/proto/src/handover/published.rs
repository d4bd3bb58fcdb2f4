//! The order of a hand-over as NTMobile was published (paper A, III.C): register, ask for a direction, build
//! the tunnel anew, one after the other. Only there to be compared with.

use ntm_wire::time::Now;

use crate::node::Node;
use crate::packet::data::Tunnel;

/// In which order a node does what a move asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Everything at once, and packets leave for the peer with the first datagram.
    #[default]
    AtOnce,
    /// As published: each step waits for the one before.
    Published,
}

/// Where a node stands in the published order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) order: Order,
    /// Registration is under way; the tunnels follow.
    is_moving: bool,
}

impl Node {
    /// Moves in another order from now on.
    pub fn set_order(&mut self, order: Order) {
        self.fx.progress.order = order;
    }

    /// The first step: the coordinator learns the new address.
    pub(crate) fn move_as_published(&mut self, now: Now) {
        self.fx.progress.is_moving = true;
        self.tunnels.iter_mut().for_each(|t| t.is_void = true);
        self.send_registration(now);
        self.dc.restart_hello();
        self.open_session(now);
    }

    /// The second: it directs a new tunnel to each peer, which the third step builds.
    pub(crate) fn redirect_as_published(&mut self, now: Now) {
        if !core::mem::take(&mut self.fx.progress.is_moving) {
            return;
        }
        let in_use = |t: &&Tunnel| t.is_up() && self.tunnels.is_active(t.path_in);
        let peers = self.tunnels.iter().filter(in_use);
        let names: Vec<_> = peers.map(|t| t.peer.fqdn.clone()).collect();
        for name in names {
            self.ask_direction(now, &name, Vec::new(), None);
        }
    }
}
