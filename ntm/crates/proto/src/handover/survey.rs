//! What people see of a tunnel's paths.

use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::Mono;

use super::locals::Port;
use super::path::{Path, Way};
use super::paths::PathSet;
use crate::effects::Effects;
use crate::packet::data::{Live, Tunnel};
use crate::status::{Interface, PathState, PathStatus};

impl Effects {
    /// An interface for people; none, when the system chooses.
    pub(crate) fn interface(&self, number: InterfaceId) -> Option<Interface> {
        let name = self.interface_names.get(&number).cloned();
        (number != InterfaceId(0)).then_some(Interface { number, name })
    }
}

impl PathSet {
    /// Every path and what it is good for, the one in use first.
    fn survey(&self) -> impl Iterator<Item = (&Path, PathState)> {
        let others = self.paths.iter().enumerate();
        let others = others.filter(|(i, _)| *i != self.current);
        let others = others.map(|(_, p)| (p, p.standing()));
        [(self.current(), PathState::InUse)]
            .into_iter()
            .chain(others)
    }
}

impl Path {
    fn standing(&self) -> PathState {
        if self.is_cut() || self.is_dead() {
            PathState::Dead
        } else if self.is_usable() {
            PathState::Standby
        } else {
            PathState::Probing
        }
    }
}

impl Tunnel {
    pub(crate) fn path_statuses(&self, now: Mono, fx: &Effects) -> Vec<PathStatus> {
        let Some(live) = self.live() else {
            return Vec::new();
        };
        let status = |(path, state)| self.path_status(now, fx, live, path, state);
        live.paths.survey().filter_map(status).collect()
    }

    /// Nothing of a leg that is not there any more.
    fn path_status(
        &self,
        now: Mono,
        fx: &Effects,
        live: &Live,
        path: &Path,
        state: PathState,
    ) -> Option<PathStatus> {
        let (number, to) = self.ends(path.way)?;
        let of_data = live.keys.loss().filter(|_| state == PathState::InUse);
        Some(PathStatus {
            interface: fx.interface(number),
            local: fx.locals.addr_of(Port::of(number, to)),
            route: self.route_of(path.way)?,
            rtt: path.rtt,
            loss: of_data.or_else(|| path.loss(now)),
            heard_ago: path.last_heard().map(|t| now.since(t)),
            state,
        })
    }

    /// The interface that packets by this way leave from, and where they go.
    pub(super) fn ends(&self, way: Way) -> Option<(InterfaceId, RealAddr)> {
        match way {
            Way::Direct(on, to) => Some((on, to)),
            Way::Relay(leg) => self.legs.get(leg).map(|l| (l.on(), l.addr)),
        }
    }

    /// Of the way in use.
    pub(super) fn interface_in_use(&self) -> InterfaceId {
        let ends = self.live().and_then(|l| self.ends(l.paths.current().way));
        ends.map_or(InterfaceId(0), |(on, _)| on)
    }
}
