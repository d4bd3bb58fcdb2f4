//! `ntm echo`: answers every datagram with itself, and says who asks.

mod sleep;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Running;
use super::{Context, names, session, signals};
use crate::net::UdpSocket;
use crate::sleep::Asleep;

/// The port of the echo service, by custom (RFC 862).
pub(super) const ECHO_PORT: u16 = 7;

/// Answers datagrams on a virtual UDP port with themselves, until stopped.
#[derive(Debug, Args)]
pub(super) struct Echo {
    /// The virtual port.
    #[arg(long, default_value_t = ECHO_PORT, value_name = "PORT")]
    virtual_port: u16,
    /// Go to sleep after so many seconds without a tunnel; whoever calls wakes this device.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    sleep: Option<u64>,
}

/// How many datagrams of whom were answered.
type Seen = BTreeMap<IpAddr, u64>;

/// Why a node stopped answering.
enum Over {
    Stopped,
    /// It has a place at the wake service.
    Drowsy(Box<Asleep>),
}

impl Echo {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut running = match self.sleep {
            Some(_) => session::start_that_sleeps(context).await?,
            None => session::start(context).await?,
        };
        let mut seen = Seen::new();
        self.greet(context, &running);
        while let Over::Drowsy(asleep) = self.serve(context, &running, &mut seen).await? {
            running.fall_asleep().await;
            if !sleep::until_woken(context, *asleep).await {
                report(context, &seen);
                return Ok(Exit::Ok);
            }
            running = running.wake(context).await?;
        }
        report(context, &seen);
        running.finish().await;
        Ok(Exit::Ok)
    }

    fn greet(&self, context: &Context, running: &Running) {
        let device = running.node.fqdn();
        context.out.line(format!(
            "{} answers on virtual port {}",
            names::device(device),
            self.virtual_port
        ));
        context
            .out
            .json(&json!({ "listening": device.to_string(), "port": self.virtual_port }));
    }

    async fn serve(
        &self,
        context: &Context,
        running: &Running,
        seen: &mut Seen,
    ) -> Result<Over, Failure> {
        let any = (std::net::Ipv6Addr::UNSPECIFIED, self.virtual_port);
        let socket = UdpSocket::bind_on(&running.node, any).await?;
        tokio::select! {
            result = answer(context, running, &socket, seen) => result.map(|()| Over::Stopped),
            () = signals::stop() => Ok(Over::Stopped),
            () = running.publish() => Ok(Over::Stopped),
            asleep = sleep::when_idle(context, &running.node, self.sleep) => {
                Ok(Over::Drowsy(Box::new(asleep)))
            }
        }
    }
}

fn report(context: &Context, seen: &Seen) {
    let total: u64 = seen.values().sum();
    context.out.line(format!("{total} answered"));
    context.out.json(&json!({ "answered": total }));
}

async fn answer(
    context: &Context,
    running: &Running,
    socket: &UdpSocket,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await?;
        if !seen.contains_key(&from.ip()) {
            introduce(context, running, from).await;
        }
        *seen.entry(from.ip()).or_default() += 1;
        // A peer that just left is no reason to stop.
        let _ = socket
            .send_to(buffer.get(..len).unwrap_or_default(), from)
            .await;
    }
}

/// Says who it is, the first time.
async fn introduce(context: &Context, running: &Running, from: SocketAddr) {
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
