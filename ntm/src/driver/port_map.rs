//! The router's port as a candidate of the node.

use ntm_proto::LocalAddr;
use ntm_wire::time::Now;

use super::Driver;

impl Driver {
    /// After every reading of the interfaces.
    pub(super) fn follow_router(&mut self, now: Now) {
        let port = self.sockets.port(true);
        self.port_map.follow(&self.locals, port);
        self.tell_mapping(now);
    }

    pub(super) fn tell_mapping(&mut self, now: Now) {
        let mapped = self.port_map.mapped().map(|m| LocalAddr {
            attachment: 0,
            interface: m.interface,
            addr: m.addr,
        });
        tracing::debug!(mapped = mapped.is_some(), "port of the router");
        self.node.set_mapped(now, mapped);
    }
}
