//! Where the system's own events come by way of `netwatch`, and on Android from the application.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use n0_watcher::Watcher as _;
use netwatch::netmon::State;
use ntm_wire::id::InterfaceId;

use super::LocalIp;
use super::told::Told;

pub(super) struct Monitor {
    /// Kept: its end would end the events.
    _monitor: netwatch::netmon::Monitor,
    events: n0_watcher::Direct<State>,
    told: Told,
    state: State,
    /// What is in `state` may be old.
    is_stale: bool,
    numbers: BTreeMap<String, InterfaceId>,
}

impl Monitor {
    pub(super) async fn start() -> io::Result<Self> {
        let monitor = netwatch::netmon::Monitor::new().await;
        let monitor = monitor.map_err(io::Error::other)?;
        let mut events = monitor.interface_state();
        Ok(Self {
            state: events.get(),
            events,
            told: Told::new(),
            is_stale: false,
            _monitor: monitor,
            numbers: BTreeMap::new(),
        })
    }

    pub(super) fn current(&mut self, is_usable: impl Fn(IpAddr) -> bool) -> Vec<LocalIp> {
        let state = self.state.clone();
        let told = self.told.preferred();
        let default = told.as_ref().or(state.default_route_interface.as_ref());
        let mut names: Vec<&String> = state.interfaces.keys().collect();
        names.sort_by_key(|name| (Some(*name) != default, name.as_str()));
        let indexes = indexes();
        let mut out: Vec<LocalIp> = Vec::new();
        for name in names {
            let Some(card) = state.interfaces.get(name).filter(|i| i.is_up()) else {
                continue;
            };
            let index = indexes.get(name).copied().unwrap_or_default();
            let interface = self.number(name);
            for ip in card
                .addrs()
                .map(|net| net.addr())
                .filter(|ip| is_usable(*ip))
            {
                let is_same = |l: &LocalIp| {
                    let families = l.ip.is_ipv4() == ip.is_ipv4();
                    l.interface == interface && families && l.ip.is_loopback() == ip.is_loopback()
                };
                if !out.iter().any(is_same) {
                    let attachment = 0;
                    out.push(LocalIp {
                        interface,
                        ip,
                        attachment,
                        index,
                    });
                }
            }
        }
        out
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (InterfaceId, &str)> {
        self.numbers
            .iter()
            .map(|(name, number)| (*number, name.as_str()))
    }

    /// An interface keeps its number for the life of the process; 0 is "any".
    fn number(&mut self, name: &str) -> InterfaceId {
        let next = u16::try_from(self.numbers.len() + 1).unwrap_or(u16::MAX);
        let numbers = &mut self.numbers;
        *numbers.entry(name.to_owned()).or_insert(InterfaceId(next))
    }

    pub(super) async fn changed(&mut self) -> io::Result<()> {
        if !self.is_stale {
            tokio::select! {
                updated = self.events.updated() => {
                    self.state = updated.map_err(io::Error::other)?;
                    return Ok(());
                }
                () = self.told.changed() => self.is_stale = true,
            }
        }
        // Whoever gives up waiting here and comes again has lost nothing.
        self.state = State::new().await;
        self.is_stale = false;
        Ok(())
    }
}

/// The system's numbers of its interfaces, by name.
fn indexes() -> BTreeMap<String, u32> {
    let all = netdev::get_interfaces();
    all.into_iter()
        .map(|card| (card.name, card.index))
        .collect()
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Monitor({} interfaces)", self.numbers.len())
    }
}
