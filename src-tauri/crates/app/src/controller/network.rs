//! What the node tells: which way a call goes, hand-overs, whether the servers know this device.

use std::time::Duration;

use ntm::event::{Event as NodeEvent, Passage};
use ntm::wire::id::NodeId;

use super::Controller;
use crate::names;
use crate::view::{AppEvent, HandoverView, millis};

/// Hand-overs of a call that a snapshot has.
const HANDOVERS: usize = 200;
/// The clock of a gap that goes on.
pub(super) const TENTH: Duration = Duration::from_millis(100);

impl Controller {
    /// The node says something.
    pub(super) fn note(&mut self, event: NodeEvent) {
        match event {
            NodeEvent::PassageChanged { peer, passage } => self.pass_on(peer, passage),
            NodeEvent::RouteChanged { peer, new, .. } => {
                for call in self.calls_with(peer) {
                    let changed = self.calls.set_route(call, new.into());
                    changed.into_iter().for_each(|c| self.show(c));
                }
            }
            NodeEvent::HandedOver(handover) => {
                let view = HandoverView::from(&*handover);
                for call in self.calls_with(handover.peer) {
                    self.handed_over(call, view.clone());
                }
            }
            NodeEvent::CoordinatorLost | NodeEvent::RegistrationFailed(_) => {
                self.company.was_away = true;
                self.go_offline();
            }
            NodeEvent::Registered { .. } => {
                self.look_around();
                self.go_online();
            }
            NodeEvent::TunnelUp { .. }
            | NodeEvent::TunnelDown { .. }
            | NodeEvent::Pinned { .. }
            | NodeEvent::PinChanged { .. }
            | NodeEvent::OperatorRefused(_)
            | NodeEvent::RelayLost(_)
            | NodeEvent::TicketRenewed { .. }
            | NodeEvent::RenewalFailed { .. } => {}
            NodeEvent::Slept(_) => self.company.was_away = true,
        }
    }

    fn handed_over(&mut self, call: u64, handover: HandoverView) {
        let kept = self.handovers.entry(call).or_default();
        kept.call = call;
        kept.handovers.push(handover.clone());
        let too_many = kept.handovers.len().saturating_sub(HANDOVERS);
        kept.handovers.drain(..too_many);
        self.tell(AppEvent::Handover { call, handover });
        let changed = self.calls.change(call, |c| c.handovers += 1);
        changed.into_iter().for_each(|c| self.show(c));
    }

    pub(super) fn go_online(&mut self) {
        self.is_online = true;
        self.tell(AppEvent::Registered {
            me: names::device(self.parts.node.fqdn()),
        });
    }

    fn go_offline(&mut self) {
        if std::mem::replace(&mut self.is_online, false) {
            self.tell(AppEvent::ServersLost);
        }
    }

    fn pass_on(&mut self, peer: NodeId, passage: Passage) {
        let flows = self.flows.values_mut().filter(|f| f.peer == Some(peer));
        flows.for_each(|f| f.handle_passage(passage));
    }

    fn calls_with(&self, peer: NodeId) -> Vec<u64> {
        let with = self.flows.iter().filter(|(_, f)| f.peer == Some(peer));
        with.map(|(call, _)| *call).collect()
    }

    pub(super) fn has_outage(&self) -> bool {
        self.calls.all().iter().any(|c| c.outage_ms > 0)
    }

    pub(super) fn count_outage(&mut self) {
        for call in self.calls.all().into_iter().filter(|c| c.outage_ms > 0) {
            let changed = self.calls.change(call.id, |c| c.outage_ms += millis(TENTH));
            changed.into_iter().for_each(|c| self.show(c));
        }
    }

    pub(super) async fn find_route(&mut self, call: u64, v6: std::net::Ipv6Addr) {
        let tunnels = self.parts.node.tunnels().await;
        let Some(tunnel) = tunnels.into_iter().find(|t| t.peer.addrs.v6 == v6) else {
            return;
        };
        if let Some(flow) = self.flows.get_mut(&call) {
            flow.peer = Some(tunnel.peer.node);
        }
        let routed = self.calls.set_route(call, tunnel.route.into());
        routed.into_iter().for_each(|c| self.show(c));
    }
}
