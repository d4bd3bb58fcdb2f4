//! Rest: a peer that fell silent may only sleep. Its tunnel is down for the application, and is kept so
//! that the peer can carry on where it was, from whatever network it wakes up in.

use core::time::Duration;

use ntm_wire::id::PathId;
use ntm_wire::time::{Mono, Now};

use super::data::{Live, Tunnel};
use crate::effects::Effects;
use crate::event::{DownReason, Event};
use crate::node::Node;

/// A peer is dead for the application after this silence (rule 17).
const PEER_DEAD: Duration = Duration::from_secs(30);
/// A tunnel that a newer one replaced is kept while the peer still sends on it, and this much longer.
const LINGER: Duration = Duration::from_secs(60);
/// A peer that sleeps longer is called anew when it wakes up.
const REST: Duration = Duration::from_secs(2 * 3600);
/// More are not kept: each costs a keep-alive to its relays every 20 s.
const MAX_RESTING: usize = 16;

/// What has become of a tunnel by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It goes on.
    Lives,
    /// Nothing was heard for long: it rests from now on.
    Silent,
    /// It is given up.
    Over,
}

impl Live {
    pub(super) fn life(&self, now: Mono, active: bool) -> Life {
        if now < self.deadline(active) {
            Life::Lives
        } else if active && !self.rests {
            Life::Silent
        } else {
            Life::Over
        }
    }

    pub(super) fn deadline(&self, active: bool) -> Mono {
        let patience = match (active, self.rests) {
            (false, _) => LINGER,
            (true, false) => PEER_DEAD,
            (true, true) => REST,
        };
        self.last_heard + patience
    }

    /// This node itself slept: that was not the peer's silence.
    pub(crate) fn forgive(&mut self, now: Mono) {
        if !self.rests {
            self.last_heard = now;
        }
    }
}

impl Tunnel {
    /// It stands, and the peer was heard lately.
    pub(crate) fn is_up(&self) -> bool {
        self.live().is_some_and(|l| !l.rests)
    }

    pub(crate) fn rests(&self) -> bool {
        self.live().is_some_and(|l| l.rests)
    }

    /// Only the legs are kept open, for the peer to be heard.
    pub(super) fn keep_resting(&mut self, now: Now, fx: &mut Effects) {
        self.legs.iter_mut().for_each(|l| l.handle_timeout(now, fx));
    }
}

impl Node {
    /// The peer is silent: the application is told that the tunnel is down.
    pub(crate) fn lay_to_rest(&mut self, path: PathId) {
        if self.tunnels.iter().filter(|t| t.rests()).count() >= MAX_RESTING {
            return self.drop_tunnel(path, DownReason::Silent);
        }
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        let (peer, fqdn) = (tunnel.peer.node, tunnel.peer.fqdn.clone());
        if let Some(live) = tunnel.live_mut() {
            live.rests = true;
        }
        let reason = DownReason::Silent;
        self.fx.event(Event::TunnelDown { peer, fqdn, reason });
    }
}
