//! What relays report, and what they are told.

use ntm_wire::id::{NodeId, RsId};
use ntm_wire::message::{KeepAlive, RelayDirection, RelayOrder, RelayReport};
use ntm_wire::time::Now;

use crate::coordinator::{Coordinator, To};
use crate::event::Event;
use crate::links::Peer;
use crate::timers::Timer;

impl Coordinator {
    /// A relay says where it is and how busy.
    pub(crate) fn handle_relay_report(&mut self, now: Now, link: usize, report: &RelayReport) {
        let is_itself = self
            .links
            .get(link)
            .is_some_and(|l| matches!(l.peer, Peer::Relay(rs) if rs == report.rs));
        if !is_itself {
            self.fx.counters.dropped.out_of_order += 1;
            return;
        }
        if self.relays.report(now.mono, report) {
            self.fx.event(Event::RelayUp(report.rs));
            self.watch_relay(report.rs);
        }
        self.tell(
            To::Link(link),
            KeepAlive {
                tx: report.tx,
                is_reply: true,
            },
        );
        // A relay that restarted has forgotten that it is to be drained.
        if self.relays.is_drained(report.rs) && !report.draining {
            self.order_relay(now, report.rs, RelayOrder::Drain);
        }
    }

    fn watch_relay(&mut self, rs: RsId) {
        if let Some(at) = self.relays.silent_at(rs) {
            self.timers.set(at, Timer::Relay(rs));
        }
    }

    /// The deadline of a relay's silence has come; it may have reported meanwhile.
    pub(crate) fn check_relay(&mut self, now: Now, rs: RsId) {
        match self.relays.silent_at(rs) {
            Some(at) if at <= now.mono => {
                self.relays.take_down(rs);
                self.fx.event(Event::RelayDown(rs));
            }
            Some(_) => self.watch_relay(rs),
            None => {}
        }
    }

    /// Tells a relay something, if it has a link to us.
    pub(crate) fn order_relay(&mut self, now: Now, rs: RsId, order: RelayOrder) {
        let link = self.links.relay(rs);
        if let Some(link) = link.filter(|l| self.links.is_located(*l)) {
            let tx = self.fx.tx();
            self.request_link(now, link, tx, RelayDirection { tx, order }.into());
        }
    }

    /// Has every relay forget the paths of a node.
    pub(crate) fn revoke_paths(&mut self, now: Now, node: NodeId) {
        for (path, rs) in self.grants.of(node) {
            self.order_relay(now, rs, RelayOrder::Revoke { path });
        }
    }
}
