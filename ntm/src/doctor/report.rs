//! What an examination finds, as it is printed in JSON.

use std::net::{IpAddr, SocketAddr};

use ntm_proto::RegisterError;
use serde::Serialize;

use super::judge::{Carrier, Expectation, Mapping};
use crate::nat64::Prefix;

/// Everything found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The device signed in here.
    pub device: Option<String>,
    /// The network cards that are up.
    pub interfaces: Vec<Interface>,
    /// What IPv4 is good for.
    pub ipv4: Family,
    /// What IPv6 is good for.
    pub ipv6: Family,
    /// The coordinator's addresses, each with what came of knocking there.
    pub coordinator: Vec<Door>,
    /// Who sees this device at which address.
    pub seen: Vec<Sight>,
    /// The relays of the coordinator.
    pub relays: Vec<Relay>,
    /// The NAT in front of this device.
    pub nat: Nat,
    /// How large packets may be.
    pub mtu: Mtu,
    /// The network's NAT64, if it is one that needs it.
    pub nat64: Option<Prefix>,
    /// What the router offers.
    pub router: Option<Router>,
    /// Whether the account server answers.
    pub account_server: Option<AccountServer>,
    /// How far this clock is ahead of the coordinator's.
    pub clock_ahead_ms: Option<f64>,
    /// What is wrong, worst first.
    pub problems: Vec<Problem>,
    /// What to expect of calls.
    pub expect: Expectation,
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// The system's name for it.
    pub name: String,
    /// Whether the default route leads over it.
    pub default: bool,
    /// The largest packet it takes, where the system tells.
    pub mtu: Option<u32>,
    /// Its addresses that a peer could use.
    pub addrs: Vec<IpAddr>,
}

/// An address family on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Family {
    /// There is an address beyond loopback and link-local.
    pub usable: bool,
    /// There is a globally unique one.
    pub global: bool,
}

/// One address of the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Door {
    /// Where.
    pub addr: SocketAddr,
    /// Whether the coordinator is known to listen there.
    pub known: bool,
    /// What came of it.
    pub state: DoorState,
    /// Median of the round trips.
    pub rtt_ms: Option<f64>,
    /// How far this clock is ahead.
    pub clock_ahead_ms: Option<f64>,
    /// The largest IP packet that got there whole.
    pub largest_packet: Option<u16>,
    /// The local address that packets leave from.
    pub local: Option<IpAddr>,
}

/// What came of knocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DoorState {
    /// The coordinator answers.
    Open,
    /// The machine answers that nobody listens there.
    Refused,
    /// No answer: blocked on the way, or nobody there.
    Silent,
    /// This machine has no route there.
    Unreachable,
}

/// The address at which a server sees this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// `coordinator`, or the relay's name.
    pub by: String,
    /// Where that server is.
    pub observer: SocketAddr,
    /// What it sees.
    pub addr: SocketAddr,
}

/// A relay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relay {
    /// `rs1`.
    pub id: String,
    /// Median of the round trips; none: no answer.
    pub rtt_ms: Option<f64>,
    /// 0 idle to 100 full.
    pub load_percent: u32,
}

/// The NAT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Nat {
    /// How it maps, in the words of RFC 4787.
    pub mapping: Mapping,
    /// How many servers at different addresses this was judged by.
    pub observers: usize,
    /// Whether the carrier translates (once more).
    pub carrier: Carrier,
}

/// Sizes of IP packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mtu {
    /// What the network card takes.
    pub interface: Option<u32>,
    /// The largest that got to the coordinator whole; at most 1,500 are tried.
    pub path: Option<u16>,
}

/// Which ways the router has to open a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Router {
    /// UPnP.
    pub upnp: bool,
    /// PCP (RFC 6887).
    pub pcp: bool,
    /// NAT-PMP (RFC 6886).
    pub nat_pmp: bool,
    /// The address the router believes to have outside, when a mapping was got.
    pub external: Option<IpAddr>,
}

impl Router {
    /// Whether any of them is there.
    pub fn opens_ports(&self) -> bool {
        self.upnp || self.pcp || self.nat_pmp
    }
}

/// The account server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountServer {
    /// Its address.
    pub url: String,
    /// Why it can't be used, and what to do.
    pub error: Option<String>,
}

/// Something wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    #[serde(skip)]
    pub kind: ProblemKind,
    /// In words.
    pub message: String,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// No device is signed in.
    NotSignedIn,
    /// No address at all.
    Offline,
    /// The coordinator does not answer.
    Coordinator,
    /// It answers, and does not register this device.
    Registration(RegisterError),
    /// This clock and the coordinator's differ.
    Clock,
    /// No relay answers.
    Relays,
    /// The account server can't be used.
    AccountServer,
    /// The profile can't be read.
    Profile,
    /// Another program has the UDP port.
    PortInUse,
    /// This machine gives no socket.
    Machine,
}
