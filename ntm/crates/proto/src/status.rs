//! What can be asked of a node at any time.

use core::time::Duration;

use ntm_wire::addr::{NatVerdict, RealAddr, VirtualAddrs};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{InterfaceId, RsId};

use crate::event::{Peer, Route};

/// The node as a whole.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its own name.
    pub fqdn: Fqdn,
    /// Whether the DC knows where it is.
    pub registered: bool,
    /// Permanent addresses, once registered.
    pub addrs: Option<VirtualAddrs>,
    /// The address the DC sees.
    pub observed: Option<RealAddr>,
    /// The address that the router maps to this node.
    pub mapped: Option<RealAddr>,
    /// What the DC makes of the NAT.
    pub nat: NatVerdict,
    /// The DC's address in use.
    pub dc: Option<RealAddr>,
    /// Round trip to the DC.
    pub dc_rtt: Option<Duration>,
    /// The DC's relays.
    pub relays: Vec<RelayStatus>,
    /// Open tunnels.
    pub tunnels: usize,
}

/// A relay of the node's DC.
#[derive(Clone, Debug)]
pub struct RelayStatus {
    /// Which.
    pub rs: RsId,
    /// 0 idle to 255 full.
    pub load: u8,
    /// Measured round trip.
    pub rtt: Option<Duration>,
    /// Where it saw the node, over each family: beside the DC's view this tells how a NAT maps.
    pub sights: Vec<Sight>,
}

/// What a server saw of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The server's address.
    pub observer: RealAddr,
    /// The node's, as it came in there.
    pub observed: RealAddr,
}

/// One tunnel.
#[derive(Clone, Debug)]
pub struct TunnelStatus {
    /// The other end.
    pub peer: Peer,
    /// Which way packets go.
    pub route: Route,
    /// Round trip over that way, smoothed.
    pub rtt: Option<Duration>,
    /// Data packets sent.
    pub sent: u64,
    /// Data packets received.
    pub received: u64,
    /// Bytes of virtual packets sent.
    pub sent_bytes: u64,
    /// Bytes of virtual packets received.
    pub received_bytes: u64,
    /// How often the keys were renewed.
    pub rekeys: u32,
    /// Every way to the peer, the one in use first.
    pub paths: Vec<PathStatus>,
}

/// One way to a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PathStatus {
    /// This node's interface; none, when the system chooses.
    pub interface: Option<Interface>,
    /// This node's address there, as it knows it itself.
    pub local: Option<RealAddr>,
    /// Straight to an address of the peer, or over a relay.
    pub route: Route,
    /// Round trip to the peer, smoothed.
    pub rtt: Option<Duration>,
    /// The share that gets lost, 0 to 1. Of the way in use: of the peer's last 256 packets, by whatever way they
    /// went. Of the others, and when the peer sent fewer: of this node's last 16 probes, either way.
    pub loss: Option<f64>,
    /// So long ago something authentic came in over it.
    pub heard_ago: Option<Duration>,
    /// What it is good for.
    pub state: PathState,
}

/// What a path is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathState {
    /// Packets go there.
    InUse,
    /// The peer answered over it, and would be reached there.
    Standby,
    /// Asked, and no answer yet.
    Probing,
    /// No answer, or this node's address is gone.
    Dead,
}

/// An interface of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The driver's number.
    pub number: InterfaceId,
    /// The system's name, if the driver told it.
    pub name: Option<String>,
}

/// What was received and what became of it; everything dropped is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Too short, of another version, of an unknown type, or with content that is no message.
    pub malformed: u64,
    /// For no session or tunnel of this node.
    pub unknown_selector: u64,
    /// Altered or forged: the seal or handshake does not hold.
    pub bad_seal: u64,
    /// Seen before, or older than the replay window; doubles that get their answer again as well.
    pub replayed: u64,
    /// Well sealed, but not for this state: late, doubled or out of turn.
    pub unexpected: u64,
    /// Dropped unread: they have opened their sender's NAT by then.
    pub punches: u64,
    /// Inner packets with addresses that are not the tunnel's (rule 7).
    pub wrong_inner_address: u64,
    /// Virtual datagrams for a port nobody listens on, or a full socket.
    pub no_receiver: u64,
}

impl Counters {
    /// Everything that was dropped for being altered, forged, replayed or nonsense.
    pub fn rejected(&self) -> u64 {
        self.malformed
            + self.unknown_selector
            + self.bad_seal
            + self.replayed
            + self.unexpected
            + self.wrong_inner_address
    }
}
