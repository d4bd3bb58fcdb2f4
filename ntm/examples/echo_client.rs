//! An echo client on the virtual network. Beside `tokio/echo_client.rs`: another import, one call more.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::io;

use ntm::net::{UdpSocket, lookup_host};

#[tokio::main]
async fn main() -> io::Result<()> {
    ntm::start_default().await?;
    let server = std::env::args().nth(1).unwrap_or("localhost:7007".into());
    let addr = lookup_host(&server)
        .await?
        .next()
        .ok_or(io::ErrorKind::NotFound)?;
    let socket = UdpSocket::bind("[::]:0").await?;
    socket.connect(addr).await?;
    socket.send(b"hello").await?;
    let mut buffer = [0; 1500];
    let len = socket.recv(&mut buffer).await?;
    println!("{} from {addr}", String::from_utf8_lossy(&buffer[..len]));
    Ok(())
}
