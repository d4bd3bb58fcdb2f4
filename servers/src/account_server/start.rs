//! From configuration to a running server.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use ntm_account::blocks::Deployment;
use ntm_account::{Policy, Registrar};
use ntm_account_api::invitation::{Invitation, ServerRef};
use ntm_account_api::opaque::Setup;
use ntm_wire::fqdn::Fqdn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::service::Service;
use super::store::{OpenError, Sqlite, Store, StoreError};
use super::tls::{self, TlsError};
use super::{AccountServer, AccountServerConfig, listener, routes};

/// Why an Account Server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder can't be made or written to.
    #[error("{path} can't be written ({source}): make it a folder that this user may write to", path = path.display())]
    DataFolder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database works, but what is in it does not.
    #[error("the Account Server's database is damaged ({0}): restore the backup")]
    Damaged(String),
    /// The certificate or key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address can't be listened on.
    #[error("can't listen on {addr}/tcp ({source})")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why: somebody else has the port, or it may not be used by this user.
        source: io::Error,
    },
    /// No domain or no address to listen on.
    #[error("an Account Server needs {0}")]
    Missing(&'static str),
    /// The operating system gives no random numbers.
    #[error("this system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl AccountServer {
    /// Opens the store, takes the ports, and serves.
    pub async fn start(config: AccountServerConfig) -> Result<Self, StartError> {
        let domain = config.domains.first().cloned();
        let domain = domain.ok_or(StartError::Missing("a domain"))?;
        // The ports first: what can't start should say so before it changes anything.
        let listeners = listen(&config.listen).await?;
        let addrs: Vec<SocketAddr> = listeners.iter().map(|(_, addr)| *addr).collect();
        let first = *addrs
            .first()
            .ok_or(StartError::Missing("an address to listen on"))?;

        let store = open(&config.data_dir).await?;
        let tls = tls::load(&config.tls, &store, config.url.as_deref()).await?;
        let server = server_ref(&config, &domain, first, tls.pin);
        let service = Arc::new(service(&config, Arc::new(store), server.clone()).await?);
        let setup = service.setup_invitation().await.map_err(damaged)?;

        let (stop, stopped) = watch::channel(false);
        let router = routes::router(Arc::clone(&service));
        let mut tasks = JoinSet::new();
        for (socket, _) in listeners {
            let serve = listener::serve(socket, tls.acceptor.clone(), router.clone());
            tasks.spawn(serve.until(stopped.clone()));
        }
        let code = setup.map(|code| Invitation {
            server: server.clone(),
            code,
        });
        Ok(Self {
            service,
            inside: inside(&server, &domain, first),
            server,
            addrs,
            setup: code,
            tasks,
            stop,
        })
    }
}

fn damaged(refusal: ntm_account::Refusal) -> StartError {
    StartError::Damaged(refusal.message)
}

async fn listen(addrs: &[SocketAddr]) -> Result<Vec<(TcpListener, SocketAddr)>, StartError> {
    let mut listeners = Vec::new();
    for addr in addrs {
        let failed = |source| StartError::Listen {
            addr: *addr,
            source,
        };
        let listener = bind(*addr).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        listeners.push((listener, local));
    }
    Ok(listeners)
}

/// An IPv6 socket takes IPv6 only, so that `0.0.0.0` can have the same port.
fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(addr);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

async fn open(folder: &Path) -> Result<Sqlite, StartError> {
    let failed = |path: &Path, source| StartError::DataFolder {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| failed(folder, e))?;
    let path = folder.join("as.sqlite");
    // SQLite would make the file readable by all; its companions take its mode over.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
        .map_err(|e| failed(&path, e))?;
    Ok(Sqlite::open(&path).await?)
}

async fn service(
    config: &AccountServerConfig,
    store: Arc<dyn Store>,
    server: ServerRef,
) -> Result<Service, StartError> {
    let authority: [u8; 32] = keep(&*store, "authority", random::<32>()?).await?;
    let prefix = Deployment::from_random(random()?);
    let deployment = Deployment(keep(&*store, "deployment", prefix.0).await?);
    let fresh = Setup::generate(random()?).to_bytes();
    let opaque = Setup::from_bytes(&store.keep("opaque", &fresh).await?)
        .map_err(|e| StartError::Damaged(e.to_string()))?;
    let policy = Policy::new(config.domains.clone(), config.registration);
    let authority = SigningKey::from_bytes(&authority);
    let registrar = Registrar::new(policy, authority, deployment, random()?);
    Ok(Service::new(store, registrar, opaque, config.rates, server))
}

async fn keep<const N: usize>(
    store: &dyn Store,
    name: &'static str,
    fresh: [u8; N],
) -> Result<[u8; N], StartError> {
    let kept = store.keep(name, &fresh).await?;
    let length = |_| StartError::Damaged(format!("{name} has the wrong length"));
    kept.try_into().map_err(length)
}

fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(StartError::Random)?;
    Ok(bytes)
}

fn server_ref(
    config: &AccountServerConfig,
    domain: &Fqdn,
    first: SocketAddr,
    pin: Option<ntm_account_api::invitation::Pin>,
) -> ServerRef {
    ServerRef {
        url: config.url.clone().unwrap_or_else(|| own_url(first)),
        domain: domain.clone(),
        pin,
    }
}

/// For roles on this machine. A public certificate names the public host, so there it must be asked.
fn inside(server: &ServerRef, domain: &Fqdn, first: SocketAddr) -> ServerRef {
    match server.pin {
        Some(_) => ServerRef {
            url: own_url(first),
            domain: domain.clone(),
            pin: server.pin,
        },
        None => server.clone(),
    }
}

fn own_url(addr: SocketAddr) -> String {
    let ip = match addr.ip() {
        IpAddr::V4(a) if a.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(a) if a.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("https://{}", SocketAddr::new(ip, addr.port()))
}
