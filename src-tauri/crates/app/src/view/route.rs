//! The ways of a call, for a live picture of them.

use serde::Serialize;
use ts_rs::TS;

/// Every way between this device and another, and which one is used.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct RoutePicture {
    /// Which call.
    pub call: u64,
    /// This end.
    pub here: Here,
    /// The relay servers that this device knows.
    pub relays: Vec<RelayView>,
    /// The other end.
    pub peer: There,
    /// Every way there is.
    pub paths: Vec<PathView>,
}

/// This device.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Here {
    /// `laptop`.
    pub device: String,
    /// Its network cards that are up.
    pub interfaces: Vec<InterfaceView>,
    /// The router before it: `none`, `friendly` (the same address for everybody), `strict` (another for each), or
    /// `unknown`.
    pub nat: Option<String>,
    /// The address that the coordinator sees.
    pub outside: Option<String>,
}

/// The other device.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct There {
    /// `bob@example.org`.
    pub name: String,
    /// `phone`.
    pub device: Option<String>,
    /// Where it is reached now.
    pub address: Option<String>,
}

/// A relay server.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct RelayView {
    /// What it is called.
    pub name: String,
    /// Its address.
    pub via: String,
    /// There and back.
    pub rtt_ms: Option<f64>,
    /// How busy it says it is, 0 to 1.
    pub load: f32,
    /// The call goes over it now.
    pub used: bool,
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct InterfaceView {
    /// `wlan0`.
    pub name: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The system sends by it when nobody says otherwise.
    pub preferred: bool,
}

/// What a network card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceKind {
    /// Wi-Fi.
    Wifi,
    /// A telephone network.
    Cellular,
    /// A cable.
    Wired,
    /// Something else.
    Other,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct PathView {
    /// The network card.
    pub interface: String,
    /// The address here.
    pub local: String,
    /// The address there, or the relay's.
    pub remote: String,
    /// Straight, or over a relay.
    pub kind: PathKind,
    /// That relay's name.
    pub relay: Option<String>,
    /// `IPv4` or `IPv6`.
    pub family: String,
    /// There and back.
    pub rtt_ms: Option<f64>,
    /// Share of what was sent that did not arrive, 0 to 1.
    pub loss: Option<f64>,
    /// How long nothing has come by it.
    pub heard_ms_ago: Option<u64>,
    /// What it is good for now.
    pub state: PathState,
}

/// Straight, or over a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// Straight.
    Direct,
    /// Over a relay.
    Relay,
}

/// What a way is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PathState {
    /// The call goes by it.
    InUse,
    /// It works, and waits.
    Standby,
    /// It is being tried.
    Probing,
    /// Nothing comes by it.
    Dead,
}
