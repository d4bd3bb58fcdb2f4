//! From a host onto the wire.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use ntm_wire::id::InterfaceId;

use super::{Event, World};
use crate::net::{DropReason, HostId, Packet};
use crate::process::Outgoing;
use crate::tap::Verdict;
use crate::trace::{Line, Seen, What};

impl World {
    pub(super) fn send(&mut self, from: HostId, outgoing: Outgoing) {
        let Some(host) = self.hosts.get(from.0) else {
            return;
        };
        let door = host.doors.get(&outgoing.to).copied();
        // A process that started anew may have another.
        let door = door.filter(|port| host.process.has_port(*port));
        let port = door.unwrap_or_else(|| host.process.port());
        let found = self.net.attachments(from).find_map(|(interface, a)| {
            let wanted = outgoing.from.0 == 0 || outgoing.from == interface;
            let addr = a.address_like(outgoing.to).filter(|_| wanted)?;
            Some((interface, addr))
        });
        self.sent += 1;
        let mut packet = Packet {
            id: self.sent,
            src: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            dst: outgoing.to,
            is_injected: false,
            payload: outgoing.payload,
        };
        let Some((interface, addr)) = found else {
            self.record_drop(DropReason::NoRoute, &packet);
            return;
        };
        packet.src.set_ip(addr);
        self.tapped(from, interface, packet);
    }

    fn tapped(&mut self, from: HostId, interface: InterfaceId, packet: Packet) {
        let verdict = match &mut self.tap {
            None => Verdict::pass(),
            Some(tap) => tap.on_send(self.now, from, &packet),
        };
        for (after, payload) in verdict.injected {
            let is_injected = true;
            let copy = Packet {
                payload,
                is_injected,
                ..packet
            };
            let event = Event::Inject(from, interface, copy);
            self.queue.push(self.now + after, event);
        }
        for spoof in verdict.spoofed {
            let packet = Packet {
                id: packet.id,
                src: spoof.src,
                dst: spoof.dst,
                is_injected: true,
                payload: spoof.payload,
            };
            let event = Event::Appear(packet);
            self.queue.push(self.now + spoof.after, event);
        }
        if verdict.is_dropped {
            self.record_drop(DropReason::Intercepted, &packet);
        } else {
            self.launch(from, interface, packet);
        }
    }

    pub(super) fn launch(&mut self, from: HostId, interface: InterfaceId, packet: Packet) {
        let line = Line {
            at: self.now,
            host: from,
            what: What::Sent(Seen::of(&packet)),
        };
        self.trace.datagram(line, &packet.payload);
        if let Some(capture) = &mut self.capture {
            capture.sent(self.now, from, &packet);
        }
        let hop = self.net.send(self.now, from, interface, packet);
        self.handle_hop(hop);
    }

    /// A datagram is at the core, and nobody knows whence.
    pub(super) fn appear(&mut self, packet: Packet) {
        let hop = self.net.appear(self.now, packet);
        self.handle_hop(hop);
    }

    pub(super) fn record_drop(&mut self, why: DropReason, packet: &Packet) {
        let what = What::Dropped(why, Seen::of(packet));
        let (at, host) = (self.now, HostId(usize::MAX));
        self.trace.datagram(Line { at, host, what }, &[]);
    }
}
