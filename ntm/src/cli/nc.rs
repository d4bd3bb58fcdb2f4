//! `ntm nc`: the terminal's input as datagrams, datagrams as output.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::echo::who;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Running;
use super::{Context, session, signals};
use crate::net::UdpSocket;

/// What fits into a virtual datagram of either family.
const CHUNK: usize = 1200;

/// Sends the input to a name's virtual UDP port and prints what comes back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ntm nc -u bob@example.org 9000\n  ntm nc -u -l 9000")]
pub(super) struct Nc {
    /// UDP; there is nothing else yet, so it may be left out.
    #[arg(short)]
    udp: bool,
    /// Wait for somebody on this virtual port instead.
    #[arg(short, long, value_name = "PORT", conflicts_with_all = ["name", "virtual_port"])]
    listen: Option<u16>,
    /// Seconds to wait for answers after the input's end.
    #[arg(short, long, default_value_t = 1, value_name = "SECONDS")]
    wait: u64,
    /// The peer.
    #[arg(required_unless_present = "listen")]
    name: Option<String>,
    /// The peer's virtual port.
    #[arg(value_name = "PEER_PORT", required_unless_present = "listen")]
    virtual_port: Option<u16>,
}

impl Nc {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let running = session::start(context).await?;
        let port = self.listen.unwrap_or(0);
        let socket = UdpSocket::bind_on(&running.node, (Ipv6Addr::UNSPECIFIED, port)).await?;
        let result = tokio::select! {
            result = self.talk(context, &running, &socket) => result,
            () = signals::stop() => Ok(()),
            () = running.publish() => Ok(()),
        };
        drop(socket);
        running.finish().await;
        result.map(|()| Exit::Ok)
    }

    async fn talk(
        &self,
        context: &Context,
        running: &Running,
        socket: &UdpSocket,
    ) -> Result<(), Failure> {
        if let (Some(name), Some(port)) = (&self.name, self.virtual_port) {
            let peer = running.resolve_first(name).await?;
            socket
                .connect(SocketAddr::new(peer.addrs.v6.into(), port))
                .await?;
        } else {
            let first = first_peer(socket).await?;
            context
                .out
                .note(format!("from {}", who(running, first.ip()).await));
        }
        tokio::select! {
            result = self.send_input(socket) => result,
            result = print_received(socket) => result,
        }
    }

    async fn send_input(&self, socket: &UdpSocket) -> Result<(), Failure> {
        let mut input = tokio::io::stdin();
        let mut chunk = vec![0; CHUNK];
        loop {
            let len = input.read(&mut chunk).await.map_err(Failure::system)?;
            if len == 0 {
                break;
            }
            socket.send(chunk.get(..len).unwrap_or_default()).await?;
        }
        if self.listen.is_some() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_secs(self.wait)).await;
        Ok(())
    }
}

/// Waits for the first datagram, prints it and stays with its sender.
async fn first_peer(socket: &UdpSocket) -> Result<SocketAddr, Failure> {
    let mut buffer = vec![0; 2048];
    let (_, from) = socket.peek_from(&mut buffer).await?;
    socket.connect(from).await?;
    Ok(from)
}

async fn print_received(socket: &UdpSocket) -> Result<(), Failure> {
    let mut out = tokio::io::stdout();
    let mut buffer = vec![0; 2048];
    loop {
        let len = socket.recv(&mut buffer).await?;
        let data = buffer.get(..len).unwrap_or_default();
        out.write_all(data).await.map_err(Failure::system)?;
        out.flush().await.map_err(Failure::system)?;
    }
}
