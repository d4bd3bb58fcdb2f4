//! What is done to an end, and to the servers, in a move.

use core::time::Duration;

use ntm_proto::Route;
use ntm_wire::id::RsId;

use super::ground::id;
use super::live::{Life, PREPARE};
use super::spec::{Kind, MoveSpec, Trouble};
use crate::access::Access;
use crate::net::{HostId, LinkConfig, Loss};

/// Until nodes have bound their legs at a relay that was dead: they give up within 10 s, and try again
/// 10 s later.
const RELAY_IS_BACK: Duration = Duration::from_secs(25);
/// An end that talks directly learns from its next keep-alive that the relay has forgotten its leg.
const RELAY_KNOWS: Duration = Duration::from_secs(25);

impl Life {
    /// Where there is no NAT none forgets anything.
    pub(super) fn possible(&self, one: &MoveSpec) -> Kind {
        let access = self
            .place_in_use(one.end)
            .and_then(|p| self.ground.place(one.end, p))
            .map(|p| p.site.access);
        match (one.kind, access) {
            (Kind::Rebind, Some(Access::Nat(_) | Access::Dual(_) | Access::Carrier { .. })) => {
                Kind::Rebind
            }
            (Kind::Rebind, _) => Kind::Renumber,
            (kind, _) => kind,
        }
    }

    /// Interfaces that the move needs are plugged in, or out.
    pub(super) fn prepare(&mut self, one: &MoveSpec, kind: Kind) {
        match kind {
            Kind::Cut | Kind::Silent => {
                for interface in 0..2 {
                    self.ensure(one.end, interface, one.to[0]);
                }
            }
            Kind::Soft(_) if self.is_up(one.end, 0) => {
                self.ensure(one.end, 1, one.to[1]);
                self.ground.unplug(one.end, 0);
                self.settle();
            }
            Kind::Soft(_)
            | Kind::Renumber
            | Kind::Break(_)
            | Kind::Bounce(_)
            | Kind::Both(_)
            | Kind::Rebind => {}
        }
    }

    pub(super) fn act(&mut self, one: &MoveSpec, kind: Kind) {
        let (end, to) = (one.end, one.to[0]);
        let interface = self.in_use(end);
        match kind {
            Kind::Renumber => self.ground.plug(end, interface, to),
            Kind::Break(off) => self.off_and_on(end, off, to),
            Kind::Bounce(off) => {
                let back = self.place_in_use(end).unwrap_or(to);
                self.off_and_on(end, off, back);
            }
            Kind::Soft(overlap) => {
                self.ground.plug(end, 0, to);
                self.ground.world.run_for(overlap);
                self.ground.unplug(end, 1);
            }
            Kind::Cut => self.ground.unplug(end, interface),
            Kind::Silent => self.carry(end, interface, Loss::Random(1.0)),
            Kind::Both(apart) => {
                self.ground.plug(end, interface, to);
                self.ground.world.run_for(apart);
                let other = 1 - end;
                self.ground.plug(other, self.in_use(other), one.to[1]);
            }
            Kind::Rebind => self.rebind(end),
        }
    }

    /// The system notices after all that an interface is dead, or it comes back to life.
    pub(super) fn end_silence(&mut self, one: &MoveSpec) {
        let interface = self.in_use(one.end);
        let place = self.place_in_use(one.end);
        let before = place.and_then(|p| self.ground.place(one.end, p));
        if one.to[1].is_multiple_of(3) {
            let loss = before.map(|p| p.link.loss).unwrap_or_default();
            self.carry(one.end, interface, loss);
        } else {
            self.ground.unplug(one.end, interface);
        }
        self.be_quiet();
    }

    /// What goes wrong now, as far as it can.
    pub(super) fn begin_trouble(&mut self, trouble: Trouble) -> Trouble {
        let dcs: Vec<HostId> = self.hosts_of_dcs();
        let relays: Vec<HostId> = self
            .ground
            .deployment
            .relays
            .iter()
            .map(|r| r.host)
            .collect();
        match trouble {
            Trouble::None => {}
            Trouble::DcRestart => dcs.iter().for_each(|h| self.ground.world.restart(*h)),
            Trouble::RsRestart => relays.iter().for_each(|h| self.ground.world.restart(*h)),
            // A DC names relays of its own, so one alone has no stand-by.
            Trouble::RsOff if relays.len() > dcs.len() => {
                let at = self.relay_in_use();
                self.switch_off(relays.get(at).copied().into_iter().collect());
            }
            Trouble::DcOff | Trouble::RsOff => {
                self.switch_off(dcs);
                return Trouble::DcOff;
            }
        }
        trouble
    }

    pub(super) fn end_trouble(&mut self, trouble: Trouble) {
        let dcs = self.hosts_of_dcs();
        let off = core::mem::take(&mut self.off);
        for host in &off {
            self.ground.world.restart(*host);
        }
        if !off.is_empty() {
            self.be_quiet();
        }
        if matches!(trouble, Trouble::RsRestart | Trouble::RsOff) {
            self.quiet_since = self.ground.now() + RELAY_KNOWS;
        }
        if off.iter().any(|h| !dcs.contains(h)) {
            self.ground.world.run_for(RELAY_IS_BACK);
        }
    }

    fn hosts_of_dcs(&self) -> Vec<HostId> {
        self.ground
            .deployment
            .domains
            .iter()
            .map(|d| d.host)
            .collect()
    }

    fn switch_off(&mut self, hosts: Vec<HostId>) {
        hosts.iter().for_each(|h| self.ground.world.power_off(*h));
        self.off = hosts;
    }

    fn relay_in_use(&self) -> usize {
        match self.ground.route(0) {
            Some(Route::Relay { rs: RsId(n), .. }) => usize::try_from(n).unwrap_or(1) - 1,
            Some(Route::Direct { .. }) | None => 0,
        }
    }

    fn is_up(&self, end: usize, interface: usize) -> bool {
        let up = self.ground.ends.get(end).and_then(|e| e.up.get(interface));
        up.is_some_and(Option::is_some)
    }

    /// The preferred interface, if that is plugged in.
    fn in_use(&self, end: usize) -> usize {
        usize::from(!self.is_up(end, 0))
    }

    fn place_in_use(&self, end: usize) -> Option<usize> {
        let up = self.ground.ends.get(end)?.up;
        up.get(self.in_use(end)).copied().flatten()
    }

    fn ensure(&mut self, end: usize, interface: usize, place: usize) {
        if !self.is_up(end, interface) {
            self.ground.plug(end, interface, place);
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.be_quiet();
        self.ground.world.run_for(PREPARE);
    }

    /// Something was done just now.
    pub(super) fn be_quiet(&mut self) {
        self.quiet_since = self.quiet_since.max(self.ground.now());
    }

    fn off_and_on(&mut self, end: usize, off: Duration, to: usize) {
        let interface = self.in_use(end);
        self.ground.unplug(end, interface);
        self.ground.world.run_for(off);
        self.ground.plug(end, interface, to);
    }

    fn carry(&mut self, end: usize, interface: usize, loss: Loss) {
        let up = self.ground.ends.get(end).and_then(|e| e.up.get(interface));
        let place = up.copied().flatten();
        if let Some(place) = place.and_then(|p| self.ground.place(end, p)) {
            let link = LinkConfig { loss, ..place.link };
            let host = self.ground.host(end);
            self.ground
                .world
                .net
                .configure_access(host, id(interface), link);
        }
    }

    fn rebind(&mut self, end: usize) {
        let place = self.place_in_use(end);
        let Some(place) = place.and_then(|p| self.ground.place(end, p)) else {
            return;
        };
        let outside = self.ground.neighbourhood.fresh_v4();
        // A home router behind a carrier keeps the address that the carrier gave it.
        let is_carrier = matches!(place.site.access, Access::Carrier { .. });
        let outside = Some(outside).filter(|_| !is_carrier);
        self.ground.world.net.rebind_nat(place.site.zone, outside);
        let host = self.ground.host(end);
        self.ground.world.note(host, "its NAT forgets everything");
    }
}
