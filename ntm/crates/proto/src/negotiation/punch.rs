//! Punches: a callee opens its NAT towards the caller's addresses, and shows where it comes out.
//!
//! A NAT that maps anew for each peer (RFC 4787, address-dependent mapping) shows the caller an address
//! that no server has seen, so no Route Direction can name it. The punch's source is that address.

use std::collections::VecDeque;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PacketType};
use ntm_wire::id::{InterfaceId, PathId};
use ntm_wire::key::SecretKey;
use ntm_wire::seal::{SALTED_OVERHEAD, open_salted, seal_salted};
use ntm_wire::time::Now;

use super::setup::{CallerSetup, Setup};
use crate::effects::Effects;
use crate::handover::path::Way;
use crate::node::Node;
use crate::packet::data::{Phase, Tunnel};

/// Punches kept for a direction that has not come yet: it takes the longer way, over the DC.
const KEPT: usize = 16;
/// All of a punch: what an address that only a punch came from is credited with.
pub(super) const PUNCH_LEN: usize = HEADER_LEN + SALTED_OVERHEAD;
/// Addresses of a peer, told and learned.
const MAX_CANDIDATES: usize = 12;

/// Punches whose direction may still come. None is authenticated yet, so none costs more than its bytes.
#[derive(Debug, Default)]
pub(crate) struct Punches(VecDeque<Punch>);

#[derive(Debug)]
struct Punch {
    path: PathId,
    on: InterfaceId,
    from: RealAddr,
    aad: [u8; 1],
    sealed: [u8; SALTED_OVERHEAD],
}

impl Punch {
    fn of(on: InterfaceId, from: RealAddr, d: &Datagram<&mut [u8]>) -> Option<Self> {
        Some(Self {
            path: d.path_id(),
            on,
            from,
            aad: d.aad(),
            sealed: d.body().try_into().ok()?,
        })
    }
}

impl Punches {
    fn keep(&mut self, punch: Punch) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(punch);
    }

    fn take(&mut self, path: PathId) -> Vec<Punch> {
        let (of_path, others) = self.0.drain(..).partition(|p| p.path == path);
        self.0 = others;
        Vec::from(of_path)
    }
}

impl Node {
    pub(crate) fn handle_punch(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: RealAddr,
        d: &Datagram<&mut [u8]>,
    ) {
        let Some(punch) = Punch::of(on, from, d) else {
            self.fx.counters.malformed += 1;
            return;
        };
        self.fx.counters.punches += 1;
        match self.tunnels.get_mut(punch.path) {
            Some(tunnel) => tunnel.take_punch(now, &mut self.fx, &punch),
            None => self.punches.keep(punch),
        }
    }

    /// A tunnel is about to start: the punches that came before its direction.
    pub(crate) fn take_punches(&mut self, now: Now, tunnel: &mut Tunnel) {
        for punch in self.punches.take(tunnel.path_in) {
            tunnel.take_punch(now, &mut self.fx, &punch);
        }
    }
}

impl Tunnel {
    /// Opens the callee's NAT towards all of the caller's addresses.
    pub(crate) fn punch(&self, fx: &mut Effects, path_key: &SecretKey) {
        let header = Header {
            kind: PacketType::Punch,
            selector: self.path_out.0,
            counter: 0,
        };
        for way in self.direct_ways(&fx.locals) {
            let (mut out, aad) = (header.emit(), [header.first_byte()]);
            out.extend(seal_salted(path_key, "ntm punch", fx.salt(), &aad, &[]));
            if let Way::Direct(on, to) = way {
                fx.send(on, to, out);
            }
        }
    }

    /// The caller learns another address of the callee, and asks there too.
    fn take_punch(&mut self, now: Now, fx: &mut Effects, punch: &Punch) {
        let Phase::Setup(Setup::Caller(caller)) = &mut self.phase else {
            return;
        };
        match caller.open_punch(punch) {
            Opened::Fresh => self.learn(now, fx, punch),
            Opened::Replayed => fx.counters.replayed += 1,
            Opened::Forged => fx.counters.bad_seal += 1,
        }
    }

    /// Whoever recorded a punch may send it from any address: what is learned here was told by nobody, and is
    /// kept apart from the candidates.
    fn learn(&mut self, now: Now, fx: &mut Effects, &Punch { on, from, .. }: &Punch) {
        let way = Way::Direct(on, from);
        let known = self.candidates.len() + self.punched().len();
        let is_wanted = self.may_go_direct && known < MAX_CANDIDATES;
        if !is_wanted || self.candidates.contains(&from) || self.punched().contains(&way) {
            return;
        }
        if let Phase::Setup(Setup::Caller(caller)) = &mut self.phase {
            caller.punched.push(way);
        }
        self.ask_also(now.mono, fx, way);
    }

    /// The ways by which punches came from addresses that were not told.
    pub(super) fn punched(&self) -> &[Way] {
        match &self.phase {
            Phase::Setup(Setup::Caller(caller)) => &caller.punched,
            Phase::Setup(Setup::Callee { .. }) | Phase::Live(_) => &[],
        }
    }
}

enum Opened {
    Fresh,
    Replayed,
    Forged,
}

impl CallerSetup {
    fn open_punch(&mut self, punch: &Punch) -> Opened {
        if self.punches.contains(&punch.sealed) {
            Opened::Replayed
        } else if open_salted(&self.path_key, "ntm punch", &punch.aad, &punch.sealed).is_err() {
            Opened::Forged
        } else {
            self.punches.push(punch.sealed);
            Opened::Fresh
        }
    }
}
