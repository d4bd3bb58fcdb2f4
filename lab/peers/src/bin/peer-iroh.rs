//! iroh with a relay of its own: hole punching, relay fallback and multipath as they come, nobody else's
//! servers, no discovery.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use iroh::dns::{BoxIter, DnsError, DnsResolver, Resolver, TxtRecordData};
use iroh::endpoint::{Connection, PortmapperConfig, QuicTransportConfig, presets};
use iroh::tls::CaTlsConfig;
use iroh::{Endpoint, EndpointAddr, RelayConfig, RelayMap, RelayMode, RelayUrl, SecretKey};
use iroh_relay::server::{self, CertConfig, QuicConfig, Server, ServerConfig, TlsConfig, testing};
use legato_lab_peers::{came, lines, tell};

const ALPN: &[u8] = b"lab";
const RELAY: &str = "https://relay.lab";
const HTTPS: u16 = 443;
const HTTP: u16 = 80;
const ADDRESS_DISCOVERY: u16 = 7842;
const KEEP_ALIVE: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(100);

/// One end, or the relay.
#[derive(Parser)]
enum Args {
    /// The relay, on every address.
    Relay,
    /// Waits for a caller.
    Listen {
        #[arg(required = true)]
        relay: Vec<IpAddr>,
    },
    /// Calls.
    Call {
        #[arg(required = true)]
        relay: Vec<IpAddr>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse() {
        Args::Relay => relay().await,
        Args::Listen { relay } => listen(relay).await,
        Args::Call { relay } => call(relay).await,
    }
}

async fn relay() -> anyhow::Result<()> {
    let at = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let (_, server_config) = testing::self_signed_tls_certs_and_config();
    let mut relay = server::RelayConfig::new(at(HTTP));
    let cert = CertConfig::Manual { server_config };
    relay.tls = Some(TlsConfig::new(at(HTTPS), cert));
    let (_, server_config) = testing::self_signed_tls_certs_and_config();
    let mut quic = QuicConfig::new(at(ADDRESS_DISCOVERY));
    quic.server_config = Some(server_config);
    let mut config = ServerConfig::default();
    config.relay = Some(relay);
    config.quic = Some(quic);
    let _server = Server::spawn(config).await?;
    tell("ready");
    std::future::pending().await
}

async fn listen(relay: Vec<IpAddr>) -> anyhow::Result<()> {
    let endpoint = endpoint(key(2), relay).await?;
    tell("ready");
    let connection = endpoint.accept().await.context("closed")?.await?;
    talk(&connection).await
}

async fn call(relay: Vec<IpAddr>) -> anyhow::Result<()> {
    let endpoint = endpoint(key(1), relay).await?;
    tell("ready");
    let callee = EndpointAddr::new(key(2).public()).with_relay_url(url()?);
    let connection = endpoint.connect(callee, ALPN).await?;
    talk(&connection).await
}

/// Everybody knows everybody's: this is a lab.
fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

fn url() -> anyhow::Result<RelayUrl> {
    Ok(RELAY.parse()?)
}

async fn endpoint(key: SecretKey, relay: Vec<IpAddr>) -> anyhow::Result<Endpoint> {
    let at = RelayConfig::new(
        url()?,
        Some(iroh_relay::RelayQuicConfig::new(ADDRESS_DISCOVERY)),
    );
    let transport = QuicTransportConfig::builder()
        .keep_alive_interval(KEEP_ALIVE)
        .default_path_keep_alive_interval(KEEP_ALIVE)
        .build();
    let endpoint = Endpoint::builder(presets::Minimal)
        .secret_key(key)
        .alpns(vec![ALPN.to_vec()])
        .relay_mode(RelayMode::Custom(RelayMap::from_iter([at])))
        .ca_tls_config(CaTlsConfig::insecure_skip_verify())
        .dns_resolver(DnsResolver::custom(Names(relay)))
        .portmapper_config(PortmapperConfig::Disabled)
        .transport_config(transport)
        .bind()
        .await?;
    endpoint.online().await;
    Ok(endpoint)
}

async fn talk(connection: &Connection) -> anyhow::Result<()> {
    tell("up");
    tokio::select! {
        done = say(connection) => done,
        done = hear(connection) => done,
        done = watch(connection) => done,
    }
}

async fn say(connection: &Connection) -> anyhow::Result<()> {
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        connection.send_datagram(line.into())?;
    }
    Ok(())
}

async fn hear(connection: &Connection) -> anyhow::Result<()> {
    loop {
        came(&connection.read_datagram().await?);
    }
}

/// Says which way the datagrams go.
async fn watch(connection: &Connection) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let now = connection
            .paths()
            .iter()
            .find(|p| p.is_selected())
            .map(|p| p.is_ip());
        if now != before {
            tell(if now == Some(true) {
                "direct"
            } else {
                "relayed"
            });
            before = now;
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// The relay's name has these addresses.
#[derive(Clone)]
struct Names(Vec<IpAddr>);

type Answer<T> = Pin<Box<dyn Future<Output = Result<BoxIter<T>, DnsError>> + Send>>;

impl Names {
    fn of<T: Send + 'static>(&self, family: impl Fn(&IpAddr) -> Option<T>) -> Answer<T> {
        let found: Vec<T> = self.0.iter().filter_map(family).collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as BoxIter<T>) })
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Resolver for Names {
    fn lookup_ipv4(&self, _: String) -> Answer<Ipv4Addr> {
        self.of(|ip| match ip {
            IpAddr::V4(v4) => Some(*v4),
            IpAddr::V6(_) => None,
        })
    }

    fn lookup_ipv6(&self, _: String) -> Answer<Ipv6Addr> {
        self.of(|ip| match ip {
            IpAddr::V6(v6) => Some(*v6),
            IpAddr::V4(_) => None,
        })
    }

    fn lookup_txt(&self, _: String) -> Answer<TxtRecordData> {
        self.of(|_| None)
    }

    fn clear_cache(&self) {}

    fn reset(&self) -> Box<dyn Resolver> {
        Box::new(self.clone())
    }
}
