//! An echo server with plain tokio; `../echo_server.rs` is its port.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::io;

use tokio::net::UdpSocket;

#[tokio::main]
async fn main() -> io::Result<()> {
    let socket = UdpSocket::bind("[::]:7007").await?;
    let mut buffer = [0; 1500];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await?;
        println!("{len} bytes from {from}");
        socket.send_to(&buffer[..len], from).await?;
    }
}
