//! [`Host`]: a machine with two radios that can be switched, pulled, renumbered and moved.
//!
//! The far ends of the radios lie in the air, as ports of bridges. An event is prepared first and runs as
//! one batch per namespace, so that it takes a millisecond or two.

mod attachment;

use std::net::IpAddr;
use std::sync::Arc;

use crate::access::Lan;
use crate::lease::Lease;
use crate::netns::Namespace;

use attachment::Attachment;

/// One of a host's two interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radio {
    /// Preferred while it has a network, as Wi-Fi is.
    First,
    /// The other, as a mobile network is.
    Second,
}

impl Radio {
    /// Both.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }

    /// What it is called inside.
    pub fn device(self) -> &'static str {
        match self {
            Self::First => "wlan0",
            Self::Second => "wwan0",
        }
    }
}

/// How long the kernel waits before it uses an address that it made (RFC 4862, 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dad {
    /// As Linux comes: it asks whether anybody has the address, and waits for a router's word too.
    Default,
    /// It uses the address while it asks (RFC 4429), and asks for the router at once.
    Optimistic,
    /// It asks nobody, and for the router at once.
    None,
}

impl Dad {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Default => &[("accept_dad", "1")],
            Self::Optimistic => &[
                ("accept_dad", "1"),
                ("optimistic_dad", "1"),
                ("use_optimistic", "1"),
                ("router_solicitation_delay", "0"),
            ],
            Self::None => &[("accept_dad", "0"), ("router_solicitation_delay", "0")],
        }
    }
}

/// Routes over a radio without carrier are not taken, as wherever something manages networks.
const WITHOUT_CARRIER: &[(&str, &str)] = &[
    ("net/ipv4/conf/all/ignore_routes_with_linkdown", "1"),
    ("net/ipv4/conf/default/ignore_routes_with_linkdown", "1"),
    ("net/ipv6/conf/all/ignore_routes_with_linkdown", "1"),
    ("net/ipv6/conf/default/ignore_routes_with_linkdown", "1"),
];

/// A host.
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
    air: Namespace,
    number: usize,
    attachments: [Option<Attachment>; 2],
}

impl Host {
    /// A host with both radios on and in no network.
    pub(crate) fn build(
        lease: &Lease,
        air: &Namespace,
        name: &str,
        number: usize,
    ) -> anyhow::Result<Self> {
        let this = Self {
            namespace: lease.namespace(name)?,
            air: air.clone(),
            number,
            attachments: [None, None],
        };
        this.namespace.settings(WITHOUT_CARRIER)?;
        let mut lines = String::new();
        for radio in Radio::ALL {
            let (device, port) = (radio.device(), this.port(radio));
            lines += &format!(
                "link add {device} type veth peer name {port} netns {}\nlink set {device} up\n",
                air.name()
            );
        }
        this.namespace.ip(&lines)?;
        Ok(this)
    }

    /// Where its processes run.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Where somebody outside reaches it without any help, if anywhere.
    pub fn public_address(&self) -> Option<IpAddr> {
        let attached = self.attachments.iter().flatten();
        let mut all = attached.flat_map(Attachment::addresses);
        all.find(|ip| match ip {
            IpAddr::V4(v4) => !v4.is_private(),
            IpAddr::V6(_) => true,
        })
    }

    /// The radio's end in the air.
    fn port(&self, radio: Radio) -> String {
        format!("p{}x{}", self.number, radio.index())
    }

    /// Joins a network with fresh addresses; leaves the one it was in, in the same moment.
    pub fn join(&mut self, radio: Radio, lan: &Arc<Lan>) -> anyhow::Result<()> {
        let fresh = Attachment::new(Arc::clone(lan), radio);
        let old = self.replace(radio, None);
        self.air.ip(&format!(
            "link set {} master {} up\n",
            self.port(radio),
            fresh.bridge()
        ))?;
        if let Some(old) = old {
            old.remove(&self.namespace)?;
        }
        fresh.add(&self.namespace)?;
        fresh.tell_name_server(&self.namespace)?;
        self.replace(radio, Some(fresh));
        Ok(())
    }

    /// Leaves the network: no carrier, no addresses.
    pub fn leave(&mut self, radio: Radio) -> anyhow::Result<()> {
        let Some(old) = self.replace(radio, None) else {
            return Ok(());
        };
        self.air
            .ip(&format!("link set {} nomaster down\n", self.port(radio)))?;
        old.remove(&self.namespace)
    }

    /// Joins a network and lets the kernel make the addresses; the interface goes off and on again, for only
    /// then does Linux ask for a router.
    pub fn join_by_itself(&mut self, radio: Radio, lan: &Lan, dad: Dad) -> anyhow::Result<()> {
        drop(self.replace(radio, None));
        let (device, port) = (radio.device(), self.port(radio));
        let of = |key: &str| format!("net/ipv6/conf/{device}/{key}");
        let mut pairs = vec![(of("accept_ra"), "1"), (of("autoconf"), "1")];
        pairs.extend(dad.settings().iter().map(|(key, value)| (of(key), *value)));
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        self.namespace.settings(&pairs)?;
        self.air
            .ip(&format!("link set {port} master {} up\n", lan.bridge()))?;
        self.namespace
            .ip(&format!("link set {device} down\nlink set {device} up\n"))
    }

    /// Forgets what the kernel made, and makes nothing more by itself.
    pub fn make_nothing(&mut self, radio: Radio) -> anyhow::Result<()> {
        self.leave(radio)?;
        let device = radio.device();
        let of = |key: &str| format!("net/ipv6/conf/{device}/{key}");
        self.namespace
            .settings(&[(&of("accept_ra"), "0"), (&of("accept_dad"), "0")])?;
        self.namespace
            .ip(&format!("link set {device} down\nlink set {device} up\n"))
    }

    /// Gets other addresses in the network it is in.
    pub fn renumber(&mut self, radio: Radio) -> anyhow::Result<()> {
        let lan = self.attachment(radio).map(|a| Arc::clone(a.lan()));
        lan.map_or(Ok(()), |lan| self.join(radio, &lan))
    }

    /// Pulls or plugs the cable: the addresses stay, the carrier goes.
    pub fn set_carrier(&self, radio: Radio, on: bool) -> anyhow::Result<()> {
        let state = if on { "up" } else { "down" };
        self.air
            .ip(&format!("link set {} {state}\n", self.port(radio)))
    }

    /// Lets nothing through while everything looks well, or ends that.
    pub fn set_silent(&self, radio: Radio, silent: bool) -> anyhow::Result<()> {
        let port = self.port(radio);
        let Some(attachment) = self.attachment(radio).filter(|_| !silent) else {
            return self.air.ip(&format!("link set {port} nomaster\n"));
        };
        self.air
            .ip(&format!("link set {port} master {}\n", attachment.bridge()))
    }

    /// Switches the interface off, or on again with the addresses it had.
    pub fn switch(&self, radio: Radio, on: bool) -> anyhow::Result<()> {
        let device = radio.device();
        let attachment = self.attachment(radio);
        if !on {
            attachment.map_or(Ok(()), |a| a.remove(&self.namespace))?;
            return self.namespace.ip(&format!("link set {device} down\n"));
        }
        self.namespace.ip(&format!("link set {device} up\n"))?;
        attachment.map_or(Ok(()), |a| a.add(&self.namespace))
    }

    fn attachment(&self, radio: Radio) -> Option<&Attachment> {
        self.attachments.get(radio.index())?.as_ref()
    }

    fn replace(&mut self, radio: Radio, with: Option<Attachment>) -> Option<Attachment> {
        let place = self.attachments.get_mut(radio.index())?;
        std::mem::replace(place, with)
    }
}
