//! [`Node`]: the state machine and its four kinds of methods.

use core::time::Duration;
use std::net::SocketAddr;

use ntm_wire::addr::{RealAddr, VirtualAddr};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::{Mono, Now};

use crate::config::{Config, LocalAddr, Renewal};
use crate::event::{BindError, Event, ProbeId, Received, ResolveId, SendError, Transmit, UdpId};
use crate::status::{Counters, Status, TunnelStatus};

/// An NTM node.
#[derive(Debug)]
pub struct Node {
    config: Config,
}

impl Node {
    /// A node that is not registered yet. `seed`: 32 fresh random bytes.
    pub fn new(config: Config, _seed: [u8; 32], _now: Now) -> Self {
        Self { config }
    }

    /// The local sockets there are now, all of them.
    pub fn handle_interfaces(&mut self, _now: Now, _locals: &[LocalAddr]) {}
    /// A datagram came in; it is opened in place.
    pub fn handle_datagram(
        &mut self,
        _now: Now,
        _on: InterfaceId,
        _from: RealAddr,
        _datagram: &mut [u8],
    ) {
    }
    /// Time has passed; call at [`Node::poll_timeout`], earlier does no harm.
    pub fn handle_timeout(&mut self, _now: Now) {}
    /// The machine slept for so long; every path is suspect.
    pub fn handle_slept(&mut self, _now: Now, _slept: Duration) {}

    /// Registers with the DC, again and again until [`Node::deregister`].
    pub fn register(&mut self, _now: Now) {}
    /// Builds tunnels to whatever answers to `name`; ends with [`Event::Resolved`].
    pub fn resolve(&mut self, _now: Now, _name: &Fqdn) -> ResolveId {
        ResolveId(0)
    }
    /// Takes a new ticket.
    pub fn renew(&mut self, _now: Now, _renewal: Renewal) {}
    /// Leaves: closes tunnels and tells the DC.
    pub fn deregister(&mut self, _now: Now) {}
    /// A virtual UDP socket; port 0 picks one.
    pub fn udp_bind(&mut self, _addr: Option<VirtualAddr>, _port: u16) -> Result<UdpId, BindError> {
        Err(BindError::NotLocal)
    }
    /// The port of a socket.
    pub fn udp_port(&self, _id: UdpId) -> Option<u16> {
        None
    }
    /// Sends a virtual datagram.
    pub fn udp_send(
        &mut self,
        _now: Now,
        _id: UdpId,
        _to: SocketAddr,
        _data: &[u8],
    ) -> Result<(), SendError> {
        Err(SendError::Closed)
    }
    /// The next datagram of a socket.
    pub fn udp_recv(&mut self, _id: UdpId) -> Option<Received> {
        None
    }
    /// Closes a socket.
    pub fn udp_close(&mut self, _id: UdpId) {}
    /// Measures the round trip over the route in use; ends with [`Event::ProbeAnswered`] or [`Event::ProbeLost`].
    pub fn probe(&mut self, _now: Now, _peer: VirtualAddr) -> Result<ProbeId, SendError> {
        Err(SendError::NoTunnel)
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }
    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }
    /// When to call [`Node::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Mono> {
        None
    }

    /// The node as a whole.
    pub fn status(&self) -> Status {
        Status {
            fqdn: self.config.certificate.fqdn.clone(),
            registered: false,
            addrs: None,
            observed: None,
            nat: ntm_wire::addr::NatVerdict::Unknown,
            dc_rtt: None,
            relays: Vec::new(),
            tunnels: 0,
        }
    }
    /// Every tunnel.
    pub fn tunnels(&self) -> Vec<TunnelStatus> {
        Vec::new()
    }
    /// What was received and dropped.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
}
