//! A coordinator and a relay on loopback sockets, and the tickets of an account server.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use ed25519_dalek::SigningKey;
use ntm::keystore::{Choice, Secrets};
use ntm::profile::Membership;
use ntm::wire::addr::{RealAddr, VirtualPrefix};
use ntm::wire::certificate::{IdentityCertificate, sign_device};
use ntm::wire::fqdn::Fqdn;
use ntm::wire::id::{DcId, NodeId, RsId};
use ntm::wire::key::{AuthorityKey, KeyPair, RootKey, SecretKey};
use ntm::wire::ticket::Ticket;
use ntm::wire::time::{Mono, Now, Wall};
use ntm::{Config, Node, Profile};
use ntm_coordinator::{Coordinator, Ipv4Block, Limits, RelayConfig};
use ntm_relay::{DcLink, Relay};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

pub(crate) const DOMAIN: &str = "example.org";

/// The servers of one domain.
pub(crate) struct World {
    authority: SigningKey,
    ticket_link: SecretKey,
    dc_key: KeyPair,
    dc_addr: SocketAddr,
    prefix: VirtualPrefix,
    coordinator: Option<JoinHandle<()>>,
    relay: Option<JoinHandle<()>>,
    /// Added to the machine's clock when tickets are minted.
    pub(crate) minted: Minted,
}

/// When tickets are made and how long they live.
#[derive(Clone, Copy)]
pub(crate) struct Minted {
    pub(crate) ahead: Duration,
    pub(crate) behind: Duration,
    pub(crate) lifetime: Duration,
}

impl Default for Minted {
    fn default() -> Self {
        let lifetime = Duration::from_secs(7 * 86_400);
        Self {
            ahead: Duration::ZERO,
            behind: Duration::ZERO,
            lifetime,
        }
    }
}

/// What an account server would have given a device.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) membership: Membership,
    pub(crate) secrets: Secrets,
}

impl World {
    /// `names`: the accounts and devices the domain knows, online or not.
    pub(crate) async fn start(names: &[&str]) -> Self {
        Self::with_blocks(
            names,
            vec![Ipv4Block {
                base: Ipv4Addr::new(100, 64, 0, 0),
                prefix_len: 18,
            }],
        )
        .await
    }

    pub(crate) async fn with_blocks(names: &[&str], v4_blocks: Vec<Ipv4Block>) -> Self {
        let (dc_socket, rs_socket) = (loopback().await, loopback().await);
        let (dc_addr, rs_addr) = (
            dc_socket.local_addr().unwrap(),
            rs_socket.local_addr().unwrap(),
        );
        let (dc_key, rs_key) = (pair(), pair());
        let (link, ticket_link) = (secret(), secret());
        let SocketAddr::V4(rs_v4) = rs_addr else {
            panic!("loopback() binds IPv4")
        };
        let prefix = VirtualPrefix([0xfd, 1, 2, 3, 4, 5, 0, 1]);
        let config = ntm_coordinator::Config {
            dc: DcId(1),
            key: dc_key.clone(),
            domains: vec![fqdn(DOMAIN)],
            prefix,
            v4_blocks,
            ticket_link: ticket_link.clone(),
            relays: vec![relay_config(&rs_key, &link, rs_v4)],
            peers: Vec::new(),
            limits: Limits::default(),
        };
        let mut coordinator = Coordinator::new(config, random(), Vec::new()).unwrap();
        coordinator.set_names(names.iter().map(|n| fqdn(n)).collect());
        let relay = Relay::new(
            ntm_relay::Config {
                rs: RsId(1),
                key: rs_key,
                dcs: vec![DcLink {
                    key_id: 1,
                    link,
                    key: dc_key.server(),
                    addr: Some(RealAddr(dc_addr)),
                }],
                v4: Some(rs_v4),
                v6: None,
                max_legs: 1000,
            },
            random(),
        );
        Self {
            authority: SigningKey::from_bytes(&random()),
            ticket_link,
            dc_key,
            dc_addr,
            prefix,
            coordinator: Some(tokio::spawn(run(coordinator, dc_socket))),
            relay: Some(tokio::spawn(run(relay, rs_socket))),
            minted: Minted::default(),
        }
    }

    /// A device of `account` (`alice`), with a root key of its own.
    pub(crate) fn device(&self, device: &str, account: &str) -> Device {
        self.device_of(&SigningKey::from_bytes(&random()), device, account)
    }

    /// A device of the account that has this root key.
    pub(crate) fn device_of(&self, root: &SigningKey, device: &str, account: &str) -> Device {
        let identity = KeyPair::from_private(secret());
        let fqdn = fqdn(&format!("{device}.{account}.{DOMAIN}"));
        let now = wall() + self.minted.ahead;
        let issued = Wall::from_millis(
            now.as_millis() - u64::try_from(self.minted.behind.as_millis()).unwrap(),
        );
        let expires = issued + self.minted.lifetime;
        let certificate = IdentityCertificate {
            virtual_v6: self.prefix.address_of(&NodeId::of(&identity.identity())),
            not_before: issued,
            not_after: wall() + Duration::from_secs(90 * 86_400),
            root: RootKey(root.verifying_key().to_bytes()),
            root_signature: sign_device(root, &fqdn, &identity.identity()),
            authority_signature: [0; 64],
            identity: identity.identity(),
            fqdn,
        }
        .signed_by(&self.authority);
        let node_key = secret();
        let ticket = Ticket {
            node_key: node_key.clone(),
            issued,
            expires,
            certificate: certificate.clone(),
        };
        let membership = self.membership(
            certificate,
            ticket.seal(&self.ticket_link, random()),
            expires,
        );
        Device {
            membership,
            secrets: Secrets {
                identity: identity.private().clone(),
                node_key,
                root: None,
            },
        }
    }

    fn membership(
        &self,
        certificate: IdentityCertificate,
        ticket: ntm::wire::ticket::SealedTicket,
        ticket_expires: Wall,
    ) -> Membership {
        Membership {
            certificate,
            ticket,
            ticket_expires,
            // Nobody is there: what asks the account server must cope.
            server: "https://127.0.0.1:1".into(),
            server_pin: Some([0; 32]),
            domain: fqdn(DOMAIN),
            authority: AuthorityKey(self.authority.verifying_key().to_bytes()),
            dc_key: self.dc_key.server(),
            dc_addrs: vec![RealAddr(self.dc_addr)],
        }
    }

    pub(crate) async fn stop_coordinator(&mut self) {
        stop(self.coordinator.take()).await;
    }

    pub(crate) async fn stop_relay(&mut self) {
        stop(self.relay.take()).await;
    }
}

impl Device {
    /// Keeps the device in `folder`, its keys in a file.
    pub(crate) fn keep(&self, folder: &Path) -> Profile {
        Profile::create(
            folder,
            self.membership.clone(),
            self.secrets.clone(),
            Choice::File,
        )
        .unwrap()
        .0
    }

    /// What its node is started with; `contacts` may learn its address.
    pub(crate) fn config(&self, contacts: &[&str]) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let profile = self.keep(dir.path());
        profile
            .set_contacts(&contacts.iter().map(|c| fqdn(c)).collect::<Vec<_>>())
            .unwrap();
        profile.config()
    }

    /// A registered node.
    pub(crate) async fn node(&self, contacts: &[&str]) -> Node {
        let node = Node::start(self.config(contacts)).await.unwrap();
        node.wait_registered().await.unwrap();
        node
    }
}

fn relay_config(key: &KeyPair, link: &SecretKey, v4: SocketAddrV4) -> RelayConfig {
    RelayConfig {
        rs: RsId(1),
        key: key.server(),
        link: link.clone(),
        key_id: 1,
        v4: Some(v4),
        v6: None,
    }
}

async fn loopback() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

async fn stop(task: Option<JoinHandle<()>>) {
    let task = task.unwrap();
    task.abort();
    let _ = task.await;
}

pub(crate) fn fqdn(name: &str) -> Fqdn {
    Fqdn::parse(name).unwrap()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn secret() -> SecretKey {
    SecretKey::new(random())
}

fn pair() -> KeyPair {
    KeyPair::from_private(secret())
}

fn wall() -> Wall {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    Wall::from_millis(u64::try_from(since.as_millis()).unwrap())
}

/// What both servers have in common.
trait Machine: Send + 'static {
    fn datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]);
    fn timeout(&mut self, now: Now);
    fn transmit(&mut self) -> Option<ntm::wire::transmit::Transmit>;
    fn due(&self) -> Option<Mono>;
    fn events(&mut self, now: Now);
}

impl Machine for Coordinator {
    fn datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        self.handle_datagram(now, from, datagram);
    }
    fn timeout(&mut self, now: Now) {
        self.handle_timeout(now);
    }
    fn transmit(&mut self) -> Option<ntm::wire::transmit::Transmit> {
        self.poll_transmit()
    }
    fn due(&self) -> Option<Mono> {
        self.poll_timeout()
    }
    fn events(&mut self, now: Now) {
        use ntm_coordinator::Event as E;
        while let Some(event) = self.poll_event() {
            match event {
                E::Store(assignment) => self.handle_stored(now, assignment.node, Ok(())),
                E::Resolve { query, .. } => {
                    self.handle_resolved(now, query, Err(ntm_coordinator::ResolveError::NotFound));
                }
                E::Wake { .. }
                | E::Registered { .. }
                | E::Offline { .. }
                | E::Directed { .. }
                | E::RelayUp(_)
                | E::RelayDown(_)
                | E::BlocksNearlyFull { .. } => {}
            }
        }
    }
}

impl Machine for Relay {
    fn datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        self.handle_datagram(now, from, datagram);
    }
    fn timeout(&mut self, now: Now) {
        self.handle_timeout(now);
    }
    fn transmit(&mut self) -> Option<ntm::wire::transmit::Transmit> {
        self.poll_transmit()
    }
    fn due(&self) -> Option<Mono> {
        self.poll_timeout()
    }
    fn events(&mut self, _now: Now) {
        while self.poll_event().is_some() {}
    }
}

async fn run(mut machine: impl Machine, socket: UdpSocket) {
    let origin = Instant::now();
    let now = || Now {
        mono: Mono::from_micros(u64::try_from(origin.elapsed().as_micros()).unwrap() + 1_000_000),
        wall: wall(),
    };
    let mut buffer = vec![0; 2048];
    machine.timeout(now());
    loop {
        machine.events(now());
        while let Some(t) = machine.transmit() {
            let _ = socket.send_to(&t.payload, t.to.0).await;
        }
        let wait = machine
            .due()
            .map_or(Duration::from_secs(1), |at| at.since(now().mono));
        match tokio::time::timeout(wait, socket.recv_from(&mut buffer)).await {
            Ok(Ok((len, from))) => machine.datagram(now(), RealAddr(from), &mut buffer[..len]),
            Ok(Err(_)) => {}
            Err(_) => machine.timeout(now()),
        }
    }
}
