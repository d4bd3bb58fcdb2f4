//! Telling a node which local sockets it has.

use std::net::SocketAddr;

use ntm_proto::LocalAddr;
use ntm_wire::addr::RealAddr;

use super::World;
use crate::net::HostId;

impl World {
    pub(super) fn tell_interfaces(&mut self, host: HostId, what: &str) {
        let Some(port) = self.host(host).map(|h| h.process.port()) else {
            return;
        };
        let local = |interface, ip, attachment| LocalAddr {
            interface,
            addr: RealAddr(SocketAddr::new(ip, port)),
            attachment,
        };
        let attachments = self.net.attachments(host);
        let locals: Vec<LocalAddr> = attachments
            .flat_map(|(i, a)| a.addresses().map(move |ip| local(i, ip, a.number)))
            .collect();
        let addrs: Vec<String> = locals.iter().map(|l| l.addr.0.to_string()).collect();
        self.note(host, &format!("{what}: {}", addrs.join(" ")));
        self.with_node(host, |node, now| node.set_interfaces(now, locals));
    }
}
