//! `ntm echo`: answers every datagram with itself, and says who asks.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Running;
use super::{Context, names, session, signals};
use crate::net::UdpSocket;

/// The port of the echo service, by custom (RFC 862).
pub(super) const ECHO_PORT: u16 = 7;

/// Answers datagrams on a virtual UDP port with themselves, until stopped.
#[derive(Debug, Args)]
pub(super) struct Echo {
    /// The virtual port.
    #[arg(long, default_value_t = ECHO_PORT, value_name = "PORT")]
    virtual_port: u16,
}

impl Echo {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let running = session::start(context).await?;
        let socket = UdpSocket::bind_on(
            &running.node,
            (std::net::Ipv6Addr::UNSPECIFIED, self.virtual_port),
        )
        .await?;
        let device = running.node.fqdn().clone();
        context.out.line(format!(
            "{} answers on virtual port {}",
            names::device(&device),
            self.virtual_port
        ));
        context
            .out
            .json(&json!({ "listening": device.to_string(), "port": self.virtual_port }));
        let mut seen = BTreeMap::new();
        tokio::select! {
            result = answer(context, &running, &socket, &mut seen) => result?,
            () = signals::stop() => {}
            () = running.publish() => {}
        }
        let total: u64 = seen.values().sum();
        context.out.line(format!("{total} answered"));
        context.out.json(&json!({ "answered": total }));
        running.finish().await;
        Ok(Exit::Ok)
    }
}

async fn answer(
    context: &Context,
    running: &Running,
    socket: &UdpSocket,
    seen: &mut BTreeMap<IpAddr, u64>,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await?;
        if !seen.contains_key(&from.ip()) {
            greet(context, running, from).await;
        }
        *seen.entry(from.ip()).or_default() += 1;
        // A peer that just left is no reason to stop.
        let _ = socket
            .send_to(buffer.get(..len).unwrap_or_default(), from)
            .await;
    }
}

/// Says who it is, the first time.
async fn greet(context: &Context, running: &Running, from: SocketAddr) {
    let who = who(running, from.ip()).await;
    context.out.line(format!("from {who}"));
    context.out.json(&json!({ "from": who, "addr": from }));
}

/// The device behind a virtual address.
pub(super) async fn who(running: &Running, ip: IpAddr) -> String {
    let tunnels = running.node.tunnels().await;
    let found = tunnels
        .iter()
        .find(|t| [IpAddr::V6(t.peer.addrs.v6), IpAddr::V4(t.peer.addrs.v4)].contains(&ip));
    found.map_or_else(|| ip.to_string(), |t| names::device(&t.peer.fqdn))
}
