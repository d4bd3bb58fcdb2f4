//! Virtual UDP sockets behave as tokio's do.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use ntm::net::{UdpSocket, lookup_host_on};
use ntm::{Node, wire::fqdn::Fqdn};
use tokio::time::timeout;

use crate::harness::World;

const NAMES: [&str; 2] = ["alice.example.org", "bob.example.org"];
const PATIENCE: Duration = Duration::from_secs(20);

struct Pair {
    _world: World,
    alice: Node,
    bob: Node,
}

async fn pair() -> Pair {
    let world = World::start(&NAMES).await;
    let bob = world
        .device("phone", "bob")
        .node(&["alice.example.org"])
        .await;
    let alice = world
        .device("laptop", "alice")
        .node(&["bob.example.org"])
        .await;
    Pair {
        _world: world,
        alice,
        bob,
    }
}

async fn echo(node: &Node, port: u16) {
    let socket = UdpSocket::bind_on(node, ("::".parse::<std::net::Ipv6Addr>().unwrap(), port))
        .await
        .unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..len], from).await;
        }
    });
}

#[tokio::test]
async fn datagrams_come_back_from_an_echo_over_both_families() {
    let pair = pair().await;
    echo(&pair.bob, 7).await;
    let addrs: Vec<SocketAddr> = lookup_host_on(&pair.alice, "bob@example.org:7")
        .await
        .unwrap()
        .collect();
    assert_eq!(addrs.len(), 2, "one device, two families: {addrs:?}");
    let socket = UdpSocket::bind_on(&pair.alice, "[::]:0").await.unwrap();
    for (round, addr) in addrs.iter().cycle().take(200).enumerate() {
        let text = format!("datagram {round}");
        socket.send_to(text.as_bytes(), addr).await.unwrap();
        let mut buffer = [0; 100];
        let (len, from) = timeout(PATIENCE, socket.recv_from(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((&buffer[..len], from), (text.as_bytes(), *addr));
    }
}

#[tokio::test]
async fn the_largest_datagram_passes_and_a_larger_one_is_refused() {
    let pair = pair().await;
    echo(&pair.bob, 9).await;
    let addr = lookup_host_on(&pair.alice, ("bob.example.org", 9))
        .await
        .unwrap()
        .next()
        .unwrap();
    let socket = UdpSocket::bind_on(&pair.alice, "[::]:0").await.unwrap();
    socket.connect(addr).await.unwrap();
    let largest: Vec<u8> = (0..1232_u32).map(|i| i as u8).collect();
    assert_eq!(socket.send(&largest).await.unwrap(), 1232);
    let mut buffer = [0; 2000];
    let len = timeout(PATIENCE, socket.recv(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&buffer[..len], largest);
    let error = socket.send(&[0; 1233]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_connected_socket_hears_its_peer_only_and_shows_its_addresses() {
    let pair = pair().await;
    echo(&pair.bob, 7).await;
    echo(&pair.bob, 8).await;
    let ports = [7, 8].map(|p| lookup_host_on(&pair.alice, ("bob.example.org", p)));
    let [seven, eight] = ports;
    let (seven, eight) = (
        seven.await.unwrap().next().unwrap(),
        eight.await.unwrap().next().unwrap(),
    );
    let socket = UdpSocket::bind_on(&pair.alice, "[::]:0").await.unwrap();
    socket.send_to(b"from eight", eight).await.unwrap();
    socket.connect(seven).await.unwrap();
    socket.send(b"from seven").await.unwrap();
    let mut buffer = [0; 100];
    let len = timeout(PATIENCE, socket.recv(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&buffer[..len], b"from seven");
    assert_eq!(socket.peer_addr().unwrap(), seven);
    let own = pair.alice.wait_registered().await.unwrap().v6;
    assert_eq!(socket.local_addr().unwrap().ip(), own);
}

#[tokio::test]
async fn kinds_of_errors_are_those_of_tokio() {
    let pair = pair().await;
    let real = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let virt = UdpSocket::bind_on(&pair.alice, "[::]:4000").await.unwrap();
    let mut buffer = [0; 10];

    let theirs = tokio::net::UdpSocket::bind(real.local_addr().unwrap())
        .await
        .unwrap_err();
    let ours = UdpSocket::bind_on(&pair.alice, "[::]:4000")
        .await
        .unwrap_err();
    assert_eq!(ours.kind(), theirs.kind(), "port in use");

    let theirs = tokio::net::UdpSocket::bind("192.0.2.1:0")
        .await
        .unwrap_err();
    let ours = UdpSocket::bind_on(&pair.alice, "192.0.2.1:0")
        .await
        .unwrap_err();
    assert_eq!(ours.kind(), theirs.kind(), "an address of somebody else");

    assert_eq!(
        virt.peer_addr().unwrap_err().kind(),
        real.peer_addr().unwrap_err().kind()
    );
    assert_eq!(
        virt.try_recv_from(&mut buffer).unwrap_err().kind(),
        real.try_recv_from(&mut buffer).unwrap_err().kind(),
        "nothing to read"
    );
    let theirs = tokio::net::UdpSocket::bind("no port").await.unwrap_err();
    let ours = UdpSocket::bind_on(&pair.alice, "no port")
        .await
        .unwrap_err();
    assert_eq!(ours.kind(), theirs.kind(), "no address at all");
}

#[tokio::test]
async fn lookups_and_sends_that_can_not_be_have_kinds_of_their_own() {
    let pair = pair().await;
    let lookup = |host: &'static str| {
        let alice = pair.alice.clone();
        async move {
            lookup_host_on(&alice, host)
                .await
                .map(drop)
                .unwrap_err()
                .kind()
        }
    };
    assert_eq!(lookup("nobody.example.org:7").await, ErrorKind::NotFound);
    assert_eq!(lookup("alice.example.org:7").await, ErrorKind::InvalidInput);
    let socket = UdpSocket::bind_on(&pair.alice, "[::]:0").await.unwrap();
    let nobody: SocketAddr = "[fd01:203:405:1::dead]:7".parse().unwrap();
    assert_eq!(
        socket.send_to(b"x", nobody).await.unwrap_err().kind(),
        ErrorKind::HostUnreachable
    );
    let v4_only = UdpSocket::bind_on(&pair.alice, "0.0.0.0:0").await.unwrap();
    assert_eq!(
        v4_only.send_to(b"x", nobody).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[tokio::test]
async fn a_port_is_free_again_once_its_socket_is_gone() {
    let pair = pair().await;
    for _ in 0..3 {
        drop(UdpSocket::bind_on(&pair.alice, "[::]:5000").await.unwrap());
    }
}

#[tokio::test]
async fn sockets_end_with_their_node() {
    let pair = pair().await;
    let socket = UdpSocket::bind_on(&pair.alice, "[::]:0").await.unwrap();
    let node = pair.alice.clone();
    let mut buffer = [0; 10];
    let (received, ()) = tokio::join!(socket.recv_from(&mut buffer), async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        node.shutdown().await;
    });
    assert_eq!(received.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_burst_of_a_thousand_datagrams_arrives_nearly_whole() {
    let pair = pair().await;
    let server = UdpSocket::bind_on(&pair.bob, "[::]:6000").await.unwrap();
    let addr = lookup_host_on(&pair.alice, "bob.example.org:6000")
        .await
        .unwrap()
        .next()
        .unwrap();
    let client = UdpSocket::bind_on(&pair.alice, "[::]:0").await.unwrap();
    let send = async {
        for number in 0..1000_u32 {
            client
                .send_to(&number.to_be_bytes().repeat(100), addr)
                .await
                .unwrap();
        }
    };
    let receive = async {
        let mut buffer = [0; 2000];
        let mut count = 0;
        while let Ok(Ok((len, _))) =
            timeout(Duration::from_secs(2), server.recv_from(&mut buffer)).await
        {
            assert_eq!(len, 400);
            count += 1;
        }
        count
    };
    let ((), count) = tokio::join!(send, receive);
    assert!(
        count > 900,
        "back-pressure keeps the loss small on one machine, {count} arrived"
    );
}

#[tokio::test]
async fn a_name_that_is_no_name_is_invalid_input() {
    let pair = pair().await;
    let error = lookup_host_on(&pair.alice, "b_b.example.org:7")
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(Fqdn::parse("b_b.example.org").is_err());
}
