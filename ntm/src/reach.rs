//! What virtual sockets know of the node without asking its task, so that a send costs no round trip
//! between tasks and an unreachable destination is still an error at once.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ntm_proto::{SendError, TunnelStatus};
use ntm_wire::addr::VirtualAddrs;

/// Virtual MTU of 1,280 less IPv6 and UDP headers, and less IPv4 and UDP headers.
const MOST_V6: usize = 1232;
const MOST_V4: usize = 1252;

/// Own addresses and those of every peer with a tunnel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) own: Option<VirtualAddrs>,
    peers: Arc<BTreeSet<IpAddr>>,
}

impl Reach {
    pub(crate) fn set_tunnels(&mut self, tunnels: &[TunnelStatus]) {
        let both = |t: &TunnelStatus| [IpAddr::V6(t.peer.addrs.v6), IpAddr::V4(t.peer.addrs.v4)];
        self.peers = Arc::new(tunnels.iter().flat_map(both).collect());
    }

    /// What the node would say to a datagram of `len` bytes.
    pub(crate) fn check(&self, to: SocketAddr, len: usize) -> Result<(), SendError> {
        let most = if to.is_ipv4() { MOST_V4 } else { MOST_V6 };
        if len > most {
            return Err(SendError::TooLong);
        }
        if self.own.is_none() {
            return Err(SendError::NotRegistered);
        }
        if self.peers.contains(&to.ip()) {
            Ok(())
        } else {
            Err(SendError::NoTunnel)
        }
    }

    /// The own address of the family.
    pub(crate) fn own_ip(&self, is_ipv4: bool) -> Option<IpAddr> {
        self.own.map(|a| {
            if is_ipv4 {
                IpAddr::V4(a.v4)
            } else {
                IpAddr::V6(a.v6)
            }
        })
    }
}
