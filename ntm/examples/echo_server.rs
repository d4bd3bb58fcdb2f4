//! An echo server on the virtual network. Beside `tokio/echo_server.rs`: another import, one call more.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::io;

use ntm::net::UdpSocket;

#[tokio::main]
async fn main() -> io::Result<()> {
    ntm::start_default().await?;
    let socket = UdpSocket::bind("[::]:7007").await?;
    let mut buffer = [0; 1500];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await?;
        println!("{len} bytes from {from}");
        socket.send_to(&buffer[..len], from).await?;
    }
}
