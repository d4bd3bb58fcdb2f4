//! A node of a test: the deciding node on a real socket.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ntm_proto::{Config, Event, LocalAddr, Node};
use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;
use ntm_wire::time::{Mono, Now, Wall};

/// Generous, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOPBACK: InterfaceId = InterfaceId(1);

pub(crate) struct Device {
    pub(crate) node: Node,
    socket: UdpSocket,
    start: Instant,
}

impl Device {
    pub(crate) fn start(config: Config, seed: u8) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        let start = Instant::now();
        let mut device = Self {
            node: Node::new(config, [seed; 32], now(start)),
            socket,
            start,
        };
        let addr = RealAddr(device.socket.local_addr().unwrap());
        let interface = LOOPBACK;
        let local = LocalAddr {
            interface,
            addr,
            attachment: 0,
        };
        device.node.handle_interfaces(device.now(), &[local]);
        device.node.register(device.now());
        device
    }

    pub(crate) fn now(&self) -> Now {
        now(self.start)
    }

    /// Everything that is due; waits at most a few milliseconds for a datagram.
    pub(crate) fn turn(&mut self) {
        let now = self.now();
        if self.node.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.node.handle_timeout(now);
        }
        while let Some(transmit) = self.node.poll_transmit() {
            drop(self.socket.send_to(&transmit.payload, transmit.to.0));
        }
        let mut bytes = [0; 2048];
        if let Ok((len, from)) = self.socket.recv_from(&mut bytes) {
            let now = self.now();
            self.node
                .handle_datagram(now, LOOPBACK, RealAddr(from), &mut bytes[..len]);
        }
    }

    /// Turns until an event is the wanted one.
    pub(crate) fn until<T>(&mut self, what: &str, wanted: impl FnMut(&Event) -> Option<T>) -> T {
        until(&mut [self], what, wanted)
    }
}

/// Turns all until an event of the first is the wanted one.
pub(crate) fn until<T>(
    devices: &mut [&mut Device],
    what: &str,
    mut wanted: impl FnMut(&Event) -> Option<T>,
) -> T {
    let end = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while Instant::now() < end {
        devices.iter_mut().for_each(|d| d.turn());
        while let Some(event) = devices[0].node.poll_event() {
            if let Some(found) = wanted(&event) {
                return found;
            }
            seen.push(event);
        }
    }
    panic!("{what} does not happen; instead: {seen:?}");
}

/// The virtual addresses that the DC gives.
pub(crate) fn registered(device: &mut Device) -> (String, SocketAddr) {
    device.until("registration", |event| {
        if let Event::Registered { addrs, observed } = event {
            Some((format!("{} {}", addrs.v6, addrs.v4), observed.0))
        } else {
            None
        }
    })
}

fn now(start: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now {
        mono: Mono::from_micros(1 + u64::try_from(start.elapsed().as_micros()).unwrap()),
        wall: Wall::from_millis(u64::try_from(wall.as_millis()).unwrap()),
    }
}
