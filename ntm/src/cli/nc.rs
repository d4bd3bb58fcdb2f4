//! `ntm nc`: the terminal's input as datagrams, datagrams as output.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use ntm_proto::{MAX_EARLY, Peer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

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
        let mut input = read_input();
        let running = session::start(context).await?;
        let port = self.listen.unwrap_or(0);
        let socket = UdpSocket::bind_on(&running.node, (Ipv6Addr::UNSPECIFIED, port)).await?;
        let result = tokio::select! {
            result = self.talk(context, &running, &socket, &mut input) => result,
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
        input: &mut Input,
    ) -> Result<(), Failure> {
        if let (Some(name), Some(port)) = (&self.name, self.virtual_port) {
            let peer = reach(running, socket, input, name, port).await?;
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
            result = self.send_input(socket, input) => result,
            result = print_received(socket) => result,
        }
    }

    async fn send_input(&self, socket: &UdpSocket, input: &mut Input) -> Result<(), Failure> {
        while let Some(chunk) = input.recv().await {
            socket.send(&chunk.map_err(Failure::system)?).await?;
        }
        if self.listen.is_some() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_secs(self.wait)).await;
        Ok(())
    }
}

/// The input in chunks; read while the node registers, so that the first may go ahead of the tunnel.
type Input = mpsc::Receiver<std::io::Result<Vec<u8>>>;

fn read_input() -> Input {
    let (chunks, input) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = stdin.read(&mut buffer).await;
            let chunk = read.map(|len| buffer.get(..len).unwrap_or_default().to_vec());
            let is_over = chunk.as_ref().is_ok_and(Vec::is_empty);
            if is_over || chunks.send(chunk).await.is_err() {
                break;
            }
        }
    });
    input
}

/// Builds the tunnel; the first chunk goes ahead if it is there already.
async fn reach(
    running: &Running,
    socket: &UdpSocket,
    input: &mut Input,
    name: &str,
    port: u16,
) -> Result<Peer, Failure> {
    let Ok(first) = input.try_recv() else {
        return running.resolve_first(name).await;
    };
    let first = first.map_err(Failure::system)?;
    if first.len() <= MAX_EARLY {
        return running.resolve_with_early(name, socket, port, &first).await;
    }
    let peer = running.resolve_first(name).await?;
    let to = SocketAddr::new(peer.addrs.v6.into(), port);
    socket.send_to(&first, to).await?;
    Ok(peer)
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
