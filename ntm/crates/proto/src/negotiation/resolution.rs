//! Name resolution: a name leads to tunnels, and tunnels to virtual addresses (paper A, III.B.2).

use core::time::Duration;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{PathId, TxId};
use ntm_wire::message::{DirectionError, DirectionRequest, DirectionResponse};
use ntm_wire::time::{Mono, Now};

use crate::event::{Event, Peer, ResolveError, ResolveId, SendError, UdpId};
use crate::node::Node;
use crate::packet::compress;

/// Behind the first device of an account, others may take this much longer.
const OTHERS_WAIT: Duration = Duration::from_secs(1);
/// The first wait for a direction: the DC asks another DC and the peer before it answers.
const DIRECTION_RTO: Duration = Duration::from_millis(500);
/// Bytes of early data at most; it leaves room for the rest of the Tunnel Request.
pub const MAX_EARLY: usize = 900;
/// No resolution takes longer.
const DEADLINE: Duration = Duration::from_secs(25);

/// A name under way.
#[derive(Debug)]
pub(crate) struct Resolution {
    tx: TxId,
    name: Fqdn,
    ids: Vec<ResolveId>,
    /// The devices that the DC directs, once it said so.
    listed: Option<Vec<Fqdn>>,
    ready: Vec<Peer>,
    failed: Vec<(Fqdn, ResolveError)>,
    first_ready: Option<Mono>,
    deadline: Mono,
    /// A datagram that travels inside the first Tunnel Request (rule 5).
    early: Option<Vec<u8>>,
    /// Those of whoever joined later: they follow as soon as a tunnel stands.
    late: Vec<Vec<u8>>,
}

impl Resolution {
    fn join(&mut self, id: ResolveId, early: Option<Vec<u8>>) {
        self.ids.push(id);
        self.late.extend(early);
    }

    /// Notes a tunnel that stands; what is still to be sent to this device over it.
    fn reached(&mut self, peer: &Peer, request: Option<TxId>, now: Mono) -> Vec<Vec<u8>> {
        self.first_ready.get_or_insert(now);
        if self.ready.iter().any(|p| p.node == peer.node) {
            return Vec::new();
        }
        self.ready.push(peer.clone());
        let not_yet = self.early.iter().filter(|_| request != Some(self.tx));
        not_yet.chain(&self.late).cloned().collect()
    }

    fn concerns(&self, peer: &Fqdn) -> bool {
        let listed = self.listed.as_ref().is_some_and(|l| l.contains(peer));
        listed || *peer == self.name || peer.parent().as_ref() == Some(&self.name)
    }

    fn is_done(&self, now: Mono) -> bool {
        let settled = |n: &Fqdn| {
            self.ready.iter().any(|p| p.fqdn == *n) || self.failed.iter().any(|(f, _)| f == n)
        };
        let all = self.listed.as_ref().is_some_and(|l| l.iter().all(settled));
        all || self.poll_timeout() <= now
    }

    fn poll_timeout(&self) -> Mono {
        self.first_ready
            .map_or(self.deadline, |t| (t + OTHERS_WAIT).min(self.deadline))
    }

    fn result(&mut self) -> Result<Vec<Peer>, ResolveError> {
        if self.ready.is_empty() {
            return Err(self
                .failed
                .first()
                .map_or(ResolveError::PeerUnreachable, |(_, e)| e.clone()));
        }
        let listed = self.listed.take().unwrap_or_default();
        let rank = |p: &Peer| {
            listed
                .iter()
                .position(|n| *n == p.fqdn)
                .unwrap_or(usize::MAX)
        };
        self.ready.sort_by_key(rank);
        Ok(core::mem::take(&mut self.ready))
    }
}

impl Node {
    /// Builds tunnels to whatever answers to `name`; ends with [`Event::Resolved`].
    pub fn resolve(&mut self, now: Now, name: &Fqdn) -> ResolveId {
        self.resolve_for(now, name, None)
    }

    /// The same, and a first datagram from socket `id` to `port` of every device travels inside the Tunnel
    /// Request: a round trip sooner than if it were sent once the tunnel stands. Where there is no request
    /// of this node's own (a tunnel stands, or the peer asked first), it follows over the tunnel. Like any
    /// datagram it may get lost. More than [`MAX_EARLY`] bytes
    /// are refused.
    pub fn resolve_with_early(
        &mut self,
        now: Now,
        name: &Fqdn,
        id: UdpId,
        port: u16,
        data: &[u8],
    ) -> Result<ResolveId, SendError> {
        let src_port = self.udp_port(id).ok_or(SendError::Closed)?;
        if data.len() > MAX_EARLY {
            return Err(SendError::TooLong);
        }
        Ok(self.resolve_for(now, name, Some(compress::udp6(src_port, port, data))))
    }

    fn resolve_for(&mut self, now: Now, name: &Fqdn, early: Option<Vec<u8>>) -> ResolveId {
        self.next_resolve += 1;
        let id = ResolveId(self.next_resolve);
        if !name.fits_wire() {
            // No certificate bears such a name.
            let result = Err(DirectionError::UnknownName.into());
            self.fx.event(Event::Resolved { id, result });
            return id;
        }
        let known = self
            .tunnels
            .iter()
            .find(|t| t.peer.fqdn == *name && t.is_up() && self.tunnels.is_active(t.path_in));
        if let Some((path, peer)) = known.map(|t| (t.path_in, t.peer.clone())) {
            self.send_first(now, path, early.as_slice());
            self.fx.event(Event::Resolved {
                id,
                result: Ok(vec![peer]),
            });
        } else if let Some(under_way) = self.resolutions.values_mut().find(|r| r.name == *name) {
            under_way.join(id, early);
        } else {
            self.ask_direction(now, name, vec![id], early);
        }
        id
    }

    pub(crate) fn ask_direction(
        &mut self,
        now: Now,
        name: &Fqdn,
        ids: Vec<ResolveId>,
        early: Option<Vec<u8>>,
    ) {
        let tx = self.fx.tx();
        let rto = DIRECTION_RTO.max(self.dc.rtt.unwrap_or_default() * 3);
        let resolution = Resolution {
            tx,
            name: name.clone(),
            ids,
            listed: None,
            ready: Vec::new(),
            failed: Vec::new(),
            first_ready: None,
            deadline: now.mono + DEADLINE,
            early,
            late: Vec::new(),
        };
        self.resolutions.insert(tx, resolution);
        let request = DirectionRequest {
            tx,
            name: name.clone(),
        };
        self.dc
            .request(now.mono, &mut self.fx, tx, request.into(), Some(rto));
        self.open_session(now);
    }

    /// A relay of this tunnel is gone: the DC directs both ends anew, and the tunnel that stands goes on
    /// until the new one does.
    pub(crate) fn replace_relay(&mut self, now: Now, path: PathId) {
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        if tunnel.other_relay_at().is_none_or(|t| now.mono < t) {
            return;
        }
        tunnel.asked_again = Some(now.mono);
        let name = tunnel.peer.fqdn.clone();
        if !self.wants(&name) {
            self.ask_direction(now, &name, Vec::new(), None);
        }
    }

    pub(crate) fn handle_direction_response(&mut self, now: Now, response: DirectionResponse) {
        self.dc.answered(now.mono, response.tx);
        let Some(resolution) = self.resolutions.get_mut(&response.tx) else {
            self.fx.counters.unexpected += 1;
            return;
        };
        match response.result {
            Ok(devices) => resolution.listed = Some(devices),
            // In a glare the other side's tunnel may stand although our own request failed.
            Err(_) if !resolution.ready.is_empty() => resolution.listed = Some(Vec::new()),
            Err(error) => {
                resolution.listed = Some(Vec::new());
                let name = resolution.name.clone();
                resolution.failed.push((name, error.into()));
            }
        }
        self.finish_resolutions(now.mono);
    }

    pub(crate) fn direction_given_up(&mut self, now: Now, tx: TxId) {
        if let Some(resolution) = self.resolutions.get_mut(&tx).filter(|r| r.listed.is_none()) {
            let name = resolution.name.clone();
            resolution
                .failed
                .push((name, ResolveError::CoordinatorUnreachable));
            resolution.listed = Some(resolution.ready.iter().map(|p| p.fqdn.clone()).collect());
        }
        self.finish_resolutions(now.mono);
    }

    /// The datagram to go inside the Tunnel Request; once for each device.
    pub(crate) fn early_of(&self, tx: TxId) -> Vec<u8> {
        self.resolutions
            .get(&tx)
            .and_then(|r| r.early.clone())
            .unwrap_or_default()
    }

    /// Whether a Direction Request of this node waits for tunnels.
    pub(crate) fn is_resolving(&self, tx: TxId) -> bool {
        self.resolutions.contains_key(&tx)
    }

    /// Whether this node itself wants a tunnel with this name (rule 14).
    pub(crate) fn wants(&self, peer: &Fqdn) -> bool {
        self.resolutions.values().any(|r| r.concerns(peer))
    }

    /// A tunnel stands: every name that leads to it gains an address.
    pub(crate) fn resolution_ready(&mut self, now: Now, path: PathId) {
        let Some(tunnel) = self.tunnels.get_mut(path) else {
            return;
        };
        let (peer, request) = (tunnel.peer.clone(), tunnel.for_request);
        let all = self.resolutions.values_mut();
        let concerned = all.filter(|r| r.concerns(&peer.fqdn));
        let first: Vec<Vec<u8>> = concerned
            .flat_map(|r| r.reached(&peer, request, now.mono))
            .collect();
        self.send_first(now, path, &first);
        self.finish_resolutions(now.mono);
    }

    fn send_first(&mut self, now: Now, path: PathId, contents: &[Vec<u8>]) {
        if let Some(tunnel) = self.tunnels.get_mut(path) {
            for content in contents {
                let len = content.len() + compress::LEFT_OUT_6;
                tunnel.send_compressed(now, &mut self.fx, content.clone(), len);
            }
        }
    }

    /// A device that was directed can't be reached.
    pub(crate) fn resolution_failed(&mut self, now: Mono, peer: &Fqdn, error: &ResolveError) {
        for resolution in self.resolutions.values_mut().filter(|r| r.concerns(peer)) {
            resolution.failed.push((peer.clone(), error.clone()));
        }
        self.finish_resolutions(now);
    }

    pub(crate) fn finish_resolutions(&mut self, now: Mono) {
        let done: Vec<TxId> = self
            .resolutions
            .values()
            .filter(|r| r.is_done(now))
            .map(|r| r.tx)
            .collect();
        for mut resolution in done
            .into_iter()
            .filter_map(|tx| self.resolutions.remove(&tx))
        {
            self.dc.forget(resolution.tx);
            let result = resolution.result();
            for id in resolution.ids {
                self.fx.event(Event::Resolved {
                    id,
                    result: result.clone(),
                });
            }
        }
    }

    pub(crate) fn resolution_timeout(&self) -> Option<Mono> {
        self.resolutions
            .values()
            .map(Resolution::poll_timeout)
            .min()
    }
}
