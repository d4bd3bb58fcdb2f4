//! What runs on a host: a node with its application, a coordinator, a relay, or a plain UDP sink.

mod coordinator;
mod node;
mod relay;
mod sink;

use core::net::SocketAddr;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::push::PushToken;
use ntm_wire::time::{Mono, Now};

pub use coordinator::{CoordinatorHost, Query};
pub use node::NodeHost;
pub use relay::RelayHost;
pub use sink::Sink;

/// A datagram that a process wants sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// From this interface; 0: whichever has an address of the family.
    pub from: InterfaceId,
    /// Where to.
    pub to: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// What a process wants done beside sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A DNS query.
    Resolve(Query, Fqdn),
    /// A push to whoever has this token.
    Wake(PushToken),
    /// Something to be stored is on its way to the disk.
    Store(ntm_wire::id::NodeId),
    /// A milestone for the trace.
    Note(String),
}

/// A machine and what its driver keeps for it.
pub enum Process {
    /// Collects datagrams.
    Sink(Sink),
    /// A node.
    Node(Box<NodeHost>),
    /// A DC.
    Coordinator(Box<CoordinatorHost>),
    /// An RS.
    Relay(Box<RelayHost>),
}

macro_rules! each {
    ($self:ident, $p:ident => $do:expr) => {
        match $self {
            Self::Sink($p) => $do,
            Self::Node($p) => $do,
            Self::Coordinator($p) => $do,
            Self::Relay($p) => $do,
        }
    };
}

impl Process {
    /// A datagram came in.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        each!(self, p => p.handle_datagram(now, on, from, datagram));
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        each!(self, p => p.handle_timeout(now));
    }

    /// The process starts again: soft state is gone, what was stored is not.
    pub(crate) fn restart(&mut self, now: Now) {
        each!(self, p => p.restart(now));
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Outgoing> {
        each!(self, p => p.poll_transmit())
    }

    /// The next thing to do.
    pub(crate) fn poll_effect(&mut self, now: Now) -> Option<Effect> {
        each!(self, p => p.poll_effect(now))
    }

    /// When to call [`Process::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        each!(self, p => p.poll_timeout())
    }

    /// Whether the process listens on this port.
    pub(crate) fn has_port(&self, port: u16) -> bool {
        each!(self, p => p.has_port(port))
    }

    /// The port it sends from.
    pub(crate) fn port(&self) -> u16 {
        each!(self, p => p.port())
    }
}
