//! The wake service of a real `ntm-dc`: who may wait, who is shown out, who is told.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::message::DirectionError;
use ntm::{Config, LookupError, Node, SleepError, Woken};
use ntm_proto::ResolveError;

use crate::process::Server;
use crate::site::Site;

/// Generous, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
const PUSH: &str = "[dc.push]\nlisten = [\"127.0.0.1:0\"]\n";

struct Servers {
    site: Site,
    dc: SocketAddr,
    _running: (Server, Server),
}

impl Servers {
    fn start(number: u8, config: &str) -> Self {
        let site = Site::new(number, "one.test");
        let (dc_server, dc) = site.start_dc(config);
        let (rs_server, _) = site.start_rs(dc);
        let _running = (dc_server, rs_server);
        Self { site, dc, _running }
    }

    fn config(&self, name: &str, seed: u8) -> Config {
        Config::new(self.site.device(name, seed, self.dc, &[&self.site]))
    }

    async fn node(&self, name: &str, seed: u8) -> Node {
        start(self.config(name, seed)).await
    }
}

async fn start(config: Config) -> Node {
    let node = Node::start(config).await.unwrap();
    node.wait_registered().await.unwrap();
    node
}

fn bob() -> Fqdn {
    Fqdn::parse("laptop.bob.one.test").unwrap()
}

/// What the service says until it hangs up.
fn talk(at: SocketAddr, words: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Shown out while it still talks: that is what is tested.
    drop(stream.write_all(words));
    let mut said = Vec::new();
    drop(stream.read_to_end(&mut said));
    said
}

#[tokio::test]
async fn a_sleeping_node_is_woken_by_a_call_and_answers_whatever_strangers_say_to_the_service() {
    let servers = Servers::start(5, PUSH);
    let config = servers.config("laptop.bob", 15).that_sleeps().unwrap();
    let first = start(config.clone()).await;
    let addrs = first.wait_registered().await.unwrap();
    let asleep = first.sleep().await.unwrap();
    let strangers: Vec<_> = [vec![0; 1], vec![0xaa; 96], vec![0x55; 100_000]]
        .into_iter()
        .map(|words| tokio::task::spawn_blocking(move || talk(servers.dc, &words)))
        .collect();

    let alice = servers.node("laptop.alice", 16).await;
    let call = tokio::spawn(async move { alice.resolve(&bob()).await.map(|p| (alice, p)) });
    let woken = tokio::time::timeout(PATIENCE, asleep.woken()).await;
    assert_eq!(woken.expect("a push"), Woken::Called);
    let again = start(config).await;
    let (_alice, peers) = call.await.unwrap().expect("bob answers");
    assert_eq!(peers[0].fqdn, bob());
    assert_eq!(again.wait_registered().await.unwrap(), addrs);
    for stranger in strangers {
        let said = stranger.await.unwrap();
        assert_eq!(said.len(), 32, "a greeting and nothing more");
    }
}

#[tokio::test]
async fn a_sleeper_that_hung_up_is_offline_after_the_time_it_had_to_wake() {
    let servers = Servers::start(6, PUSH);
    let config = servers.config("laptop.bob", 17).that_sleeps().unwrap();
    drop(start(config).await.sleep().await.unwrap());
    let alice = servers.node("laptop.alice", 18).await;
    let offline = ResolveError::Refused(DirectionError::PeerOffline);
    let outcome = alice.resolve(&bob()).await;
    assert_eq!(outcome, Err(LookupError::Resolve(offline)));
}

#[tokio::test]
async fn without_a_wake_service_a_node_stays_awake() {
    let servers = Servers::start(7, "");
    let config = servers.config("laptop.bob", 19).that_sleeps().unwrap();
    let node = start(config).await;
    assert_eq!(node.sleep().await.unwrap_err(), SleepError::NoWakeService);
    assert!(node.status().await.expect("it goes on").registered);
}

#[tokio::test]
async fn a_node_without_a_token_does_not_sleep() {
    let servers = Servers::start(8, PUSH);
    let node = servers.node("laptop.bob", 20).await;
    assert_eq!(node.sleep().await.unwrap_err(), SleepError::NoToken);
    assert!(node.status().await.expect("it goes on").registered);
}
