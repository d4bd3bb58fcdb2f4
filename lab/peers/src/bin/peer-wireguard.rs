//! WireGuard in user space at its best: one unconnected socket of both families, so that it goes on sending
//! from whatever address the machine has, and the endpoint is wherever the last authentic packet came from.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519::{PublicKey, StaticSecret};
use clap::Parser;
use legato_lab_peers::{came, lines, tell};
use tokio::net::UdpSocket;

const KEEPALIVE: u16 = 1;
/// `update_timers` wants to be called so often.
const TICK: Duration = Duration::from_millis(100);
const DATAGRAM: usize = 2048;
const HEADERS: usize = 28;

/// One end.
#[derive(Parser)]
enum Args {
    /// Waits for a caller.
    Listen { port: u16 },
    /// Calls.
    Call { callee: SocketAddr },
}

struct Peer {
    tunn: Tunn,
    socket: UdpSocket,
    endpoint: Option<SocketAddr>,
    is_up: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (own, other, port, endpoint) = match args {
        Args::Listen { port } => (2, 1, port, None),
        Args::Call { callee } => (1, 2, 0, Some(both_families(callee))),
    };
    let secret = |n: u8| StaticSecret::from([n; 32]);
    let public = PublicKey::from(&secret(other));
    let mut peer = Peer {
        tunn: Tunn::new(secret(own), public, None, Some(KEEPALIVE), 1, None),
        socket: UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).await?,
        endpoint,
        is_up: false,
    };
    tell("ready");
    peer.run().await
}

/// The socket's way to write an IPv4 address.
fn both_families(at: SocketAddr) -> SocketAddr {
    match at {
        SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
        SocketAddr::V6(_) => at,
    }
}

impl Peer {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut lines = lines();
        let mut tick = tokio::time::interval(TICK);
        let mut datagram = [0; DATAGRAM];
        loop {
            tokio::select! {
                line = lines.recv() => {
                    let Some(line) = line else { return Ok(()) };
                    self.say(&line).await?;
                }
                got = self.socket.recv_from(&mut datagram) => {
                    // An error is a path's, and says nothing of the next packet.
                    if let Ok((len, from)) = got {
                        let datagram = datagram.get(..len).context("a length")?;
                        self.hear(datagram, from).await;
                    }
                }
                _ = tick.tick() => {
                    let mut out = [0; DATAGRAM];
                    let what = self.tunn.update_timers(&mut out);
                    send(&self.socket, self.endpoint, what).await;
                }
            }
        }
    }

    async fn say(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let inner = inner_packet(line)?;
        let mut out = [0; DATAGRAM];
        let what = self.tunn.encapsulate(&inner, &mut out);
        send(&self.socket, self.endpoint, what).await;
        Ok(())
    }

    async fn hear(&mut self, datagram: &[u8], from: SocketAddr) {
        let mut out = [0; DATAGRAM];
        let mut what = self.tunn.decapsulate(Some(from.ip()), datagram, &mut out);
        if !matches!(what, TunnResult::Err(_)) {
            self.endpoint = Some(from);
            self.tell_up();
        }
        // After an answer come packets that waited for it.
        while matches!(what, TunnResult::WriteToNetwork(_)) {
            send(&self.socket, self.endpoint, what).await;
            what = self.tunn.decapsulate(None, &[], &mut out);
        }
        if let TunnResult::WriteToTunnelV4(inner, _) = what {
            came(inner.get(HEADERS..).unwrap_or_default());
        }
    }

    fn tell_up(&mut self) {
        let has_session = self.tunn.time_since_last_handshake().is_some();
        if has_session && !std::mem::replace(&mut self.is_up, true) {
            tell("up");
        }
    }
}

async fn send(socket: &UdpSocket, to: Option<SocketAddr>, what: TunnResult<'_>) {
    if let (Some(to), TunnResult::WriteToNetwork(datagram)) = (to, what) {
        // No route now: the next packet may find one.
        let _ = socket.send_to(datagram, to).await;
    }
}

/// IPv4 and UDP around a datagram, as a TUN device would hand it over. Nobody looks at checksums.
fn inner_packet(payload: &[u8]) -> anyhow::Result<Vec<u8>> {
    let udp = u16::try_from(payload.len() + 8)?.to_be_bytes();
    let all = u16::try_from(payload.len() + HEADERS)?.to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(all);
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend([0x9c, 0x40, 0x9c, 0x40]);
    packet.extend(udp);
    packet.extend([0, 0]);
    packet.extend(payload);
    Ok(packet)
}
