//! QUIC with connection migration, as a few lines of one's own make it: the caller takes a new socket at every
//! address event, and everything goes as datagrams.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use if_watch::tokio::IfWatcher;
use legato_lab_peers::{came, lines, tell};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, ServerConfig, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

const NAME: &str = "callee.lab";
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Longer than any run: the connection is never given up.
const IDLE: Duration = Duration::from_secs(30);

/// One end.
#[derive(Parser)]
enum Args {
    /// Waits for a caller; writes its certificate.
    Listen {
        port: u16,
        certificate: std::path::PathBuf,
    },
    /// Calls; reads it.
    Call {
        callee: SocketAddr,
        certificate: std::path::PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let provider = rustls::crypto::ring::default_provider();
    drop(provider.install_default());
    match Args::parse() {
        Args::Listen { port, certificate } => listen(port, &certificate).await,
        Args::Call {
            callee,
            certificate,
        } => call(callee, &certificate).await,
    }
}

async fn listen(port: u16, certificate: &std::path::Path) -> anyhow::Result<()> {
    let endpoint = Endpoint::server(server(certificate)?, (Ipv6Addr::UNSPECIFIED, port).into())?;
    tell("ready");
    let connection = endpoint.accept().await.context("closed")?.await?;
    talk(&connection, None).await
}

async fn call(callee: SocketAddr, certificate: &std::path::Path) -> anyhow::Result<()> {
    let mut endpoint = Endpoint::client((Ipv6Addr::UNSPECIFIED, 0).into())?;
    endpoint.set_default_client_config(client(certificate)?);
    tell("ready");
    let connection = endpoint.connect(callee, NAME)?.await?;
    talk(&connection, Some(&endpoint)).await
}

async fn talk(connection: &Connection, moving: Option<&Endpoint>) -> anyhow::Result<()> {
    tell("up");
    let follow = async {
        match moving {
            Some(endpoint) => follow_addresses(endpoint).await,
            // QUIC lets clients migrate only (RFC 9000, 9).
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        done = say(connection) => done,
        done = hear(connection) => done,
        done = follow => done,
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

async fn follow_addresses(endpoint: &Endpoint) -> anyhow::Result<()> {
    let mut watcher = IfWatcher::new()?;
    let known = |w: &IfWatcher| w.iter().copied().collect::<Vec<_>>();
    let mut before = Vec::new();
    loop {
        std::future::poll_fn(|cx| watcher.poll_if_event(cx)).await?;
        let now = known(&watcher);
        // The first events tell what was there all the time.
        if !before.is_empty() && before != now {
            endpoint.rebind(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?)?;
        }
        before = now;
    }
}

fn transport() -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config.keep_alive_interval(Some(KEEP_ALIVE));
    config.max_idle_timeout(IDLE.try_into().ok());
    Arc::new(config)
}

fn server(certificate: &std::path::Path) -> anyhow::Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    std::fs::write(certificate, made.cert.der())?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(transport());
    Ok(config)
}

fn client(certificate: &std::path::Path) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(std::fs::read(certificate)?))?;
    let tls = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(transport());
    Ok(config)
}
